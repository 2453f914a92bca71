"""The door to dask: arrays of pixels that are made chunk by chunk when they are asked for, or on their way to a store.

Nothing of dask is imported before the first of them is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from pipeline.geometry.window import Window

Array = Any
"""dask's, which is imported late."""

_CHUNKS = 64  # of a graph that is written at a time, so that graphs and what they hold stay small


@runtime_checkable
class Target(Protocol):
    """What takes rows and columns of pixels, from several threads at a time."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""

    def __setitem__(self, where: Any, values: Any, /) -> None:  # noqa: ANN401 - as dask has it
        """Take pixels."""


def lazy_array(
    make: Callable[[Window], np.ndarray], window: Window, *, chunk_px: int, dtype: np.dtype[Any]
) -> Array:
    """Return the rows and columns of ``window`` as an array of which ``make`` makes each chunk when it is asked for.

    ``make`` is called with the chunk's own window, in any thread. Chunks are counted from the origin of ``window``.
    """
    import dask.array as da  # noqa: PLC0415 - a second of a process that may never need it

    rows, cols = (_sides(length, chunk_px) for length in window.shape)

    def made(block_id: tuple[int, int]) -> np.ndarray:
        row, col = block_id
        row_off, col_off = window.row_off + row * chunk_px, window.col_off + col * chunk_px
        return make(Window(row_off, col_off, rows[row], cols[col]))

    return da.map_blocks(  # type: ignore[no-untyped-call]  # its types are its own
        made, dtype=dtype, chunks=(rows, cols), meta=np.empty((0, 0), dtype)
    )


def write_chunks(
    make: Callable[[Window], np.ndarray], target: Target, *, chunk_px: int, dtype: np.dtype[Any], threads: int
) -> None:
    """Make all chunks of ``target`` and write them, in so many threads, some at a time: whatever its size.

    What is written depends neither on their number nor on their order.
    """
    import dask.array as da  # noqa: PLC0415 - see above

    height, width = target.shape
    rows = max(1, _CHUNKS // -(-width // chunk_px)) * chunk_px
    for row_off in range(0, height, rows):
        band = Window(row_off, 0, min(rows, height - row_off), width)
        for col_off in range(0, width, _CHUNKS * chunk_px):
            some = Window(band.row_off, col_off, band.height, min(_CHUNKS * chunk_px, width - col_off))
            da.store(
                lazy_array(make, some, chunk_px=chunk_px, dtype=dtype),
                target,  # type: ignore[arg-type]  # dask only sets items of it
                lock=False,
                regions=some.slices_in(Window(0, 0, height, width)),
                scheduler="threads",
                num_workers=threads,
            )


def _sides(length: int, chunk_px: int) -> tuple[int, ...]:
    whole, rest = divmod(length, chunk_px)
    return (chunk_px,) * whole + ((rest,) if rest else ())
