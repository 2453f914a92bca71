"""The door to Zarr: a scene's mask store, laid out first, then written in whole chunks.

Group ``0`` holds the array ``class`` at the scene's own resolution, and ``score`` and ``margin`` beside it or, where
they are of places, in the group ``places``; the group ``proposals`` what they are made of. What was never written reads
as no data. Laying out and writing are idempotent down to the byte, and writers of different chunks need no lock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import zarr
from jaxtyping import UInt

from pipeline.errors import StoreError
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.output import SceneOutput
from pipeline.storage import objects
from pipeline.storage.location import Location
from pipeline.store import proposals as kept_proposals
from pipeline.store.chunks import DigestingStore
from pipeline.store.contents import LEVEL, PIXELS_ALONE, Contents
from pipeline.store.layout import StoreLayout, documents
from pipeline.store.provenance import made_by_of, marked
from pipeline.store.reading import Array, array_at, opened
from pipeline.store.whole_chunks import check_fits, check_whole, squares_of, sweep
from pipeline.store.zarr_stores import store_at


def lay_out(  # noqa: PLR0913 - each by its name
    scene: SceneOutput,
    *,
    header: Header,
    classes: Sequence[str],
    chunk_px: int,
    colors: Sequence[str] | None = None,
    contents: Contents = PIXELS_ALONE,
    origin: Mapping[str, Any] | None = None,
    made_by: Mapping[str, Any] | None = None,
) -> None:
    """Make an empty mask store of a scene; do nothing where it is already laid out.

    However often and by however many this is done, the bytes are the same. ``classes`` are the names of
    the ids 1..k, ``colors`` those of the ids 0..k, by themselves those of the palette; the ``origin`` of the scene and
    what they are ``made_by`` is noted on the root.

    Raises:
        StoreError: there is a store of another extent, georeference, chunk size, vocabulary or contents, or a chunk is
            not made of whole places.
    """
    layout = StoreLayout(
        header=header,
        name=scene.scene_id,
        classes=classes,
        colors=colors,
        chunk_px=chunk_px,
        contents=contents,
        origin=origin,
        made_by=made_by,
    )
    wanted = documents(layout)
    masks = scene.masks
    for key in (*(array.document for array in contents.arrays.values()), f"{LEVEL}/zarr.json"):
        _check_same(masks, key, wanted)
    if objects.exists(masks.join("zarr.json")):
        return  # the root is written last
    for folder in sorted({key.rpartition("/")[0] for key in wanted}):
        objects.sweep(masks.join(folder) if folder else masks, below=scene.output.location)
    for key, document in wanted.items():
        if not objects.exists(masks.join(key)):
            objects.put_bytes(masks.join(key), document)


def lay_out_again(scene: SceneOutput, layout: StoreLayout) -> None:
    """Have all of a store but its chunks be as an output of this version has it, without overviews.

    Done twice it changes nothing. That the scene is complete stays said.

    Raises:
        PipelineError: the storage refused.
    """
    wanted, root = documents(layout), scene.masks.join("zarr.json")
    with suppress(FileNotFoundError, ValueError, LookupError, TypeError):
        complete = made_by_of(json.loads(objects.get_bytes(root))["attributes"])["complete"]
        wanted["zarr.json"] = marked(wanted["zarr.json"], complete=complete is True)
    for key, document in wanted.items():
        objects.put_bytes(scene.masks.join(key), document)


def write(
    scene: SceneOutput,
    labels: Mapping[str, UInt[np.ndarray, "y x"]],
    *,
    window: Window,
    proposals: kept_proposals.Arrays | None = None,
) -> dict[str, str]:
    """Write the arrays of ``ARRAYS`` of one window, and the ``proposals`` of its chunks where the store keeps them.

    Scores and margins are of pixels or of places, as the store was laid out. ``proposals`` have as their first axis the
    window's chunks, row by row; of each chunk zeros follow what it has.

    Returns the SHA-256 of each mask array's bytes (row by row) under its name and, of these and of the arrays of
    proposals, as ``NAME.chunks`` that of its chunks as they are stored, see ``chunks_digest``.

    Chunks are written even where they hold nothing but no data, so that a chunk that is missing was never
    computed.

    Raises:
        StoreError: the window does not consist of whole chunks, an array is not of its shape and dtype, or the store
            keeps proposals and there are none.
        OutputError: the storage refused.
    """
    stored = DigestingStore(store_at(scene.masks))
    with zarr.config.set({"array.write_empty_chunks": True}):
        root, contents = opened(scene.masks, "class", mode="r+", store=stored)
        arrays = {name: array_at(root, array.path) for name, array in contents.arrays.items()}
    digests = {}
    for name, (where, values) in _parts(
        scene, contents, arrays, {**labels, **(proposals or {})}, window
    ).items():
        array = contents.arrays[name]
        with objects.reporting_write_errors(scene.masks.join(array.path)):
            sweep(scene, array, window=window, chunk_px=arrays["class"].chunks[0])
            arrays[name][where] = values
        digests[f"{name}.chunks"] = stored.digest(f"{array.path}/c/")
        if name in contents.masks:
            digests[name] = hashlib.sha256(values.data).hexdigest()
    return digests


def _parts(
    scene: SceneOutput,
    contents: Contents,
    arrays: Mapping[str, Array],
    given: Mapping[str, np.ndarray],
    window: Window,
) -> dict[str, tuple[tuple[slice, slice], np.ndarray]]:
    """Return where in each array a window's values go, and these: all of them checked before any is written."""
    extent, chunk_px = Window(0, 0, *arrays["class"].shape), arrays["class"].chunks[0]
    check_whole(window, chunk_px=chunk_px, extent=extent)
    parts = {}
    for name, array in contents.masks.items():
        check_fits(given[name], window=window, array=arrays[name], name=name, stride_px=array.stride_px)
        parts[name] = squares_of(window, array.stride_px), np.ascontiguousarray(given[name])
    for name, array in contents.maps.items():
        if name not in given:
            raise StoreError(
                f"{scene.masks} keeps proposals, and {window!r} came without their {name}: nothing of it was written"
            )
        padded = kept_proposals.block(
            name, given[name], array=arrays[array.path], window=window, chunk_px=chunk_px
        )
        parts[array.path] = kept_proposals.block_of(window, chunk_px=chunk_px), padded
    return parts


def _check_same(masks: Location, key: str, wanted: Mapping[str, bytes]) -> None:
    try:
        found = json.loads(objects.get_bytes(masks.join(key)))
    except FileNotFoundError:
        return
    wanted_too = json.loads(wanted[key])
    for document in (found, wanted_too):
        document.pop("consolidated_metadata", None)  # of arrays that are looked at themselves
    for path, old, new in _differences(found, wanted_too):
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
