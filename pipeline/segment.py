"""Segment one window: cut it into chips, ask a segmenter, stitch its answers.

A segmenter is any object of the protocol below; what it is made of is its own affair. The result of a
window depends on the scene's pixels and on the segmenter alone, never on the window's place or size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, UInt, UInt8

from pipeline.geometry import chips
from pipeline.geometry.chips import FILL, ChipLayout
from pipeline.geometry.window import Window

Labels = tuple[UInt[np.ndarray, "b y x"], UInt8[np.ndarray, "b y x"], UInt8[np.ndarray, "b y x"]]
"""Class id (uint8, or uint16 where a vocabulary has more than 254 classes), score and margin (0..254) of chips."""

SCORE_MAX = 254
"""What a probability of 1 is as a score or margin: probability = value / 254, and 255 is no data."""

_SCORE_NODATA = 255
_UINT8_CLASSES = 254  # 0 is `other` and 255 no data


@runtime_checkable
class Segmenter(Protocol):
    """Segments chips of ``core_px + 2 * halo_px`` a side, always ``chips_per_call`` of them.

    Labels are of the full chip; the caller drops the halo. A chip's labels must not depend on the other
    chips of its call.
    """

    @property
    def core_px(self) -> int:
        """Side of the part of a chip whose labels are kept."""

    @property
    def halo_px(self) -> int:
        """Context on each side of the core, segmented and dropped."""

    @property
    def chips_per_call(self) -> int:
        """Chips in every call: a matrix product may round differently for another shape."""

    def propose(self, chips: UInt8[np.ndarray, "b y x 3"], /) -> Any:  # noqa: ANN401 - its own affair
        """Run the network; only ``label`` knows what is in the answer."""

    def label(self, proposals: Any, /) -> Labels:  # noqa: ANN401 - what `propose` gave
        """Turn proposals into class ids, scores and margins of (b, y, x)."""


@dataclass(frozen=True, slots=True)
class WindowLabels:
    """What is known of a window's pixels: class ids, and probabilities times ``SCORE_MAX``.

    The maximum of an array's dtype is no data, and all three have it at the same pixels.
    """

    mask: UInt[np.ndarray, "y x"]
    score: UInt8[np.ndarray, "y x"]
    margin: UInt8[np.ndarray, "y x"]


def class_dtype(classes: int) -> np.dtype[np.unsignedinteger[Any]]:
    """Return the dtype of the mask of a vocabulary of so many classes: uint8 up to 254, else uint16."""
    return np.dtype(np.uint8 if classes <= _UINT8_CLASSES else np.uint16)


class WindowSegmenter:
    """A segmenter of chips made one of windows.

    ``dtype`` is that of the masks: it must be known before the first call, because a window without a
    valid pixel asks the segmenter nothing.
    """

    def __init__(self, segmenter: Segmenter, *, dtype: np.dtype[Any] | type = np.uint8) -> None:
        """Wrap ``segmenter``, whose class ids are of ``dtype``."""
        self.layout = ChipLayout(core_px=segmenter.core_px, halo_px=segmenter.halo_px)
        self._segmenter = segmenter
        self._dtype = np.dtype(dtype)

    def __call__(
        self, pixels: UInt8[np.ndarray, "y x 3"], valid: Bool[np.ndarray, "y x"], *, window: Window
    ) -> WindowLabels:
        """Label ``window`` from the pixels of ``chips.cover(window, layout)`` and where they are valid.

        Raises:
            ValueError: the arrays are not of the covering rectangle, or the segmenter broke its promise.
        """
        cut = chips.cut(pixels, window=window, layout=self.layout)
        wanted = chips.core(chips.cut(valid, window=window, layout=self.layout), layout=self.layout)
        cores = self._label(cut, np.flatnonzero(wanted.any(axis=(1, 2))))
        mask, score, margin = (chips.stitch(part, window=window, layout=self.layout) for part in cores)
        outside = ~valid[window.slices_in(chips.cover(window, self.layout))]
        mask[outside] = np.iinfo(self._dtype).max
        score[outside] = margin[outside] = _SCORE_NODATA
        return WindowLabels(mask, score, margin)

    def _label(self, cut: UInt8[np.ndarray, "b y x 3"], wanted: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return mask, score and margin of all cores: of the wanted ones as labelled, else zero."""
        side, size = self.layout.core_px, self._segmenter.chips_per_call
        cores = tuple(np.zeros((len(cut), side, side), dtype) for dtype in (self._dtype, np.uint8, np.uint8))
        for start in range(0, len(wanted), size):
            chosen = wanted[start : start + size]
            call = np.full((size, *cut.shape[1:]), FILL, np.uint8)
            call[: len(chosen)] = cut[chosen]
            for part, labels in zip(cores, self._checked(call), strict=True):
                part[chosen] = chips.core(labels[: len(chosen)], layout=self.layout)
        return cores

    def _checked(self, call: UInt8[np.ndarray, "b y x 3"]) -> Labels:
        labels = self._segmenter.label(self._segmenter.propose(call))
        got = [(part.dtype.name, part.shape) for part in labels]
        expected = [(name, call.shape[:3]) for name in (self._dtype.name, "uint8", "uint8")]
        if got != expected:
            raise ValueError(f"a segmenter's class ids, scores and margins are {expected}, got {got}")
        if max(part.max() for part in labels[1:]) > SCORE_MAX:
            raise ValueError(f"a segmenter's scores and margins are 0..{SCORE_MAX}, got {_SCORE_NODATA}")
        return labels
