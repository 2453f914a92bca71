"""The oracle itself: against torch's bilinear interpolation and against the formula in double precision."""

import dataclasses

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn.functional import interpolate

from mrovseg.labels.proposal_map import ProposalMap
from mrovseg.words.embedded import EmbeddedVocabulary
from tests.mrovseg.labels import reference
from tests.mrovseg.labels.test_chunk_labels import Case

SIDES = st.tuples(st.integers(1, 7), st.integers(1, 7))


def bilinear(values: np.ndarray, factor: int) -> np.ndarray:
    """Torch's, of values (y, x, c) without a ring: beyond the edge it repeats the edge."""
    planes = torch.from_numpy(np.moveaxis(values, -1, 0))[None]
    found = interpolate(planes, scale_factor=factor, mode="bilinear", align_corners=False)[0]
    return np.moveaxis(found.numpy(), 0, -1)


@given(
    values=arrays(np.float32, SIDES, elements=st.floats(0, 1, width=32)),
    factor=st.sampled_from([1, 2, 3, 4, 8]),
)
def test_between_places_it_is_torchs_bilinear(values: np.ndarray, factor: int) -> None:
    ringed = np.pad(values, 1, mode="edge")[..., None]
    got = reference.between(ringed, factor, 0, *(factor * side for side in values.shape))
    np.testing.assert_allclose(got, bilinear(values[..., None], factor), atol=1e-6)


def softmax(vectors: np.ndarray, words: EmbeddedVocabulary, classes: list[int]) -> np.ndarray:
    """Probabilities of some classes, of which each prompt is one's, beside no-object if there is one."""
    unit = vectors / np.maximum(np.linalg.norm(vectors.astype(np.float64), axis=-1, keepdims=True), 1)
    cosines = unit @ words.vectors.T.astype(np.float64)
    logits = [np.where(words.class_index == c, cosines, -np.inf).max(axis=-1) for c in classes]
    if words.no_object is not None:
        logits.append(unit @ words.no_object.astype(np.float64))
    powers = np.exp(words.scale * np.stack(logits, axis=-1))
    found: np.ndarray = (powers / powers.sum(axis=-1, keepdims=True))[..., : len(classes)]
    return found


def scores(kept: ProposalMap, words: EmbeddedVocabulary) -> np.ndarray:
    """The formula of `label_map` in double precision, at the places of a map whose ring repeats its edge."""
    rows, cols = (count - 2 for count in kept.index.shape[:2])
    found = np.zeros((rows, cols, words.classes))
    others = [c for c in range(words.classes) if c not in words.untaught]
    if words.untaught:
        assert kept.features is not None
        without = dataclasses.replace(words, no_object=None)
        of_cells = softmax(kept.features[1:-1, 1:-1], without, [*range(words.classes)])
        of_places = bilinear(of_cells, kept.cell_px // kept.stride_px)[:rows, :cols]
        found[..., words.untaught] = of_places[..., words.untaught]
    left, head = 1 - found.sum(axis=-1), softmax(kept.embeddings, words, others)
    for y, x in np.ndindex(rows, cols):
        weight = kept.weight[y + 1, x + 1] / 15
        for query, of_query in zip(kept.index[y + 1, x + 1], weight / max(1, weight.sum()), strict=True):
            found[y, x, others] += left[y, x] * head[query] * of_query
    return found


@settings(max_examples=60)
@given(
    seed=st.integers(0, 1000),
    classes=st.integers(1, 9),
    untaught=st.frozensets(st.integers(0, 8), max_size=3),
)
def test_its_scores_are_those_of_the_formula(seed: int, classes: int, untaught: frozenset[int]) -> None:
    """Untaught classes are told by features, and the head divides the rest among the others."""
    case = Case(seed=seed, size_px=(32, 64), classes=classes, untaught=untaught)
    kept, words = case.map(), case.words()
    assert kept.features is not None
    index, weight, features = (
        np.pad(array[1:-1, 1:-1], ((1, 1), (1, 1), (0, 0)), mode="edge")
        for array in (kept.index, kept.weight, kept.features)
    )
    kept = dataclasses.replace(kept, index=index, weight=weight, features=features)
    expected, found = scores(kept, words), reference.place_scores(kept, words)[1:-1, 1:-1]
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert expected.sum(axis=-1).max() <= 1 + 1e-9
