"""The main job through its own door: what it prints, writes, refuses and returns."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio
from rasterio import Affine

from jobs import segment
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.jobs.conftest import FinishedRun, PaintScene

WORDS = "building,buildings; road; vegetation; water"
FLAGS = ["--window-px", "512", "--chunk-px", "512", "--actors", "1"]


def run(*arguments: object) -> int:
    return segment.main([*map(str, arguments), *FLAGS])


def records(output: object, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(
        io.BytesIO(objects.get_bytes(Location(objects.join(str(output), name))))
    ).to_pylist()
    return found


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for what `run.json` says of when."""
    return {
        str(path.relative_to(folder)): without_runs(path) if path.name == "run.json" else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def without_runs(record: Path) -> bytes:
    return json.dumps(
        {key: value for key, value in json.loads(record.read_text()).items() if key != "runs"}
    ).encode()


@pytest.mark.usefixtures("ray_cluster")
def test_a_scene_and_words_become_masks_and_a_table(
    paint_scene: PaintScene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene, output = paint_scene("a.tif", height=600, width=540), tmp_path / "out"
    assert run(scene, "--classes", WORDS, "-o", output) == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("other", "building", "road", "vegetation", "water"))
    summary = records(output, "summary.parquet")
    assert [entry["class_name"] for entry in summary] == ["other", "building", "road", "vegetation", "water"]
    assert sum(entry["pixels"] for entry in summary) == 600 * 540
    assert records(output, "failures.parquet") == []
    assert json.loads((output / "run.json").read_text())["grid"] == {
        "window_px": 512,
        "chunk_px": 512,
        "overlap_px": 144,
        "scores": "places",
        "proposals": True,
    }


@pytest.mark.slow
def test_a_file_alone_gives_the_same_masks_and_a_second_run_computes_nothing(
    finished: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "segment.yaml"
    config.write_text(f"{{scenes: ['{finished.scene}'], classes: '{WORDS}', output: '{tmp_path / 'file'}'}}")
    assert run("--config", config) == 0
    assert files(tmp_path / "file" / "scenes") == files(finished.output / "scenes")
    before = files(tmp_path / "file")
    capsys.readouterr()
    assert run("--config", config) == 0
    assert "0 done, 4 done before" in capsys.readouterr().out
    assert files(tmp_path / "file") == before


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_broken_scenes_are_listed_with_a_reason_and_the_good_one_is_complete(
    paint_scene: PaintScene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = paint_scene("good.tif", height=300, width=300)
    whole = paint_scene("truncated.tif", height=300, width=300)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (tmp_path / "empty.tif").touch()
    (tmp_path / "text.tif").write_text("this is no picture")
    output = tmp_path / "out"
    assert (
        run(good, whole, tmp_path / "empty.tif", tmp_path / "text.tif", "--classes", WORDS, "-o", output) == 3
    )
    failures = {entry["scene_id"].rsplit("-", 1)[0]: entry for entry in records(output, "failures.parquet")}
    assert set(failures) == {"truncated", "empty", "text"}
    assert "empty" in failures["empty"]["message"]
    assert "text file" in failures["text"]["message"]
    summary = records(output, "summary.parquet")
    assert {entry["scene_id"].rsplit("-", 1)[0] for entry in summary if entry["pixels"]} == {"good"}
    assert "failures.parquet" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_run_says_on_what_it_runs_and_what_scenes_warn_of_and_one_that_cannot_fit_leaves_all_as_it_was(
    paint_scene: PaintScene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenes, output = [paint_scene("a.tif", height=64, width=64)], tmp_path / "out"
    for name in "bc":
        path, values = tmp_path / f"{name}.tif", np.arange(5 * 64 * 64, dtype=np.uint16).reshape(5, 64, 64)
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            height=64,
            width=64,
            count=5,
            dtype="uint16",
            transform=Affine(2, 0, 0, 0, -2, 0),
        ) as file:
            file.write(values)
        scenes.append(path)
    assert run(*scenes, "--classes", WORDS, "-o", output) == 0
    said = capsys.readouterr().err
    assert (
        "mrovseg: 1 actor of 0.9 CPUs, on cpu in float32; windows of 512 px; ground size: each scene's own"
        in said
    )
    told = [json.loads(line)["message"] for line in said.splitlines() if '"scene_warned"' in line]
    counted = [json.loads(line)["message"] for line in said.splitlines() if '"scenes_warned"' in line]
    for words in ("no band says that it is red", "no CRS is stated", "uint16 become 8 bits by percentiles"):
        (once,) = (text.split(": ", 2)[2] for text in told if words in text)
        assert f"warning: of 2 scenes: {once}" in counted
    assert json.loads((output / "run.json").read_text())["model"]["precision"] == "float32"

    before = files(output)
    again = [*map(str, scenes), "--classes", WORDS, "-o", str(output), "--actors", "1"]
    for flags, refusal in (
        (["--window-px", "512", "--chunk-px", "512", "--precision", "bfloat16"], "model.precision was"),
        (["--window-px", "102400", "--overwrite"], "a window of 102400 px"),
        (["--gpus", "1", "--overwrite"], "1 GPUs"),
    ):
        assert segment.main([*again, *flags]) == 2
        assert refusal in capsys.readouterr().err
        assert files(output) == before


@pytest.mark.slow
def test_another_vocabulary_is_refused_and_the_output_stays(
    finished: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = Path(shutil.copytree(finished.output, tmp_path / "out"))
    before = files(output)
    assert run(finished.scene, "--classes", WORDS.replace("water", "meadow"), "-o", output) == 2
    said = capsys.readouterr().err
    assert "vocabulary.4.name" in said
    assert "meadow" in said
    assert files(output) == before


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_word_that_the_checkpoint_cannot_know_gets_a_warning(
    paint_scene: PaintScene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = paint_scene("a.tif", height=100, width=100)
    assert run(scene, "--classes", "road; zyzzyva", "-o", tmp_path / "out") == 0
    assert "zyzzyva" in capsys.readouterr().err
    pixels = {entry["class_name"]: entry["pixels"] for entry in records(tmp_path / "out", "summary.parquet")}
    assert pixels["zyzzyva"] == 0


@pytest.mark.usefixtures("ray_cluster")
def test_only_words_like_nothing_trained_start_nothing(
    paint_scene: PaintScene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = paint_scene("a.tif", height=100, width=100)
    assert run(scene, "--classes", "zyzzyva", "-o", tmp_path / "out") == 2
    assert "zyzzyva" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_scenes_and_outputs_on_s3(finished: FinishedRun, s3: str) -> None:
    objects.put_bytes(Location(f"{s3}/scenes/a.tif"), finished.scene.read_bytes())
    assert run(f"{s3}/scenes/", "--classes", WORDS, "-o", f"{s3}/out") == 0
    (remote,), (local,) = (
        {entry["scene_id"] for entry in records(output, "summary.parquet")}
        for output in (f"{s3}/out", finished.output)
    )
    chunks = files(finished.output / "scenes" / local)
    # The root of a store says which scene it is of, and where that is.
    said = {f"{s3}/scenes/a.tif": str(finished.scene), remote: local}
    for name, data in chunks.items():
        content = objects.get_bytes(Location(f"{s3}/out/scenes/{remote}/{name}"))
        for there, here in said.items():
            content = content.replace(there.encode(), here.encode())
        assert content == data


def test_an_output_that_cannot_be_written_is_one_line_and_a_code_of_its_own(
    paint_scene: PaintScene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert (
        run(paint_scene("a.tif", height=64, width=64), "--classes", WORDS, "-o", tmp_path / "file/out") == 1
    )
    said = capsys.readouterr().err.splitlines()
    assert [line.startswith("mrovseg: cannot write ") for line in said if line.startswith("mrovseg:")] == [
        True
    ]
    assert "same command goes on" in said[-1]
