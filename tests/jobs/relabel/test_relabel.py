"""Other words over kept proposals are a run of these words; it goes on, is verified, and says what is missing."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform

from jobs import segment, verify
from pipeline import store
from pipeline.geometry.window import Window
from pipeline.output import Output
from tests.jobs.conftest import FinishedRun
from tests.jobs.relabel.relabelling import WORDS, chunks, copied, items, record, run
from tests.jobs.test_segment import FLAGS, files, records

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("ray_cluster")]


def class_ids(output: Path) -> np.ndarray:
    (scene_id,) = {row["scene_id"] for row in records(output, "summary.parquet")}
    return store.read(Output(str(output)).scene(scene_id), "class", Window(0, 0, 600, 600))


@pytest.mark.parametrize("flags", [(), ("--threshold", "0.35", "--scores", "full")])
def test_the_masks_are_to_the_bit_those_of_a_run_with_these_words(
    finished: FinishedRun, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    before, other, again = files(finished.output), tmp_path / "other", tmp_path / "again"
    assert run(finished.output, "--classes", WORDS, "-o", other, *flags) == 0
    arguments = [str(finished.scene), "--classes", WORDS, "-o", str(again), "--no-proposals", *flags]
    assert segment.main([*arguments, *FLAGS]) == 0
    assert chunks(other) == chunks(again)
    assert items(other) == items(again)
    assert len(np.unique(class_ids(other))) > 2
    assert files(finished.output) == before
    made = record(other)
    assert made["source"] == {"output": str(finished.output), "run": source_run(finished.output)}
    assert made["vocabulary"] == record(again)["vocabulary"]
    assert not {"torch", "open_clip_torch"} & set(made["versions"])  # type: ignore[call-overload]
    (root,) = (other / "scenes").glob("*/masks.zarr/zarr.json")
    assert json.loads(root.read_text())["attributes"]["mrovseg"]["source"] == made["source"]


def source_run(output: Path) -> object:
    """What the stores of an output say of the run that made them."""
    root = next((output / "scenes").glob("*/masks.zarr/zarr.json"))
    return json.loads(root.read_text())["attributes"]["mrovseg"]["run"]


def test_it_goes_on_by_its_output_alone_and_what_is_damaged_is_found_and_made_anew(
    finished: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    assert run(finished.output, "--classes", WORDS, "-o", other) == 0
    before = files(other)
    assert verify.main([str(other)]) == 0
    capsys.readouterr()
    assert run("-o", other) == 0
    assert "0 done, 4 done before" in capsys.readouterr().out
    assert files(other) == before
    chunk = next(path for path in (other / "scenes").glob("*/masks.zarr/0/class/c/1/1"))
    chunk.write_bytes(chunk.read_bytes()[:-1])
    assert verify.main([str(other), "--forget"]) == 0
    assert f"mrovseg relabel -o {other}" in capsys.readouterr().out
    assert run("-o", other) == 0
    assert "1 done, 3 done before" in capsys.readouterr().out
    assert files(other) == before


def test_windows_that_are_missing_are_failures_until_the_output_it_comes_from_is_finished(
    finished: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, other = copied(finished, tmp_path / "source"), tmp_path / "other"
    (entry,) = (source / "ledger").glob("*/512-0.json")
    content = entry.read_bytes()
    entry.unlink()
    assert run(source, "--classes", WORDS, "-o", other) == 3
    (failure,) = records(other, "failures.parquet")
    assert (failure["error"], failure["row_off"], failure["col_off"]) == ("ProposalsMissing", 512, 0)
    assert f"mrovseg segment -o {source}" in capsys.readouterr().err
    assert verify.main([str(other)]) == 0
    entry.write_bytes(content)
    assert run("-o", other) == 0
    assert "1 done, 3 done before" in capsys.readouterr().out
    assert records(other, "failures.parquet") == []
    whole = tmp_path / "whole"
    assert run(source, "--classes", WORDS, "-o", whole) == 0
    assert files(other / "scenes") == files(whole / "scenes")


def test_an_area_is_labelled_and_nothing_else(finished: FinishedRun, tmp_path: Path) -> None:
    with rasterio.open(finished.scene) as source:
        corners = [source.transform @ (300, 200), source.transform @ (420, 350)]
        xs, ys = transform(source.crs, "EPSG:4326", *zip(*corners, strict=True))
    box = f"{min(xs)},{min(ys)},{max(xs)},{max(ys)}"
    whole, part = tmp_path / "whole", tmp_path / "part"
    assert run(finished.output, "--classes", WORDS, "-o", whole) == 0
    assert run(finished.output, "--classes", WORDS, "-o", part, "--aoi", box) == 0
    found, expected = class_ids(part), class_ids(whole)
    inside = found != 255
    rows, cols = np.nonzero(inside)
    assert max(abs(rows.min() - 200), abs(rows.max() - 349)) <= 5  # north is not quite up
    assert max(abs(cols.min() - 300), abs(cols.max() - 419)) <= 5
    np.testing.assert_array_equal(found[inside], expected[inside])
    assert verify.main([str(part)]) == 0


def test_scenes_are_chosen_by_id_or_by_name(
    finished: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (scene_id,) = {row["scene_id"] for row in records(finished.output, "summary.parquet")}
    for number, chosen in enumerate(
        ([scene_id], [finished.scene], [f"{finished.scene.parent}/*.tif", "b-" + "0" * 16])
    ):
        other = tmp_path / str(number)
        assert run(finished.output, "--classes", WORDS, "-o", other, "--scenes", *chosen) == 0
        assert {row["scene_id"] for row in records(other, "summary.parquet")} == {scene_id}
    assert "lacks 1 of 2 scenes that are named: b-0000000000000000" in capsys.readouterr().err
