"""Proposals: what is kept of the network's output; and the labels that a vocabulary makes of them.

A chip's queries are kept as vectors, and each cell of a grid of stride `stride_px` as its strongest few queries with
their weights. Labels are a pure function of that and an embedded vocabulary, in plain elementwise arithmetic, so that
labels made later, on another machine and without a GPU, are those the run would have made.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt, UInt8

from mrovseg.errors import ProposalsError, VocabularyError
from mrovseg.labels.scores import score
from mrovseg.labels.top_two import top_two
from mrovseg.words.embedded import EmbeddedVocabulary

UINT8_CLASSES = 254  # 0 is `other` and 255 no data
SCORE_MAX = 254  # what a probability of 1 is as a score or margin: 255 is no data
NAMES = ("embeddings", "index", "weight")  # of the arrays by which proposals are handed on
FEATURES = "features"  # the array of unit vectors of patches, of which no label is made yet
PATCH = "patch_"  # before the names of those of patches


@dataclass(frozen=True, slots=True)
class Proposals:
    """The queries of a batch of chips.

    embeddings: unit vectors of the queries. index, weight: for each cell of the grid, the ids of its strongest queries
    and 255 times the probability that the cell belongs to each. `stride_px` may be no whole number (a patch of 14 px
    has four cells a side); the chip's side is. `patches` is the same of the chip's patches, on the same grid, by
    which classes that the head was never taught are found; `features` are these patches themselves, on a coarser grid.

    Raises ProposalsError for arrays that do not belong together.
    """

    embeddings: Float32[np.ndarray, "b q e"]
    index: UInt[np.ndarray, "b k y x"]
    weight: UInt8[np.ndarray, "b k y x"]
    stride_px: float
    patches: "Proposals | None" = None
    features: Float32[np.ndarray, "b e fy fx"] | None = None

    def __post_init__(self) -> None:
        """Check what the arrays are of: all of the same chips, index and weight of the same cells."""
        arrays = self.to_arrays().values()
        kinds = [(array.dtype.kind, array.ndim) for array in self._arrays().values()]
        alike = self.index.shape == self.weight.shape and len({len(array) for array in arrays}) == 1
        if kinds != [("f", 3), ("u", 4), ("u", 4)] or not alike:
            got = {name: f"{array.dtype} {array.shape}" for name, array in self.to_arrays().items()}
            raise ProposalsError(
                f"proposals are embeddings (b, q, e), index (b, k, y, x) and weight (b, k, y, x), got {got}"
            )

    def _arrays(self) -> dict[str, np.ndarray]:
        return {name: getattr(self, name) for name in NAMES}

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name; the first axis of each is the chip. Those of patches, if any, are `patch_*`.

        embeddings: float32 (b, q, e). index: uint8 or uint16 (b, k, y, x). weight: uint8 (b, k, y, x). features:
        float32 (b, e, y, x). What a cell is wide is not among them: it is that of the chip by how many there are.
        """
        patches = {} if self.patches is None else self.patches.to_arrays()
        features = {} if self.features is None else {FEATURES: self.features}
        return self._arrays() | {PATCH + name: array for name, array in patches.items()} | features

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], *, chip_px: int) -> "Proposals":
        """Return the proposals of `to_arrays` for chips of `chip_px` a side.

        Raises ProposalsError for arrays that are missing, unknown, or do not belong together.
        """
        known = [NAMES, (*NAMES, *(PATCH + name for name in NAMES))]
        if {*arrays} - {FEATURES} not in [{*names} for names in known]:
            raise ProposalsError(
                f"proposals are the arrays {', '.join(NAMES)}, and with patches {PATCH}* of each, got {sorted(arrays)}"
            )
        of_patches = {name: arrays[PATCH + name] for name in NAMES if PATCH + name in arrays}
        embeddings, index, weight = (arrays[name] for name in NAMES)
        return cls(
            embeddings,
            index,
            weight,
            stride_px=chip_px / index.shape[-1],
            patches=cls.from_arrays(of_patches, chip_px=chip_px) if of_patches else None,
            features=arrays.get(FEATURES),
        )


class ChipQueries(NamedTuple):
    """A chip: each query's probability of each class, and the queries of each cell with their weights in its scores."""

    probabilities: Float32[np.ndarray, "q c"]
    queries: UInt[np.ndarray, "k y x"]
    weights: Float32[np.ndarray, "k y x"]


class Labels(NamedTuple):
    """Labels of chips: class ids (0 is `other`), the winner's probability and its lead over the next, times 254.

    Where a background class wins, the id is 0, and probability and lead are that class's.
    """

    class_id: UInt[np.ndarray, "b y x"]
    score: UInt8[np.ndarray, "b y x"]
    margin: UInt8[np.ndarray, "b y x"]


