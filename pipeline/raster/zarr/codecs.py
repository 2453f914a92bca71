"""Codecs of Zarr's chunks, of those known here and no others: a v2 array may name one that runs what it decodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from zarr.abc.codec import Codec
from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec, TransposeCodec

from pipeline.errors import RasterError
from pipeline.raster.zarr import frames
from pipeline.raster.zarr.zarr_quirks import Compressed

_WANTED = f"one of {', '.join(frames.NAMES)}, or without compression"


def codecs_of(uri: str, stated: Sequence[Any], *, index: bool = False) -> Iterator[Codec]:
    """Yield the codecs of a chunk, or of a shard's ``index``, when all are known here."""
    compressions = [name_of(codec) for codec in stated if name_of(codec) in frames.NAMES]
    if len(compressions) > (0 if index else 1):
        raise RasterError(f"{uri} is compressed by {' and '.join(compressions)}: expected one compression")
    for codec in stated:
        name = name_of(codec)
        configuration = codec.get("configuration") or {} if isinstance(codec, dict) else {}
        if name in frames.NAMES:
            yield Compressed(name)
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
