"""Whatever is damaged in an output is found, and what has to be done anew is done anew: byte for byte."""

import random
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import zarr

from pipeline import aoi, statistics, store
from pipeline.audit.verification import Finding, Provenance, Report, forget, verify
from pipeline.config import PLAIN, Reading
from pipeline.flow import scene_inputs
from pipeline.flow.steps import summarize_scenes
from pipeline.geometry.window import Window
from pipeline.output import Output, failures
from pipeline.output.failure import Failure
from pipeline.output.names import GROUP, ITEMS, SCENES, SUMMARY
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.flows import CLASSES, CONTENTS, digests, paint, run_flow

MADE = Provenance(classes=CLASSES, window_px=128, chunk_px=64, contents=CONTENTS)
GRID: dict[str, Any] = {"window_px": 128, "chunk_px": 64}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, ray_cluster: None) -> Path:
    """An output of two scenes, and the scenes beside it."""
    del ray_cluster
    folder = tmp_path_factory.mktemp("whole")
    scenes = [paint(folder / f"{name}.tif", height=200, width=256) for name in ("a", "b")]
    assert run_flow(scenes, folder / "out", **GRID).failures == ()
    return folder


@pytest.fixture
def output(whole: Path, tmp_path: Path) -> Path:
    """A copy of the output, to be damaged."""
    shutil.copytree(whole / "out", tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, ray_cluster: None) -> Path:
    """An output of one scene of two windows, which has every kind of file and few of each."""
    del ray_cluster
    folder = tmp_path_factory.mktemp("small")
    scene = paint(folder / "a.tif", height=100, width=256)
    assert run_flow([scene], folder / "out", **GRID).failures == ()
    return folder / "out"


def look(output: Path, *, finished: bool = True) -> Report:
    return verify(Output(str(output)), made=MADE, finished=finished)


def files(output: Path) -> list[Path]:
    return sorted(path for path in output.rglob("*") if path.is_file())


def flip(path: Path, *, seed: int) -> None:
    """Change one bit, wherever it is."""
    data, chance = bytearray(path.read_bytes()), random.Random(seed)
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(data))


def about(path: Path, output: Path, finding: Finding) -> bool:
    """Whether a finding is of the object, or, of a chunk, of its array; an entry and its chunks may only disagree."""
    name = str(path.relative_to(output))
    return finding.path.split(" of ", 1)[0] in {name, name.split("/c/", 1)[0]} or name in finding.remove


def test_an_undisturbed_output_is_clean(output: Path) -> None:
    report = look(output)
    assert (report.scenes, report.windows, report.left, report.uncommitted) == (2, 8, 0, 0)
    assert report.findings == []
    assert report.stale == []


@pytest.mark.slow
def test_every_bit_that_is_flipped_is_found_wherever_it_is(small: Path, tmp_path: Path) -> None:
    output = Path(shutil.copytree(small, tmp_path / "out"))
    for seed, path in enumerate(files(output)):
        before = path.read_bytes()
        flip(path, seed=seed)
        found = look(output).findings
        assert any(about(path, output, finding) for finding in found), (path, seed, found)
        assert all(finding.kind == "altered" for finding in found), found
        path.write_bytes(before)
    assert look(output).findings == []


@pytest.mark.slow
def test_everything_that_is_deleted_is_found(small: Path, tmp_path: Path) -> None:
    output = Path(shutil.copytree(small, tmp_path / "out"))
    for path in files(output):
        before = path.read_bytes()
        path.unlink()
        found = look(output).findings
        wanted = path.parent / "plan-*.json" if path.name.startswith("plan-") else path
        assert any(about(wanted, output, finding) for finding in found), (path, found)
        path.write_bytes(before)
    assert look(output).findings == []


def test_what_no_run_writes_is_told_from_what_a_killed_one_left(output: Path) -> None:
    scene = next((output / "ledger").iterdir()).name
    strays = {
        "notes.txt": "extra",
        "ledger/readme": "extra",
        f"ledger/{scene}/0-1.json": "extra",
        f"ledger/{scene}/.0-0.json.{'0' * 32}": "leftover",
        f"scenes/{scene}/masks.zarr/0/class/c/9/0": "extra",
        f"scenes/{scene}/masks.zarr/0/class/c/0/0.1f.partial": "leftover",
        f".summary.parquet.{'a' * 32}": "leftover",
    }
    for name in strays:
        (output / name).parent.mkdir(exist_ok=True)
        (output / name).write_text("x")
    report = look(output)
    assert {finding.path: finding.kind for finding in report.findings if finding.path in strays} == strays
    forget(Output(str(output)), report.findings)
    left = {finding.path for finding in look(output, finished=False).findings}
    assert left == {"notes.txt", "ledger/readme"}


