"""Labels of a chunk's map: the bits of the formula in plain numpy, and the laws that follow from it."""

import dataclasses
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mrovseg.errors import ProposalsError, VocabularyError
from mrovseg.labels.chunk_labels import Labels, label_map
from mrovseg.labels.class_probabilities import class_probabilities
from mrovseg.labels.proposal_map import ProposalMap
from mrovseg.words.embedded import EmbeddedVocabulary
from tests.mrovseg.labels import reference
from tests.mrovseg.networks import vocabulary

LENGTH = 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """What a random map and vocabulary are made from."""

    seed: int = 0
    size_px: tuple[int, int] = (37, 50)
    stride_px: int = 4
    cell_places: int = 8
    queries: int = 9
    kept: int = 5
    classes: int = 5
    background: int = 0
    untaught: frozenset[int] = frozenset()
    head: bool = True
    scale: float = 10.0
    threshold: float = 0.2
    every_pixel: bool = False

    def map(self) -> ProposalMap:
        """Return a map whose neighbouring places have much in common, and whose queries are much alike."""
        rng = np.random.default_rng(self.seed)
        cell_px = self.stride_px * self.cell_places
        places, cells = ([-(-n // px) + 2 for n in self.size_px] for px in (self.stride_px, cell_px))
        shape = (*places, self.kept if self.head else 0)
        queries = self.queries if self.head else 0
        weight = rng.integers(0, 16, shape).astype(np.uint8) * (rng.random(shape) < 0.6)
        weight[:, : self.seed % 3] = 0
        index = np.zeros(shape, np.uint16)
        if queries:
            coarse = rng.integers(queries, size=[n // 3 + 1 for n in shape[:2]] + [self.kept])
            index = coarse.repeat(3, 0).repeat(3, 1)[: shape[0], : shape[1]].astype(np.uint16)
        weight = weight * np.uint8(queries > 0)
        features = rng.integers(-127, 128, (*cells, LENGTH)).astype(np.int8)
        return ProposalMap(
            embeddings=rng.integers(-127, 128, (queries, LENGTH)).astype(np.int8),
            index=index * (weight > 0),
            weight=weight,
            features=features,
            size_px=self.size_px,
            stride_px=self.stride_px,
            cell_px=cell_px,
        )

    def words(self) -> EmbeddedVocabulary:
        """Return a vocabulary of which each fourth class is the same as the one before it."""
        count = self.classes + self.background
        words = vocabulary(count, embed_dim=LENGTH, prompts=2, seed=self.seed)
        vectors = words.vectors.copy()
        vectors[6::8], vectors[7::8] = (
            vectors[4::8][: len(vectors[6::8])],
            vectors[5::8][: len(vectors[7::8])],
        )
        return dataclasses.replace(
            words,
            vectors=vectors,
            classes=self.classes,
            background=tuple(f"background {i}" for i in range(self.background)),
            untaught=tuple(sorted(one for one in self.untaught if one < count)),
            no_object=words.no_object if self.head else None,
            scale=self.scale,
        )

    def labels(self) -> Labels:
        return label_map(self.map(), self.words(), threshold=self.threshold, every_pixel=self.every_pixel)


CASES = st.builds(
    Case,
    seed=st.integers(0, 10_000),
    size_px=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    stride_px=st.integers(1, 8),
    cell_places=st.sampled_from([1, 2, 3, 8]),
    queries=st.integers(0, 12),
    kept=st.integers(1, 13),
    classes=st.one_of(st.integers(1, 20), st.sampled_from([64, 200, 254, 255, 300])),
    background=st.integers(0, 5),
    untaught=st.frozensets(st.integers(0, 24)),
    head=st.sampled_from([True, True, True, False]),
    scale=st.sampled_from([0.0, 1.0, 10.0, 100.0]),
    threshold=st.sampled_from([0.0, 0.002, 0.2, 0.5]),
    every_pixel=st.booleans(),
)


def assert_same(first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...]) -> None:
    for one, other in zip(first, second, strict=True):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        np.testing.assert_array_equal(one, other)


@given(case=CASES)
@settings(max_examples=300)
@example(case=Case(size_px=(1, 1), stride_px=8))
@example(case=Case(size_px=(1, 1), stride_px=1, every_pixel=True))
@example(case=Case(classes=300, scale=0.0, every_pixel=True))
@example(case=Case(untaught=frozenset(range(5)), every_pixel=True))
@example(case=Case(untaught=frozenset({1, 3, 6}), background=2, threshold=0.0))
@example(case=Case(head=False, background=2, untaught=frozenset({1})))
def test_labels_are_those_of_plain_numpy_to_the_bit(case: Case) -> None:
    expected = reference.labels(
        case.map(), case.words(), threshold=case.threshold, every_pixel=case.every_pixel
    )
    assert_same(case.labels(), expected)


def test_the_reference_finds_what_labels_are_for() -> None:
    """Many classes win, some pixels are nothing, and scores differ: equal bits are worth something."""
    class_id, score, margin = Case(
        size_px=(128, 128), classes=20, background=2, queries=60, kept=3, threshold=0.1
    ).labels()
    assert len(np.unique(class_id)) > 8
    assert 0 < (class_id == 0).mean() < 0.9
    assert len(np.unique(score)) > 50
    assert len(np.unique(margin)) > 50


@given(case=CASES)
def test_scores_of_a_place_add_up_to_one_at_most(case: Case) -> None:
    scores = reference.place_scores(case.map(), case.words())
    assert scores.min() >= 0
    assert scores.sum(axis=-1).max() <= 1 + 1e-4


@given(seed=st.integers(0, 1000), classes=st.sampled_from([3, 40]), every_pixel=st.booleans())
def test_labels_depend_on_no_places_but_those_around(seed: int, classes: int, *, every_pixel: bool) -> None:
    """A part of a map, on its grid and with its ring, is labelled as the whole is."""
    case = Case(
        seed=seed,
        size_px=(96, 128),
        classes=classes,
        untaught=frozenset({1}),
        every_pixel=every_pixel,
    )
    whole, words = case.map(), case.words()
    assert whole.features is not None
    part = dataclasses.replace(
        whole,
        index=whole.index[8:18, 16:26],
        weight=whole.weight[8:18, 16:26],
        features=whole.features[1:4, 2:5],
        size_px=(32, 32),
    )
    of_whole = label_map(whole, words, threshold=0.2, every_pixel=every_pixel)
    of_part = label_map(part, words, threshold=0.2, every_pixel=every_pixel)
    rows, cols = slice(32, 64), slice(64, 96)
    asked = (rows, cols) if every_pixel else (slice(8, 16), slice(16, 24))
    assert_same(of_part, (of_whole.class_id[rows, cols], of_whole.score[asked], of_whole.margin[asked]))


@given(case=CASES, more=st.integers(1, 300))
def test_queries_that_occur_nowhere_change_nothing(case: Case, more: int) -> None:
    kept = case.map()
    others = np.random.default_rng(more).integers(-127, 128, (more, LENGTH)).astype(np.int8)
    longer = dataclasses.replace(kept, embeddings=np.concatenate([kept.embeddings, others]))
    padded = dataclasses.replace(kept, embeddings=np.concatenate([kept.embeddings, 0 * others]))
    for each in (longer, padded):
        assert_same(
            label_map(each, case.words(), threshold=case.threshold, every_pixel=case.every_pixel),
            case.labels(),
        )


@given(case=CASES)
def test_entries_without_weight_change_nothing(case: Case) -> None:
    kept = case.map()
    beside = [(0, 0), (0, 0), (0, 3)]
    padded = dataclasses.replace(kept, index=np.pad(kept.index, beside), weight=np.pad(kept.weight, beside))
    assert_same(
        label_map(padded, case.words(), threshold=case.threshold, every_pixel=case.every_pixel), case.labels()
    )


@given(case=CASES)
def test_class_ids_do_not_depend_on_where_scores_are_wanted(case: Case) -> None:
    other = dataclasses.replace(case, every_pixel=not case.every_pixel)
    np.testing.assert_array_equal(case.labels().class_id, other.labels().class_id)


@given(case=CASES)
def test_arrays_that_cannot_be_written_to_or_lie_otherwise_give_the_same_bits(case: Case) -> None:
    kept = case.map()
    embeddings, index, weight = (np.asfortranarray(a) for a in (kept.embeddings, kept.index, kept.weight))
    for array in (embeddings, index, weight):
        array.flags.writeable = False
    other = dataclasses.replace(kept, embeddings=embeddings, index=index, weight=weight)
    assert_same(
        label_map(other, case.words(), threshold=case.threshold, every_pixel=case.every_pixel), case.labels()
    )


def test_probabilities_of_an_embedding_depend_on_no_other() -> None:
    words = Case(classes=40).words()
    embeddings = np.random.default_rng(0).integers(-127, 128, (50, LENGTH)).astype(np.int8)
    together = class_probabilities(embeddings, words)
    for first, last in [(0, 1), (7, 50), (49, 50)]:
        assert class_probabilities(embeddings[first:last], words).tobytes() == together[first:last].tobytes()


def test_only_the_direction_of_a_vocabularys_and_a_querys_vectors_counts() -> None:
    words = Case().words()
    embeddings = np.random.default_rng(0).integers(-40, 41, (20, LENGTH)).astype(np.int8)
    np.testing.assert_allclose(
        class_probabilities(3 * embeddings, words), class_probabilities(embeddings, words), rtol=1e-4
    )


@pytest.mark.parametrize("head", [True, False])
def test_classes_that_features_tell_need_features(*, head: bool) -> None:
    case = Case(untaught=frozenset({1, 2}), head=head)
    kept = dataclasses.replace(case.map(), features=None)
    with pytest.raises(VocabularyError, match=r"of the classes are told by features.*propose again and keep"):
        label_map(kept, case.words(), threshold=0.2, every_pixel=False)


def test_taught_classes_need_no_features() -> None:
    case = Case(background=1, untaught=frozenset({5}))  # the background class is not asked for
    kept = dataclasses.replace(case.map(), features=None)
    assert_same(label_map(kept, case.words(), threshold=0.2, every_pixel=False), case.labels())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"index": np.zeros((12, 15, 4), np.uint16)}, "weight"),
        ({"index": np.zeros((12, 15, 5), np.uint8)}, "index"),
        ({"size_px": (37, 60)}, r"index .* uint16 \(12, 17, any\), got uint16 \(12, 15, 5\)"),
        ({"features": np.zeros((4, 5, 32), np.int8)}, r"features .* int8 \(4, 4, 32\)"),
        ({"weight": np.full((12, 15, 5), 16, np.uint8)}, "weights are 0 to 15, got 16"),
        ({"index": np.full((12, 15, 5), 9, np.uint16)}, "9 queries, and a place has the query 9"),
        ({"embeddings": np.zeros((0, 32), np.int8)}, "0 queries, and a place has the query"),
        ({"cell_px": 30}, "cells whole places.*cell_px 30"),
        ({"stride_px": 0}, "stride_px 0"),
        ({"size_px": (0, 4)}, r"size_px \(0, 4\)"),
    ],
)
def test_what_is_no_map_of_a_chunk_is_refused(change: dict[str, Any], said: str) -> None:
    kept = Case().map()
    assert kept.index.shape == (12, 15, 5)
    with pytest.raises((ProposalsError, TypeError), match=said):  # the latter by the run-time checks of tests
        dataclasses.replace(kept, **change)


