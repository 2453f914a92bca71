"""Codecs of Zarr's chunks, of those known here and no others: a v2 array may name one that runs what it decodes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from zarr.abc.codec import BytesBytesCodec, Codec
from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec, TransposeCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer

from pipeline.errors import RasterError
from pipeline.raster.zarr import frames

_WANTED = f"one of {', '.join(frames.NAMES)}, or without compression"


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
        """Refuse: it is asked of what lies in a shard's index alone, and `codecs_of` lets nobody compress that.

        Raises:
            TypeError: it was asked of a chunk, which the bytes decide.
        """
        raise TypeError(f"a chunk of {input_byte_length} bytes is of any size when compressed")


def codecs_of(uri: str, stated: Sequence[Any], *, index: bool = False) -> Iterator[Codec]:
    """Yield the codecs of a chunk, or of a shard's ``index``, when all are known here."""
    compressions = [name_of(codec) for codec in stated if name_of(codec) in frames.NAMES]
    if len(compressions) > (0 if index else 1):
        raise RasterError(f"{uri} is compressed by {' and '.join(compressions)}: expected one compression")
    for codec in stated:
        name = name_of(codec)
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
                codecs=list(codecs_of(uri, configuration["codecs"])),
                index_codecs=list(codecs_of(uri, configuration["index_codecs"], index=True)),
                index_location=configuration.get("index_location", "end"),
            )
        else:
            raise RasterError(
                f"{uri} has chunks of the codec {name}, which is not read: write it as {_WANTED}"
            )


def name_of(codec: object) -> str:
    """Return the name of a codec as a document states it."""
    return str(codec.get("name") if isinstance(codec, dict) else codec)
