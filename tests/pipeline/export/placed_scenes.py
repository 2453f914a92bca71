"""Scenes in all kinds of places, and their exports."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import export, store
from pipeline.export import Exported, Exporter, ExportScene, Selection
from pipeline.export.cog import Cog
from pipeline.geometry.transform import UNPLACED, Transform
from pipeline.output import Output
from pipeline.storage.location import Location
from tests.pipeline.made_outputs import UTM, header_of, make_scene

NAMES = ("water", "röad & <b>", "tree")
WINDOW_PX = 256
PLACES: dict[str, tuple[str | None, Transform]] = {
    "utm": ("EPSG:32633", UTM),
    "degrees": ("EPSG:4326", (1e-4, 0.0, 15.2, 0.0, -1e-4, 45.1)),
    "mercator": ("EPSG:3857", (14.0, 0.0, 1_710_000.0, 0.0, -14.0, 5_640_000.0)),
    "nowhere": (None, UNPLACED),
    "rotated": ("EPSG:32633", (8.0, 6.0, 540_000.0, 6.0, -8.0, 4_998_000.0)),
}


def blocks(dtype: str = "uint8", *, side_px: int = 20, seed: int = 3) -> np.ndarray:
    """Class ids in squares, some of them without data, whose middles a projection keeps."""
    values = np.array([0, 1, 2, 3, np.iinfo(dtype).max], dtype)
    squares = np.random.default_rng(seed).choice(values, (30, 35))
    return squares.repeat(side_px, axis=0).repeat(side_px, axis=1)


def make_placed(  # noqa: PLR0913 - each by its name
    output: Output,
    scene_id: str,
    ids: np.ndarray,
    place: str,
    *,
    names: tuple[str, ...] = NAMES,
    done: Collection[tuple[int, int]] | None = None,
    datetime: str | None = None,
    moved_px: int = 0,
) -> None:
    """Make a scene in one of ``PLACES``, ``moved_px`` columns further along its rows."""
    layout = layout_of(scene_id, ids, place, datetime=datetime, moved_px=moved_px)
    make_scene(output.scene(scene_id), ids, names=names, window_px=WINDOW_PX, done=done, **layout)


def make_overviews(output: Output, scene_id: str, ids: np.ndarray, place: str) -> None:
    """Make the coarser levels of a scene of ``NAMES`` without a date."""
    layout = store.StoreLayout(name=scene_id, classes=NAMES, **layout_of(scene_id, ids, place))
    assert store.write_overviews(output.scene(scene_id), layout, window_px=WINDOW_PX)


def layout_of(
    scene_id: str, ids: np.ndarray, place: str, *, datetime: str | None = None, moved_px: int = 0
) -> dict[str, Any]:
    """Return how the store of a scene is laid out, apart from its classes."""
    crs, (a, b, c, d, e, f) = PLACES[place]
    return {
        "header": header_of(ids, crs=crs, transform=(a, b, c + moved_px * a, d, e, f + moved_px * d)),
        "chunk_px": 128,
        "origin": {"uri": f"s3://scenes/{scene_id}.tif", "datetime": datetime},
        "made_by": {"run": "a" * 64, "model": "b" * 64},
    }


def opened(output: Output, scene_id: str, classes: tuple[str, ...] | None = None) -> ExportScene:
    """Open a scene as an export does."""
    return export.open_scene(output.scene(scene_id), Selection(window_px=WINDOW_PX, classes=classes))


def export_scenes(
    output: Output,
    folder: Path | str,
    *scene_ids: str,
    exporter: Exporter | None = None,
    classes: tuple[str, ...] | None = None,
    level: int = 0,
) -> list[Exported]:
    """Export scenes one after the other, as GeoTIFFs unless said otherwise, and finish."""
    chosen, where = exporter or Cog(), Location(str(folder))
    selection = Selection(window_px=WINDOW_PX, classes=classes, level=level)
    export.begin(where, output)
    found = [
        export.export_scene(each, output=output, selection=selection, exporter=chosen, folder=where)
        for each in scene_ids
    ]
    made = [each for each in found if isinstance(each, Exported)]
    assert len(made) == len(scene_ids), found
    export.finish(chosen, made, where)
    return made
