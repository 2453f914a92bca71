"""What a vocabulary makes of directions: a softmax over classes and no-object, and of each vector alone."""

import dataclasses

import numpy as np
import pytest
import torch

from mrovseg.labels.class_probabilities import class_probabilities
from mrovseg.words.embedded import EmbeddedVocabulary
from tests.mrovseg.networks import vocabulary


def directions(count: int, *, length: int = 32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-127, 128, (count, length)).astype(np.int8)


def unit(vectors: np.ndarray) -> np.ndarray:
    found: np.ndarray = vectors / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return found


def test_they_are_a_softmax_over_best_prompts_and_no_object() -> None:
    words = dataclasses.replace(vocabulary(3, prompts=2), scale=5.0)
    vectors = directions(7)
    assert words.no_object is not None
    of_prompts = unit(vectors) @ words.vectors.T
    logits = np.stack(
        [*(of_prompts[:, 2 * i : 2 * i + 2].max(axis=1) for i in range(3)), unit(vectors) @ words.no_object],
        axis=1,
    )
    expected = torch.from_numpy(5 * logits).softmax(1)[:, :3]
    np.testing.assert_allclose(class_probabilities(vectors, words), expected, atol=1e-6)


def test_without_no_object_they_add_up_to_one() -> None:
    words = dataclasses.replace(vocabulary(4), no_object=None)
    np.testing.assert_allclose(class_probabilities(directions(9), words).sum(axis=1), 1, rtol=1e-5)


def test_a_class_without_prompts_has_none() -> None:
    words = vocabulary(3)
    without = EmbeddedVocabulary(words.vectors[:2], np.array([0, 2]), 3, words.no_object, words.scale)
    found = class_probabilities(directions(9), without)
    assert (found[:, 1] == 0).all()
    assert (found[:, [0, 2]] > 0).any()


@pytest.mark.parametrize("no_object", [True, False])
def test_they_do_not_depend_on_how_vectors_lie_in_memory(*, no_object: bool) -> None:
    words = dataclasses.replace(vocabulary(40, embed_dim=512), scale=10.0)
    words = words if no_object else dataclasses.replace(words, no_object=None)
    vectors = directions(50, length=512)
    plain = class_probabilities(vectors, words)
    wide = np.zeros((50, 1024), np.int8)
    wide[:, ::2] = vectors
    for other in (np.asfortranarray(vectors), wide[:, ::2], np.stack([vectors] * 3)[1]):
        assert class_probabilities(other, words).tobytes() == plain.tobytes()
