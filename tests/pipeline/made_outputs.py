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

    Scores are by row and column, between 0 and 254; of pixels they are no data where class ids are.
    """
    header = header or header_of(class_ids)
    layout = {"made_by": {"run": "a" * 64}, "origin": {"uri": "scene.tif", "datetime": None}, **layout}
    store.lay_out(scene, header=header, classes=names, chunk_px=chunk_px, **layout)
    stride_px = layout.get("contents", store.PIXELS_ALONE).score_stride_px
    scores = _scores(class_ids, masked=stride_px == 1)
    windows = list(plan_windows(*class_ids.shape, window_px=window_px))
    for window in windows:
        rows, cols = window.row_off, window.col_off
        cut = np.s_[rows : window.row_end, cols : window.col_end]
        score = scores[cut][::stride_px, ::stride_px]
        labels = {"class": class_ids[cut], "score": score, "margin": score}
        digests = store.write(scene, labels, window=window)
        if done is None or (rows, cols) in done:
            counted = statistics.window_statistics(
                class_ids[cut],
                score,
                pixel_areas_m2(header, window),
                classes=names,
                nodata=int(np.iinfo(class_ids.dtype).max),
                score_stride_px=stride_px,
            )
            ledger.commit(scene, window=window, digests=digests, statistics=counted)
    plan = Plan(len(windows), "0" * 32)
    ledger.note_plan(scene, plan=plan, inputs=b"{}\n", instead_of=None)
    return scene


def _scores(class_ids: np.ndarray, *, masked: bool) -> np.ndarray:
    rows, cols = np.indices(class_ids.shape)
    scores = np.asarray((rows * 7 + cols * 3) % 255)
    no_data = masked & (class_ids == np.iinfo(class_ids.dtype).max)
    return np.where(no_data, 255, scores).astype(np.uint8)


def output_at(folder: object) -> Output:
    """An output in a folder of a test."""
    return Output(str(folder))
