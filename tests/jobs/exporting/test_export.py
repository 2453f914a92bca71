"""`mrovseg export`: what every format has in common, over outputs of class maps that were drawn."""

import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from jobs import export
from jobs.run import run_record
from jobs.run.exit_codes import ExitCode
from jobs.run.exporting.formats import FORMAT_NAMES
from pipeline.config import FlowSettings
from pipeline.output import Output
from tests.jobs.run.test_run_record import description
from tests.pipeline.made_outputs import UTM, header_of, make_scene, output_at

SIDE_PX, WINDOW_PX = 700, 256
DATE = "2026-05-01T00:00:00Z"
ASKED = {
    "cog": ["--scores"],
    "stac": [],
    "polygons": ["--simplify-m", "20", "--merge-scenes"],
    "pmtiles": [],
    "zones": ["--zones", "{zones}"],
    "change": ["{later}"],
}
"""What is asked for in each format, beside the format."""


def class_ids(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 3, (SIDE_PX // 20, SIDE_PX // 20), np.uint8)
    return coarse.repeat(20, 0).repeat(20, 1)


def made(folder: Path, *, seed: int, done: set[tuple[int, int]] | None = None) -> Output:
    output = output_at(folder)
    flow = FlowSettings(window_px=WINDOW_PX, chunk_px=WINDOW_PX)
    run_record.write_description(output, description(folder, classes="water; road", flow=flow))
    ids = class_ids(seed)
    origin = {"uri": "a.tif", "datetime": DATE}
    scene, names = output.scene("a"), ("water", "road")
    sides = {"window_px": WINDOW_PX, "chunk_px": WINDOW_PX}
    make_scene(scene, ids, names=names, header=header_of(ids), origin=origin, done=done, **sides)
    return output


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Output:
    return made(tmp_path_factory.mktemp("whole") / "out", seed=1)


@pytest.fixture(scope="module")
def partly(tmp_path_factory: pytest.TempPathFactory) -> Output:
    return made(tmp_path_factory.mktemp("partly") / "out", seed=1, done={(0, 0), (256, 512)})


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Output], list[str]]:
    """What is said to export an output in a format, but for the folder."""
    beside = tmp_path_factory.mktemp("beside")
    later = made(beside / "later", seed=2)
    x, y = UTM[2], UTM[5]
    square = shapely.box(x + 105, y - 5555, x + 5555, y - 105)
    geopandas.GeoDataFrame(geometry=[square], crs="EPSG:32633").to_file(beside / "zones.gpkg")

    def asked(to: str, output: Output) -> list[str]:
        more = [each.format(zones=beside / "zones.gpkg", later=later.uri) for each in ASKED[to]]
        outputs = [output.uri, *(more if to == "change" else [])]
        return [*outputs, "--to", to, *([] if to == "change" else more)]

    return asked


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_there_is_no_format_that_these_tests_do_not_know() -> None:
    assert set(FORMAT_NAMES) == ASKED.keys()


@pytest.mark.parametrize("to", ASKED)
def test_an_unfinished_output_says_what_is_missing_and_given_again_changes_nothing(
    to: str,
    tmp_path: Path,
    partly: Output,
    arguments: Callable[[str, Output], list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = [*arguments(to, partly), "-o", str(tmp_path / "made")]

    assert export.main(asked) == ExitCode.DONE_WITH_FAILURES
    assert "7 of 9 windows are not done, and are no data" in capsys.readouterr().err
    first = digests(tmp_path / "made")
    assert export.main(asked) == ExitCode.DONE_WITH_FAILURES
    assert digests(tmp_path / "made") == first


@pytest.mark.slow
@pytest.mark.parametrize("to", ASKED)
def test_a_killed_export_given_again_ends_with_the_same_bytes(
    to: str, tmp_path: Path, whole: Output, arguments: Callable[[str, Output], list[str]]
) -> None:
    assert export.main([*arguments(to, whole), "-o", str(tmp_path / "undisturbed")]) == ExitCode.DONE
    expected, folder = digests(tmp_path / "undisturbed"), tmp_path / "killed"
    asked = [*arguments(to, whole), "-o", str(folder)]

    noted = folder / "records"
    _kill_when(lambda: any(noted.glob("*.json")) or any(folder.glob(".*.partial/*")), asked)
    assert digests(folder) != expected
    _kill_when(lambda: any(noted.glob("*/*")) or any(folder.glob("*.*")), asked)
    assert digests(folder) != expected
    assert export.main(asked) == ExitCode.DONE

    assert digests(folder) == expected


def _kill_when(happened: Callable[[], bool], asked: list[str]) -> None:
    command = [sys.executable, "-m", "jobs.cli", "export", *asked]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while not happened():
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
