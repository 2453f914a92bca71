"""`--overwrite` removes what a run made: not what lies beside it, nor what a link leads to, nor another's folder."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.run import run_record
from jobs.run.description import describe
from jobs.run.settings.segment import SegmentSettings
from jobs.run.supervision import supervised
from mrovseg.weights import checkpoint as checkpoints
from pipeline import statistics, store
from pipeline.audit.verification import Finding, forget
from pipeline.config import Reading
from pipeline.errors import OutputError, ResumeError
from pipeline.flow import scene_inputs
from pipeline.geometry.scene import Scene
from pipeline.geometry.window import Window
from pipeline.output import Output, Plan, failures, inputs, ledger
from pipeline.output.failure import Failure
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.location import Location
from pipeline.testing import painted
from tests.jobs.run.settings.given import settings_of

CLASSES = ["road"]


def described(output: str) -> tuple[SegmentSettings, dict[str, Any]]:
    made = settings_of("a.tif", "--classes", "road", "-o", output, "--overwrite")
    return made, describe(made, checkpoint=checkpoints.load("tiny"), threshold=0.2)


def overwritten(output: str) -> None:
    made, description = described(output)
    with supervised(made, description):
        pass


def fill(output: str, scene: Scene) -> None:
    """Write what a run of one window writes."""
    header = scene_inputs.pin_view(Output(output), scene, Reading()).header
    window = Window(0, 0, header.height, header.width)
    mine = Output(output).scene(scene.scene_id)
    store.lay_out_scenes(Output(output))
    store.lay_out(mine, header=header, classes=CLASSES, chunk_px=64)
    labels = {name: np.zeros(window.shape, np.uint8) for name in store.ARRAYS}
    digests = store.write(mine, labels, window=window)
    ledger.commit(mine, window=window, digests=digests, statistics=[])
    ledger.note_plan(mine, plan=Plan(1, "0" * 32), inputs=b"", instead_of=None)
    places: list[dict[str, Any]] = [{"row_off": 0, "col_off": 64, "height": 64, "width": 64}, {}]
    for at in places:
        failure = Failure(scene_id=scene.scene_id, uri=scene.uri, error="E", message="no", **at)
        failures.note(Output(output), failure)
    part = statistics.PartWriter()
    part.add(scene.scene_id, (), listing="", facts={})
    objects.put_bytes(mine.statistics, part.content())
    run_record.write_description(Output(output), described(output)[1])


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    painted.paint_scene(tmp_path / "a.tif", height=64, width=64, seed=1)
    return scene_of(str(tmp_path / "a.tif"))


def names(folder: str) -> list[str]:
    return [each.path for each in objects.list_all(Location(folder))]


def test_all_that_a_run_made_goes_and_what_lies_beside_it_stays_and_is_named(
    scene: Scene, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(place, scene)
    assert len(names(place)) > 10
    scene_id = scene.scene_id
    others = [
        "diary.txt",
        "inputs/notes.json",
        f"failures/{scene_id}/why.txt",
        f"ledger/{scene_id}/0-0.json.bak",
        f"scenes/{scene_id}/masks.zarr/0/class/photo.png",
        f"scenes/{scene_id}/readme.md",
        "scenes/mine/masks.zarr/zarr.json",
        "statistics/all.parquet",
    ]
    half = [
        f"failures/{scene_id}/.scene.json.{'ab' * 16}",
        f"ledger/{scene_id}/.0-0.json.{'ab' * 16}",
        f"scenes/{scene_id}/masks.zarr/0/class/c/0/0.{'ab' * 16}.partial",
    ]
    for name in (*others, *half):
        objects.put_bytes(Location(objects.join(place, name)), b"mine")
    overwritten(place)
    assert names(place) == sorted([*others, "run.json"])
    said = capsys.readouterr().err
    assert all(name in said for name in others)


@pytest.mark.parametrize(
    "text",
    [
        '{"format": 2}',
        '{"format": "mrovseg", "config": {}, "runs": []}',
        '{"format": 1, "type": "FeatureCollection"}',
        "without digest",
        "another format",
        "another's versions",
    ],
)
def test_a_folder_whose_record_is_not_whole_and_ours_is_left_as_it_is(
    scene: Scene, tmp_path: Path, text: str
) -> None:
    output = str(tmp_path / "out")
    fill(output, scene)
    record = json.loads((tmp_path / "out/run.json").read_text())
    if text == "without digest":
        del record["digest"]
    elif text == "another format":
        record |= {"format": 7}
        record["digest"] = run_record._digest(record)
    elif text == "another's versions":
        record["versions"] = {"python": "3"}
        record["digest"] = run_record._digest(record)
    (tmp_path / "out/run.json").write_text(json.dumps(record) if " " in text and "{" not in text else text)
    before = names(output)
    with pytest.raises(ResumeError, match="is no output of mrovseg"):
        overwritten(output)
    assert names(output) == before


@pytest.mark.parametrize(
    "linked", ["ledger", "failures", "scenes", "statistics", "inputs", "ledger/ID", "scenes/ID/masks.zarr"]
)
def test_nothing_is_removed_behind_a_link(scene: Scene, tmp_path: Path, linked: str) -> None:
    output, elsewhere = str(tmp_path / "out"), tmp_path / "elsewhere"
    fill(output, scene)
    folder = tmp_path / "out" / linked.replace("ID", scene.scene_id)
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    (elsewhere / f".x.{'ab' * 16}").write_text("another's")
    before = names(str(elsewhere))
    with pytest.raises(ResumeError, match=rf"{folder} is a link"):
        overwritten(output)
    if linked != "inputs":
        objects.sweep(Location(str(folder)), below=Location(output))
    if linked.startswith("scenes"):
        store.lay_out(
            Output(output).scene(scene.scene_id),
            header=scene_inputs.pin_view(Output(output), scene, Reading()).header,
            classes=CLASSES,
            chunk_px=64,
        )
    refused = pytest.raises(OutputError, match=rf"{folder} is a link")
    kept = linked.endswith("zarr") or linked == "statistics"  # a link in a scene's folder is none of ours
    with nullcontext() if kept else refused:
        inputs.remove_scene(Output(output).scene(scene.scene_id))
    path = f"{linked.replace('ID', scene.scene_id)}/{before[0]}"
    with pytest.raises(OutputError, match=rf"{folder} is a link"):
        forget(Output(output), [Finding(kind="altered", path=path, message="", remove=(path,))])
    assert names(str(elsewhere)) == before


def test_links_to_what_is_another_s_stay_and_lead_where_they_led(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    fill(str(output), scene)
    elsewhere.mkdir()
    (elsewhere / "0-0.json").write_text("another's")
    (output / "scenes/notes").symlink_to(elsewhere)
    (output / "ledger/gone").symlink_to(tmp_path / "nowhere")
    entry = output / f"ledger/{scene.scene_id}/0-0.json"
    entry.unlink()
    entry.symlink_to(elsewhere / "0-0.json")
    overwritten(str(output))
    assert (output / "scenes/notes").is_symlink()
    assert (output / "ledger/gone").is_symlink()
    assert not entry.is_symlink()
    assert (elsewhere / "0-0.json").read_text() == "another's"
    said = capsys.readouterr().err
    assert "scenes/notes" in said
    assert "ledger/gone" in said


def test_an_output_may_itself_be_behind_a_link(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    fill(str(tmp_path / "out"), scene)
    overwritten(str(tmp_path / "out"))
    assert names(str(tmp_path / "disk")) == ["run.json"]
