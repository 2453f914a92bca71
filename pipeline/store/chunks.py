"""Chunks as they are stored: a digest of them finds a changed bit that a decoder would not even notice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np
import zarr
from jaxtyping import UInt
from zarr.abc.buffer import Buffer, BufferPrototype
from zarr.abc.store import ByteRequest, Store
from zarr.buffer import default_buffer_prototype
from zarr.storage import MemoryStore, WrapperStore

from pipeline.geometry.window import Window
from pipeline.store.contents import StoredArray
from pipeline.store.whole_chunks import squares_of


class DigestingStore(WrapperStore[Store]):
    """A store that notes the SHA-256 of each object that is written into it, or read from it whole."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._digests: dict[str, str] = {}

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return an object, None where there is none, and note its digest."""
        value = await super().get(key, prototype, byte_range)
        if value is not None and byte_range is None:
            self._digests[key] = hashlib.sha256(value.to_bytes()).hexdigest()
        return value

    async def set(self, key: str, value: Buffer) -> None:
        """Note the value's digest and pass it on."""
        self._digests[key] = hashlib.sha256(value.to_bytes()).hexdigest()
        await super().set(key, value)

    def digest(self, prefix: str) -> str:
        """Return the digest of what was written, or read, below ``prefix``."""
        return chunks_digest((key, digest) for key, digest in self._digests.items() if key.startswith(prefix))


def chunks_digest(stored: Iterable[tuple[str, str]]) -> str:
    """Return one SHA-256 of keys and the SHA-256 of the bytes stored under them, in whatever order they come."""
    lines = "".join(f"{key} {digest}\n" for key, digest in sorted(stored))
    return hashlib.sha256(lines.encode()).hexdigest()


def decoded(
    documents: Mapping[str, bytes], chunks: Mapping[str, bytes], array: StoredArray, window: Window
) -> UInt[np.ndarray, "y x"]:
    """Return what an array says of a window from its stored ``chunks``, by their keys.

    The store is laid out as ``documents``.

    Raises whatever the codec does where a chunk is damaged.
    """
    buffer = default_buffer_prototype().buffer
    given = {array.document: documents[array.document], **chunks}
    buffers = {each: buffer.from_bytes(data) for each, data in given.items()}
    found = zarr.open_array(MemoryStore(buffers), path=array.path, mode="r")
    return np.ascontiguousarray(found[squares_of(window, array.stride_px)])
