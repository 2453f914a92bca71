"""Zarr images as rasters: OME-Zarr 0.4 and 0.5 (ngff.openmicroscopy.org) and plain arrays whose axes have names."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from jaxtyping import Shaped
from rasterio.enums import ColorInterp

from pipeline import objects
from pipeline.config import Reading
from pipeline.errors import RasterError
from pipeline.objects import ObjectInfo
from pipeline.raster.foreign import Area, Foreign
from pipeline.raster.zarr_arrays import Node, array_of, node_at
from pipeline.raster.zarr_places import nodata_of, place_of

_ROWS = {"y", "lat", "latitude", "row", "rows"}
_COLS = {"x", "lon", "longitude", "col", "cols", "column", "columns"}
_BANDS = {"c", "band", "bands", "channel", "channels"}
_COLOURS = {"FF0000": ColorInterp.red, "00FF00": ColorInterp.green, "0000FF": ColorInterp.blue}
_METRES = {"meter": 1.0, "centimeter": 1e-2, "millimeter": 1e-3, "micrometer": 1e-6, "nanometer": 1e-9}
_SMALL_PX, _MANY_PX = 1024, 1 << 24  # chunks this small in an image this large are millions of objects


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image: its arrays, the finest first, by uri; the axes of them all, and what else its group says."""

    group: Node | None
    uris: tuple[str, ...]
    axes: tuple[str, ...]
    pixel_m: tuple[float, float] | None = None
    labels: tuple[str | None, ...] = ()
    colours: tuple[ColorInterp, ...] = ()


def opened_zarr(uri: str, reading: Reading, overview: int | None) -> Foreign:
    """Return the image at ``uri``, or its ``overview`` (from 0).

    Raises:
        RasterError: it is no image of rows, columns and bands, or its chunks are of a kind that is not read.
        PipelineError: the storage refused.
    """
    image = image_at(uri)
    place = 0 if overview is None else overview + 1
    if place >= len(image.uris):
        raise RasterError(f"{uri} has {len(image.uris)} levels, and {place + 1} is asked for")
    node = node_at(image.uris[place])
    axes = _Axes.of(node, image.axes)
    rows, cols = (node.chunk_shape[axis] for axis in (axes.row, axes.col))
    if rows * cols < _SMALL_PX and axes.pixels(node) > _MANY_PX:
        raise RasterError(f"{uri} has chunks of {rows} x {cols} pixels: write it with larger ones first")
    array = array_of(node, limit_bytes=reading.max_block_bytes + 2**20)
    bands = 1 if axes.band is None else node.shape[axes.band]
    told = len(image.colours) == bands
    return Foreign(
        driver="Zarr",
        shape=(node.shape[axes.row], node.shape[axes.col]),
        dtype="uint8" if node.dtype == "bool" else node.dtype,
        colorinterp=image.colours if told else (ColorInterp.undefined,) * bands,
        read_area=partial(_read, array, axes),
        levels=cache(partial(_levels, image)),
        place=cache(partial(place_of, node, image.group, image.pixel_m)),
        stored_bytes=partial(_stored_bytes, node.uri),
        block_shape=(rows, cols),
        block_bytes=node.block_bytes,
        descriptions=image.labels if len(image.labels) == bands else (None,) * bands,
        nodata=nodata_of(node),
        bits=1 if node.dtype == "bool" else None,
    )


def image_at(uri: str) -> Image:
    """Return which arrays make the image at ``uri``.

    Raises:
        RasterError: there is none, or more than one.
    """
    node = node_at(uri)
    if node.kind == "array":
        return Image(group=None, uris=(uri,), axes=_named_axes(node))
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
        uris=tuple(_below(node.uri, str(each["path"])) for each in scale["datasets"]),
        axes=names,
        pixel_m=(high, wide) if high and wide and high > 0 and wide > 0 else None,
        labels=tuple(each.get("label") and str(each["label"]) for each in channels),
        colours=tuple(each or ColorInterp.undefined for each in shown),
    )


