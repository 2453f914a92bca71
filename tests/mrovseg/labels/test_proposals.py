"""Labels from proposals: against torch, against a naive formula, and in little memory."""

import dataclasses
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn.functional import interpolate

from mrovseg.errors import ProposalsError, VocabularyError
from mrovseg.labels import top_two
from mrovseg.labels.labeller import Labeller
from mrovseg.labels.proposals import Proposals, label, normalised_weights, query_probabilities
from mrovseg.labels.scores import TopTwo, score, upsample
from mrovseg.network.model import Predictions
from mrovseg.segmenter import MrovsegSegmenter, keep_top_k
from mrovseg.words.embedded import EmbeddedVocabulary
from tests.mrovseg.networks import SMALL, all_weights, chips, vocabulary


def proposals(
    *, queries: int = 7, grid: int = 6, kept: int = 3, stride_px: float = 4.0, seed: int = 0
) -> Proposals:
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(1, queries, 32)).astype(np.float32)
    return Proposals(
        embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True),
        rng.integers(queries, size=(1, kept, grid, grid)).astype(np.uint8),
        rng.integers(256, size=(1, kept, grid, grid)).astype(np.uint8),
        stride_px,
    )


@given(
    values=arrays(
        np.float32, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.floats(0, 1, width=32)
    ),
    factor=st.sampled_from([1.0, 2.0, 3.0, 3.5, 4.0, 5.0]),
)
def test_upsampling_is_torchs_bilinear(values: np.ndarray, factor: float) -> None:
    assume(values.shape[0] * factor % 1 == values.shape[1] * factor % 1 == 0)
    expected = interpolate(
        torch.from_numpy(values)[None, None], scale_factor=factor, mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(upsample(values, factor), expected[0, 0], atol=1e-6)


def test_query_probabilities_are_a_softmax_over_best_prompts_and_no_object() -> None:
    words = dataclasses.replace(vocabulary(3, prompts=2), scale=5.0)
    vectors = proposals().embeddings[0]
    assert words.no_object is not None
    logits = 5 * np.stack(
        [np.maximum(*(vectors @ words.vectors[2 * i : 2 * i + 2].T).T) for i in range(3)]
        + [vectors @ words.no_object],
        axis=1,
    )
    expected = torch.from_numpy(logits).softmax(1)[:, :3]
    np.testing.assert_allclose(query_probabilities(vectors, words), expected, atol=1e-6)


def test_without_no_object_the_probabilities_add_up_to_one() -> None:
    words = dataclasses.replace(vocabulary(4), no_object=None)
    np.testing.assert_allclose(query_probabilities(proposals().embeddings[0], words).sum(1), 1, rtol=1e-5)


def test_a_class_without_prompts_wins_nothing() -> None:
    words = vocabulary(3)
    without = EmbeddedVocabulary(words.vectors[:2], np.array([0, 2]), 3, words.no_object, words.scale)
    kept = proposals()
    assert (query_probabilities(kept.embeddings[0], without)[:, 1] == 0).all()
    assert 2 not in label(kept, without, threshold=0.0).class_id


def naive_labels(kept: Proposals, words: EmbeddedVocabulary, threshold: float) -> tuple[np.ndarray, ...]:
    """Label all classes at once, at full resolution, cell by cell."""
    probabilities = query_probabilities(kept.embeddings[0], words).astype(np.float64)
    _, rows, cols = kept.index[0].shape
    scores = np.zeros((words.classes, rows, cols))
    for y in range(rows):
        for x in range(cols):
            weight = kept.weight[0, :, y, x] / 255
            for query, share in zip(kept.index[0, :, y, x], weight / max(1, weight.sum()), strict=True):
                scores[:, y, x] += probabilities[query] * share
    full = interpolate(torch.from_numpy(scores)[None], scale_factor=kept.stride_px, mode="bilinear")[
        0
    ].numpy()
    full[full < 0.5 / 255] = 0  # counts as none
    ranked = np.sort(full, axis=0)
    winner = np.where(ranked[-1] >= threshold, full.argmax(0) + 1, 0)
    return winner, ranked[-1] * 254, (ranked[-1] - ranked[-2]) * 254


@given(seed=st.integers(0, 1000), threshold=st.sampled_from([0.0, 0.2, 0.5]))
def test_labels_are_those_of_the_naive_formula(seed: int, threshold: float) -> None:
    kept, words = proposals(seed=seed), dataclasses.replace(vocabulary(4, seed=seed), scale=10.0)
    winner, score, margin = naive_labels(kept, words, threshold)
    got = label(kept, words, threshold=threshold)
    np.testing.assert_allclose(got.score[0], score, atol=0.51)
    np.testing.assert_allclose(got.margin[0], margin, atol=0.51)
    clear = (margin > 0.01) & (np.abs(score - threshold * 254) > 0.01)
    assert clear.mean() > 0.5
    np.testing.assert_array_equal(got.class_id[0][clear], winner[clear])


def with_patches(kept: Proposals, *, seed: int = 0) -> Proposals:
    """Add patches to random proposals: 9 queries of which each cell has four."""
    grid = kept.index.shape[-1]
    patches = proposals(queries=9, grid=grid, kept=4, stride_px=kept.stride_px, seed=seed + 1)
    return dataclasses.replace(kept, patches=patches)


def cell_scores(kept: Proposals, words: EmbeddedVocabulary) -> np.ndarray:
    """Return the scores of all classes in all cells, (c, y, x)."""
    probabilities = query_probabilities(kept.embeddings[0], words)
    weights = normalised_weights(kept.weight[0])
    return np.stack([score(np.ascontiguousarray(p), kept.index[0], weights) for p in probabilities.T])


@given(seed=st.integers(0, 1000), untaught=st.sets(st.integers(0, 4), min_size=1))
def test_patches_tell_untaught_classes_and_the_head_divides_the_rest(seed: int, untaught: set[int]) -> None:
    """By the formula, over cells as they are: a stride of one pixel."""
    kept = with_patches(proposals(seed=seed, stride_px=1.0), seed=seed)
    assert kept.patches is not None
    words = dataclasses.replace(vocabulary(5, seed=seed), scale=10.0)
    others = sorted(set(range(5)) - untaught)
    by_patch = cell_scores(kept.patches, dataclasses.replace(words, no_object=None))
    by_head = np.zeros_like(by_patch)
    if others:
        asked = EmbeddedVocabulary(
            words.vectors[others], np.arange(len(others)), len(others), words.no_object, words.scale
        )
        by_head[others] = cell_scores(kept, asked)
    found = np.zeros_like(by_patch)
    found[sorted(untaught)] = by_patch[sorted(untaught)]
    expected = found + (1 - found.sum(axis=0)) * by_head
    assert expected.sum(axis=0).max() <= 1 + 1e-5
    words = dataclasses.replace(words, untaught=tuple(sorted(untaught)))
    got = label(kept, words, threshold=0.0)
    ranked = np.sort(expected, axis=0)
    np.testing.assert_allclose(got.score[0], ranked[-1] * 254, atol=0.51)
    clear = ranked[-1] - ranked[-2] > 1e-4
    np.testing.assert_array_equal(got.class_id[0][clear], expected.argmax(0)[clear] + 1)


def test_where_every_class_was_taught_patches_change_no_bit() -> None:
    kept, words = proposals(), vocabulary(4)
    for first, second in zip(
        label(kept, words, threshold=0.2), label(with_patches(kept), words, threshold=0.2), strict=True
    ):
        assert first.tobytes() == second.tobytes()


def test_untaught_classes_need_patches() -> None:
    words = dataclasses.replace(vocabulary(4), untaught=(1, 2))
    with pytest.raises(VocabularyError, match=r"2 of the classes are told by patches.*without any: propose"):
        label(proposals(), words, threshold=0.2)


@pytest.mark.parametrize("reads", ["both", "low"])
def test_a_segmenter_keeps_patches_where_a_class_was_not_taught(reads: str) -> None:
    assert SMALL.head is not None
    config = dataclasses.replace(SMALL, head=dataclasses.replace(SMALL.head, reads=reads))
    weights = {k: v for k, v in all_weights(config).items() if k.startswith(("visual.", "head."))}
    encoders = {k: v for k, v in weights.items() if k.startswith("visual.")}
    words = vocabulary(4)
    told = dataclasses.replace(words, untaught=(2,))
    pixels = chips(config, 1)
    plain = MrovsegSegmenter(config, weights, words).propose(pixels)
    kept = MrovsegSegmenter(config, weights, told).propose(pixels)
    dense = MrovsegSegmenter(config.headless(), encoders, words).propose(pixels)
    names = {"embeddings", "index", "weight"}
    assert plain.keys() == dense.keys() == names | {"features"}
    assert kept.keys() == names | {f"patch_{name}" for name in names} | {"features"}
    assert np.array_equal(kept["features"], dense["features"])
    for name in names:
        assert np.array_equal(kept[name], plain[name]), name
        assert np.array_equal(kept[f"patch_{name}"], dense[name]), name
    assert kept["patch_index"].shape[2:] == kept["index"].shape[2:]


def stacked(count: int, *, patches: bool = True) -> Proposals:
    """Random proposals of several chips."""
    each = [with_patches(proposals(seed=seed), seed=seed).to_arrays() for seed in range(count)]
    arrays = {name: np.concatenate([one[name] for one in each]) for name in each[0]}
    kept = arrays if patches else {name: array for name, array in arrays.items() if "patch" not in name}
    return Proposals.from_arrays(kept, chip_px=24)


@pytest.mark.parametrize("patches", [True, False])
def test_proposals_are_the_same_after_their_arrays(*, patches: bool) -> None:
    kept = stacked(3, patches=patches)
    assert kept.stride_px == 4
    assert all(len(array) == 3 for array in kept.to_arrays().values())
    again = Proposals.from_arrays(kept.to_arrays(), chip_px=24)
    assert again.stride_px == kept.stride_px
    assert (again.patches is not None) == patches
    assert {name: id(array) for name, array in again.to_arrays().items()} == {
        name: id(array) for name, array in kept.to_arrays().items()
    }


@pytest.mark.parametrize("untaught", [(), (1, 3)])
def test_a_chips_labels_do_not_depend_on_the_chips_beside_it(untaught: tuple[int, ...]) -> None:
    labeller = Labeller(
        vocabulary=dataclasses.replace(vocabulary(5), untaught=untaught), threshold=0.1, core_px=20, halo_px=2
    )
    arrays = stacked(4, patches=bool(untaught)).to_arrays()
    together = labeller.label(arrays)
    for first, last in [(0, 1), (1, 4), (3, 4)]:
        alone = labeller.label({name: array[first:last] for name, array in arrays.items()})
        for one, of_all in zip(alone, together, strict=True):
            assert one.tobytes() == of_all[first:last].tobytes()


@pytest.mark.parametrize("no_object", [True, False])
def test_probabilities_do_not_depend_on_how_embeddings_lie_in_memory(*, no_object: bool) -> None:
    words = dataclasses.replace(vocabulary(40, embed_dim=512), scale=10.0)
    words = words if no_object else dataclasses.replace(words, no_object=None)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, 512)).astype(np.float32)
    plain = query_probabilities(vectors, words)
    wide = np.zeros((50, 1024), np.float32)
    wide[:, ::2] = vectors
    for other in (np.asfortranarray(vectors), wide[:, ::2], np.stack([vectors] * 3)[1]):
        assert query_probabilities(other, words).tobytes() == plain.tobytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda arrays: arrays.pop("weight"), r"are the arrays embeddings.*got \['embeddings', 'index'"),
        (lambda arrays: arrays.pop("patch_index"), r"with patches patch_\* of each, got"),
        (lambda arrays: arrays.update(depth=arrays["index"]), r"got \['depth'"),
        (lambda arrays: arrays.update(index=arrays["index"][:1]), "index"),
        (
            lambda arrays: arrays.update(weight=arrays["weight"][..., :3]),
            "weight",
        ),
        (lambda arrays: arrays.update(index=arrays["index"] + 0.5), "index.*"),
        (
            lambda arrays: arrays.update(embeddings=arrays["embeddings"][0]),
            "embeddings",
        ),
    ],
)
def test_arrays_that_are_no_proposals_are_refused_by_name(
    change: Callable[[dict[str, np.ndarray]], Any], said: str
) -> None:
    arrays = stacked(3).to_arrays()
    change(arrays)
    with pytest.raises((ProposalsError, TypeError), match=said):  # the latter by the run-time checks of tests
        Proposals.from_arrays(arrays, chip_px=24)


