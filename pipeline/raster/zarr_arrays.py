"""The door to Zarr for reading: what is at a place in a hierarchy, v2 or v3, and its arrays of pixels.

A store is whatever its author wrote. So its documents are read here, as JSON, and zarr gets arrays of known codecs
only: a v2 array may name a codec that runs what it decodes (pickle).
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import zarr
from zarr.abc.codec import BytesBytesCodec, Codec
from zarr.abc.store import ByteRequest, RangeByteRequest
from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec, TransposeCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.core.metadata.v3 import ArrayV3Metadata
from zarr.storage import FsspecStore, LocalStore, StorePath, WrapperStore

from pipeline import objects
from pipeline.errors import RasterError
from pipeline.raster import frames
from pipeline.storage import fsspec_options

_DOCUMENT_BYTES = 16 * 2**20
_INDEX_BYTES = 16  # of a chunk in a shard: its offset and length
_DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_INEXACT = ("float16", "float32", "float64", "complex64", "complex128")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A group or an array: where it is, its attributes, and an array's metadata in the words of v3.

    ``v2_fill`` is the fill value that a v2 array states.
    """

    uri: str
    kind: Literal["group", "array"]
    attributes: Mapping[str, Any]
    metadata: Mapping[str, Any]
    v2_fill: Any = None

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
            if _name(codec) == "sharding_indexed":
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


def node_at(uri: str) -> Node:
    """Return what is at ``uri``.

    Raises:
        RasterError: nothing of Zarr, or an array of a kind that is not read.
        PipelineError: the storage refused.
    """
    found = _document(uri, "zarr.json")
    if found is not None:
        kind: Literal["group", "array"] = "array" if found.get("node_type") == "array" else "group"
        metadata = _checked(uri, found) if kind == "array" else {}
        return Node(uri=uri, kind=kind, attributes=found.get("attributes") or {}, metadata=metadata)
    found = _document(uri, ".zarray")
    attributes = _document(uri, ".zattrs") or {}
    if found is not None:
        fill = found.get("fill_value")
        metadata = _checked(uri, _of_v2(uri, found))
        return Node(uri=uri, kind="array", attributes=attributes, metadata=metadata, v2_fill=fill)
    if not attributes and _document(uri, ".zgroup") is None:
        there = "holds no zarr.json, .zarray or .zgroup" if objects.is_folder(uri) else "does not exist"
        raise RasterError(f"{uri} {there}: expected a Zarr array or an OME-Zarr image")
    return Node(uri=uri, kind="group", attributes=attributes, metadata={})


def array_of(node: Node, *, limit_bytes: int) -> zarr.Array[ArrayV3Metadata]:
    """Return an array to read from, of whose objects each is at most ``limit_bytes``; a chunk that is missing is fill.

    Raises:
        RasterError: it names a codec that is not known here.
    """
    metadata = dict(node.metadata) | {"codecs": list(_codecs(node.uri, node.metadata["codecs"]))}
    store = StorePath(_Limited(_store(node.uri), limit_bytes))
    return zarr.Array(zarr.AsyncArray(ArrayV3Metadata.from_dict(metadata), store))


def _store(uri: str) -> LocalStore | FsspecStore:
    if objects.is_remote(uri):
        return FsspecStore.from_url(uri, storage_options=fsspec_options(uri), read_only=True)
    return LocalStore(uri.removeprefix("file://"), read_only=True)


class _Limited(WrapperStore[LocalStore | FsspecStore]):
    """A store of whose objects no more is read than a chunk can have."""

    def __init__(self, store: LocalStore | FsspecStore, limit_bytes: int = 2**30) -> None:
        super().__init__(store)
        self._limit_bytes = limit_bytes

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        asked = byte_range or RangeByteRequest(0, self._limit_bytes + 1)
        found = await self._store.get(key, prototype, asked)
        if found is not None and len(found) > self._limit_bytes:
            raise ValueError(
                f"the chunk {key} has more than {self._limit_bytes:,} bytes: see max_block_bytes"
            )
        return found


@dataclass(frozen=True)
class _Compressed(BytesBytesCodec):
    """A compression of chunks, undone to just the bytes that a chunk has."""

    name: str
    is_fixed_size = False

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        size_bytes = math.prod(chunk_spec.shape) * chunk_spec.dtype.to_native_dtype().itemsize
        data = chunk_bytes.to_bytes()
        found = await asyncio.to_thread(frames.decoded, self.name, data, size_bytes=size_bytes)
        return chunk_spec.prototype.buffer.from_bytes(found)

    def compute_encoded_size(self, input_byte_length: int, _chunk_spec: ArraySpec) -> int:
        """Refuse: it depends on the bytes.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(f"a chunk of {input_byte_length} bytes is of any size when compressed")


def _codecs(uri: str, stated: Sequence[Any], *, index: bool = False) -> Iterator[Codec]:
    """Yield the codecs of a chunk, or of a shard's ``index``, when all are known here."""
    compressions = [_name(codec) for codec in stated if _name(codec) in frames.NAMES]
    if len(compressions) > (0 if index else 1):
        raise RasterError(f"{uri} is compressed by {' and '.join(compressions)}: expected one compression")
    for codec in stated:
        name = _name(codec)
        configuration = codec.get("configuration") or {} if isinstance(codec, dict) else {}
        if name in frames.NAMES:
            yield _Compressed(name)
        elif name == "bytes":
            yield BytesCodec(endian=configuration.get("endian", "little"))
        elif name == "transpose":
            yield TransposeCodec(order=configuration["order"])
        elif name == "crc32c":
            yield Crc32cCodec()
        elif name == "sharding_indexed" and not index:
            yield ShardingCodec(
                chunk_shape=configuration["chunk_shape"],
                codecs=list(_codecs(uri, configuration["codecs"])),
                index_codecs=list(_codecs(uri, configuration["index_codecs"], index=True)),
                index_location=configuration.get("index_location", "end"),
            )
        else:
            raise RasterError(
                f"{uri} has chunks of the codec {name}, which is not read: write it as {_WANTED}"
            )


_WANTED = f"one of {', '.join(frames.NAMES)}, or without compression"


def _name(codec: object) -> str:
    return str(codec.get("name") if isinstance(codec, dict) else codec)


def _document(uri: str, name: str) -> dict[str, Any] | None:
    place = objects.join(uri, name)
    try:
        text = objects.get_bytes(place, limit_bytes=_DOCUMENT_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        found = json.loads(text) if len(text) <= _DOCUMENT_BYTES else None
    except (ValueError, RecursionError) as error:
        raise RasterError(f"{place} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise RasterError(f"{place} is no JSON object of at most 16 MiB")
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
        list(_codecs(uri, found["codecs"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RasterError(f"{uri} is an array whose metadata is damaged: {error!r}") from error
    if dtype not in (*_DTYPES, *_INEXACT):
        raise RasterError(f"{uri} is an array of {dtype}: expected numbers")
    if grid.get("name") != "regular" or not all(type(each) is int and each > 0 for each in lengths):
        raise RasterError(f"{uri} is no array of at least one pixel on a regular grid of chunks")
    return {"zarr_format": 3, "node_type": "array", **found, "attributes": {}}
