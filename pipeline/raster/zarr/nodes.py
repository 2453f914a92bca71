"""What is at a uri in a Zarr hierarchy, v2 or v3, by its documents: they are whatever their author wrote."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pipeline.errors import RasterError
from pipeline.raster.zarr.codecs import codecs_of, name_of
from pipeline.storage import objects
from pipeline.storage.documents import json_of
from pipeline.storage.location import Location

_DOCUMENT_BYTES = 16 * 2**20
_INDEX_BYTES = 16  # of a chunk in a shard: its offset and length
_DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_INEXACT = ("float16", "float32", "float64", "complex64", "complex128")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A group or an array: where it is, its attributes, and an array's metadata in the words of v3.

    ``v2_fill`` is the fill value that a v2 array states.
    """

    location: Location
    kind: Literal["group", "array"]
    attributes: Mapping[str, Any]
    metadata: Mapping[str, Any]
    v2_fill: Any = None

    @property
    def uri(self) -> str:
        """The uri, for a message."""
        return self.location.uri

    def beside(self, name: str) -> Location:
        """Return where a neighbour is, which is below the same group."""
        return self.location.at(self.uri.rsplit("/", 1)[0]).join(name)

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of an array's axes."""
        return tuple(map(int, self.metadata["shape"]))

    @property
    def dtype(self) -> str:
        """The numpy name of an array's pixels."""
        return str(self.metadata["data_type"])

    @property
    def chunk_shape(self) -> tuple[int, ...]:
        """The lengths of what is decoded at once: a chunk, or one inside a shard."""
        for codec in self.metadata["codecs"]:
            if name_of(codec) == "sharding_indexed":
                return tuple(map(int, codec["configuration"]["chunk_shape"]))
        return self.shard_shape

    @property
    def shard_shape(self) -> tuple[int, ...]:
        """The lengths of what is one object."""
        return tuple(map(int, self.metadata["chunk_grid"]["configuration"]["chunk_shape"]))

    @property
    def block_bytes(self) -> int:
        """Bytes of a decoded chunk, or of a shard's index where that is more."""
        inside = math.prod(self.shard_shape) // max(1, math.prod(self.chunk_shape))
        return max(math.prod(self.chunk_shape) * np.dtype(self.dtype).itemsize, inside * _INDEX_BYTES)


def node_at(location: Location) -> Node:
    """Return what is at a location.

    Raises:
        RasterError: nothing of Zarr, or an array of a kind that is not read.
        PipelineError: the storage refused.
    """
    uri, found = location.uri, _document(location.join("zarr.json"))
    if found is not None:
        kind: Literal["group", "array"] = "array" if found.get("node_type") == "array" else "group"
        metadata = _checked(uri, found) if kind == "array" else {}
        return Node(location=location, kind=kind, attributes=found.get("attributes") or {}, metadata=metadata)
    found = _document(location.join(".zarray"))
    attributes = _document(location.join(".zattrs")) or {}
    if found is not None:
        fill = found.get("fill_value")
        metadata = _checked(uri, _of_v2(uri, found))
        return Node(location=location, kind="array", attributes=attributes, metadata=metadata, v2_fill=fill)
    if not attributes and _document(location.join(".zgroup")) is None:
        there = "holds no zarr.json, .zarray or .zgroup" if objects.is_folder(location) else "does not exist"
        raise RasterError(f"{uri} {there}: expected a Zarr array or an OME-Zarr image")
    return Node(location=location, kind="group", attributes=attributes, metadata={})


def _document(location: Location) -> dict[str, Any] | None:
    try:
        text = objects.get_bytes(location, limit_bytes=_DOCUMENT_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        found = json_of(text) if len(text) <= _DOCUMENT_BYTES else None
    except ValueError as error:
        raise RasterError(f"{location} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise RasterError(f"{location} is no JSON object of at most 16 MiB")
    return found


def _of_v2(uri: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a v2 array in the words of v3."""
    if found.get("filters"):
        names = ", ".join(str(each.get("id")) for each in found["filters"])
        raise RasterError(f"{uri} has chunks of the filters {names}, which are not read: write it without")
    dtype, fill = np.dtype(found["dtype"]), found.get("fill_value")
    axes, compressor = len(found["shape"]), found.get("compressor")
    swapped = [{"name": "transpose", "configuration": {"order": list(range(axes))[::-1]}}]
    endian = "big" if dtype.byteorder == ">" else "little"
    return {
        "shape": found["shape"],
        "data_type": dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": found["chunks"]}},
        "chunk_key_encoding": {
            "name": "v2",
            "configuration": {"separator": found.get("dimension_separator", ".")},
        },
        "fill_value": fill if fill is not None else (False if dtype.kind == "b" else 0),
        "codecs": [
            *(swapped if found.get("order") == "F" else []),
            {"name": "bytes", "configuration": {"endian": endian}},
            *([{"name": compressor["id"]}] if compressor else []),
        ],
    }


def _checked(uri: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return an array's metadata, when it is of pixels on a regular grid of chunks."""
    try:
        grid, dtype = found["chunk_grid"], found["data_type"]
        lengths = [*found["shape"], *grid["configuration"]["chunk_shape"]]
        list(codecs_of(uri, found["codecs"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RasterError(f"{uri} is an array whose metadata is damaged: {error!r}") from error
    if dtype not in (*_DTYPES, *_INEXACT):
        raise RasterError(f"{uri} is an array of {dtype}: expected numbers")
    if grid.get("name") != "regular" or not all(type(each) is int and each > 0 for each in lengths):
        raise RasterError(f"{uri} is no array of at least one pixel on a regular grid of chunks")
    return {"zarr_format": 3, "node_type": "array", **found, "attributes": {}}
