"""Decode one compressed chunk of known size: neither more nor less than that, and nothing beyond its end.

Libraries of compression take a frame by its word: Blosc's decoder reads behind the end of a frame that was cut, and
gives whatever is there for pixels; all of them make as much of a frame as it asks for.
"""

from __future__ import annotations

import struct
import zlib

import numcodecs.blosc
import numcodecs.lz4
import numcodecs.zstd

NAMES = ("blosc", "zstd", "gzip", "zlib", "lz4")
"""What chunks may be compressed by."""

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_BLOSC_HEADER = struct.Struct("<4B3I")
_GZIP_BITS, _ZLIB_BITS = 31, 15  # of zlib's window, with gzip's or its own header


def decoded(name: str, data: bytes, *, size_bytes: int) -> bytes:
    """Return what ``data`` holds, which is to be ``size_bytes``.

    Raises:
        ValueError: it holds more or less, or is damaged.
    """
    if name == "blosc":
        return _blosc(data, size_bytes)
    if name == "zstd":
        return _zstd(data, size_bytes)
    if name == "lz4":
        _check_size(int.from_bytes(data[:4], "little"), size_bytes)
        return bytes(numcodecs.lz4.decompress(data))
    return _deflated(data, size_bytes, bits=_GZIP_BITS if name == "gzip" else _ZLIB_BITS)


def _blosc(data: bytes, size_bytes: int) -> bytes:
    """Decode a Blosc 1 frame; its header has the sizes of what it holds and of itself (c-blosc's format)."""
    if len(data) < _BLOSC_HEADER.size:
        raise ValueError(f"a chunk ends early: it has {len(data)} bytes, less than its header")
    *_, stated_bytes, _, frame_bytes = _BLOSC_HEADER.unpack_from(data)
    if frame_bytes != len(data):
        raise ValueError(f"a chunk ends early: it has {len(data)} bytes, its header says {frame_bytes}")
    _check_size(stated_bytes, size_bytes)
    return bytes(numcodecs.blosc.decompress(data))


def _zstd(data: bytes, size_bytes: int) -> bytes:
    stated_bytes = _zstd_size(data)
    if stated_bytes is None:  # written as a stream: one byte more than expected would not fit
        target = bytearray(size_bytes)
        numcodecs.zstd.decompress(data, target)
        return bytes(target)
    _check_size(stated_bytes, size_bytes)
    return bytes(numcodecs.zstd.decompress(data))


def _zstd_size(data: bytes) -> int | None:
    """Return what a Zstandard frame says that it holds (RFC 8878, 3.1.1.1), None where it does not."""
    if data[:4] != _ZSTD_MAGIC or len(data) < 5:  # noqa: PLR2004 - magic and descriptor
        raise ValueError(f"a chunk of {len(data)} bytes is no Zstandard frame")
    descriptor = data[4]
    single, flag = descriptor >> 5 & 1, descriptor >> 6
    start = 5 + (1 - single) + (0, 1, 2, 4)[descriptor & 3]
    length = (single, 2, 4, 8)[flag]
    if not length:
        return None
    stated_bytes = int.from_bytes(data[start : start + length], "little")
    return stated_bytes + 256 if length == 2 else stated_bytes  # noqa: PLR2004 - as the standard has it


def _deflated(data: bytes, size_bytes: int, *, bits: int) -> bytes:
    decoder = zlib.decompressobj(bits)
    found = decoder.decompress(data, size_bytes + 1)
    if len(found) == size_bytes and not decoder.eof:
        decoder.decompress(decoder.unconsumed_tail, 1)
    if not decoder.eof and len(found) <= size_bytes:
        raise ValueError(f"a chunk ends early: {len(data)} bytes give {len(found)} of {size_bytes}")
    _check_size(len(found), size_bytes)
    return found


def _check_size(found_bytes: int, size_bytes: int) -> None:
    if found_bytes != size_bytes:
        raise ValueError(f"a chunk holds {found_bytes} bytes or more when decoded, expected {size_bytes}")
