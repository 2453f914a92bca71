"""Arrays of Zarr to read from: zarr gets codecs that are known, and objects no larger than chunks can be."""

from __future__ import annotations

from typing import Any

import zarr
from zarr.abc.buffer import Buffer, BufferPrototype
from zarr.abc.store import ByteRequest, RangeByteRequest
from zarr.storage import FsspecStore, LocalStore, StorePath, WrapperStore

from pipeline.raster.zarr.codecs import codecs_of
from pipeline.raster.zarr.nodes import Node
from pipeline.store import store_at


def array_of(node: Node, *, limit_bytes: int) -> zarr.Array[Any]:
    """Return an array to read from, of whose objects each is at most ``limit_bytes``; a chunk that is missing is fill.

    Raises:
        RasterError: it names a codec that is not known here.
    """
    metadata: Any = dict(node.metadata) | {"codecs": list(codecs_of(node.uri, node.metadata["codecs"]))}
    store = StorePath(_Limited(store_at(node.location, read_only=True), limit_bytes))
    return zarr.Array(zarr.AsyncArray(metadata, store))


class _Limited(WrapperStore[LocalStore | FsspecStore]):
    """A store of whose objects no more is read than a chunk can have."""

    def __init__(self, store: LocalStore | FsspecStore, limit_bytes: int = 2**30) -> None:
        super().__init__(store)
        self._limit_bytes = limit_bytes

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        asked = byte_range or RangeByteRequest(0, self._limit_bytes + 1)
        found = await super().get(key, prototype, asked)
        if found is not None and len(found) > self._limit_bytes:
            raise ValueError(
                f"the chunk {key} has more than {self._limit_bytes:,} bytes: see max_block_bytes"
            )
        return found
