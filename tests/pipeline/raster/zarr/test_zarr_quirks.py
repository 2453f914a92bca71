"""How zarr asks a codec; one of these fails where another zarr asks it otherwise."""

from typing import Any

import numpy as np
import pytest
import zarr
from numcodecs import zstd
from zarr.buffer import default_buffer_prototype
from zarr.codecs import BytesCodec
from zarr.storage import MemoryStore, StorePath

from pipeline.raster.zarr.zarr_quirks import VERSIONS, Compressed

PIXELS = np.arange(6, dtype=np.uint16).reshape(2, 3)


def array_of(chunk: bytes) -> zarr.Array[Any]:
    """An array of one chunk that is decoded by our codec."""
    stored = MemoryStore()
    made = zarr.create_array(
        stored, shape=PIXELS.shape, chunks=PIXELS.shape, dtype="uint16", compressors=None
    )
    made[:] = PIXELS
    documents: Any = made.metadata.to_dict() | {"codecs": [BytesCodec(endian="little"), Compressed("zstd")]}
    written = MemoryStore({"c/0/0": default_buffer_prototype().buffer.from_bytes(chunk)})
    return zarr.Array(zarr.AsyncArray(documents, StorePath(written)))


def test_the_zarr_here_is_one_that_is_known() -> None:
    assert zarr.__version__.rpartition(".")[0] in VERSIONS


def test_a_chunk_is_decoded_to_what_the_array_says_of_it() -> None:
    found = array_of(zstd.compress(PIXELS.tobytes()))
    np.testing.assert_array_equal(np.asarray(found[:]), PIXELS)


@pytest.mark.parametrize("more", [b"\0\0", b""])
def test_a_chunk_of_another_size_is_refused(more: bytes) -> None:
    chunk = zstd.compress(PIXELS.tobytes()[: None if more else -2] + more)
    with pytest.raises(ValueError, match=r"a chunk holds \d+ bytes"):
        array_of(chunk)[:]
