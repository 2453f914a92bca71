"""`mrovseg export --to zones` and `--to change`, over outputs of class maps that were drawn."""

import re
from pathlib import Path

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely

from jobs import export
from jobs.run import run_record
from jobs.run.exit_codes import ExitCode
from pipeline.config import FlowSettings
from pipeline.output import Output
from tests.jobs.run.test_run_record import description
from tests.pipeline.made_outputs import UTM, header_of, make_scene, output_at

IDS = np.ones((100, 100), np.uint8)


def made(folder: Path, classes: str = "water; road", **scenes: tuple[str, np.ndarray]) -> Output:
    """An output of scenes of one place, by id: their dates and class ids."""
    output = output_at(folder)
    flow = FlowSettings(window_px=64, chunk_px=64)
    run_record.write_description(output, description(folder, classes=classes, flow=flow))
    for scene_id, (date, ids) in scenes.items():
        origin = {"uri": f"{scene_id}.tif", "datetime": date}
        names = classes.split("; ")
        make_scene(output.scene(scene_id), ids, names=names, header=header_of(ids), origin=origin)
    return output


def run(*arguments: object) -> int:
    return export.main([str(argument) for argument in arguments])


def test_zones_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = made(tmp_path / "out", a=("2024-05-01T00:00:00Z", IDS))
    x, y = UTM[2], UTM[5]
    bow = shapely.Polygon([(x, y), (x + 100, y - 100), (x + 100, y), (x, y - 100)])
    frame = geopandas.GeoDataFrame({"name": ["bow"]}, geometry=[bow], crs="EPSG:32633")
    frame.to_file(tmp_path / "parcels.gpkg")
    asked = ("--zones", tmp_path / "parcels.gpkg", "--zone-id", "name")

    assert run(output, "--to", "zones", *asked, "-o", tmp_path / "made") == ExitCode.DONE
    said = capsys.readouterr()
    assert said.out == f"2 files of 1 scene: {tmp_path / 'made'}\n"
    assert "has 1 polygons that are not valid, as they cross themselves" in said.err
    rows = pq.read_table(tmp_path / "made" / "zones.parquet").to_pylist()
    assert [(row["zone_id"], row["class_name"], row["pixels"]) for row in rows] == [
        ("bow", "other", 0),
        ("bow", "water", pytest.approx(50)),
        ("bow", "road", 0),
    ]

    chosen = ("--classes", "road", "-o", tmp_path / "roads")
    assert run(output, "--to", "zones", *asked, *chosen) == ExitCode.DONE
    rows = pq.read_table(tmp_path / "roads" / "zones.parquet").to_pylist()
    assert [(row["class_name"], row["share"], row["valid_pixels"]) for row in rows] == [
        ("road", 0, pytest.approx(50))
    ]


def test_change_between_two_outputs_of_other_words(tmp_path: Path) -> None:
    before = made(tmp_path / "before", a=("2024-05-01T00:00:00Z", IDS))
    now = np.full_like(IDS, 2)
    now[:10, :10] = 1
    after = made(tmp_path / "after", "wood; water", b=("2026-05-01T00:00:00Z", now))

    assert run(before, after, "--to", "change", "-o", tmp_path / "after" / "made") == ExitCode.BAD_USAGE
    assert run(before, after, "--to", "change", "-o", tmp_path / "made") == ExitCode.DONE
    rows = pq.read_table(tmp_path / "made" / "transitions.parquet").to_pylist()
    assert {(row["from_class"], row["to_class"]): row["pixels"] for row in rows} == {
        ("water", "wood"): 100,
        ("water", "water"): 9900,
    }


def test_change_between_two_dates_of_one_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = IDS.copy()
    now[:, :30] = 2
    output = made(
        tmp_path / "out",
        early=("2024-05-01T00:00:00Z", IDS),
        late=("2026-05-01T00:00:00Z", now),
        later=("2026-09-01T00:00:00Z", IDS),
    )
    made_at = ("-o", tmp_path / "made")
    (Path(output.uri) / "ledger" / "late" / "64-64.json").unlink()

    dates = ("--before", "2024", "--after", "2026-05")
    assert run(output, "--to", "change", *dates, *made_at) == ExitCode.DONE_WITH_FAILURES
    assert f"late of {output}: 1 of 4 windows are not done, and are no data" in capsys.readouterr().err
    rows = pq.read_table(tmp_path / "made" / "transitions.parquet").to_pylist()
    assert {(row["after_scene_id"], row["to_class"]): row["pixels"] for row in rows} == {
        ("late", "road"): 3000,
        ("late", "water"): 7000 - 36 * 36,
    }


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--to", "zones"), "--to zones takes --zones FILE"),
        (("--to", "zones", "--zones", "nowhere.gpkg"), "there are no zones at .*nowhere.gpkg"),
        (("--to", "change"), "--to change takes two outputs, OUT OUT2, or --before DATE and --after DATE"),
        (("--to", "change", "--before", "2024", "--after", "2024"), "2024 and 2024 name the same scenes"),
        (
            ("--to", "change", "--before", "2023", "--after", "2024"),
            "no scenes of 2023: its dates are 2024-05",
        ),
        (("--to", "change", "--zones", "a.gpkg"), "--zones belongs to --to zones, got --to change"),
        (("--to", "zones", "--before", "2024"), "--before belongs to --to change, got --to zones"),
        (("--to", "zines"), "--to takes one of .*zones, change, got 'zines'"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: tuple[str, ...], message: str
) -> None:
    output = made(tmp_path / "out", a=("2024-05-01T00:00:00Z", IDS[:64, :64]))
    assert run(output, *asked, "-o", tmp_path / "made") == ExitCode.BAD_USAGE
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "made" / "zones.parquet").exists()