def label(proposals: Proposals, vocabulary: EmbeddedVocabulary, *, threshold: float) -> Labels:
    """Give every pixel the class with the highest score, or 0 where that is a background class's or below `threshold`.

    score(class, cell) = sum_q p_q(class) w_q / max(1, sum_q w_q) over the kept queries q of the cell, with p_q the
    softmax over classes and no-object and w_q the mask probability; scores are upsampled bilinearly to pixels, and one
    below half a 255th counts as none. For classes that the head was never taught see `combine_head_and_patches`.

    Raises VocabularyError where there are such classes and the proposals have no patches.
    """
    chips = [
        _label_chip(
            combine_head_and_patches(proposals, chip, vocabulary),
            vocabulary.classes,
            proposals.stride_px,
            threshold,
        )
        for chip in range(len(proposals.embeddings))
    ]
    return Labels(*(np.stack(arrays) for arrays in zip(*chips, strict=True)))


def combine_head_and_patches(proposals: Proposals, chip: int, vocabulary: EmbeddedVocabulary) -> ChipQueries:
    """Return a chip's queries: those of the head and, for classes that it was not taught, its patches.

    A head learns which of its own classes a region shows, whatever the region is. So a cell's patches, compared with
    all classes, first say how much of it is of an untaught class: with D their softmax and U the untaught classes,

        score(c) = D(c)                           c in U
        score(c) = (1 - sum over U of D) head(c)  else

    and the head, which scores the other classes alone, divides the rest among them. For the patches all background
    classes are one, with the logit of the best of them: as many classes they would leave none a score that wins.
    """
    untaught = vocabulary.untaught
    if not untaught:
        return _chip_queries(proposals, chip, vocabulary)
    if proposals.patches is None:
        raise VocabularyError(
            f"{len(untaught)} of the classes are told by patches, and these proposals were kept without any: "
            "propose again with this vocabulary"
        )
    head = _chip_queries(
        proposals, chip, vocabulary.of_classes(set(range(vocabulary.competing)) - set(untaught))
    )
    as_one = np.minimum(vocabulary.class_index, vocabulary.classes)
    patches = _chip_queries(
        proposals.patches, chip, dataclasses.replace(vocabulary, no_object=None, class_index=as_one)
    )
    found = np.zeros_like(patches.probabilities)
    taken = np.zeros_like(patches.weights[0])
    for class_index in (one for one in untaught if one < vocabulary.classes):
        found[:, class_index] = patches.probabilities[:, class_index]
        taken += score(np.ascontiguousarray(found[:, class_index]), patches.queries, patches.weights)
    return ChipQueries(
        np.concatenate([head.probabilities, found]),
        np.concatenate(
            [head.queries.astype(np.uint16), patches.queries + np.uint16(len(head.probabilities))]
        ),
        np.concatenate([head.weights * (1 - taken), patches.weights]),
    )


def _chip_queries(proposals: Proposals, chip: int, vocabulary: EmbeddedVocabulary) -> ChipQueries:
    probabilities = query_probabilities(proposals.embeddings[chip], vocabulary)
    return ChipQueries(probabilities, proposals.index[chip], normalised_weights(proposals.weight[chip]))


def query_probabilities(
    embeddings: Float32[np.ndarray, "q e"], vocabulary: EmbeddedVocabulary
) -> Float32[np.ndarray, "q c"]:
    """Return each query's probability of each class: a softmax over classes and no-object.

    A class's logit is that of its best prompt; a class without prompts has probability 0. How the embeddings lie in
    memory changes no bit.
    """
    # Sums are in the order in which vectors lie in memory: those of queries one after the other, those of patches, of
    # which there is no vector of no object, channel after channel, as the encoder gives them.
    embeddings = np.asarray(embeddings, order="F" if vocabulary.no_object is None else "C")
    scale = np.float32(vocabulary.scale)
    cosines = np.einsum("qe,pe->qp", embeddings, vocabulary.vectors) * scale
    logits = np.full((len(embeddings), vocabulary.competing + 1), -np.inf, np.float32)
    for prompt, class_index in enumerate(vocabulary.class_index):
        np.maximum(logits[:, class_index], cosines[:, prompt], out=logits[:, class_index])
    if vocabulary.no_object is not None:
        logits[:, -1] = np.einsum("qe,e->q", embeddings, vocabulary.no_object) * scale
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: np.ndarray = (powers / powers.sum(axis=1, keepdims=True))[:, :-1]
    return probabilities


def normalised_weights(weight: UInt8[np.ndarray, "k y x"]) -> Float32[np.ndarray, "k y x"]:
    """Return the weights of each cell's queries: those stored / 255, divided by their sum where it is above 1."""
    weights = weight.astype(np.float32) / np.float32(255)
    normalised: np.ndarray = weights / np.maximum(weights.sum(axis=0), 1)
    return normalised


def _label_chip(
    queries: ChipQueries, classes: int, stride_px: float, threshold: float
) -> tuple[UInt[np.ndarray, "h w"], UInt8[np.ndarray, "h w"], UInt8[np.ndarray, "h w"]]:
    winner, best, second = top_two(*queries, stride_px=stride_px)
    winner[(best < threshold) | (winner > classes)] = 0
    ids = np.uint8 if classes <= UINT8_CLASSES else np.uint16
    return winner.astype(ids), _as_uint8(best), _as_uint8(best - second)


def _as_uint8(probability: Float32[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    levels: np.ndarray = np.rint(np.clip(probability, 0, 1) * SCORE_MAX)
    return levels.astype(np.uint8)
