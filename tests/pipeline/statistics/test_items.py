"""OUT/items.parquet, by those who read such tables."""

import asyncio
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import geopandas
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import rustac
import shapely

from pipeline.output import Output, ledger
from pipeline.storage import objects
from tests.pipeline.made_outputs import header_of
from tests.pipeline.summed_outputs import make_noted, spatial_duckdb, sum_up

ROOT = Path(__file__).resolve().parents[3]
CLASSES = ("water", "parking lot")
RUN = "ab" * 32
AREA_KM2 = 100e-6  # of a pixel of ten metres, but for the scale of UTM


def class_ids(seed: int) -> np.ndarray:
    found = np.random.default_rng(seed).integers(0, 3, (130, 200), np.uint8)
    found[:, 150:] = 255
    return found


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Output:
    made = Output(str(tmp_path_factory.mktemp("items") / "out"))
    dates = {
        "a": "2024-05-31T10:20:30",
        "b": "2024-06-30T23:00:00-02:00",
        "c": "2023-01-01T00:00:00Z/2023-12-31T00:00:00Z",
    }
    for seed, (name, date) in enumerate(dates.items()):
        ids = class_ids(seed)
        make_noted(made.scene(f"{name}-scene"), ids, header_of(ids), names=CLASSES, datetime=date)
    ids = class_ids(9)
    make_noted(
        made.scene("nowhere"),
        ids,
        header_of(ids, crs=None, transform=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0)),
        names=CLASSES,
        datetime=None,
    )
    far = header_of(ids, crs="EPSG:4326", transform=(0.01, 0.0, 179.5, 0.0, -0.01, 10.0))
    make_noted(made.scene("across"), ids, far, names=CLASSES, datetime="nobody knows")
    sum_up(made, classes=CLASSES, failed={"broken": "s3://scenes/broken.tif"}, run=RUN)
    return made


def test_a_row_is_a_scene_also_one_that_failed_and_one_without_a_place(output: Output) -> None:
    rows = {row["id"]: row for row in pq.read_table(output.items.uri).to_pylist()}
    assert list(rows) == ["a-scene", "across", "b-scene", "broken", "c-scene", "nowhere"]
    a, broken, nowhere = rows["a-scene"], rows["broken"], rows["nowhere"]
    ids = class_ids(0)
    assert a["pixels"] == {
        "other": (ids == 0).sum(),
        "water": (ids == 1).sum(),
        "parking lot": (ids == 2).sum(),
    }
    assert a["area_m2"]["water"] == pytest.approx((ids == 1).sum() * 100, rel=1e-3)
    assert a["share"]["water"] == pytest.approx((ids == 1).sum() / (130 * 150))
    assert (a["windows_done"], a["windows_failed"], a["valid_pixels"]) == (12, 0, 130 * 150)
    assert (a["proj:code"], a["proj:shape"], a["run"]) == ("EPSG:32633", [130, 200], RUN)
    assert a["assets"]["source"]["href"] == "s3://scenes/a-scene.tif"
    assert objects.exists(output.at(a["assets"]["masks"]["href"]).join("zarr.json"))
    assert objects.exists(output.at(a["assets"]["statistics"]["href"]))
    assert (broken["geometry"], broken["bbox"], broken["assets"]["masks"]) == (None, None, None)
    assert (broken["windows_done"], broken["windows_failed"]) == (0, None)
    assert (nowhere["geometry"], nowhere["area_m2"]["water"], nowhere["datetime"]) == (None, None, None)


def test_dates_are_of_utc_and_a_span_is_dated_by_its_first_day(output: Output) -> None:
    rows = {row["id"]: row for row in pq.read_table(output.items.uri).to_pylist()}
    assert rows["a-scene"]["datetime"] == datetime(2024, 5, 31, 10, 20, 30, tzinfo=UTC)
    assert rows["b-scene"]["datetime"] == datetime(2024, 7, 1, 1, tzinfo=UTC)
    span = [rows["c-scene"][name] for name in ("datetime", "start_datetime", "end_datetime")]
    assert span == [datetime(2023, *day, tzinfo=UTC) for day in ((1, 1), (1, 1), (12, 31))]
    assert rows["across"]["datetime"] is None


def test_geopandas_draws_the_valid_pixels(output: Output) -> None:
    found = geopandas.read_parquet(output.items.uri).set_index("id")
    assert found.crs == "OGC:CRS84"
    assert found.geometry.is_valid[found.geometry.notna()].all()
    placed = found.geometry["a-scene"]
    projected = found.geometry.to_crs("EPSG:32633")["a-scene"]
    assert projected.area == pytest.approx(130 * 150 * 100, rel=0.01)
    assert len(placed.exterior.coords) < 10
    across = found.geometry["across"]
    assert len(across.geoms) == 2
    assert shapely.union_all([across, shapely.box(-180, -90, 180, 90)]).area == pytest.approx(360 * 180)
    near = geopandas.read_parquet(output.items.uri, bbox=(14.9, 45.0, 15.1, 45.2))
    assert set(near["id"]) == {"a-scene", "b-scene", "c-scene"}


