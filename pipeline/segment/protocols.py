"""What a segmenter is: two callables over named arrays, and what they promise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt, UInt8

from pipeline.geometry.chips import ChipLayout

Arrays = Mapping[str, np.ndarray]
"""Proposals: arrays of numbers by name."""

Labels = tuple[UInt[np.ndarray, "y x"], UInt8[np.ndarray, "y1 x1"], UInt8[np.ndarray, "y1 x1"]]
"""Class id (uint8, or uint16 where a vocabulary has more than 254 classes), score and margin (0..254) of a chunk."""

SCORE_MAX = 254
"""What a probability of 1 is as a score or margin: probability = value / 254, and 255 is no data."""

SCORE_NODATA = 255
"""The score and the margin of a pixel without data."""

KEPT = 12
"""How many queries a place keeps: the strongest of all chips that cover it."""

WEIGHT_MAX = 15
"""What a query's weight is, in a map, at a place that it has for itself."""

EMBEDDING_MAX = 127
"""The largest component of a query's embedding in a map, of which only the direction counts."""

FEATURE_MAX = 31
"""The largest component of a cell's features in a map, of which only the direction counts."""

_UINT8_CLASSES = 254  # 0 is `other` and 255 no data


@runtime_checkable
class Proposer(Protocol):
    """Runs a network over chips, which overlap."""

    @property
    def chip_px(self) -> int:
        """Side of a chip."""

    @property
    def step_px(self) -> int:
        """From where a chip begins to where the next one does; where they overlap they are blended."""

    @property
    def stride_px(self) -> int:
        """Side of a place, for which weights are proposed; chips and steps are made of whole ones."""

    @property
    def chips_per_call(self) -> int:
        """Chips in every call of ``propose``: a matrix product may round differently for another shape."""

    def propose(self, chips: UInt8[np.ndarray, "b y x 3"], /) -> Arrays:
        """Run the network on ``chips_per_call`` chips, rows before columns, red, green and blue.

        Returns, the first axis of each being the chip,

            embeddings  float32 (b, q, e): what each query is, a direction
            index       uint8 or uint16 (b, k, y, x): the strongest queries of each place of the chip
            weight      uint8 (b, k, y, x): 255 times the probability that the place belongs to each of them
            features    float32 (b, e, y, x): what each patch shows, a direction; patches are of whole places

        or the first three alone, or features alone. Names, dtypes and all axes are the same in every call, and what is
        proposed for a chip must not depend on the other chips of its call.
        """


@runtime_checkable
class Labeller(Protocol):
    """Makes labels of the maps of chunks; needs no network."""

    @property
    def stride_px(self) -> int:
        """Side of a place of the maps, in pixels."""

    def label(self, arrays: Arrays, /, *, size_px: tuple[int, int], every_pixel: bool) -> Labels:
        """Return class ids (0 is `other`), scores and margins (0..``SCORE_MAX``) of a chunk of ``size_px`` (y, x).

        ``arrays`` are one map as ``WindowProposals.chunk`` gives it, with a ring around. Class ids are of every pixel;
        scores and margins too, or one of each place: (ceil(y / stride_px), ceil(x / stride_px)).
        """


@runtime_checkable
class Segmenter(Proposer, Labeller, Protocol):
    """Both, of the same ``stride_px``."""


def class_dtype(classes: int) -> np.dtype[np.unsignedinteger]:
    """Return the dtype of the mask of a vocabulary of so many classes: uint8 up to 254, else uint16."""
    return np.dtype(np.uint8 if classes <= _UINT8_CLASSES else np.uint16)


def layout_of(proposer: Proposer) -> ChipLayout:
    """Return the layout of a network's chips, of which ``chips.cover`` tells what to read for a window."""
    return ChipLayout(side_px=proposer.chip_px, step_px=proposer.step_px, stride_px=proposer.stride_px)
