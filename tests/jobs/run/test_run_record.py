"""`run.json` says what made an output, and guards it."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from jobs import segment, verify
from jobs.run import run_record
from jobs.run.description import describe
from jobs.run.exit_codes import ExitCode
from jobs.run.settings.classes import read_classes
from jobs.run.settings.segment import SegmentSettings
from mrovseg.network.config import TINY
from mrovseg.weights.checkpoint import Checkpoint
from pipeline.config import PLAIN, FlowSettings, Reading
from pipeline.errors import PipelineError, ResumeError
from pipeline.output import Output
from pipeline.output.palette import class_colors
from pipeline.sources import SceneList, Search


def description(  # noqa: PLR0913 - each by its name
    output: Path,
    *,
    classes: object = "house; road",
    scenes: tuple[str | Search, ...] = ("a.tif",),
    digest: str = "ab12",
    threshold: float = 0.2,
    precision: str = "float32",
    flow: FlowSettings = FlowSettings(),  # noqa: B008 - frozen
    reading: Reading = PLAIN,
) -> dict[str, Any]:
    settings = SegmentSettings(
        scenes=SceneList(scenes),
        vocabulary=read_classes(classes),
        output=Output(str(output)),
        flow=flow,
        reading=reading,
    )
    checkpoint = Checkpoint("tiny", TINY, {}, None, None, digest)
    return describe(settings, checkpoint=checkpoint, threshold=threshold, precision=precision)


def test_the_record_is_written_and_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    run_record.write_description(Output(str(tmp_path)), description(tmp_path))
    first = (tmp_path / "run.json").read_bytes()
    run_record.write_description(Output(str(tmp_path)), description(tmp_path))
    assert (tmp_path / "run.json").read_bytes() == first
    record = json.loads(first)
    assert record["config"]["scenes"] == ["a.tif"]
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
        ({"precision": "bfloat16"}, ["model.precision", "float32", "bfloat16"]),
        ({"flow": FlowSettings(window_px=4096)}, ["grid.window_px", "2048", "4096"]),
        ({"flow": FlowSettings(overlap_px=284)}, ["grid.overlap_px", "144", "284"]),
        ({"flow": FlowSettings(proposals=False)}, ["grid.proposals", "true", "false"]),
        ({"flow": FlowSettings(scores="full")}, ["grid.scores", "places", "full"]),
        ({"reading": Reading(nodata=math.nan)}, ["reading.nodata", "null", "nan"]),
        ({"reading": Reading(bands=(4, 3, 2))}, ["reading.bands", "null", "[4, 3, 2]"]),
    ],
)
def test_another_run_is_refused_and_the_difference_shown(
    tmp_path: Path, changed: dict[str, Any], named: list[str]
) -> None:
    run_record.write_description(Output(str(tmp_path)), description(tmp_path))
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(ResumeError) as raised:
        run_record.write_description(Output(str(tmp_path)), description(tmp_path, **changed))
    assert all(part in str(raised.value) for part in named), raised.value
    assert (tmp_path / "run.json").read_bytes() == before


def test_an_output_keeps_the_colours_that_it_was_begun_with(tmp_path: Path) -> None:
    output = Output(str(tmp_path))
    house = {"name": "house", "prompts": ["house"], "color": "#0000ff"}
    blue = [house, "road"]
    first = run_record.write_description(output, description(tmp_path, classes=blue))
    assert first == [*class_colors(["house", "road"], {"house": "#0000ff"})]
    record = (tmp_path / "run.json").read_bytes()
    assert json.loads(record)["config"]["classes"][0] == house
    for other in ("house; road", [{**house, "color": "#ff0000"}, "road"]):
        assert run_record.write_description(output, description(tmp_path, classes=other)) == first
        assert (tmp_path / "run.json").read_bytes() == record


def test_a_record_that_does_not_say_its_precision_is_of_single_precision(tmp_path: Path) -> None:
    before = description(tmp_path)
    del before["model"]["precision"]  # as it was written before there was a choice
    run_record.write_description(Output(str(tmp_path)), before)
    assert run_record.precision(Output(str(tmp_path))) == "float32"
    with pytest.raises(ResumeError, match=r"model\.precision"):
        run_record.write_description(Output(str(tmp_path)), description(tmp_path, precision="bfloat16"))
    run_record.write_description(Output(str(tmp_path)), description(tmp_path))


def test_other_scenes_and_other_actors_are_the_same_run(tmp_path: Path) -> None:
    run_record.write_description(Output(str(tmp_path)), description(tmp_path))
    now = description(tmp_path, scenes=("b.tif",), flow=FlowSettings(actors=1))
    run_record.write_description(Output(str(tmp_path)), now)
    assert json.loads((tmp_path / "run.json").read_bytes())["config"]["scenes"] == ["b.tif"]


def test_an_overlap_that_is_asked_for_is_the_same_as_one_that_is_the_default(tmp_path: Path) -> None:
    first = description(tmp_path)
    assert first["grid"]["overlap_px"] == first["config"]["overlap_px"] == 144
    assert first["model"]["chip_px"] == 576
    run_record.write_description(Output(str(tmp_path)), first)
    now = description(tmp_path, flow=FlowSettings(overlap_px=144))
    run_record.write_description(Output(str(tmp_path)), now)


def test_a_signed_spec_and_a_search_are_recorded_without_their_credentials(tmp_path: Path) -> None:
    search = Search("https://me:hunter2@host/stac?token=s3same", {"collections": ["naip"]})
    run_record.write_description(
        Output(str(tmp_path)), description(tmp_path, scenes=("https://h/a.tif?sig=pl4in&se=2030", search))
    )
    text = (tmp_path / "run.json").read_text()
    assert json.loads(text)["config"]["scenes"] == [
        "https://h/a.tif",
        {"stac_api": "https://host/stac", "collections": ["naip"]},
    ]
    assert not any(secret in text for secret in ("hunter2", "s3same", "pl4in"))


def test_an_output_of_another_format_is_refused_in_one_line_by_whatever_needs_its_masks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as earlier:
        earlier.setattr(run_record, "FORMAT", 2)  # scores in 1/255, and 0 for no data
        run_record.write_description(Output(str(tmp_path)), description(tmp_path))
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(
        ResumeError, match=r"is of format \d, .* reads and writes format \d: give another output"
    ):
        run_record.write_description(Output(str(tmp_path)), description(tmp_path))
    for verb, arguments in ((verify.main, [str(tmp_path)]), (segment.main, ["-o", str(tmp_path)])):
        assert verb(arguments) == ExitCode.BAD_USAGE
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert "is of format 2" in line
    assert (tmp_path / "run.json").read_bytes() == before


def test_what_mask_stores_say_of_a_run_is_the_same_for_whoever_goes_on_with_it(tmp_path: Path) -> None:
    made = run_record.provenance(description(tmp_path))
    assert (made["model"], made["threshold"]) == ("ab12", 0.2)
    assert made["vocabulary"][1] == {"class_id": 2, "name": "road", "prompts": ["road"]}
    others = description(tmp_path / "b", scenes=("b.tif",), flow=FlowSettings(actors=5))
    assert run_record.provenance(others) == made
    assert run_record.provenance(json.loads(json.dumps(others))) == made
    assert run_record.provenance(description(tmp_path, threshold=0.3))["run"] != made["run"]


def test_a_record_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "run.json").open("wb") as file:
        file.truncate(2**40)  # of a terabyte nothing is stored
    with pytest.raises(PipelineError, match="has more than 16 MiB"):
        run_record.earlier(Output(str(tmp_path)))
