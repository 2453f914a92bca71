"""Count a window's pixels by class, and sum a scene's windows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt, UInt8

OTHER = "other"
"""The name of class id 0: no class of the vocabulary reaches its threshold."""

_SCORE_MAX = 255  # scores are probabilities in 1/255


def window_statistics(
    mask: UInt[np.ndarray, "y x"],
    score: UInt8[np.ndarray, "y x"],
    areas: Float64[np.ndarray, "y x"] | None,
    *,
    classes: Sequence[str],
    nodata: int,
) -> list[dict[str, Any]]:
    """Return a record for each class that is in the window, ``other`` (0) among them, by class id.

    A record has ``class_id``, ``class_name``, ``pixels``, ``area_m2`` and ``mean_score`` (0 .. 1).
    ``areas`` is the ground area of each pixel in m2; ``area_m2`` is None without it, and where a pixel of
    the class has none (NaN). Pixels of ``nodata`` are not counted.

    Raises:
        ValueError: the mask holds an id that is neither of the vocabulary nor no data.
    """
    ids = mask.ravel()
    pixels = np.bincount(ids)
    pixels[nodata : nodata + 1] = 0
    names = [OTHER, *classes]
    if pixels[len(names) :].any():
        foreign = len(names) + int(np.flatnonzero(pixels[len(names) :])[0])
        raise ValueError(f"class ids are 0..{len(classes)} and {nodata} for no data, the mask has {foreign}")
    scores = np.bincount(ids, weights=score.ravel())
    areas_m2 = None if areas is None else np.bincount(ids, weights=areas.ravel())
    return [
        {
            "class_id": class_id,
            "class_name": names[class_id],
            "pixels": int(pixels[class_id]),
            "area_m2": None if areas_m2 is None else _finite(areas_m2[class_id]),
            "mean_score": float(scores[class_id] / pixels[class_id] / _SCORE_MAX),
        }
        for class_id in map(int, np.flatnonzero(pixels))
    ]


def scene_summary(
    scene_id: str, records: Iterable[Mapping[str, Any]], *, classes: Sequence[str]
) -> list[dict[str, Any]]:
    """Sum the records of a scene's windows: one for ``other`` and for every class, by class id.

    ``share`` is of the scene's valid pixels, 0 where there are none. A class without pixels has no
    ``mean_score``. ``area_m2`` is None where an area that goes into it is.
    """
    by_class: dict[int, list[Mapping[str, Any]]] = {class_id: [] for class_id in range(len(classes) + 1)}
    for record in records:
        by_class[record["class_id"]].append(record)
    valid = sum(record["pixels"] for found in by_class.values() for record in found)
    placed = all(record["area_m2"] is not None for found in by_class.values() for record in found)
    return [
        {
            "scene_id": scene_id,
            "class_id": class_id,
            "class_name": name,
            "share": sum(record["pixels"] for record in by_class[class_id]) / valid if valid else 0.0,
            **_summed(by_class[class_id], placed=placed),
        }
        for class_id, name in enumerate([OTHER, *classes])
    ]


def _summed(records: Sequence[Mapping[str, Any]], *, placed: bool) -> dict[str, Any]:
    """Sum one class; ``placed`` tells whether a class without a pixel has 0 m2 or no area at all."""
    pixels = sum(record["pixels"] for record in records)
    areas = [record["area_m2"] for record in records]
    known = placed if not areas else None not in areas
    scores = math.fsum(record["pixels"] * record["mean_score"] for record in records)
    return {
        "pixels": pixels,
        "area_m2": math.fsum(areas) if known else None,
        "mean_score": scores / pixels if pixels else None,
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
