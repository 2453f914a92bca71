"""What a mask store holds, read back: where each array is, its own documents tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import zarr
from jaxtyping import UInt

from pipeline.errors import StoreError
from pipeline.geometry.window import Window
from pipeline.output import SceneOutput
from pipeline.storage.location import Location
from pipeline.store import proposals as kept_proposals
from pipeline.store.chunks import DigestingStore
from pipeline.store.contents import LEVEL, Contents, ProposalsLayout, StoredArray
from pipeline.store.whole_chunks import check_whole, squares_of
from pipeline.store.zarr_stores import store_at

Array = zarr.Array[Any]


def read(scene: SceneOutput, name: str, window: Window, level: int = 0) -> UInt[np.ndarray, "y x"]:
    """Return what one array of ``ARRAYS`` says of ``window``: of its pixels, or of the places that it touches.

    Of a coarser ``level``, see ``levels``, it is a window of that level's own pixels; scores of places have none.

    Raises:
        StoreError: there is no such array or level, or the window is not inside it.
    """
    root, contents = opened(scene.masks, name, mode="r")
    if name not in contents.masks:
        raise _missing(scene.masks, name)
    if level:
        return _read_level(scene.masks, root, contents.level(level).get(name), window)
    array = contents.masks[name]
    _check_inside(scene.masks, window, root, LEVEL)
    return np.asarray(array_at(root, array.path)[squares_of(window, array.stride_px)])


def _read_level(
    masks: Location, root: zarr.Group, array: StoredArray | None, window: Window
) -> UInt[np.ndarray, "y x"]:
    if array is None or array.path not in root:
        raise StoreError(
            f"{masks} holds no such level: `mrovseg overviews` makes them; scores of places have none"
        )
    _check_inside(masks, window, root, array.path.partition("/")[0])
    return np.asarray(array_at(root, array.path)[squares_of(window, 1)])


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptWindowArrays:
    """What a store keeps of a window: class ids of its pixels, and its proposals, see ``read_proposals``."""

    class_ids: UInt[np.ndarray, "y x"]
    proposals: Mapping[str, np.ndarray]
    chunk_px: int


def read_kept(scene: SceneOutput, window: Window, *, digests: Mapping[str, str]) -> KeptWindowArrays:
    """Return class ids and proposals of a window, made of the very bytes of which its entry has these ``digests``.

    Raises:
        StoreError: they are other bytes, or as ``read_proposals``.
    """
    stored = DigestingStore(store_at(scene.masks, read_only=True))
    root, contents = opened(scene.masks, "class", mode="r", store=stored)
    classes = array_at(root, contents.masks["class"].path)
    proposals = _proposals(scene, root, contents, window)
    found = KeptWindowArrays(
        class_ids=np.asarray(classes[squares_of(window, 1)]), proposals=proposals, chunk_px=classes.chunks[0]
    )
    for name, array in {"class": contents.masks["class"], **_paths(contents)}.items():
        if stored.digest(f"{array.path}/c/") != digests.get(f"{name}.chunks"):
            raise StoreError(
                f"{scene.masks}/{array.path} of {window!r} is not what was written: have `mrovseg verify --forget` "
                "look for all that is damaged, and have it made anew"
            )
    return found


def _paths(contents: Contents) -> dict[str, StoredArray]:
    return {array.path: array for array in contents.maps.values()}


def read_proposals(scene: SceneOutput, window: Window) -> dict[str, np.ndarray]:
    """Return the proposals of the chunks that ``window`` is made of, as ``proposals.stacked`` has them.

    Raises:
        StoreError: the output keeps none, or the window does not consist of whole chunks of the scene.
    """
    return _proposals(scene, *opened(scene.masks, "class", mode="r"), window)


def _proposals(
    scene: SceneOutput, root: zarr.Group, contents: Contents, window: Window
) -> dict[str, np.ndarray]:
    layout = _kept(scene.masks, contents)
    classes = array_at(root, contents.masks["class"].path)
    chunk_px = classes.chunks[0]
    check_whole(window, chunk_px=chunk_px, extent=Window(0, 0, *classes.shape))
    where = kept_proposals.block_of(window, chunk_px=chunk_px)
    blocks = {name: np.asarray(array_at(root, array.path)[where]) for name, array in contents.maps.items()}
    return kept_proposals.stacked(blocks, layout, window=window, chunk_px=chunk_px)


def contents_of(scene: SceneOutput) -> Contents:
    """Return what a scene's store says that it holds.

    Raises:
        StoreError: there is no store, or it does not say so.
    """
    return opened(scene.masks, "class", mode="r")[1]


def opened(
    masks: Location, name: str, *, mode: Literal["r", "r+"], store: DigestingStore | None = None
) -> tuple[zarr.Group, Contents]:
    """Open a store by its root alone, which holds the metadata of all of its arrays.

    Raises:
        StoreError: there is no store, in which there would be ``name``, or it does not say what it holds.
    """
    try:
        root = zarr.open_group(store or store_at(masks), mode=mode, zarr_format=3, use_consolidated=True)
    except FileNotFoundError:
        raise _missing(masks, name) from None
    return root, Contents.of_attributes(root.attrs)


def _missing(masks: Location, name: str) -> StoreError:
    return StoreError(f"{masks} holds no array {LEVEL}/{name}: lay the store out first")


def array_at(root: zarr.Group, path: str) -> Array:
    """Return an array of an opened store.

    Raises:
        StoreError: its root tells of no such array.
    """
    found = root[path]
    if not isinstance(found, zarr.Array):
        raise StoreError(f"{root.store_path} holds a group {path}, expected an array: lay it out anew")
    return found


def _kept(masks: Location, contents: Contents) -> ProposalsLayout:
    if contents.proposals is None:
        raise StoreError(
            f"{masks} holds no proposals: this output was made with proposals: false. Other words need them: make it "
            "anew with proposals: true"
        )
    return contents.proposals


def _check_inside(masks: Location, window: Window, root: zarr.Group, level: str) -> None:
    extent = Window(0, 0, *array_at(root, f"{level}/class").shape)
    if window.intersection(extent) != window:
        raise StoreError(f"{masks} holds {extent!r}, {window!r} is not inside it: read a part of it")
