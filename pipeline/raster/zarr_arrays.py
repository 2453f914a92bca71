"""Arrays of Zarr to read from: zarr gets codecs that are known, and objects no larger than chunks can be."""

from __future__ import annotations

import zarr
from zarr.abc.store import ByteRequest, RangeByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.core.metadata.v3 import ArrayV3Metadata
from zarr.storage import FsspecStore, LocalStore, StorePath, WrapperStore

from pipeline import objects
from pipeline.raster.zarr_codecs import codecs_of
from pipeline.raster.zarr_nodes import Node
from pipeline.retry import patiently_awaited
from pipeline.storage import fsspec_options


def array_of(node: Node, *, limit_bytes: int) -> zarr.Array[ArrayV3Metadata]:
    """Return an array to read from, of whose objects each is at most ``limit_bytes``; a chunk that is missing is fill.

    Raises:
        RasterError: it names a codec that is not known here.
    """
    metadata = dict(node.metadata) | {"codecs": list(codecs_of(node.uri, node.metadata["codecs"]))}
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
        found = await patiently_awaited(lambda: self._store.get(key, prototype, asked))
        if found is not None and len(found) > self._limit_bytes:
            raise ValueError(
                f"the chunk {key} has more than {self._limit_bytes:,} bytes: see max_block_bytes"
            )
        return found
