"""What a segmenter is: two callables over named arrays, and what they promise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt, UInt8

from pipeline.geometry.chips import ChipLayout

Arrays = Mapping[str, np.ndarray]
"""Proposals: arrays of numbers by name, each of whose first axis is the chip. ``numpy.savez`` stores them whole."""

Labels = tuple[UInt[np.ndarray, "b y x"], UInt8[np.ndarray, "b y x"], UInt8[np.ndarray, "b y x"]]
"""Class id (uint8, or uint16 where a vocabulary has more than 254 classes), score and margin (0..254) of chips."""

CHIP = "chip"
"""The name, among a window's proposals, of the array that says which chip of the window's grid each of them is."""

SCORE_MAX = 254
"""What a probability of 1 is as a score or margin: probability = value / 254, and 255 is no data."""

SCORE_NODATA = 255
"""The score and the margin of a pixel without data."""

_UINT8_CLASSES = 254  # 0 is `other` and 255 no data


@runtime_checkable
class Proposer(Protocol):
    """Runs a network over chips of ``core_px + 2 * halo_px`` a side."""

    @property
    def core_px(self) -> int:
        """Side of the part of a chip whose labels are kept."""

    @property
    def halo_px(self) -> int:
        """Context on each side of the core, proposed for and dropped."""

    @property
    def chips_per_call(self) -> int:
        """Chips in every call of ``propose``: a matrix product may round differently for another shape."""

    def propose(self, chips: UInt8[np.ndarray, "b y x 3"], /) -> Arrays:
        """Run the network on ``chips_per_call`` chips, rows before columns, red, green and blue.

        Returns arrays of numbers by name; the first axis of each is the chip. Names, dtypes and the other axes are the
        same in every call, and no array is called ``CHIP``. What is proposed for a chip must not depend on the other
        chips of its call.
        """


@runtime_checkable
class Labeller(Protocol):
    """Makes labels of what was proposed for chips of ``core_px + 2 * halo_px`` a side; needs no network."""

    @property
    def core_px(self) -> int:
        """Side of the part of a chip whose labels are kept."""

    @property
    def halo_px(self) -> int:
        """Context on each side of the core, labelled and dropped."""

    def label(self, arrays: Arrays, /) -> Labels:
        """Return class ids (0 is `other`), scores and margins (0..``SCORE_MAX``) of whole chips, each (b, y, x).

        ``arrays`` are what ``propose`` gave, of any number of chips from one on, in the order of their first axis.
        A chip's labels are a function of its own arrays alone, to the bit.
        """


@runtime_checkable
class Segmenter(Proposer, Labeller, Protocol):
    """Both: ``label(propose(chips))`` are the labels of chips."""


def class_dtype(classes: int) -> np.dtype[np.unsignedinteger]:
    """Return the dtype of the mask of a vocabulary of so many classes: uint8 up to 254, else uint16."""
    return np.dtype(np.uint8 if classes <= _UINT8_CLASSES else np.uint16)


def layout_of(segmenter: Proposer | Labeller) -> ChipLayout:
    """Return the layout of a segmenter's chips, of which ``chips.cover`` tells what to read for a window."""
    return ChipLayout(core_px=segmenter.core_px, halo_px=segmenter.halo_px)