def test_more_than_254_classes_have_wider_ids() -> None:
    assert label(proposals(), vocabulary(254), threshold=0.0).class_id.dtype == np.uint8
    assert label(proposals(), vocabulary(255), threshold=0.0).class_id.dtype == np.uint16


def test_memory_holds_no_array_of_classes_by_pixels() -> None:
    """300 classes over 512 x 512 pixels would be 315 MB."""
    kept, words = proposals(grid=128, queries=40), vocabulary(300)
    label(proposals(), words, threshold=0.2)  # what is loaded once is not counted
    tracemalloc.start()
    label(kept, words, threshold=0.2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 * 512 * 512 * 4


def test_scores_of_all_classes_are_at_most_one() -> None:
    scores = cell_scores(proposals(), vocabulary(3))
    assert scores.min() >= 0
    assert scores.sum(axis=0).max() <= 1 + 1e-5


@given(
    seed=st.integers(0, 1000),
    classes=st.sampled_from([2, 3, 30, 200, 300]),
    grid=st.integers(1, 14),
    stride_px=st.sampled_from([1.0, 2.0, 3.5, 4.0, 8.0]),
    scale=st.sampled_from([0.0, 1.0, 10.0, 100.0]),
    block=st.sampled_from([1, 500, top_two.BLOCK]),
)
def test_tile_by_tile_gives_the_bits_of_class_by_class(
    seed: int, classes: int, grid: int, stride_px: float, scale: float, block: int
) -> None:
    """Of equal scores, too: with scale 0 all classes are equal, and half of them are there twice."""
    kept = proposals(seed=seed, queries=9, grid=grid, kept=4, stride_px=stride_px)
    words = dataclasses.replace(vocabulary(classes, seed=seed), scale=scale)
    vectors = np.concatenate([words.vectors[: (classes + 1) // 2], words.vectors[: classes // 2]])
    words = dataclasses.replace(words, vectors=vectors)
    kept.weight[:, :, : seed % 4] = 0
    found = []
    for few in (0, classes):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(top_two, "FEW_CLASSES", few)
            patch.setattr(top_two, "BLOCK", block)
            patch.setattr(top_two, "PAIRS", block)
            found.append(label(kept, words, threshold=0.0))
    for first, second in zip(*found, strict=True):
        assert first.tobytes() == second.tobytes()


def test_few_of_many_classes_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    scored = []

    def counted(found: TopTwo, pairs: top_two.Pairs, stride_px: float) -> None:
        scored.append(len(pairs.tiles))
        enter(found, pairs, stride_px)

    enter = top_two._update_tiles
    monkeypatch.setattr(top_two, "_update_tiles", counted)
    label(proposals(grid=64, queries=40), vocabulary(1000), threshold=0.2)
    assert sum(scored) < 0.2 * 16**2 * 1000


@pytest.mark.parametrize(("queries", "dtype"), [(12, np.uint8), (256, np.uint8), (257, np.uint16)])
def test_the_strongest_queries_of_a_place_are_kept(queries: int, dtype: type) -> None:
    torch.manual_seed(0)
    masks = torch.randn(1, queries, 5, 5)
    kept = keep_top_k(Predictions(torch.zeros(1, queries, 8), masks, []), top_k=4, chip_px=20)
    assert kept.index.dtype == dtype
    assert kept.stride_px == 4
    order = np.argsort(-masks[0].numpy(), axis=0)[:4]
    np.testing.assert_array_equal(kept.index[0], order)
    expected = np.take_along_axis(masks.sigmoid()[0].numpy(), order, 0) * 255
    np.testing.assert_allclose(kept.weight[0], expected, atol=0.51)


def test_the_segmenter_labels_what_it_proposes_over_read_only_weights() -> None:
    weights = {k: v for k, v in all_weights(SMALL).items() if k.startswith(("visual.", "head."))}
    for array in weights.values():
        array.setflags(write=False)
    words = vocabulary(3)
    segmenter = MrovsegSegmenter(SMALL, weights, words)
    kept = segmenter.propose(chips(SMALL, 1))
    labels = segmenter.label(kept)
    side = segmenter.core_px + 2 * segmenter.halo_px
    expected = label(Proposals.from_arrays(kept, chip_px=side), words, threshold=segmenter.labeller.threshold)
    assert all(np.array_equal(a, b) for a, b in zip(labels, expected, strict=True))
    assert labels.class_id.shape == (1, side, side)
    assert (
        segmenter.model.encoder.visual.conv1.weight.data_ptr() == weights["visual.conv1.weight"].ctypes.data
    )
