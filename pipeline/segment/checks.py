"""What a segmenter promises, checked where its arrays arrive: nothing is made of a broken promise, and it is named.

What is checked here may be anything, whatever its annotation said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.geometry.chips import ChipLayout
from pipeline.segment.protocols import SCORE_MAX, SCORE_NODATA, Arrays, class_dtype

_OF_QUERIES = {"embeddings", "index", "weight"}
_NAMES = ({*_OF_QUERIES}, {"features"}, {*_OF_QUERIES, "features"})
_DTYPES: Mapping[str, tuple[str, ...]] = {
    "embeddings": ("float32",),
    "index": ("uint8", "uint16"),
    "weight": ("uint8",),
    "features": ("float32",),
}


def proposals_of_call(arrays: object, *, chips: int, layout: ChipLayout) -> Arrays:
    """Return what ``propose`` gave for so many chips.

    Raises:
        TypeError: it is something else than arrays by name.
        ValueError: the arrays are not those of ``Proposer.propose``, or of so many chips of this layout.
    """
    found = _arrays(arrays)
    if {*found} not in _NAMES:
        raise ValueError(
            f"proposals are embeddings, index and weight, or features, or all of these; got {sorted(found)}"
        )
    places = layout.side_px // layout.stride_px
    for name, array in found.items():
        if array.dtype.name not in _DTYPES[name] or array.shape[:1] != (chips,):
            _refuse(name, array, f"{' or '.join(_DTYPES[name])} of {chips} chips")
    if "index" in found:
        _check_queries(found, chips, places)
    if "features" in found:
        _check_features(found["features"], places)
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


def check_labels(
    labels: tuple[np.ndarray, ...], shape: tuple[int, int], of_scores: tuple[int, int], *, classes: int
) -> None:
    """Check the dtypes of a chunk's labels, that they are of ``shape`` and ``of_scores`` (y, x), and their ranges.

    Raises:
        ValueError: they are not what ``label`` promises for so many classes.
    """
    got = [(part.dtype.name, part.shape) for part in labels]
    expected = [(class_dtype(classes).name, shape), ("uint8", of_scores), ("uint8", of_scores)]
    if got != expected:
        raise ValueError(f"a segmenter's class ids, scores and margins are {expected}, got {got}")
    if labels[0].max() > classes:
        raise ValueError(f"a segmenter's class ids are 0..{classes}, got {labels[0].max()}")
    if max(part.max() for part in labels[1:]) > SCORE_MAX:
        raise ValueError(f"a segmenter's scores and margins are 0..{SCORE_MAX}, got {SCORE_NODATA}")


def _arrays(arrays: object) -> dict[str, np.ndarray]:
    if not isinstance(arrays, Mapping):
        raise TypeError(f"proposals are arrays of numbers by name, got {type(arrays).__name__}")
    for name, array in arrays.items():
        if not isinstance(name, str) or not isinstance(array, np.ndarray):
            got = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise TypeError(f"proposals are arrays of numbers by name, got {got} as {name!r}")
    return dict(arrays)


def _check_queries(found: Arrays, chips: int, places: int) -> None:
    index, queries = found["index"], found["embeddings"]
    kept = index.shape[1] if index.ndim > 1 else 0
    for name in ("index", "weight"):
        if found[name].shape != (chips, kept, places, places) or not kept:
            _refuse(
                name,
                found[name],
                f"of {chips} chips of {places} x {places} places, with the same queries each",
            )
    if queries.ndim != 3 or index.max() >= queries.shape[1]:  # noqa: PLR2004 - chip, query, embedding
        _refuse("embeddings", queries, f"(b, q, e), with all queries of index, up to {index.max()}")


def _check_features(features: np.ndarray, places: int) -> None:
    sides = {*features.shape[2:]}
    if features.ndim != 4 or len(sides) != 1 or any(not side or places % side for side in sides):  # noqa: PLR2004
        _refuse("features", features, f"(b, e, y, x), with patches that divide {places} x {places} places")


def _refuse(name: str, array: np.ndarray, expected: str) -> Any:  # noqa: ANN401 - never returns
    raise ValueError(f"the array {name} of proposals is {expected}; got {array.dtype.name} of {array.shape}")
