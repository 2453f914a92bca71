"""Zarr images as rasters: OME-Zarr 0.4 and 0.5 (ngff.openmicroscopy.org) and plain arrays whose axes have names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import RasterError
from pipeline.raster.gdal.door import ColorInterp
from pipeline.raster.zarr.nodes import Node, node_at
from pipeline.storage import objects
from pipeline.storage.location import Location

_ROWS = {"y", "lat", "latitude", "row", "rows"}
_COLS = {"x", "lon", "longitude", "col", "cols", "column", "columns"}
_BANDS = {"c", "band", "bands", "channel", "channels"}
_COLOURS = {"FF0000": ColorInterp.red, "00FF00": ColorInterp.green, "0000FF": ColorInterp.blue}
_METRES = {"meter": 1.0, "centimeter": 1e-2, "millimeter": 1e-3, "micrometer": 1e-6, "nanometer": 1e-9}


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image: its arrays, the finest first; the axes of them all, and what else its group says."""

    group: Node | None
    arrays: tuple[Location, ...]
    axes: tuple[str, ...]
    pixel_m: tuple[float, float] | None = None
    labels: tuple[str | None, ...] = ()
    colours: tuple[ColorInterp, ...] = ()


def image_at(location: Location) -> Image:
    """Return which arrays make the image at a location.

    Raises:
        RasterError: there is none, or more than one.
    """
    uri, node = location.uri, node_at(location)
    if node.kind == "array":
        return Image(group=None, arrays=(location,), axes=_named_axes(node))
    stated = node.attributes.get("ome", node.attributes)
    scales = stated.get("multiscales") if isinstance(stated, dict) else None
    if not isinstance(scales, list) or not scales:
        raise RasterError(f"{uri} is a Zarr group and no OME-Zarr image: {_inside(node)}")
    try:
        return _multiscale(node, scales[0], stated.get("omero") or {})
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise RasterError(f"{uri} is an OME-Zarr image whose metadata is damaged: {error!r}") from error


def _multiscale(node: Node, scale: Mapping[str, Any], omero: Mapping[str, Any]) -> Image:
    """Return the first multiscale image that a group states, as OME-Zarr 0.4 and 0.5 have it."""
    axes = [each if isinstance(each, dict) else {"name": each} for each in scale["axes"]]
    kinds = {"channel": "c", "time": "t"}
    names = tuple(kinds.get(str(each.get("type")), str(each["name"]).lower()) for each in axes)
    steps = [scale["datasets"][0], scale]
    factors = [
        step["scale"]
        for each in steps
        for step in each.get("coordinateTransformations") or []
        if step.get("type") == "scale" and "scale" in step
    ]
    metres = [_METRES.get(str(each.get("unit"))) for each in axes]
    sides = [
        None if metre is None or not factors else metre * math.prod(float(each[axis]) for each in factors)
        for axis, metre in enumerate(metres)
    ]
    high, wide = (sides[names.index(name)] if name in names else None for name in "yx")
    channels = [each for each in omero.get("channels") or [] if isinstance(each, dict)]
    shown = [_COLOURS.get(str(each.get("color")).upper()) for each in channels]
    return Image(
        group=node,
        arrays=tuple(_below(node.location, str(each["path"])) for each in scale["datasets"]),
        axes=names,
        pixel_m=(high, wide) if high and wide and high > 0 and wide > 0 else None,
        labels=tuple(each.get("label") and str(each["label"]) for each in channels),
        colours=tuple(each or ColorInterp.undefined for each in shown),
    )


def _below(location: Location, path: str) -> Location:
    """Return where an array is below its group, whatever a hostile path says."""
    parts = path.strip("/").split("/")
    if any(part in ("", ".", "..") or ":" in part or "\\" in part for part in parts):
        raise RasterError(f"{location} names {path!r}, which is not below it")
    return location.join(*parts)


def _named_axes(node: Node) -> tuple[str, ...]:
    """Return the names of a plain array's axes: v3's own, xarray's, or y and x where there are two."""
    names = node.metadata.get("dimension_names") or node.attributes.get("_ARRAY_DIMENSIONS")
    if names is None and len(node.shape) == 2:  # noqa: PLR2004 - rows and columns
        return ("y", "x")
    if not isinstance(names, list) or len(names) != len(node.shape) or None in names:
        raise RasterError(
            f"{node.uri} is an array of {len(node.shape)} axes without names: expected dimension_names such as "
            "c, y, x"
        )
    known = [(_ROWS, "y"), (_COLS, "x"), (_BANDS, "c")]
    return tuple(next((short for all_, short in known if str(n).lower() in all_), str(n)) for n in names)


def _inside(node: Node) -> str:
    """Say which arrays and images a group holds."""
    if "plate" in node.attributes or "plate" in (node.attributes.get("ome") or {}):
        return "it is a plate of many images, name one such as A/1/0 below it"
    names = objects.list_folders(node.location)
    listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")  # noqa: PLR2004 - enough to see
    return f"name one of what it holds ({listed or 'nothing'}), such as {node.uri}/{(names or ['0'])[0]}"
