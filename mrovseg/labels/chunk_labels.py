"""Labels of a chunk of a mask store, made of the map of its proposals: arithmetic alone, anywhere the same bits."""

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64, UInt, UInt8

from mrovseg.errors import VocabularyError
from mrovseg.labels.class_probabilities import class_probabilities
from mrovseg.labels.pixel_labels import label_rows
from mrovseg.labels.pixel_values import Found, QuadRoom, Rules
from mrovseg.labels.place_scores import PlaceRoom, Scored, Told, score_rows
from mrovseg.labels.proposal_map import ProposalMap
from mrovseg.words.embedded import EmbeddedVocabulary

UINT8_CLASSES = 254  # 0 is `other` and 255 no data
ROWS = 8  # of places, whose scores of all classes are in memory at once


class Labels(NamedTuple):
    """Labels of a chunk: class ids (0 is `other`), the winner's probability and its lead over the next, times 254.

    class_id: of each pixel. score, margin: of each pixel, or of each place alone. Where a background class wins, or
    none reaches the threshold, the id is 0, and probability and lead are those of the best class.
    """

    class_id: UInt[np.ndarray, "h w"]
    score: UInt8[np.ndarray, "sy sx"]
    margin: UInt8[np.ndarray, "sy sx"]


def label_map(
    proposals: ProposalMap, vocabulary: EmbeddedVocabulary, *, threshold: float, every_pixel: bool
) -> Labels:
    """Give every pixel the class with the highest score, or 0 where that is a background class's or below `threshold`.

    At a place, score(class) = sum_q p_q(class) w_q / max(1, sum_q w_q) over its queries q, with p_q the softmax over
    classes and no-object. Untaught classes are told by features, and the head divides the rest among the others:

        score(c) = D(c)                           c untaught
        score(c) = (1 - sum over them of D) head(c)  else

    with D the softmax over classes at a cell, all background classes as one with the logit of the best of them (as many
    they would leave none a score that wins), bilinear between cells. Where the vocabulary has no vector of no object
    there is no head, and D over all classes is the score. Scores are bilinear between places; one below half a 255th
    counts as none, and of equal scores the lower id wins.

    Class ids are uint8, or uint16 for more than 254 classes. Scores and margins are those of the places themselves,
    (ceil(h / stride), ceil(w / stride)), or with `every_pixel` of the pixels.

    Raises VocabularyError where features are needed and there are none.
    """
    places = tuple(count - 2 for count in proposals.index.shape[:2])
    size = proposals.size_px if every_pixel else places
    found = Found(np.zeros(proposals.size_px, np.uint16), np.zeros(size, np.uint8), np.zeros(size, np.uint8))
    rules = Rules(vocabulary.classes, np.float32(threshold), proposals.stride_px, every_pixel)
    _label(_scored(proposals, vocabulary), _told(proposals, vocabulary), rules, found)
    ids = np.uint8 if vocabulary.classes <= UINT8_CLASSES else np.uint16
    return Labels(found.class_id.astype(ids, copy=False), found.score, found.margin)


def _label(scored: Scored, told: Told, rules: Rules, found: Found) -> None:
    """Write labels, a few rows of places at a time; the last of them is the first of the next."""
    rows, width, _ = scored.queries.shape
    classes = scored.probabilities.shape[1]
    scores = np.zeros((1 + ROWS, width, classes), np.float32)
    bits = scores.view(np.int32)
    of_places, of_quads = PlaceRoom.of(scored, told), QuadRoom.of(classes, rules.stride_px)
    score_rows(scored, told, 0, of_places, scores[:1])
    for row in range(1, rows, ROWS):
        count = min(ROWS, rows - row)
        score_rows(scored, told, row, of_places, scores[1 : 1 + count])
        label_rows(scores[: 1 + count], bits[: 1 + count], row - 1, rules, of_quads, found)
        scores[0] = scores[count]


def _scored(proposals: ProposalMap, vocabulary: EmbeddedVocabulary) -> Scored:
    """Return what the head says of each place, of the classes that it was taught."""
    if vocabulary.no_object is None or not len(proposals.embeddings):
        probabilities = np.zeros((1, vocabulary.competing), np.float32)
        nowhere = np.zeros((*proposals.index.shape[:2], 0))
        return Scored(probabilities, nowhere.astype(np.uint16), nowhere.astype(np.uint8))
    taught = set(range(vocabulary.competing)) - set(vocabulary.untaught)
    return Scored(
        class_probabilities(proposals.embeddings, vocabulary.of_classes(taught)),
        _plain(proposals.index),
        _plain(proposals.weight),
    )


def _told(proposals: ProposalMap, vocabulary: EmbeddedVocabulary) -> Told:
    """Return what features say of each cell, of the classes that they tell: the untaught, or without a head all."""
    told = _told_classes(vocabulary)
    cell_places = proposals.cell_px // proposals.stride_px
    if not len(told):
        return Told(np.zeros((1, 1, 0), np.float32), told, cell_places)
    if proposals.features is None:
        raise VocabularyError(
            f"{len(told)} of the classes are told by features, and these proposals were kept without any: "
            "propose again and keep features, or leave these classes out"
        )
    if vocabulary.no_object is not None:
        as_one = np.minimum(vocabulary.class_index, vocabulary.classes)
        vocabulary = dataclasses.replace(vocabulary, no_object=None, class_index=as_one)
    rows, cols, length = proposals.features.shape
    probabilities = class_probabilities(proposals.features.reshape(-1, length), vocabulary)
    cells = np.ascontiguousarray(probabilities[:, told]).reshape(rows, cols, -1)
    return Told(cells, told, cell_places)


def _told_classes(vocabulary: EmbeddedVocabulary) -> Int64[np.ndarray, " u"]:
    if vocabulary.no_object is None:
        return np.arange(vocabulary.competing)
    return np.array([one for one in sorted(vocabulary.untaught) if one < vocabulary.classes], np.int64)


def _plain(array: np.ndarray) -> np.ndarray:
    """Return the array as the one kind that a kernel is compiled for: in C order, and not read-only."""
    return np.require(array, requirements=["C", "W"])
