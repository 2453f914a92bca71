"""Words in, classes and vectors out."""

import dataclasses
import io
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrovseg.errors import VocabularyError
from mrovseg.words.embedded import EmbeddedVocabulary
from mrovseg.words.embedding import (
    BARE_TEMPLATE,
    TEMPLATES,
    blend_with_known,
    embed,
    unknown_prompts,
    untaught_classes,
)
from mrovseg.words.vocabulary import Vocabulary, parse
from tests.mrovseg.networks import vocabulary as embedded

phrase = st.text("abcdefgh", min_size=1, max_size=6)
classes = st.lists(phrase, min_size=1, max_size=12, unique=True).flatmap(
    lambda phrases: st.lists(st.integers(1, 3), min_size=len(phrases), max_size=len(phrases)).map(
        lambda sizes: grouped(phrases, sizes)
    )
)


def grouped(phrases: Sequence[str], sizes: Sequence[int]) -> list[list[str]]:
    groups, rest = [], list(phrases)
    for size in sizes:
        if rest:
            groups.append(rest[:size])
            rest = rest[size:]
    return groups


def encode(prompts: Sequence[str]) -> np.ndarray:
    """Give each text a unit vector of its own."""
    vectors = np.stack([np.random.default_rng(list(p.encode())).normal(size=8) for p in prompts])
    unit: np.ndarray = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


@given(classes)
def test_what_is_written_is_read(groups: list[list[str]]) -> None:
    vocabulary = parse(" ;".join(", ".join(f"  {p} " for p in group) for group in groups) + ";")
    assert vocabulary.names == tuple(group[0] for group in groups)
    assert vocabulary.prompts == tuple(map(tuple, groups))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "1 to 65534 classes, got 0"),
        (" ; ", "got 0"),
        ("road; ,; water", "without a word"),
        ("road; water; road", "'road' stands more than once"),
        ("road,street; lane,street", "'street' stands more than once"),
        ("Road; water; road", "'Road' stands more than once.*capitals"),
        ("road,Strasse; lane,STRASSE", "'Strasse' stands more than once"),
        ("; ".join(["a", "b", "c", "d", "e"] * 2), "'a', 'b', 'c' and 2 more stands"),
        ("road; Other", "'Other' is the name of what is none of the classes"),
        ("no  data", "'no data' is the name"),
        ("x" * 257, "1 to 256 characters.*'x{57}\\.\\.\\.' of 257"),
        ("road; a\x07b", "none of them a control character"),
        ("road; \u200b", "none of them a control character"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, says: str) -> None:
    with pytest.raises(VocabularyError, match=says):
        parse(text)


def test_every_class_needs_a_prompt() -> None:
    with pytest.raises(VocabularyError, match="at least one prompt"):
        Vocabulary(("road", "water"), (("road",), ()))


def test_prompts_far_from_every_known_phrase_are_found() -> None:
    near = {"road": (1.0, 0.0), "sea": (0.0, 1.0), "lane": (0.8, 0.6), "fog": (-0.6, 0.8), "ice": (-1.0, 0.0)}
    vocabulary = parse("road, lane; fog; ice")

    def place(phrases: Sequence[str]) -> np.ndarray:
        return np.array([near[phrase] for phrase in phrases], np.float32)

    assert unknown_prompts(vocabulary, place(["road"]), place) == ["fog", "ice"]
    assert unknown_prompts(vocabulary, place(["road", "sea"]), place) == ["ice"]


def test_a_prompt_leans_half_way_to_the_known_phrases_near_it() -> None:
    known = np.eye(3, dtype=np.float32)[:2]
    (leant,) = blend_with_known(known, np.array([[0.6, 0.0, 0.8]], np.float32))
    share = 1 / (1 + np.exp(-0.6 / 0.05))  # the first's, by hand
    combined = np.array([share, 1 - share, 0]) / np.hypot(share, 1 - share)
    expected = np.array([0.6, 0, 0.8]) + combined
    np.testing.assert_allclose(leant, expected / np.linalg.norm(expected), rtol=1e-5)


@given(st.lists(phrase, min_size=1, max_size=8, unique=True), st.lists(phrase, min_size=1, max_size=8))
def test_leaning_keeps_lengths_and_turns_to_what_is_known(known: list[str], prompts: list[str]) -> None:
    anchors, vectors = encode(known), encode(prompts)
    leant = blend_with_known(anchors, vectors)
    np.testing.assert_allclose(np.linalg.norm(leant, axis=1), 1, rtol=1e-5)
    assert ((leant @ anchors.T).max(axis=1) >= (vectors @ anchors.T).max(axis=1) - 1e-5).all()


def test_a_known_phrase_stays_where_no_other_is_like_it() -> None:
    known = np.eye(4, dtype=np.float32)
    np.testing.assert_allclose(blend_with_known(known, known), known, atol=1e-6)


