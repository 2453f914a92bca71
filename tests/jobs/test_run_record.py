"""`run.json` says what made an output, and guards it."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from jobs import run_record
from jobs.settings import SegmentSettings
from mrovseg.checkpoint import Checkpoint
from mrovseg.config import TINY
from mrovseg.vocabulary import parse
from pipeline import ledger
from pipeline.config import PLAIN, FlowSettings, Reading
from pipeline.errors import ResumeError
from pipeline.scene import Scene, scene_of
from pipeline.window import Window


def description(  # noqa: PLR0913 - each by its name
    output: Path,
    *,
    classes: str = "house; road",
    scenes: tuple[Path, ...] = (),
    digest: str = "ab12",
    threshold: float = 0.2,
    flow: FlowSettings = FlowSettings(),  # noqa: B008 - frozen
    reading: Reading = PLAIN,
) -> dict[str, Any]:
    settings = SegmentSettings(
        scenes=tuple(map(str, scenes)),
        vocabulary=parse(classes),
        output=str(output),
        flow=flow,
        reading=reading,
    )
    checkpoint = Checkpoint("tiny", TINY, {}, None, digest)
    return run_record.describe(
        settings, checkpoint=checkpoint, threshold=threshold, scenes=[*map(scene, scenes)]
    )


def scene(path: Path) -> Scene:
    return scene_of(str(path))


def test_the_record_is_written_and_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    file.write_bytes(b"seven b")
    out = tmp_path / "out"
    run_record.claim(str(out), description(out, scenes=(file,)))
    first = (out / "run.json").read_bytes()
    run_record.claim(str(out), description(out, scenes=(file,)))
    assert (out / "run.json").read_bytes() == first
    record = json.loads(first)
    assert record["inputs"][scene(file).scene_id]["size_bytes"] == 7
    assert [entry["class_id"] for entry in record["vocabulary"]] == [1, 2]
    assert record["versions"].keys() >= {"python", "mrovseg", "torch", "ray", "zarr"}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"classes": "house; water"}, ["vocabulary.2.name", "road", "water"]),
        ({"classes": "house,hut; road"}, ["vocabulary.1.prompts", "hut"]),
        ({"classes": "house"}, ["vocabulary", "road"]),
        ({"digest": "cd34"}, ["model.digest", "ab12", "cd34"]),
        ({"threshold": 0.3}, ["model.threshold", "0.2", "0.3"]),
        ({"flow": FlowSettings(window_px=4096)}, ["grid.window_px", "2048", "4096"]),
        ({"reading": Reading(nodata=math.nan)}, ["reading.nodata", "null", "nan"]),
        ({"reading": Reading(bands=(4, 3, 2))}, ["reading.bands", "null", "[4, 3, 2]"]),
    ],
)
def test_another_run_is_refused_and_the_difference_shown(
    tmp_path: Path, changed: dict[str, Any], named: list[str]
) -> None:
    run_record.claim(str(tmp_path), description(tmp_path))
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(ResumeError) as raised:
        run_record.claim(str(tmp_path), description(tmp_path, **changed))
    assert all(part in str(raised.value) for part in named), raised.value
    assert (tmp_path / "run.json").read_bytes() == before


def test_more_scenes_and_other_actors_are_the_same_run(tmp_path: Path) -> None:
    first, second = tmp_path / "a.tif", tmp_path / "b.tif"
    for file in (first, second):
        file.write_bytes(b"x")
    run_record.claim(str(tmp_path), description(tmp_path, scenes=(first,)))
    run_record.claim(str(tmp_path), description(tmp_path, scenes=(second,), flow=FlowSettings(actors=1)))
    inputs = json.loads((tmp_path / "run.json").read_bytes())["inputs"]
    assert set(inputs) == {scene(first).scene_id, scene(second).scene_id}


def test_a_changed_scene_is_refused_once_it_has_masks(tmp_path: Path) -> None:
    file, out = tmp_path / "a.tif", tmp_path / "out"
    file.write_bytes(b"x")
    run_record.claim(str(out), description(out, scenes=(file,)))
    file.write_bytes(b"longer")
    run_record.claim(str(out), description(out, scenes=(file,)))  # nothing was made of it yet
    commit(str(out), scene(file).scene_id)
    run_record.claim(str(out), description(out, scenes=(file,)))
    file.write_bytes(b"longer still")
    with pytest.raises(ResumeError, match=r"a\.tif"):
        run_record.claim(str(out), description(out, scenes=(file,)))


def test_a_missing_scene_is_recorded_without_a_size(tmp_path: Path) -> None:
    record = description(tmp_path, scenes=(tmp_path / "none.tif",))
    assert [found["size_bytes"] for found in record["inputs"].values()] == [None]


def commit(output: str, scene_id: str) -> None:
    """Commit a window of a scene as the flow would."""
    ledger.commit(output, scene_id, window=Window(0, 0, 1, 1), digests={}, statistics=[])
