"""The OME-NGFF 0.5 attributes that make viewers of microscopes show the masks as labels, in their colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyproj

from pipeline.geometry.scene import Header
from pipeline.geometry.transform import pixel_size
from pipeline.output.palette import rgba
from pipeline.store.contents import LEVEL

_UNITS = {("metre", 1.0): "meter", ("degree", 0.017453292519943295): "degree"}
_MICROMETERS = 1e6  # a meter


def ome_attributes(
    header: Header, *, name: str, classes: Sequence[str], colors: Sequence[str], nodata: int, levels: int = 0
) -> dict[str, Any]:
    """Return what OME says of a scene's masks and of its ``levels`` coarser ones.

    ``classes`` and ``colors`` are by class id, ``other`` the first; it and ``nodata`` are transparent.
    """
    scale, unit = _scale(header)
    axes = [{"name": axis, "type": "space", **({"unit": unit} if unit else {})} for axis in ("y", "x")]
    datasets = [
        {
            "path": f"{level or LEVEL}/class",
            "coordinateTransformations": _steps([side * 2**level for side in scale]),
        }
        for level in range(levels + 1)
    ]
    drawn = {id_: rgba(color, alpha=255 if id_ else 0) for id_, color in enumerate(colors)}
    return {
        "version": "0.5",
        "multiscales": [{"name": name, "axes": axes, "datasets": datasets}],
        "image-label": {
            "colors": [
                {"label-value": id_, "rgba": list(color)}
                for id_, color in (drawn | {nodata: (0, 0, 0, 0)}).items()
            ],
            # Of the same labels as the colours, else readers drop both.
            "properties": [
                {"label-value": id_, "class": each}
                for id_, each in (dict(enumerate(classes)) | {nodata: "no data"}).items()
            ],
        },
    }


def _steps(scale: list[float]) -> list[dict[str, Any]]:
    """Return how pixels lie in the plane of the axes, whose origin is the corner of the first one."""
    return [
        {"type": "scale", "scale": scale},
        {"type": "translation", "translation": [side / 2 for side in scale]},
    ]


def _scale(header: Header) -> tuple[list[float], str | None]:
    """Return a pixel's height and width and their unit; None where that is not known, or OME has no name for it."""
    if header.crs_wkt is None:
        if header.pixel_m is None:
            return list(pixel_size(header.transform)), None
        return [side * _MICROMETERS for side in header.pixel_m], "micrometer"
    first = pyproj.CRS.from_wkt(header.crs_wkt).axis_info[:1]
    known = [_UNITS.get((axis.unit_name, axis.unit_conversion_factor)) for axis in first]
    return list(pixel_size(header.transform)), known[0] if known else None
