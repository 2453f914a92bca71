"""The door to Zarr: a scene's mask store, laid out first, then written in whole chunks.

Group ``0`` holds the arrays ``class``, ``score`` and ``margin`` at the scene's own resolution. What was
never written reads as no data. Laying out and writing are idempotent down
to the byte, and writers of different chunks need no lock.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import zarr
from jaxtyping import UInt

from pipeline.errors import StoreError
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.output import SceneOutput
from pipeline.storage import objects
from pipeline.storage.location import Location
from pipeline.store.chunks import DigestingStore
from pipeline.store.layout import ARRAYS, LEVEL, documents
from pipeline.store.zarr_stores import store_at

_Array = zarr.Array[Any]


def lay_out(
    scene: SceneOutput,
    *,
    header: Header,
    classes: Sequence[str],
    chunk_px: int,
    origin: Mapping[str, Any] | None = None,
    made_by: Mapping[str, Any] | None = None,
) -> None:
    """Make an empty mask store of a scene; do nothing where it is already laid out.

    However often and by however many this is done, the bytes are the same. ``classes`` are the names of
    the ids 1..k; the ``origin`` of the scene and what they are ``made_by`` is noted on the root.

    Raises:
        StoreError: there is a store of another extent, georeference, chunk size or vocabulary.
    """
    wanted = documents(header=header, classes=classes, chunk_px=chunk_px, origin=origin, made_by=made_by)
    masks = scene.masks
    for name in ARRAYS:
        _check_same(masks, f"{LEVEL}/{name}/zarr.json", wanted)
    if objects.exists(masks.join("zarr.json")):
        return  # the root is written last
    for folder in sorted({key.rpartition("/")[0] for key in wanted}):
        objects.sweep(masks.join(folder) if folder else masks, below=scene.output.location)
    for key, document in wanted.items():
        if not objects.exists(masks.join(key)):
            objects.put_bytes(masks.join(key), document)


def write(
    scene: SceneOutput, labels: Mapping[str, UInt[np.ndarray, "y x"]], *, window: Window
) -> dict[str, str]:
    """Write the arrays of ``ARRAYS`` of one window, and return the SHA-256 of each one's bytes (row by row).

    Beside each, as ``NAME.chunks``, there is one of its chunks as they are stored, see ``chunks_digest``.

    Chunks are written even where they hold nothing but no data, so that a chunk that is missing was never
    computed.

    Raises:
        StoreError: the window does not consist of whole chunks, or an array is not of its shape and dtype.
        OutputError: the storage refused.
    """
    stored = DigestingStore(store_at(scene.masks))
    with zarr.config.set({"array.write_empty_chunks": True}):
        arrays = {name: _opened(scene.masks, name, mode="r+", store=stored) for name in ARRAYS}
    for name, array in arrays.items():
        _check_fits(labels[name], window=window, array=array, name=name)
    digests = {}
    for name, array in arrays.items():
        values = np.ascontiguousarray(labels[name])
        with objects.reporting_write_errors(scene.masks.join(LEVEL, name)):
            _sweep(scene, name, window=window, chunk_px=array.chunks[0])
            array[_slices(window)] = values
        digests[name] = hashlib.sha256(values.data).hexdigest()
        digests[f"{name}.chunks"] = stored.digest(f"{LEVEL}/{name}/c/")
    return digests


def read(scene: SceneOutput, name: str, window: Window) -> UInt[np.ndarray, "y x"]:
    """Return one array's pixels of ``window``.

    Raises:
        StoreError: there is no such array, or the window is not inside it.
    """
    array = _opened(scene.masks, name, mode="r")
    extent = Window(0, 0, *array.shape)
    if window.intersection(extent) != window:
        raise StoreError(f"{scene.masks} holds {extent!r}, {window!r} is not inside it: read a part of it")
    return np.asarray(array[_slices(window)])


def _check_same(masks: Location, key: str, wanted: Mapping[str, bytes]) -> None:
    try:
        found = json.loads(objects.get_bytes(masks.join(key)))
    except FileNotFoundError:
        return
    for path, old, new in _differences(found, json.loads(wanted[key])):
        raise StoreError(
            f"{masks.join(key)} is of another run: {path} is {old}, now {new}. Writing would mix the "
            "two: choose another output, or the settings of that run"
        )


def _differences(found: object, wanted: object, path: str = "") -> Iterator[tuple[str, object, object]]:
    """Yield where two JSON values differ: the path, and the two values there; the shape before attributes."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted(found.keys() | wanted.keys(), reverse=True):
            yield from _differences(found.get(key), wanted.get(key), f"{path}/{key}".lstrip("/"))
    elif found != wanted:
        yield path, found, wanted


def _check_fits(values: UInt[np.ndarray, "y x"], *, window: Window, array: _Array, name: str) -> None:
    chunk_px, extent = array.chunks[0], Window(0, 0, *array.shape)
    whole = (
        window.intersection(extent) == window
        and not window.row_off % chunk_px
        and not window.col_off % chunk_px
        and (not window.row_end % chunk_px or window.row_end == extent.height)
        and (not window.col_end % chunk_px or window.col_end == extent.width)
    )
    if not whole:
        raise StoreError(
            f"{window!r} is not made of whole chunks of {chunk_px} px of a scene of {array.shape}: two "
            "writers of one chunk would lose each other's pixels. Make window_px a multiple of chunk_px"
        )
    if values.shape != window.shape or values.dtype != array.dtype:
        raise StoreError(
            f"the array {name} of {window!r} must be {array.dtype} of {window.shape}, "
            f"got {values.dtype} of {values.shape}: nothing of it was written"
        )


def _sweep(scene: SceneOutput, name: str, *, window: Window, chunk_px: int) -> None:
    """Remove what a killed writer of the same chunks left half-written; S3 keeps nothing of such."""
    if objects.is_remote(scene.output.uri):
        return
    rows = range(window.row_off // chunk_px, -(-window.row_end // chunk_px))
    cols = range(window.col_off // chunk_px, -(-window.col_end // chunk_px))
    chunks = scene.masks.join(LEVEL, name, "c")
    for row, col in itertools.product(rows, cols):
        folder = chunks.join(str(row))
        if objects.link_between(scene.output.location, folder) is not None:
            continue  # what it leads to may be another's
        for partial in Path(objects.local_path(folder.uri)).glob(f"{col}.*.partial"):
            partial.unlink(missing_ok=True)


def _opened(
    masks: Location, name: str, *, mode: Literal["r", "r+"], store: DigestingStore | None = None
) -> _Array:
    try:
        return zarr.open_array(store or store_at(masks), path=f"{LEVEL}/{name}", mode=mode, zarr_format=3)
    except FileNotFoundError:
        raise StoreError(f"{masks} holds no array {LEVEL}/{name}: lay the store out first") from None


def _slices(window: Window) -> tuple[slice, slice]:
    return slice(window.row_off, window.row_end), slice(window.col_off, window.col_end)