def test_what_is_left_to_do_is_no_fault_until_a_run_has_finished(output: Path) -> None:
    entry = next((output / "ledger").glob("*/0-128.json"))
    entry.unlink()
    (output / SUMMARY).unlink()
    report = look(output, finished=False)
    assert (report.left, report.uncommitted) == (1, 4 * len(CONTENTS.arrays))
    assert report.findings == []
    assert len(report.stale) == 4  # the scene's statistics and both tables, and that its masks are complete
    assert {finding.kind for finding in look(output).findings} == {"missing", "altered"}


def test_a_window_that_the_last_run_already_did_not_have_is_left_to_do(output: Path) -> None:
    entry = next((output / "ledger").glob("*/0-128.json"))
    entry.unlink()
    assert [finding.path for finding in look(output).findings if finding.kind == "missing"] == [
        str(entry.relative_to(output))
    ]
    summarize_scenes({entry.parent.name: 0}, Output(str(output)), CLASSES)
    report = look(output)
    assert report.left == 1
    assert [finding.path for finding in report.findings] == [SUMMARY, ITEMS]


def is_complete(output: Path, scene: str) -> bool:
    root = zarr.open_group(f"{output}/scenes/{scene}/masks.zarr", mode="r", use_consolidated=False)
    complete = root.attrs["mrovseg"]["complete"]  # type: ignore[index,call-overload]  # what JSON holds
    assert isinstance(complete, bool)
    return complete


def test_masks_are_complete_until_something_of_them_is_forgotten(whole: Path, output: Path) -> None:
    first, second = sorted(path.name for path in (output / "ledger").iterdir())
    assert is_complete(output, first)
    assert is_complete(output, second)
    flip(output / f"scenes/{first}/masks.zarr/0/class/c/0/0", seed=3)
    forget(Output(str(output)), look(output).findings)
    assert not is_complete(output, first)
    assert is_complete(output, second)
    store.mark(Output(str(output)).scene(first), complete=True)  # a lie, which is found
    assert f"scenes/{first}/masks.zarr/zarr.json" in {finding.path for finding in look(output).findings}
    run_flow([whole / "a.tif", whole / "b.tif"], output, **GRID)
    assert digests(output) == digests(whole / "out")


def test_the_group_of_all_scenes_is_ours_and_a_viewers_is_as_good(output: Path) -> None:
    group = zarr.open_group(output / "scenes", mode="r")
    assert len(list((output / "scenes").iterdir())) == 3
    assert not dict(group.attrs)
    (output / f"{SCENES}/{GROUP}").unlink()
    (missing,) = look(output).findings
    assert (missing.kind, missing.path) == ("missing", f"{SCENES}/{GROUP}")
    assert look(output, finished=False).stale == [f"{SCENES}/{GROUP}"]
    zarr.open_group(output / "scenes", mode="a", zarr_format=3).attrs["viewed"] = [1, 2]
    assert look(output).findings == []
    for damaged in (b"", b"{}", b"[]", b'{"zarr_format": 3, "node_type": "array"}'):
        (output / f"{SCENES}/{GROUP}").write_bytes(damaged)
        (altered,) = look(output, finished=False).findings
        assert (altered.kind, altered.path) == ("altered", f"{SCENES}/{GROUP}")
        forget(Output(str(output)), [altered])
        objects.remove(Location(f"{output}/{SUMMARY}"))
        assert look(output, finished=False).findings == []


def part_of(output: Path, scene: str) -> str:
    return str(Path(Output(str(output)).scene(scene).statistics.uri).relative_to(output))


def plant(output: Path) -> list[Path]:
    """Damage one object of each kind, both by a flipped bit and by its removal, over both scenes."""
    first, second = sorted(path.name for path in (output / "ledger").iterdir())
    flipped = [
        f"scenes/{first}/masks.zarr/0/class/c/0/0",
        f"scenes/{first}/masks.zarr/places/score/c/0/2",
        f"scenes/{first}/masks.zarr/places/margin/c/2/1",
        f"scenes/{first}/masks.zarr/proposals/weight/c/1/0/0/0/0",
        f"scenes/{first}/masks.zarr/proposals/embeddings/zarr.json",
        f"scenes/{first}/masks.zarr/0/class/zarr.json",
        f"scenes/{first}/masks.zarr/0/y/c/0",
        f"ledger/{first}/128-128.json",
        f"inputs/{first}.json",
        part_of(output, second),
        SUMMARY,
        ITEMS,
    ]
    removed = [
        f"scenes/{second}/masks.zarr/0/class/c/1/1",
        f"scenes/{second}/masks.zarr/places/score/zarr.json",
        f"scenes/{second}/masks.zarr/proposals/features/c/0/1/0/0/0",
        f"scenes/{second}/masks.zarr/proposals/zarr.json",
        f"scenes/{second}/masks.zarr/zarr.json",
        f"scenes/{second}/masks.zarr/0/x/c/0",
        f"ledger/{second}/0-128.json",
        part_of(output, first),
        str(next((output / "ledger" / second).glob("plan-*.json")).relative_to(output)),
    ]
    for seed, name in enumerate(flipped):
        flip(output / name, seed=seed)
    for name in removed:
        (output / name).unlink()
    return [output / name for name in (*flipped, *removed)]


