"""Outputs that are summed up without a run: scenes that a test has drawn, with their notes, and all tables."""

import json
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

import duckdb
import duckdb_extension_spatial
import numpy as np

from pipeline import statistics
from pipeline.flow.steps import summarize_scenes
from pipeline.geometry.scene import Band, Header
from pipeline.geometry.view import View
from pipeline.output import Output, SceneOutput
from pipeline.storage import objects
from tests.pipeline.made_outputs import make_scene


def note_view(scene: SceneOutput, header: Header, *, datetime: str | None = None) -> None:
    """Note how a scene is read, as its planner does."""
    uri = f"s3://scenes/{scene.scene_id}.tif"
    bands = tuple(Band(uri, number) for number in (1, 2, 3))
    view = View(header=header, bands=bands, colours="rgb", ranges=(None,) * 3, datetime=datetime)
    objects.put_bytes(scene.inputs, json.dumps({"view": view.to_values()}).encode())


def make_noted(
    scene: SceneOutput, class_ids: np.ndarray, header: Header, *, names: tuple[str, ...], datetime: str | None
) -> None:
    """Make all windows of a scene, and its note."""
    make_scene(scene, class_ids, names=names, header=header)
    note_view(scene, header, datetime=datetime)


def sum_up(
    output: Output,
    *,
    classes: tuple[str, ...],
    failed: Mapping[str, str] | None = None,
    run: str | None = None,
) -> None:
    """Write all tables, part by part as a run does."""
    ids = sorted(output.scene_ids(), key=lambda each: output.scene(each).statistics.uri)
    parts = [
        summarize_scenes(dict.fromkeys(part, 0), output, classes)
        for _, part in groupby(ids, key=lambda each: output.scene(each).statistics.uri)
    ]
    sums = statistics.with_failed(statistics.merged(parts), failed or {}, classes=classes)
    statistics.write_tables(output, sums, classes=classes, run=run)


def spatial_duckdb() -> duckdb.DuckDBPyConnection:
    """A connection that knows geometries, without asking a network for it."""
    found = Path(duckdb_extension_spatial.__file__).parent.glob("extensions/*/spatial.duckdb_extension")
    connection = duckdb.connect()
    connection.execute(f"LOAD '{next(found)}'")
    return connection
