"""Windows are written in whole chunks, so that no two writers meet in one object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from jaxtyping import UInt

from pipeline.errors import StoreError
from pipeline.geometry.window import Window
from pipeline.output import SceneOutput
from pipeline.storage import objects
from pipeline.store.contents import StoredArray, chunk_numbers


def check_whole(window: Window, *, chunk_px: int, extent: Window) -> None:
    """Refuse a window that cuts a chunk.

    Raises:
        StoreError: it does, or is not inside the scene.
    """
    whole = (
        window.intersection(extent) == window
        and not window.row_off % chunk_px
        and not window.col_off % chunk_px
        and (not window.row_end % chunk_px or window.row_end == extent.height)
        and (not window.col_end % chunk_px or window.col_end == extent.width)
    )
    if not whole:
        raise StoreError(
            f"{window!r} is not made of whole chunks of {chunk_px} px of a scene of {extent.shape}: two "
            "writers of one chunk would lose each other's pixels. Make window_px a multiple of chunk_px"
        )


def check_fits(
    values: UInt[np.ndarray, "y x"], *, window: Window, array: zarr.Array[Any], name: str, stride_px: int
) -> None:
    """Refuse values that are not those of a window.

    Raises:
        StoreError: they have another shape or dtype.
    """
    shape = (-(-window.height // stride_px), -(-window.width // stride_px))
    if values.shape != shape or values.dtype != array.dtype:
        raise StoreError(
            f"the array {name} of {window!r} must be {array.dtype} of {shape}, "
            f"got {values.dtype} of {values.shape}: nothing of it was written"
        )


def squares_of(window: Window, stride_px: int) -> tuple[slice, slice]:
    """Return rows and columns of the squares of ``stride_px`` that a window touches."""
    return (
        slice(window.row_off // stride_px, -(-window.row_end // stride_px)),
        slice(window.col_off // stride_px, -(-window.col_end // stride_px)),
    )


def sweep(scene: SceneOutput, array: StoredArray, *, window: Window, chunk_px: int) -> None:
    """Remove what a killed writer of the same chunks left half-written; S3 keeps nothing of such."""
    if objects.is_remote(scene.output.uri):
        return
    for row, col in chunk_numbers(window, chunk_px=chunk_px):
        folder, _, name = array.chunk(row, col).rpartition("/")
        where = scene.masks.join(folder)
        if objects.link_between(scene.output.location, where) is not None:
            continue  # what it leads to may be another's
        for partial in Path(objects.local_path(where.uri)).glob(f"{name}.*.partial"):
            partial.unlink(missing_ok=True)