def test_all_damage_at_once_is_found_and_repaired(whole: Path, output: Path) -> None:
    planted = plant(output)
    report = look(output)
    found = report.findings
    for path in planted:
        if path.name.startswith("plan-") or path.name in {SUMMARY, ITEMS} or path.parent.name == "statistics":
            continue  # gone with the scene's other damage
        assert any(about(path, output, finding) for finding in found), path
    forget(Output(str(output)), found)
    result = run_flow([whole / "a.tif", whole / "b.tif"], output, **GRID)
    assert result.failures == ()
    assert 0 < result.windows_done < 8
    assert digests(output) == digests(whole / "out")
    assert look(output).findings == []


def test_what_failed_may_be_missing_and_its_table_is_of_it(output: Path) -> None:
    scene = next((output / "ledger").iterdir()).name
    entry = output / "ledger" / scene / "0-0.json"
    entry.unlink()
    (output / part_of(output, scene)).unlink()
    failures.note(
        Output(str(output)),
        Failure(scene_id=scene, uri="a.tif", error="E", message="no", **asdict(Window(0, 0, 128, 128))),
    )
    assert [finding.path for finding in look(output).findings if finding.path == "failures.parquet"]
    statistics.write_failures(Output(str(output)))
    assert not [finding for finding in look(output).findings if "failure" in finding.path + finding.message]
    folder = output / "failures" / scene
    for name, kind in (
        (".0-0.json." + "ab" * 16, "leftover"),
        ("notes.txt", "extra"),
        ("0-0.json", "altered"),
    ):
        (folder / name).write_text("{")
        (finding,) = [each for each in look(output).findings if each.path == f"failures/{scene}/{name}"]
        assert finding.kind == kind
    forget(Output(str(output)), look(output).findings)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("both", [False, True])
def test_how_a_scene_is_read_is_restored_from_its_copy_or_the_scene_is_done_anew(
    whole: Path, output: Path, *, both: bool
) -> None:
    scene = next((output / "ledger").iterdir()).name
    note = output / "inputs" / f"{scene}.json"
    note.unlink()
    if both:
        flip(next((output / "ledger" / scene).glob("plan-*.json")), seed=1)
    report = look(output)
    forget(Output(str(output)), report.findings)
    assert note.exists() is not both
    assert (output / "scenes" / scene).exists() is not both
    run_flow([whole / "a.tif", whole / "b.tif"], output, **GRID)
    assert digests(output) == digests(whole / "out")


def test_an_area_of_interest_has_the_windows_that_it_touches(whole: Path, tmp_path: Path) -> None:
    view = scene_inputs.pin_view(Output(str(whole / "out")), scene_of(str(whole / "a.tif")), PLAIN)
    a, _, c, _, e, f = view.header.transform
    code = str(view.header.crs_wkt).rpartition('"EPSG",')[2].strip('"]')
    area = aoi.parse(f"SRID={code};{c},{f + 50 * e},{c + 50 * a},{f}")
    run_flow([whole / "a.tif"], tmp_path / "out", reading=Reading(aoi=area), **GRID)
    report = verify(
        Output(str(tmp_path / "out")),
        made=replace(MADE, aoi=area),
        finished=True,
    )
    assert (report.windows, report.left, report.findings) == (1, 0, [])


@pytest.mark.slow
def test_flow_is_the_same_by_two_runs_at_once(whole: Path, tmp_path: Path) -> None:
    """Without a lease, two runs that slip through end in the same bytes."""
    program = (
        "import sys, ray; from tests.pipeline.flows import run_flow\n"
        "ray.init(num_cpus=2, include_dashboard=False, object_store_memory=128 * 2**20)\n"
        "run_flow(sys.argv[2:], sys.argv[1], window_px=128, chunk_px=64)"
    )
    root = Path(__file__).resolve().parents[3]
    scenes = [str(whole / "a.tif"), str(whole / "b.tif")]
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "out"), *scenes],
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (tmp_path / "out/ledger").exists() and other.poll() is None:
        time.sleep(0.05)
    assert run_flow(scenes, tmp_path / "out", **GRID).failures == ()
    assert other.wait(200) == 0
    assert digests(tmp_path / "out") == digests(whole / "out")
