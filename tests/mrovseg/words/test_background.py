"""What competes in silence with the words that were asked for."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrovseg.data.definition import Definition
from mrovseg.labels.chunk_labels import Labels, label_map
from mrovseg.labels.proposal_map import ProposalMap
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights import encoding
from mrovseg.weights.checkpoint import Checkpoint
from mrovseg.weights.header import EMBEDDED
from mrovseg.weights.vocabulary import embed_vocabulary
from mrovseg.words.background import GENERIC, background_classes, background_kinds
from mrovseg.words.embedded import EmbeddedVocabulary
from mrovseg.words.sentences import SentenceEncoder
from mrovseg.words.vocabulary import parse

SCORE_MAX = 254
COARSE = (("house", "home"), ("plant", "tree", "grass"), ("water", "lake", "sea"))
SPOKEN = SentenceEncoder()
FINE = (("tree", "oak"), ("grass", "lawn"), ("water", "lake"), ("car", "cars"))


@pytest.fixture(scope="module")
def tiny() -> Checkpoint:
    return checkpoints.load(EMBEDDED)


def encode(phrases: Sequence[str]) -> np.ndarray:
    """Give each phrase an axis of its own; "pond" is half-way to "lake"."""
    known = sorted({p for one in (*COARSE, *FINE) for p in one} | {"airport"})
    vectors = np.zeros((len(phrases), len(known)), np.float32)
    for row, phrase in enumerate(phrases):
        if phrase in known:
            vectors[row, known.index(phrase)] = 1
        elif phrase == "pond":
            vectors[row, known.index("lake")] = 0.8
    return vectors


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("house", ["plant", "water"]),  # only the coarse set knows it
        ("sea", ["house", "plant"]),  # synonyms of what is asked for never compete
        ("pond", ["tree", "grass", "car"]),  # nor what an unseen word is like; both know lakes: the finer set
        ("grass", ["tree", "water", "car"]),  # a class of one set, a synonym in the other
        ("house; plant; water", []),  # complete
        ("car; plant", ["water"]),  # what the finer set does not know is looked up in the coarse one
        ("airport", ["tree", "grass", "water", "car"]),  # nobody knows it
    ],
)
def test_the_other_classes_of_the_set_that_knows_the_words_compete(asked: str, expected: list[str]) -> None:
    assert [one[0] for one in background_classes(parse(asked), [COARSE, FINE], encode)] == expected


def test_kinds_of_images_compete_but_for_what_is_asked_for_or_of_a_class_with_it() -> None:
    kinds = (("airport",), ("lake",), ("lawn",))
    assert background_kinds(parse("airport; sea"), kinds, [COARSE, FINE], encode) == (("lawn",),)
    assert background_kinds(parse("airport"), (), [COARSE, FINE], encode) == ()


@settings(max_examples=10, deadline=None)
@given(st.sets(st.sampled_from(GENERIC[1]), min_size=1))
def test_generic_classes_and_the_asked_ones_make_up_the_whole(chosen: set[tuple[str, ...]]) -> None:
    asked = parse("; ".join(sorted(one[0] for one in chosen)))
    others = background_classes(asked, GENERIC, SPOKEN)
    assert {one[0] for one in others}.isdisjoint(asked.names)
    assert all(set(one).isdisjoint(phrase for mine in chosen for phrase in mine) for one in others)


@pytest.mark.parametrize(
    "asked", ["water", "lake", "river", "building", "house", "road", "highway", "tree", "car"]
)
def test_one_word_has_background_classes_and_none_means_the_same(tiny: Checkpoint, asked: str) -> None:
    embedded, _ = embed_vocabulary(tiny, parse(asked))
    means = {"lake": "water", "river": "water", "house": "building", "highway": "road"}.get(asked, asked)
    definitions = (Definition.named(name).vocabulary for name in ("dubai", "painted"))
    same = {
        phrase for one in definitions for prompts in one.prompts if means in prompts for phrase in prompts
    }
    assert len(embedded.background) >= 4
    assert same.isdisjoint(embedded.background)


@pytest.mark.parametrize("name", ["dubai", "painted", "land-cover"])
def test_nothing_competes_with_a_complete_vocabulary(tiny: Checkpoint, name: str) -> None:
    assert embed_vocabulary(tiny, Definition.named(name).vocabulary)[0].background == ()


def labels_of(vector: np.ndarray, words: EmbeddedVocabulary) -> Labels:
    """The labels of a chunk in which every place, by its query and by its features, is what a vector says."""
    direction = np.rint(vector / np.abs(vector).max() * 127).astype(np.int8)
    seen = ProposalMap(
        embeddings=direction[None],
        index=np.zeros((4, 4, 1), np.uint16),
        weight=np.full((4, 4, 1), 15, np.uint8),
        features=np.broadcast_to(direction, (3, 3, len(direction))),
        size_px=(8, 8),
        stride_px=4,
        cell_px=8,
    )
    return label_map(seen, words, threshold=0.2, every_pixel=True)


def test_a_word_for_nothing_there_labels_nothing(tiny: Checkpoint) -> None:
    """Queries and patches that are a road by the encoder's own vector are no airport."""
    embedded, _ = embed_vocabulary(tiny, parse("airport"))
    found = labels_of(encoding.encode_text(tiny, ["road"])[0], embedded)
    assert (found.class_id == 0).all()
    assert (found.score > 127).all()


def test_where_a_background_class_wins_the_pixel_is_other_with_its_score() -> None:
    vectors = np.eye(3, dtype=np.float32)
    words = EmbeddedVocabulary(vectors, np.arange(3), 1, None, 2.0, background=("tree", "car"))
    asked, background = (labels_of(vectors[i], words) for i in (0, 2))
    expected = np.exp([2.0, 0.0, 0.0]) / np.exp([2.0, 0.0, 0.0]).sum()
    assert (asked.class_id == 1).all()
    assert (background.class_id == 0).all()
    for found in (asked, background):
        np.testing.assert_allclose(found.score / SCORE_MAX, expected[0], atol=0.5 / SCORE_MAX)
        np.testing.assert_allclose(found.margin / SCORE_MAX, expected[0] - expected[1], atol=0.5 / SCORE_MAX)
