"""Outputs made of class maps that a test has drawn: stores, ledgers and records, without a segmenter."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from pipeline import statistics, store
from pipeline.geometry.areas import pixel_areas_m2
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.scene import Header
from pipeline.output import Output, Plan, SceneOutput, ledger

UTM = (10.0, 0.0, 5e5, 0.0, -10.0, 5e6)


def header_of(
    classes: np.ndarray,
    *,
    crs: str | None = "EPSG:32633",
    transform: tuple[float, float, float, float, float, float] = UTM,
) -> Header:
    """The header of a scene of these class ids."""
    import pyproj  # noqa: PLC0415 - not all tests place their scenes

    wkt = None if crs is None else pyproj.CRS.from_user_input(crs).to_wkt()
    height, width = classes.shape
    return Header(
        height=height, width=width, bands=3, dtype="uint8", crs_wkt=wkt, transform=transform, nodata=None
    )


def make_scene(  # noqa: PLR0913 - each by its name
    scene: SceneOutput,
    class_ids: np.ndarray,
    *,
    names: Sequence[str],
    header: Header | None = None,
    window_px: int = 64,
    chunk_px: int = 32,
    done: Collection[tuple[int, int]] | None = None,
    **layout: Any,  # noqa: ANN401 - of several types
) -> SceneOutput:
    """Lay out, write and commit a scene: all of its windows are written, those at ``done`` committed, None for all.

    Scores are by row and column, between 0 and 254, and no data where class ids are.
    """
    header = header or header_of(class_ids)
    layout = {"made_by": {"run": "a" * 64}, "origin": {"uri": "scene.tif", "datetime": None}, **layout}
    store.lay_out(scene, header=header, classes=names, chunk_px=chunk_px, **layout)
    scores = _scores(class_ids)
    windows = list(plan_windows(*class_ids.shape, window_px=window_px))
    for window in windows:
        rows, cols = window.row_off, window.col_off
        cut = np.s_[rows : window.row_end, cols : window.col_end]
        labels = {"class": class_ids[cut], "score": scores[cut], "margin": scores[cut]}
        digests = store.write(scene, labels, window=window)
        if done is None or (rows, cols) in done:
            counted = statistics.window_statistics(
                class_ids[cut],
                scores[cut],
                pixel_areas_m2(header, window),
                classes=names,
                nodata=int(np.iinfo(class_ids.dtype).max),
            )
            ledger.commit(scene, window=window, digests=digests, statistics=counted)
    plan = Plan(len(windows), "0" * 32)
    ledger.note_plan(scene, plan=plan, inputs=b"{}\n", instead_of=None)
    return scene


def _scores(class_ids: np.ndarray) -> np.ndarray:
    rows, cols = np.indices(class_ids.shape)
    scores = np.asarray((rows * 7 + cols * 3) % 255)
    return np.where(class_ids == np.iinfo(class_ids.dtype).max, 255, scores).astype(np.uint8)


def output_at(folder: object) -> Output:
    """An output in a folder of a test."""
    return Output(str(folder))
