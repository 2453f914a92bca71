"""The kinds of scene of which every client is asked, made up and written as mask stores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyproj

from pipeline import store
from pipeline.geometry.scene import Header
from pipeline.output import Output
from tests.clients.oracle import Oracle, Transform, levels
from tests.pipeline.made_outputs import make_scene

HEIGHT, WIDTH = 1101, 1303  # odd, as most scenes are on one level or another
CHUNK_PX, WINDOW_PX = 256, 1024
FITTING_PX = 512  # a level of this side is not made coarser

KINDS: dict[str, tuple[str | None, Transform]] = {
    "utm": ("EPSG:32633", (10.0, 0.0, 5e5, 0.0, -10.0, 5e6)),
    "lon-lat": ("EPSG:4326", (1e-4, 0.0, 13.0, 0.0, -1e-4, 52.0)),
    "web-mercator": ("EPSG:3857", (10.0, 0.0, 1.5e6, 0.0, -10.0, 6.8e6)),
    "no-crs": (None, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)),
    "rotated": ("EPSG:32633", (8.0, 6.0, 5e5, 6.0, -8.0, 5e6)),
    "many-classes": ("EPSG:32633", (10.0, 0.0, 5e5, 0.0, -10.0, 5e6)),
}
FEW = ("other", "water", "bare soil", "building")
FEW_COLORS = ("#bdbdbd", "#0077bb", "#aaaa55", "#dd5522")
MANY = ("other", *(f"kind {number}" for number in range(1, 300)))  # more than a byte can count
MANY_COLORS = tuple(f"#{number * 2654435761 % 2**24:06x}" for number in range(len(MANY)))
SLIDE_PIXEL_M = 5e-7


def oracle_of(kind: str) -> Oracle:
    """Return what a client should find in the scene of a kind."""
    crs, transform = KINDS[kind]
    names, colors = (MANY, MANY_COLORS) if kind == "many-classes" else (FEW, FEW_COLORS)
    return Oracle(
        crs=crs,
        transform=transform,
        names=names,
        colors=colors,
        levels=tuple(levels(_painted(len(names)), most_px=FITTING_PX)),
        pixel_m=SLIDE_PIXEL_M if crs is None else None,
    )


def write(folder: Path, kind: str, oracle: Oracle) -> Path:
    """Write the scene of a kind, with its levels, into the output in a folder; return where its store is."""
    scene = Output(str(folder)).scene(kind)
    store.lay_out_scenes(scene.output)
    layout = store.StoreLayout(
        header=_header(oracle),
        name=kind,
        classes=oracle.names[1:],
        chunk_px=CHUNK_PX,
        colors=oracle.colors,
        origin={"uri": f"{kind}.tif", "datetime": None},
        made_by={"run": "a" * 64},
    )
    make_scene(
        scene,
        oracle.class_ids,
        names=layout.classes,
        header=layout.header,
        window_px=WINDOW_PX,
        chunk_px=CHUNK_PX,
        colors=layout.colors,
        origin=layout.origin,
        made_by=layout.made_by,
    )
    assert store.write_overviews(scene, layout, window_px=WINDOW_PX)
    return Path(scene.masks.uri)


def _header(oracle: Oracle) -> Header:
    header = Header(
        height=HEIGHT,
        width=WIDTH,
        bands=3,
        dtype="uint8",
        crs_wkt=None if oracle.crs is None else pyproj.CRS.from_user_input(oracle.crs).to_wkt(),
        transform=oracle.transform,
        nodata=None,
    )
    return header if oracle.pixel_m is None else replace(header, pixel_m=(oracle.pixel_m, oracle.pixel_m))


def _painted(classes: int) -> np.ndarray:
    """Return fields of all class ids, single pixels of others in some, and no data at an edge, in a hole and a corner.

    The corner is the whole of a level's chunk, which is not written then.
    """
    dtype = np.uint8 if classes <= np.iinfo(np.uint8).max else np.uint16
    chance = np.random.default_rng(classes)
    high, wide = 37, 53
    fields = np.arange((HEIGHT // high + 1) * (WIDTH // wide + 1)).reshape(HEIGHT // high + 1, -1) % classes
    painted = np.kron(chance.permuted(fields), np.ones((high, wide), int))[:HEIGHT, :WIDTH].astype(dtype)
    speckled = (chance.random(painted.shape) < 0.1) & (np.indices(painted.shape)[1] < WIDTH // 3)
    painted[speckled] = chance.integers(0, classes, int(speckled.sum()), dtype)
    for hole in (np.s_[:31], np.s_[500:533, 600:707], np.s_[2 * CHUNK_PX : 4 * CHUNK_PX, 4 * CHUNK_PX :]):
        painted[hole] = np.iinfo(dtype).max
    return painted