def test_a_class_without_prompts_wins_nothing() -> None:
    case = Case(classes=3, threshold=0.0)
    words = case.words()
    without = dataclasses.replace(
        words, vectors=words.vectors[[0, 1, 4, 5]], class_index=np.array([0, 0, 2, 2])
    )
    found = label_map(case.map(), without, threshold=0.0, every_pixel=True).class_id
    assert 2 not in found
    assert {1, 3} <= {*np.unique(found).tolist()}


def test_memory_holds_no_array_of_classes_by_pixels() -> None:
    """300 classes over 512 x 512 pixels would be 315 MB."""
    case = Case(size_px=(512, 512), classes=300, queries=40, every_pixel=True)
    kept, words = case.map(), case.words()
    Case(classes=300, every_pixel=True).labels()  # what is compiled once is not counted
    tracemalloc.start()
    label_map(kept, words, threshold=0.2, every_pixel=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * 512 * 512 * 4


def test_few_of_many_classes_are_looked_at() -> None:
    """A class that can win nowhere around costs its scores of places alone: 1000 cost less than 200 that all can."""

    def seconds(classes: int, scale: float) -> float:
        case = Case(
            size_px=(1024, 1024),
            stride_px=16,
            classes=classes,
            queries=40,
            kept=3,
            scale=scale,
            threshold=0.0,
        )
        kept, words, taken = case.map(), case.words(), []
        for _ in range(5):
            began = time.process_time()
            label_map(kept, words, threshold=0.0, every_pixel=True)
            taken.append(time.process_time() - began)
        return min(taken)

    seconds(2, 0.0)  # what is compiled once is not counted
    assert seconds(1000, 100.0) < seconds(200, 0.0)  # of scale 0, all classes are equal everywhere
