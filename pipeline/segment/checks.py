"""What a segmenter promises, checked where its arrays arrive: nothing is made of a broken promise, and it is named.

What is checked here may be anything, whatever its annotation said.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Integer

from pipeline.segment.protocols import CHIP, SCORE_MAX, SCORE_NODATA, Arrays, class_dtype

_NUMBERS = "biuf"  # numpy's kinds of dtypes that can be stored as they are: no objects, no texts


def proposals_of_call(arrays: object, *, chips: int) -> Arrays:
    """Return what ``propose`` gave for so many chips.

    Raises:
        TypeError: it is something else than arrays of numbers by name.
        ValueError: an array is not of so many chips, or is called ``CHIP``, or there is none.
    """
    found = _numbers(arrays)
    if CHIP in found:
        raise ValueError(
            f"{CHIP!r} says which chips a window's proposals are of: give this array another name"
        )
    if not found:
        raise ValueError("proposals are at least one array, got none")
    _check_lengths(found, chips)
    return found


def check_alike(arrays: Arrays, first: Arrays) -> None:
    """Refuse a call whose arrays have other names, dtypes or axes than those of the first.

    Raises:
        ValueError: they have.
    """
    found, expected = (
        {name: (array.dtype.name, *array.shape[1:]) for name, array in each.items()}
        for each in (arrays, first)
    )
    if found != expected:
        raise ValueError(
            f"proposals of every call have the same dtypes and axes: first {expected}, then {found}"
        )


def proposals_of_window(proposals: object, *, chips: int) -> tuple[Integer[np.ndarray, " b"], Arrays]:
    """Return which of a window's ``chips`` are proposed for, and the arrays of these.

    Raises:
        TypeError: the proposals are something else than arrays of numbers by name.
        ValueError: they are not of a window of so many chips, as ``propose_window`` makes them.
    """
    found = dict(_numbers(proposals))
    if CHIP not in found:
        raise ValueError(f"a window's proposals say by {CHIP!r} which chips they are of, got {sorted(found)}")
    chip = found.pop(CHIP)
    if chip.ndim != 1 or chip.dtype.kind not in "iu" or not _ascends(chip, below=chips):
        raise ValueError(f"{CHIP!r} are numbers of the window's {chips} chips, ascending, got {chip}")
    if len(chip) and not found:
        raise ValueError(f"proposals of {len(chip)} chips are at least one array, got none")
    _check_lengths(found, len(chip))
    return chip, found


def check_labels(labels: tuple[np.ndarray, ...], shape: tuple[int, int, int], *, classes: int) -> None:
    """Check the dtypes of chips' labels, that they are of ``shape`` (b, y, x), and their ranges.

    Raises:
        ValueError: they are not what ``label`` promises for so many classes.
    """
    got = [(part.dtype.name, part.shape) for part in labels]
    expected = [(name, shape) for name in (class_dtype(classes).name, "uint8", "uint8")]
    if got != expected:
        raise ValueError(f"a segmenter's class ids, scores and margins are {expected}, got {got}")
    if labels[0].max() > classes:
        raise ValueError(f"a segmenter's class ids are 0..{classes}, got {labels[0].max()}")
    if max(part.max() for part in labels[1:]) > SCORE_MAX:
        raise ValueError(f"a segmenter's scores and margins are 0..{SCORE_MAX}, got {SCORE_NODATA}")


def _numbers(arrays: object) -> Arrays:
    if not isinstance(arrays, Mapping):
        raise TypeError(f"proposals are arrays of numbers by name, got {type(arrays).__name__}")
    for name, array in arrays.items():
        if not isinstance(name, str) or not isinstance(array, np.ndarray) or array.dtype.kind not in _NUMBERS:
            got = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise TypeError(f"proposals are arrays of numbers by name, got {got} as {name!r}")
    return arrays


def _check_lengths(arrays: Arrays, chips: int) -> None:
    shapes = {name: array.shape for name, array in arrays.items() if array.shape[:1] != (chips,)}
    if shapes:
        raise ValueError(f"the first axis of proposals of {chips} chips is the chip, got arrays of {shapes}")


def _ascends(chip: Integer[np.ndarray, " b"], *, below: int) -> bool:
    return not len(chip) or bool(chip[0] >= 0 and chip[-1] < below and (chip[1:] > chip[:-1]).all())