def _below(uri: str, path: str) -> str:
    """Return the uri of an array below its group, whatever a hostile path says."""
    parts = path.strip("/").split("/")
    if any(part in ("", ".", "..") or ":" in part or "\\" in part for part in parts):
        raise RasterError(f"{uri} names {path!r}, which is not below it")
    return objects.join(uri, *parts)


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
    names = objects.list_folders(node.uri)
    listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")  # noqa: PLR2004 - enough to see
    return f"name one of what it holds ({listed or 'nothing'}), such as {node.uri}/{(names or ['0'])[0]}"


@dataclass(frozen=True, slots=True)
class _Axes:
    """Which axes of an array are rows, columns and, where there are, bands."""

    row: int
    col: int
    band: int | None

    @classmethod
    def of(cls, node: Node, names: Sequence[str]) -> _Axes:
        if len(names) != len(node.shape):
            raise RasterError(f"{node.uri} has {len(node.shape)} axes, expected {', '.join(names)}")
        if len(set(names)) != len(names) or not {"y", "x"} <= set(names):
            raise RasterError(
                f"{node.uri} has the axes {', '.join(names)}: expected y and x, and c for bands"
            )
        for name, length in zip(names, node.shape, strict=True):
            if name not in ("y", "x", "c") and length > 1:
                raise RasterError(
                    f"{node.uri} has {length} planes along {name}: a scene is one plane, write the one that is "
                    "wanted as an image of its own"
                )
        return cls(names.index("y"), names.index("x"), names.index("c") if "c" in names else None)

    def pixels(self, node: Node) -> int:
        return node.shape[self.row] * node.shape[self.col]


def _read(
    array: Any,  # noqa: ANN401 - zarr's, and this room is not its door
    axes: _Axes,
    numbers: Sequence[int],
    area: Area,
) -> Shaped[np.ndarray, "bands y x"]:
    """Read bands of an area: each chunk once, and of t and z the only plane."""
    wanted: list[Any] = [0] * len(array.shape)
    wanted[axes.row], wanted[axes.col] = slice(*area[0]), slice(*area[1])
    bands = sorted(set(numbers))
    if axes.band is not None:
        wanted[axes.band] = [number - 1 for number in bands]
    found = np.asarray(array.oindex[tuple(wanted)])
    if axes.band is None:
        found = found[None] if axes.row < axes.col else found.T[None]
    else:
        left = sorted((axes.band, axes.row, axes.col))
        found = found.transpose([left.index(axis) for axis in (axes.band, axes.row, axes.col)])
    if found.dtype == np.bool_:
        found = found.view(np.uint8)
    native: np.ndarray = found[[bands.index(number) for number in numbers]]
    return native.astype(native.dtype.newbyteorder("="), copy=False)


def _levels(image: Image) -> list[tuple[int, int]]:
    return [
        (node.shape[axes.row], node.shape[axes.col])
        for node in map(node_at, image.uris[1:])
        for axes in [_Axes.of(node, image.axes)]
    ]


def _stored_bytes(uri: str, enough: int) -> int:
    found = 0
    for each in objects.measured(uri):
        found += each.size_bytes
        if found >= enough:
            break
    return found


def zarr_info(uri: str) -> ObjectInfo:
    """Return the size of the finest array of the image at ``uri``, and what changes with its documents and chunks.

    That is a digest of what the image's group and its array say, and of the first chunks, see ``folder_info``; what
    else lies below the group, such as labels of the image, is no part of it.

    Raises:
        RasterError: there is no image.
        PipelineError: the storage refused.
    """
    image = image_at(uri)
    node = node_at(image.uris[0])
    chunks = objects.folder_info(node.uri)
    said = [
        image.uris[1:],
        image.axes,
        image.pixel_m,
        image.labels,
        image.colours,
        node.metadata,
        node.attributes,
    ]
    digest = hashlib.sha256(f"{chunks.etag}{json.dumps(said, sort_keys=True, default=str)}".encode())
    return ObjectInfo(chunks.size_bytes, digest.hexdigest()[:32])
