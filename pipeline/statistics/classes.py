"""Count a window's pixels by class, and sum a scene's windows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt, UInt8

from pipeline.segment import SCORE_MAX

OTHER = "other"
"""The name of class id 0: no class of the vocabulary reaches its threshold."""


def window_statistics(
    mask: UInt[np.ndarray, "y x"],
    score: UInt8[np.ndarray, "y1 x1"],
    areas: Float64[np.ndarray, "y x"] | None,
    *,
    classes: Sequence[str],
    nodata: int,
    score_stride_px: int = 1,
) -> list[dict[str, Any]]:
    """Return a record for each class that is in the window, ``other`` (0) among them, by class id.

    A record has ``class_id``, ``class_name``, ``pixels``, ``unplaced_pixels``, ``area_m2`` and ``mean_score``
    (0 .. 1), the mean over its pixels of the score of the square of ``score_stride_px`` that each is in. ``areas`` is
    the ground area of each pixel in m2, NaN where it has no place on earth: these are the unplaced ones, which have no
    part in ``area_m2``, and all are without ``areas``. It is None where no pixel of the class has one. Pixels of
    ``nodata`` are not counted.

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
    scores = np.bincount(ids, weights=_of_pixels(score, score_stride_px, mask.shape).ravel())
    areas_m2, unplaced = _areas_by_class(ids, areas)
    return [
        {
            "class_id": class_id,
            "class_name": names[class_id],
            "pixels": int(pixels[class_id]),
            "unplaced_pixels": int(unplaced[class_id]),
            "area_m2": float(areas_m2[class_id]) if unplaced[class_id] < pixels[class_id] else None,
            "mean_score": float(scores[class_id] / pixels[class_id] / SCORE_MAX),
        }
        for class_id in map(int, np.flatnonzero(pixels))
    ]


def scene_summary(
    scene_id: str,
    records: Iterable[Mapping[str, Any]],
    *,
    classes: Sequence[str],
    about: Mapping[str, Any],
    windows: tuple[int, int | None],
) -> list[dict[str, Any]]:
    """Sum the records of a scene's windows: one for ``other`` and for every class, by class id.

    Each has ``about`` the scene, and of its ``windows`` how many are done and how many are not (None: not known).
    ``share`` is of the scene's valid pixels, 0 where there are none, and ``area_share`` of their area, None where
    they have none. A class without pixels has no ``mean_score``. ``area_m2`` is of the pixels that have a place on
    earth.
    """
    by_class: dict[int, list[Mapping[str, Any]]] = {class_id: [] for class_id in range(len(classes) + 1)}
    for record in records:
        by_class[record["class_id"]].append(record)
    every = [record for found in by_class.values() for record in found]
    summed = {class_id: _summed(found, scene=every) for class_id, found in by_class.items()}
    valid = sum(each["pixels"] for each in summed.values())
    area_m2 = math.fsum(each["area_m2"] or 0.0 for each in summed.values())
    return [
        {
            "scene_id": scene_id,
            **about,
            "windows_done": windows[0],
            "windows_failed": windows[1],
            "valid_pixels": valid,
            "class_id": class_id,
            "class_name": name,
            "share": summed[class_id]["pixels"] / valid if valid else 0.0,
            "area_share": (summed[class_id]["area_m2"] or 0.0) / area_m2 if area_m2 else None,
            **summed[class_id],
        }
        for class_id, name in enumerate([OTHER, *classes])
    ]


def _summed(records: Sequence[Mapping[str, Any]], *, scene: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sum one class; by the others of its scene a class without a pixel has 0 m2 or no area at all."""
    pixels = sum(record["pixels"] for record in records)
    areas = [record["area_m2"] for record in records or scene if record["area_m2"] is not None]
    scores = math.fsum(record["pixels"] * record["mean_score"] for record in records)
    return {
        "pixels": pixels,
        "unplaced_pixels": sum(record["unplaced_pixels"] for record in records),
        "area_m2": None if (records or scene) and not areas else math.fsum(areas if records else ()),
        "mean_score": scores / pixels if pixels else None,
    }


def _of_pixels(
    score: UInt8[np.ndarray, "y1 x1"], stride_px: int, shape: tuple[int, ...]
) -> UInt8[np.ndarray, "y x"]:
    """Return for each pixel the score of its square."""
    height, width = shape
    rows, cols = (np.arange(side) // stride_px for side in (height, width))
    return score[rows[:, None], cols]


def _areas_by_class(
    ids: UInt[np.ndarray, "n"], areas: Float64[np.ndarray, "y x"] | None
) -> tuple[Float64[np.ndarray, "c"], Float64[np.ndarray, "c"]]:
    """Return the area of each class, and how many of its pixels have none."""
    of_pixels = np.full(ids.shape, np.nan) if areas is None else areas.ravel()
    unplaced = np.isnan(of_pixels)
    summed = np.bincount(ids, weights=np.where(unplaced, 0.0, of_pixels))
    return summed, np.bincount(ids, weights=unplaced.astype(np.float64))
