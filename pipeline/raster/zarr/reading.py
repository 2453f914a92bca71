"""Zarr images in the words of rasterio's readers: their pixels, their levels, and what tells that they have changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from jaxtyping import Shaped

from pipeline.config import Reading
from pipeline.errors import RasterError
from pipeline.raster.gdal.door import ColorInterp
from pipeline.raster.gdal.non_gdal import ZARR, Area, NonGdalRaster
from pipeline.raster.zarr.arrays import array_of
from pipeline.raster.zarr.georeference import georeference_of, nodata_of
from pipeline.raster.zarr.images import Image, image_at
from pipeline.raster.zarr.nodes import Node, node_at
from pipeline.storage import objects
from pipeline.storage.location import Location
from pipeline.storage.objects import ObjectInfo

_SMALL_PX, _MANY_PX = 1024, 1 << 24  # chunks this small in an image this large are millions of objects


def opened_zarr(uri: str, reading: Reading, overview: int | None) -> NonGdalRaster:
    """Return the image at ``uri``, or its ``overview`` (from 0).

    Raises:
        RasterError: it is no image of rows, columns and bands, or its chunks are of a kind that is not read.
        PipelineError: the storage refused.
    """
    image = image_at(reading.at(uri))
    level = 0 if overview is None else overview + 1
    if level >= len(image.arrays):
        raise RasterError(f"{uri} has {len(image.arrays)} levels, and {level + 1} is asked for")
    node = node_at(image.arrays[level])
    axes = _Axes.of(node, image.axes)
    rows, cols = (node.chunk_shape[axis] for axis in (axes.row, axes.col))
    if rows * cols < _SMALL_PX and axes.pixels(node) > _MANY_PX:
        raise RasterError(f"{uri} has chunks of {rows} x {cols} pixels: write it with larger ones first")
    array = array_of(node, limit_bytes=reading.max_block_bytes + 2**20)
    bands = 1 if axes.band is None else node.shape[axes.band]
    told = len(image.colours) == bands
    return NonGdalRaster(
        driver=ZARR,
        shape=(node.shape[axes.row], node.shape[axes.col]),
        dtype="uint8" if node.dtype == "bool" else node.dtype,
        colorinterp=image.colours if told else (ColorInterp.undefined,) * bands,
        read_area=partial(_read, array, axes),
        levels=cache(partial(_levels, image)),
        georeference=cache(partial(georeference_of, node, image.group, image.pixel_m)),
        stored_bytes=partial(_stored_bytes, node.location),
        block_shape=(rows, cols),
        block_bytes=node.block_bytes,
        descriptions=image.labels if len(image.labels) == bands else (None,) * bands,
        nodata=nodata_of(node),
        bits=1 if node.dtype == "bool" else None,
    )


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
    if axes.band is None:
        found = np.asarray(array[tuple(wanted)])
        stored = {1: found if axes.row < axes.col else found.T}
    else:
        stored = _bands(array, axes, numbers, wanted)
    native = np.stack([stored[number] for number in numbers])
    return native.view(np.uint8) if native.dtype == np.bool_ else native


def _bands(
    array: Any,  # noqa: ANN401 - the same
    axes: _Axes,
    numbers: Sequence[int],
    wanted: list[Any],
) -> dict[int, Shaped[np.ndarray, "y x"]]:
    """Read bands by number: those of one chunk by one slice, which zarr reads sixty times as fast as a list."""
    assert axes.band is not None  # noqa: S101 - who asks has looked
    length = array.chunks[axes.band]
    chunks: dict[int, list[int]] = {}
    for number in sorted(set(numbers)):
        chunks.setdefault((number - 1) // length, []).append(number)
    left = sorted((axes.band, axes.row, axes.col))
    order = [left.index(axis) for axis in (axes.band, axes.row, axes.col)]
    stored: dict[int, np.ndarray] = {}
    for inside in chunks.values():
        wanted[axes.band] = slice(inside[0] - 1, inside[-1])
        found = np.asarray(array[tuple(wanted)]).transpose(order)
        stored |= {number: found[number - inside[0]] for number in inside}
    return stored


def _levels(image: Image) -> list[tuple[int, int]]:
    return [
        (node.shape[axes.row], node.shape[axes.col])
        for node in map(node_at, image.arrays[1:])
        for axes in [_Axes.of(node, image.axes)]
    ]


def _stored_bytes(location: Location, enough: int) -> int:
    found = 0
    for each in objects.list_all(location):
        found += each.size_bytes
        if found >= enough:
            break
    return found


def zarr_info(location: Location) -> ObjectInfo:
    """Return the size of the finest array of the image at a location, and what changes with its documents and chunks.

    That is a digest of what the image's group and its array say, and of the first chunks, see ``folder_info``; what
    else lies below the group, such as labels of the image, is no part of it.

    Raises:
        RasterError: there is no image.
        PipelineError: the storage refused.
    """
    image = image_at(location)
    node = node_at(image.arrays[0])
    chunks = objects.folder_info(node.location)
    said = [
        [array.uri for array in image.arrays[1:]],
        image.axes,
        image.pixel_m,
        image.labels,
        image.colours,
        node.metadata,
        node.attributes,
    ]
    digest = hashlib.sha256(f"{chunks.etag}{json.dumps(said, sort_keys=True, default=str)}".encode())
    return ObjectInfo(chunks.size_bytes, digest.hexdigest()[:32])