def test_a_class_is_untaught_where_no_phrase_with_masks_stands_for_it() -> None:
    known, taught = np.eye(3, dtype=np.float32), np.array([True, False, False])
    vectors = np.array(
        [
            [1.0, 0.0, 0.0],  # 0: taught itself
            [0.0, 1.0, 0.0],  # 1: known, and like nothing that is taught
            [0.6, 0.8, 0.0],  # 2: leans on what is not taught, but is like what is
            [0.36, 0.48, 0.8],  # 3: leans on what is not taught, and is not like what is
            [0.0, 1.0, 0.0],  # 4: one prompt of two is taught
            [1.0, 0.0, 0.0],
        ],
        np.float32,
    )
    words = EmbeddedVocabulary(vectors, np.array([0, 1, 2, 3, 4, 4]), 6, None, 1.0)
    assert untaught_classes(words, known, taught) == (1, 3)  # and 5 has no prompt: nothing tells it
    assert untaught_classes(words, known, np.ones(3, np.bool_)) == ()
    assert untaught_classes(words, known, np.zeros(3, np.bool_)) == (0, 1, 2, 3, 4)


def test_classes_are_chosen_with_their_prompts_and_keep_their_ids() -> None:
    words = embed(
        parse("road,street; water; sea"), encode, templates=BARE_TEMPLATE, no_object=None, scale=1.0
    )
    chosen = words.of_classes([0, 2])
    assert chosen.class_index.tolist() == [0, 0, 2]
    assert chosen.classes == 3
    np.testing.assert_array_equal(chosen.vectors, words.vectors[[0, 1, 3]])


def test_prompts_are_averaged_over_the_templates_and_normalised() -> None:
    embedded = embed(parse("road,street; water"), encode, templates=TEMPLATES, no_object=None, scale=3.0)
    expected = encode([template.format("street") for template in TEMPLATES]).mean(0)
    np.testing.assert_allclose(embedded.vectors[1], expected / np.linalg.norm(expected), rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(embedded.vectors, axis=1), 1, rtol=1e-5)
    assert embedded.class_index.tolist() == [0, 0, 1]
    assert (embedded.classes, embedded.scale) == (2, 3.0)


def test_prompts_left_out_leave_the_class_ids_as_they_are() -> None:
    embedded = embed(
        parse("road; water; sea"),
        encode,
        templates=BARE_TEMPLATE,
        without=["water"],
        no_object=None,
        scale=1.0,
    )
    assert embedded.class_index.tolist() == [0, 2]
    assert embedded.classes == 3


def test_a_vocabulary_of_unknown_words_is_refused() -> None:
    with pytest.raises(VocabularyError, match="knows none of the words of road, water"):
        embed(
            parse("road; water"),
            encode,
            templates=BARE_TEMPLATE,
            without=["road", "water"],
            no_object=None,
            scale=1.0,
        )


def test_names_as_long_as_may_be_and_classes_that_only_sound_reserved_are_taken() -> None:
    assert parse("x" * 256 + "; another; no data lines").names[1:] == ("another", "no data lines")


@pytest.mark.parametrize("no_object", [True, False])
def test_an_embedded_vocabulary_is_the_same_after_its_arrays(*, no_object: bool) -> None:
    words = dataclasses.replace(
        embedded(5), classes=3, untaught=(0, 2, 4), background=("café", "砂 and a long phrase"), scale=1 / 3
    )
    words = words if no_object else dataclasses.replace(words, no_object=None)
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **words.to_arrays())
    again = EmbeddedVocabulary.from_arrays(dict(np.load(io.BytesIO(file.getvalue()), allow_pickle=False)))
    for field in dataclasses.fields(words):
        before, after = getattr(words, field.name), getattr(again, field.name)
        if isinstance(before, np.ndarray):
            assert (before.dtype, before.tobytes()) == (after.dtype, after.tobytes()), field.name
        else:
            assert (type(before), before) == (type(after), after), field.name


def test_without_background_nothing_is_one_either() -> None:
    assert EmbeddedVocabulary.from_arrays(embedded(2).to_arrays()).background == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scale": None}, r"no array scale among background, .*to_arrays"),
        ({"class_index": np.array([0, 1, 2])}, "class_index|a vector and a class for each prompt"),
        ({"class_index": np.array([0, 2])}, r"classes are 0\.\.1 here, got \[0, 2\]"),
        ({"untaught": np.array([-1])}, r"classes are 0\.\.1 here, got \[-1, 0, 1\]"),
        ({"classes": np.array(0)}, r"classes are 0\.\.-1 here"),
        ({"no_object": np.zeros(3, np.float32)}, "no_object"),
    ],
)
def test_arrays_that_are_no_vocabulary_are_refused(change: dict[str, np.ndarray | None], said: str) -> None:
    arrays = {name: a for name, a in (embedded(2).to_arrays() | change).items() if a is not None}
    with pytest.raises(
        (VocabularyError, TypeError), match=said
    ):  # the latter by the run-time checks of tests
        EmbeddedVocabulary.from_arrays(arrays)