def test_the_validator_of_geoparquet_finds_nothing(output: Output) -> None:
    validator = Path(sys.executable).parent / "geoparquet-validator"
    done = subprocess.run([validator, "check", output.items.uri], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rustac_reads_items(output: Output) -> None:
    async def read() -> dict[str, Any]:
        return dict(await rustac.read(output.items.uri))

    found = asyncio.run(read())
    items = {item["id"]: item for item in found["features"]}
    assert len(items) == 6
    item = items["a-scene"]
    assert item["geometry"]["type"] == "Polygon"
    assert item["properties"]["datetime"].startswith("2024-05-31T10:20:30")
    assert item["properties"]["area_m2"]["water"] > 0
    assert item["assets"]["masks"]["href"].endswith("scenes/a-scene/masks.zarr")
    assert not (items["broken"].get("geometry") or {}).get("coordinates")


def test_duckdb_and_polars_answer_with_one_line(output: Output) -> None:
    sql = "SELECT id, area_m2.water / 1e6 AS km2, ST_Area(geometry) FROM read_parquet(?) ORDER BY id"
    rows = spatial_duckdb().execute(sql, [output.items.uri]).fetchall()
    assert [row[0] for row in rows] == ["a-scene", "across", "b-scene", "broken", "c-scene", "nowhere"]
    ids = class_ids(0)
    assert rows[0][1] == pytest.approx((ids == 1).sum() * AREA_KM2, rel=1e-3)
    assert rows[0][2] > 0
    assert rows[3][2] is None
    table = pl.read_parquet(output.items.uri)
    water = table.select(pl.col("area_m2").struct.field("water") / 1e6)["water"].to_list()
    assert water == pytest.approx([row[1] for row in rows])


def test_the_bytes_are_the_same_in_whatever_order_scenes_were_done(output: Output, tmp_path: Path) -> None:
    again = Output(str(tmp_path / "again"))
    for name in ("c-scene", "a-scene"):
        ids = class_ids(" abc".index(name[0]) - 1)
        date = {"a": "2024-05-31T10:20:30", "c": "2023-01-01T00:00:00Z/2023-12-31T00:00:00Z"}[name[0]]
        make_noted(again.scene(name), ids, header_of(ids), names=CLASSES, datetime=date)
        sum_up(again, classes=CLASSES, run=RUN)
    once = pq.read_table(output.items.uri).to_pylist()
    twice = pq.read_table(again.items.uri).to_pylist()
    assert twice == [row for row in once if row["id"] in {"a-scene", "c-scene"}]
    before = objects.get_bytes(again.items)
    sum_up(again, classes=CLASSES, run=RUN)
    assert objects.get_bytes(again.items) == before


def test_a_footprint_leaves_out_windows_that_are_not_done(tmp_path: Path) -> None:
    made = Output(str(tmp_path / "out"))
    ids = np.zeros((128, 128), np.uint8)
    make_noted(made.scene("half"), ids, header_of(ids), names=CLASSES, datetime=None)
    whole_m2 = _projected_m2(made)
    assert whole_m2 == pytest.approx(1280 * 1280, rel=1e-3)
    scene = made.scene("half")
    for row_off, col_off in ledger.done(scene):
        if col_off:
            objects.remove(scene.entry(row_off, col_off))
    assert _projected_m2(made) == pytest.approx(whole_m2 / 2, rel=1e-3)


def _projected_m2(made: Output) -> float:
    sum_up(made, classes=CLASSES)
    return float(geopandas.read_parquet(made.items.uri).to_crs("EPSG:32633").area.sum())


def test_the_line_that_the_readme_asks_gives_km2_of_water_by_scene_and_month(
    output: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sql,) = re.findall(r"```sql\n(SELECT .*)\n```", (ROOT / "README.md").read_text())
    (tmp_path / "try").symlink_to(output.uri)
    monkeypatch.chdir(tmp_path)
    rows = duckdb.connect().execute(sql).fetchall()
    assert [row[:2] for row in rows[:3]] == [
        ("c-scene", "2023-01"),
        ("a-scene", "2024-05"),
        ("b-scene", "2024-07"),
    ]
    by_id = {row[0]: row[2] for row in rows}
    for seed, name in enumerate(("a-scene", "b-scene", "c-scene")):
        assert by_id[name] == pytest.approx((class_ids(seed) == 1).sum() * AREA_KM2, rel=1e-3)
    assert len(geopandas.read_parquet("try/items.parquet")) == len(pd.read_parquet("try/items.parquet")) == 6
