"""What is in a mask store before its first chunk: groups, arrays, coordinates and their attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import zarr
from zarr.abc.buffer import Buffer
from zarr.codecs import ZstdCodec
from zarr.storage import MemoryStore

from pipeline.errors import StoreError
from pipeline.geometry.scene import Header
from pipeline.geometry.transform import pixel_size
from pipeline.known_warnings import silenced
from pipeline.segment import SCORE_MAX, class_dtype
from pipeline.store import georeference
from pipeline.store.contents import LEVEL, PIXELS_ALONE, Contents
from pipeline.store.proposals import create_proposals
from pipeline.store.provenance import marked, provenance_attributes

ARRAYS = ("class", "score", "margin")
"""What a mask store says of the ground: class ids of every pixel, scores and margins of pixels or places."""

_LONG_NAMES = {
    "class": "class id: 0 other, 1.. the vocabulary",
    "score": f"probability of the class, in 1/{SCORE_MAX}",
    "margin": f"lead of the class over the next, in 1/{SCORE_MAX}",
}


def documents(
    *,
    header: Header,
    classes: Sequence[str],
    chunk_px: int,
    contents: Contents = PIXELS_ALONE,
    origin: Mapping[str, Any] | None = None,
    made_by: Mapping[str, Any] | None = None,
) -> dict[str, bytes]:
    """Return the bytes of every key but the chunks, the root's own last: its presence is the end.

    The root and its groups say what the ``contents`` are; the root says the ``origin`` of the scene whose masks they
    are, and what they are ``made_by``.

    Raises:
        StoreError: a chunk is not made of whole places, or cells of features.
    """
    _check_whole(contents, chunk_px)
    buffers: dict[str, Buffer] = {}
    attributes = {
        **georeference.root_attributes(header),
        **contents.attributes,
        "ome": _ome(header, classes),
        **provenance_attributes(origin or {}, made_by or {}),
    }
    root = zarr.create_group(MemoryStore(buffers), attributes=attributes)
    for stride_px in dict.fromkeys(array.stride_px for array in contents.masks.values()):
        _create_level(root, contents, header=header, classes=classes, chunk_px=chunk_px, stride_px=stride_px)
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


def _create_level(
    root: zarr.Group,
    contents: Contents,
    *,
    header: Header,
    classes: Sequence[str],
    chunk_px: int,
    stride_px: int,
) -> None:
    """Create the group of the masks whose elements are squares of ``stride_px``, and say where they lie."""
    squares = georeference.coarser(header, stride_px)
    masks = {name: array for name, array in contents.masks.items() if array.stride_px == stride_px}
    group = next(iter(masks.values())).path.partition("/")[0]
    level = root.create_group(
        group, attributes={**georeference.scene_attributes(squares), **contents.attributes}
    )
    for name in masks:
        _create_masks(level, name, header=squares, classes=classes, chunk_px=chunk_px // stride_px)
    for name, (values, attributes) in georeference.coordinates(squares).items():
        level.create_array(
            name, data=values, chunks=values.shape, dimension_names=[name], attributes=attributes
        )
    level.create_array("spatial_ref", shape=(), dtype="int64", attributes=georeference.cf_attributes(squares))


def _create_masks(
    level: zarr.Group, name: str, *, header: Header, classes: Sequence[str], chunk_px: int
) -> None:
    dtype = class_dtype(len(classes)) if name == "class" else np.dtype(np.uint8)
    nodata = int(np.iinfo(dtype).max)
    flags: dict[str, Any] = {
        "flag_values": list(range(len(classes) + 1)),
        "flag_meanings": " ".join(_words(["other", *classes])),
        "class_names": ["other", *classes],
    }
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
            **(flags if name == "class" else {"valid_range": [0, SCORE_MAX]}),
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


def _ome(header: Header, classes: Sequence[str]) -> dict[str, Any]:
    """Return the OME-NGFF 0.5 attributes that make viewers of microscopes show the masks as labels."""
    scale = list(pixel_size(header.transform))
    steps = [
        {"type": "scale", "scale": scale},
        {"type": "translation", "translation": [side / 2 for side in scale]},
    ]
    datasets = [{"path": f"{LEVEL}/class", "coordinateTransformations": steps}]
    axes = [{"name": name, "type": "space"} for name in ("y", "x")]
    properties = [{"label-value": id_, "class": name} for id_, name in enumerate(classes, 1)]
    return {
        "version": "0.5",
        "multiscales": [{"axes": axes, "datasets": datasets}],
        "image-label": {"properties": properties},
    }
