"""What is in a mask store before its first chunk: groups, arrays, coordinates and their attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr
from zarr.abc.buffer import Buffer
from zarr.codecs import ZstdCodec
from zarr.storage import MemoryStore

from pipeline.errors import StoreError
from pipeline.geometry.scene import Header
from pipeline.known_warnings import silenced
from pipeline.output.palette import class_colors
from pipeline.segment import SCORE_MAX, class_dtype
from pipeline.store.attributes import georeference
from pipeline.store.attributes.ome import ome_attributes
from pipeline.store.contents import PIXELS_ALONE, PLACES, Contents, StoredArray
from pipeline.store.proposals import create_proposals
from pipeline.store.provenance import marked, provenance_attributes

ARRAYS = ("class", "score", "margin")
"""What a mask store says of the ground: class ids of every pixel, scores and margins of pixels or places."""

_LONG_NAMES = {
    "class": "class id: 0 other, 1.. the vocabulary",
    "score": f"probability of the class, in 1/{SCORE_MAX}",
    "margin": f"lead of the class over the next, in 1/{SCORE_MAX}",
}


@dataclass(frozen=True, slots=True)
class _Classes:
    """Names and colours by class id, ``other`` the first."""

    names: tuple[str, ...]
    colors: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.colors):
            raise ValueError(f"each class has a colour, got {len(self.colors)} for {len(self.names)}")

    @property
    def dtype(self) -> np.dtype[Any]:
        return class_dtype(len(self.names) - 1)

    @property
    def nodata(self) -> int:
        return int(np.iinfo(self.dtype).max)

    @property
    def flags(self) -> dict[str, Any]:
        """What CF says of classes, and their names as they are."""
        return {
            "flag_values": list(range(len(self.names))),
            "flag_meanings": " ".join(_words(self.names)),
            "flag_colors": " ".join(self.colors),
            "class_names": list(self.names),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLayout:
    """What is decided of a scene's mask store before its first chunk.

    ``classes`` are the names of the class ids 1..k, ``colors`` ("#rrggbb") those of 0..k, the palette's where they are
    None. The root says the ``name`` of the scene and its ``origin``, and what its masks are ``made_by``.
    """

    header: Header
    name: str
    classes: Sequence[str]
    chunk_px: int
    colors: Sequence[str] | None = None
    contents: Contents = PIXELS_ALONE
    origin: Mapping[str, Any] | None = None
    made_by: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTerms:
    """What the mask stores of an output have in common; ``window_px`` is the side of the windows they are written in.

    All else is as ``StoreLayout`` has it.
    """

    classes: Sequence[str]
    chunk_px: int
    window_px: int
    colors: Sequence[str] | None = None
    contents: Contents = PIXELS_ALONE
    made_by: Mapping[str, Any] | None = None

    def layout(self, header: Header, *, name: str, origin: Mapping[str, Any]) -> StoreLayout:
        """Return how the store of a scene is laid out."""
        return StoreLayout(
            header=header,
            name=name,
            classes=self.classes,
            chunk_px=self.chunk_px,
            colors=self.colors,
            contents=self.contents,
            origin=origin,
            made_by=self.made_by,
        )


def documents(layout: StoreLayout, *, levels: int = 0) -> dict[str, bytes]:
    """Return the bytes of every key but the chunks, the root's own last: its presence is the end.

    Of coarser levels there are ``levels``, of which the root tells.

    Raises:
        StoreError: a chunk is not made of whole places, or cells of features.
    """
    header, contents, chunk_px = layout.header, layout.contents, layout.chunk_px
    _check_whole(contents, chunk_px)
    buffers: dict[str, Buffer] = {}
    drawn = _Classes(("other", *layout.classes), tuple(layout.colors or class_colors(layout.classes)))
    attributes = {
        **georeference.root_attributes(header, levels=levels),
        **contents.attributes,
        "ome": ome_attributes(
            header,
            name=layout.name,
            classes=drawn.names,
            colors=drawn.colors,
            nodata=drawn.nodata,
            levels=levels,
        ),
        **provenance_attributes(layout.origin or {}, layout.made_by or {}),
    }
    root = zarr.create_group(MemoryStore(buffers), attributes=attributes)
    layers = (contents.masks, *(contents.level(level) for level in range(1, levels + 1)))
    for group, arrays in [each for layer in layers for each in _by_group(layer)]:
        stride_px = arrays[0].stride_px
        own_px = (
            chunk_px // stride_px if group == PLACES else chunk_px
        )  # a level's chunks are as large as its own
        square = georeference.coarser(header, stride_px)
        level = _create_group(root, group, header=square, contents=contents)
        for array in arrays:
            _create_masks(level, array, header=square, classes=drawn, chunk_px=own_px)
    if contents.proposals is not None:
        create_proposals(root, contents, extent=(header.height, header.width), chunk_px=chunk_px)
    # Consolidated metadata is what xarray looks for, and not yet Zarr's standard.
    with silenced(zarr.errors.ZarrUserWarning, "Consolidated metadata"):
        for group in root.group_keys():
            zarr.consolidate_metadata(root.store, path=group)
        zarr.consolidate_metadata(root.store)
    found = {
        key: buffers[key].to_bytes() for key in sorted(buffers, key=lambda key: (key == "zarr.json", key))
    }
    return found | {"zarr.json": marked(found["zarr.json"], complete=False)}


def _check_whole(contents: Contents, chunk_px: int) -> None:
    for name, array in contents.arrays.items():
        if array.stride_px and chunk_px % array.stride_px:
            raise StoreError(
                f"{name} is of squares of {array.stride_px} px, of which a chunk of {chunk_px} px is not made: make "
                f"chunk_px {max(1, round(chunk_px / array.stride_px)) * array.stride_px}"
            )


def _by_group(masks: Mapping[str, StoredArray]) -> list[tuple[str, list[StoredArray]]]:
    """Return the arrays of each group, in their order."""
    groups: dict[str, list[StoredArray]] = {}
    for array in masks.values():
        groups.setdefault(array.path.partition("/")[0], []).append(array)
    return list(groups.items())


def _create_group(root: zarr.Group, group: str, *, header: Header, contents: Contents) -> zarr.Group:
    """Create the group of masks whose elements are the pixels of ``header``, and say where they lie."""
    level = root.create_group(
        group, attributes={**georeference.scene_attributes(header), **contents.attributes}
    )
    for name, (values, attributes) in georeference.coordinates(header).items():
        level.create_array(
            name, data=values, chunks=values.shape, dimension_names=[name], attributes=attributes
        )
    level.create_array("spatial_ref", shape=(), dtype="int64", attributes=georeference.cf_attributes(header))
    return level


def _create_masks(
    level: zarr.Group, array: StoredArray, *, header: Header, classes: _Classes, chunk_px: int
) -> None:
    name = array.path.rpartition("/")[2]
    dtype = classes.dtype if name == "class" else np.dtype(np.uint8)
    nodata = int(np.iinfo(dtype).max)
    level.create_array(
        name,
        shape=(header.height, header.width),
        chunks=(chunk_px, chunk_px),
        dtype=dtype,
        fill_value=nodata,
        compressors=ZstdCodec(
            level=9 if name == "class" else 3
        ),  # class ids become a quarter less, scores do not
        dimension_names=["y", "x"],
        attributes={
            "long_name": _LONG_NAMES[name],
            "grid_mapping": "spatial_ref",
            "coordinates": "spatial_ref",
            "nodata": nodata,  # and no _FillValue: that one would turn whole numbers into floats in xarray
            **(classes.flags if name == "class" else {"valid_range": [0, SCORE_MAX]}),
            **georeference.scene_attributes(header),
        },
    )


def _words(names: Sequence[str]) -> list[str]:
    """Return a word without blanks for each name, as CF wants them, no two alike."""
    words: dict[str, None] = {}
    for name in names:
        word = "_".join(name.split())
        while word in words:
            word = f"{word}_{len(words)}"
        words[word] = None
    return list(words)
