"""What zarr has no public way to: a codec of one's own. True of zarr 3.1.

A codec is public (``zarr.abc.codec``), but what decodes one chunk is its method ``_decode_single``. That is told by an
object of a private class what the chunk is to become: shape, dtype, and the buffers to be made.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Any

from zarr.abc.buffer import Buffer
from zarr.abc.codec import BytesBytesCodec

from pipeline.raster.zarr import frames

VERSIONS = ("3.1",)
"""Those of zarr that this is true of; another one is to be tried by the tests of this file first."""


@dataclass(frozen=True)
class Compressed(BytesBytesCodec):
    """A compression of chunks, undone to just the bytes that a chunk has."""

    name: str
    is_fixed_size = False

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: Any) -> Buffer:  # noqa: ANN401 - of a private class
        size_bytes = math.prod(chunk_spec.shape) * chunk_spec.dtype.to_native_dtype().itemsize
        data = chunk_bytes.to_bytes()
        found = await asyncio.to_thread(frames.decoded, self.name, data, size_bytes=size_bytes)
        buffer: Buffer = chunk_spec.prototype.buffer.from_bytes(found)
        return buffer

    def compute_encoded_size(self, input_byte_length: int, _chunk_spec: Any) -> int:  # noqa: ANN401 - the same
        """Refuse: it is asked of what lies in a shard's index alone, and `codecs_of` lets nobody compress that.

        Raises:
            TypeError: it was asked of a chunk, which the bytes decide.
        """
        raise TypeError(f"a chunk of {input_byte_length} bytes is of any size when compressed")
