"""Propose for a window and label it: cut it into chips, and lay the labels of their cores together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Shaped, UInt, UInt8

from pipeline.geometry import chips
from pipeline.geometry.chips import FILL, ChipLayout
from pipeline.geometry.window import Window
from pipeline.segment import checks
from pipeline.segment.protocols import (
    CHIP,
    SCORE_NODATA,
    Arrays,
    Labeller,
    Proposer,
    Segmenter,
    class_dtype,
    layout_of,
)

_LABELLED_AT_ONCE = 8  # chips: what labels take in memory is bounded by it, and does not grow with the window


@dataclass(frozen=True, slots=True)
class WindowLabels:
    """What is known of a window's pixels: class ids, and probabilities times ``SCORE_MAX``.

    The maximum of an array's dtype is no data, and all three have it at the same pixels.

    Raises:
        ValueError: the arrays are of other dtypes, of several shapes, or do not agree on where there is no data.
    """

    mask: UInt[np.ndarray, "y x"]
    score: UInt8[np.ndarray, "y x"]
    margin: UInt8[np.ndarray, "y x"]

    def __post_init__(self) -> None:
        found = [(part.dtype.name, part.shape) for part in (self.mask, self.score, self.margin)]
        expected = [("uint16" if found[0][0] == "uint16" else "uint8", self.mask.shape[:2])]
        expected += [("uint8", self.mask.shape[:2])] * 2
        if found != expected:
            raise ValueError(f"mask, score and margin of a window are {expected}, got {found}")
        nodata = self.mask == np.iinfo(self.mask.dtype).max
        for name in ("score", "margin"):
            if not np.array_equal(getattr(self, name) == SCORE_NODATA, nodata):
                raise ValueError(
                    f"mask and {name} of a window have no data at the same pixels, got different ones"
                )


def segment_window(
    segmenter: Segmenter,
    pixels: UInt8[np.ndarray, "y x 3"],
    valid: Bool[np.ndarray, "y x"],
    *,
    window: Window,
    classes: int,
) -> WindowLabels:
    """Propose and label: pixels of a window and its surroundings become its labels.

    ``pixels`` and ``valid`` are as ``propose_window`` takes them, ``classes`` as ``label_window`` does.

    Raises:
        ValueError, TypeError: as those two.
    """
    proposals = propose_window(segmenter, pixels, valid, window=window)
    inside = valid[window.slices_in(chips.cover(window, layout_of(segmenter)))]
    return label_window(segmenter, proposals, inside, window=window, classes=classes)


def propose_window(
    proposer: Proposer, pixels: UInt8[np.ndarray, "y x 3"], valid: Bool[np.ndarray, "y x"], *, window: Window
) -> Arrays:
    """Return the proposals of ``window``: those of its chips, stacked, and which chips these are.

    ``pixels`` and ``valid`` are of ``chips.cover(window, layout)``, rows before columns; where ``valid`` is false there
    is no data, and pixels are ``FILL``. A chip without a valid pixel in its core is not proposed for. The network is
    called with ``chips_per_call`` chips each time; what is missing in the last call is chips of ``FILL``, whose
    proposals are dropped.

    Under ``CHIP`` are the numbers (int64, ascending) of the proposed chips in the grid of ``chips.cut``, which goes row
    by row. All other arrays are the proposer's, by its names: their first axis is the chip, in that order. A window
    without a valid pixel asks the network nothing, and has ``CHIP`` alone, of length 0.

    Raises:
        ValueError: pixels or valid are not of the covering rectangle, or the proposer broke its promise.
        TypeError: the proposer gave something else than arrays of numbers by name.
    """
    layout = layout_of(proposer)
    cut = chips.cut(pixels, window=window, layout=layout)
    has_data = chips.core(chips.cut(valid, window=window, layout=layout), layout=layout).any(axis=(1, 2))
    wanted = np.flatnonzero(has_data).astype(np.int64)
    found: dict[str, np.ndarray] = {}
    for start in range(0, len(wanted), proposer.chips_per_call):
        some = wanted[start : start + proposer.chips_per_call]
        arrays = _called(proposer, cut[some])
        if not found:
            found = {name: np.empty((len(wanted), *a.shape[1:]), a.dtype) for name, a in arrays.items()}
        checks.check_alike(arrays, found)
        for name, array in arrays.items():
            found[name][start : start + len(some)] = array
    return {CHIP: wanted, **found}


def label_window(
    labeller: Labeller,
    proposals: Arrays,
    valid: Bool[np.ndarray, "y x"],
    *,
    window: Window,
    classes: int,
) -> WindowLabels:
    """Return the labels of ``window`` by what ``propose_window`` proposed for it, now or long ago.

    ``valid`` says which of the window's own pixels have data: all others become no data in mask, score and margin.
    ``classes`` is how many class ids there are beside 0; the mask is of ``class_dtype(classes)``.

    Raises:
        ValueError: the proposals are not those of this window and layout, ``valid`` is not of the window, or the
            labeller broke its promise.
    """
    layout = layout_of(labeller)
    count = chips.count_chips(window, layout)
    chip, arrays = checks.proposals_of_window(proposals, chips=count)
    if valid.shape != window.shape:
        raise ValueError(f"valid pixels of {window!r} are an array of {window.shape}, got {valid.shape}")
    cores = _no_labels(count, layout, classes)
    for start in range(0, len(chip), _LABELLED_AT_ONCE):
        some = slice(start, start + _LABELLED_AT_ONCE)
        labels = labeller.label({name: array[some] for name, array in arrays.items()})
        checks.check_labels(labels, (len(chip[some]), layout.side_px, layout.side_px), classes=classes)
        for core, part in zip(cores, labels, strict=True):
            core[chip[some]] = chips.core(part, layout=layout)
    mask, score, margin = (chips.stitch(part, window=window, layout=layout) for part in cores)
    if (score[valid] == SCORE_NODATA).any():
        raise ValueError(
            f"valid pixels of {window!r} lie in chips that nothing is proposed for: of another window?"
        )
    mask[~valid] = np.iinfo(mask.dtype).max
    score[~valid] = margin[~valid] = SCORE_NODATA
    return WindowLabels(mask, score, margin)


def _called(proposer: Proposer, some: UInt8[np.ndarray, "b y x 3"]) -> dict[str, np.ndarray]:
    """Return the checked proposals of some chips, at most as many as a call has."""
    call = np.full((proposer.chips_per_call, *some.shape[1:]), FILL, np.uint8)
    call[: len(some)] = some
    arrays = checks.proposals_of_call(proposer.propose(call), chips=len(call))
    return {name: array[: len(some)] for name, array in arrays.items()}


def _no_labels(count: int, layout: ChipLayout, classes: int) -> tuple[Shaped[np.ndarray, "b core core"], ...]:
    """Return mask, score and margin of chip cores that are all no data."""
    dtypes = (class_dtype(classes), np.dtype(np.uint8), np.dtype(np.uint8))
    shape = (count, layout.core_px, layout.core_px)
    return tuple(np.full(shape, np.iinfo(dtype).max, dtype) for dtype in dtypes)
