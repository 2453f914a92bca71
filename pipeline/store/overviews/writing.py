"""Overviews are written level by level: chunks, then the root that tells of them, then the note that they are whole.

A reader never sees a level that is not: while levels are made anew the root tells of none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.abc.store import Store

from pipeline.errors import StoreError
from pipeline.geometry.window import Window
from pipeline.output import SceneOutput, ledger, offsets_of
from pipeline.output.ledger import listing_digest
from pipeline.storage import objects
from pipeline.storage.objects import Listed
from pipeline.store.attributes.georeference import count_levels
from pipeline.store.chunks import DigestingStore
from pipeline.store.contents import StoredArray
from pipeline.store.layout import StoreLayout, documents
from pipeline.store.lazy.dask_arrays import write_chunks
from pipeline.store.overviews.finished import FinishedWindows, read_pixels
from pipeline.store.overviews.halving import halved_classes, halved_values
from pipeline.store.overviews.notes import OverviewsNote, read_overviews_note
from pipeline.store.provenance import marked
from pipeline.store.reading import Array
from pipeline.store.zarr_stores import store_at

_ROOT = "zarr.json"


def write_overviews(
    scene: SceneOutput, layout: StoreLayout, *, window_px: int, threads: int = 1, least: int = 0
) -> bool:
    """Have the overviews of a scene be of its windows that are done; return whether anything had to be written.

    ``window_px`` is the side of windows, and ``least`` how many are known to be done. Nothing is written where the
    scene has no coarser level, or nothing of it is done. Doing it twice changes nothing, and the bytes depend neither
    on ``threads`` nor on what was killed in between.

    Raises:
        StoreError: the store's root is not as it was laid out, or a chunk is damaged.
        OutputError: the storage refused to write.
        PipelineError: the storage refused.
    """
    levels = count_levels(layout.header)
    if not levels:
        return False
    found = [each for each in ledger.list_objects(scene, least=least) if offsets_of(each.path) is not None]
    if not found:
        return False
    wanted = documents(layout, levels=levels)
    alone = documents(layout)[_ROOT]
    complete, has_levels = _state(scene, alone, wanted[_ROOT])
    if has_levels and _is_current(scene, found):
        return False
    if has_levels:
        _put_root(scene, alone, complete=complete)
    done = frozenset(offsets for each in found if (offsets := offsets_of(each.path)) is not None)
    _lay_out_levels(scene, wanted, levels)
    chunks = _write_levels(scene, layout, levels, FinishedWindows(done=done, window_px=window_px), threads)
    _put_root(scene, wanted[_ROOT], complete=complete)
    objects.put_bytes(scene.overviews, OverviewsNote(ledger=listing_digest(found), chunks=chunks).content())
    return True


def _state(scene: SceneOutput, alone: bytes, with_levels: bytes) -> tuple[bool, bool]:
    """Return whether a scene's root says that it is complete, and whether it tells of levels.

    Raises:
        StoreError: it is none of the four that it may be.
    """
    try:
        found = objects.get_bytes(scene.masks.join(_ROOT))
    except FileNotFoundError:
        found = b""
    for complete in (False, True):
        for root, has_levels in ((alone, False), (with_levels, True)):
            if found == marked(root, complete=complete):
                return complete, has_levels
    raise StoreError(
        f"{scene.masks}/{_ROOT} is not as it was laid out: have `mrovseg verify --forget` look for all that is damaged"
    )


def _is_current(scene: SceneOutput, entries: list[Listed]) -> bool:
    """Tell whether overviews are of these entries, and none was written after them, by the storage's clock."""
    written_s = objects.written_s(scene.overviews)
    if written_s is None or max(each.written_s for each in entries) > written_s:
        return False
    try:
        noted = read_overviews_note(scene)
    except FileNotFoundError:
        return False
    return noted is not None and noted.ledger == listing_digest(entries)


def _put_root(scene: SceneOutput, root: bytes, *, complete: bool) -> None:
    objects.put_bytes(scene.masks.join(_ROOT), marked(root, complete=complete))


def _lay_out_levels(scene: SceneOutput, wanted: Mapping[str, bytes], levels: int) -> None:
    """Write what is beside the chunks of the levels, and remove what a killed writer left half-written."""
    for level in range(1, levels + 1):
        _sweep(scene, str(level))
        for key, document in wanted.items():
            if key.startswith(f"{level}/"):
                objects.put_bytes(scene.masks.join(key), document)


def _sweep(scene: SceneOutput, group: str) -> None:
    folder = scene.masks.join(group)
    if objects.is_remote(folder.uri) or objects.link_between(scene.output.location, folder) is not None:
        return
    for pattern in ("*.partial", ".*.*"):
        for each in Path(objects.local_path(folder.uri)).rglob(pattern):
            each.unlink(missing_ok=True)


def _write_levels(
    scene: SceneOutput, layout: StoreLayout, levels: int, finished: FinishedWindows, threads: int
) -> dict[str, str]:
    """Write the chunks of all levels, each of the one before, and return the digests of their arrays by path."""
    digests = {}
    for level in range(1, levels + 1):
        before = layout.contents.level(level - 1)
        for name, array in layout.contents.level(level).items():
            source = _opened(scene, before[name], store_at(scene.masks))
            stored = DigestingStore(store_at(scene.masks))
            target = _Target(_opened(scene, array, stored), scene, array)
            halve = partial(
                halved_classes if name == "class" else halved_values,
                nodata=int(np.iinfo(target.array.dtype).max),
            )
            write_chunks(
                partial(_halved, source, halve, finished if level == 1 else None),
                target,
                chunk_px=layout.chunk_px,
                dtype=target.array.dtype,
                threads=threads,
            )
            digests[array.path] = stored.digest(f"{array.path}/c/")
    return digests


def _halved(
    source: Array, halve: Callable[[np.ndarray], np.ndarray], finished: FinishedWindows | None, window: Window
) -> np.ndarray:
    """Return the pixels of a window of a level from those of the level before."""
    height, width = source.shape
    before = Window(
        2 * window.row_off,
        2 * window.col_off,
        min(2 * window.height, height - 2 * window.row_off),
        min(2 * window.width, width - 2 * window.col_off),
    )
    values = read_pixels(source, before)
    return halve(values if finished is None else finished.only(values, before))


def _opened(scene: SceneOutput, array: StoredArray, stored: Store) -> Array:
    """Open an array beside the root, which may not tell of it; chunks without data are not written."""
    try:
        with zarr.config.set({"array.write_empty_chunks": False}):
            return zarr.open_array(stored, path=array.path, mode="r+", zarr_format=3)
    except FileNotFoundError:
        raise StoreError(f"{scene.masks} holds no array {array.path}: lay the store out first") from None


class _Target:
    """An array that is written, and says where it could not be."""

    def __init__(self, array: Array, scene: SceneOutput, stored: StoredArray) -> None:
        self.array, self.shape = array, array.shape
        self._where = scene.masks.join(stored.path)

    def __setitem__(self, where: Any, values: Any, /) -> None:  # noqa: ANN401 - as dask has it
        with objects.reporting_write_errors(self._where):
            self.array[where] = values
