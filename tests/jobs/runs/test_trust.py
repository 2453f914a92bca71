"""A run that nobody watches: it holds its output, says how far it is, stops when it should, and is repaired."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from jobs import segment, status, verify
from jobs.run import run_record
from pipeline.output import Output, lease
from pipeline.output.names import LEASE
from pipeline.testing import painted
from tests.jobs.conftest import FinishedRun, PaintScene
from tests.jobs.test_segment import WORDS, files, run
from tests.servers.relay import counting_relay
from tests.servers.s3_server import S3Server

ROOT = Path(__file__).resolve().parents[3]


def record(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / "run.json").read_text())
    return found


@pytest.mark.slow
def test_a_run_is_known_by_its_lease_ends_in_its_record_and_goes_on_by_its_output_alone(
    changeable: FinishedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    output = changeable.output
    before = files(output)
    with lease.hold(Output(str(output))) as other:
        assert run(changeable.scene, "--classes", WORDS, "-o", output) == 2
        said = capsys.readouterr().err
        assert other.lease.run_id in said
        assert str(os.getpid()) in said
    assert files(output) == before
    assert segment.main(["-o", str(output)]) == 0
    assert "0 done, 4 done before" in capsys.readouterr().out
    assert files(output) == before
    ends = [(each["end"], each["done"], each["skipped"], each["failed"]) for each in record(output)["runs"]]
    assert ends == [("finished", 4, 0, 0), ("finished", 0, 4, 0)]
    assert not (output / LEASE).exists()

    assert status.main([str(output), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["finished"]
    assert found["windows"] == {"planned": 4, "done": 4, "failed": 0, "left": 0}
    assert verify.main([str(output)]) == 0
    assert "is clean" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_too_many_failures_stop_a_run_and_only_what_failed_is_tried_again(
    paint_scene: PaintScene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, output = paint_scene("good.tif", height=100, width=100), tmp_path / "out"
    bad = [tmp_path / f"bad-{number}.tif" for number in range(4)]
    for path in bad:
        path.write_text("no picture")
    common = ("--classes", WORDS, "-o", output)
    assert run(*bad, good, *common, "--max-failures", 1) == 1
    assert "max_failures is 1" in capsys.readouterr().err
    assert record(output)["runs"][-1]["end"] == "TooManyFailuresError"
    assert pq.read_table(output / "failures.parquet").num_rows >= 2

    assert run(*bad, good, *common, "--max-failures", "50%") == 3
    assert status.main([str(output), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))
    assert {scene["scene_id"].rpartition("-")[0] for scene in found["scenes"]["unfinished"]} == {
        path.stem for path in bad
    }
    shutil.copy(good, bad[0])
    assert run(*bad, good, *common, "--retry-failed") == 3
    assert "1 done, 0 done before" in capsys.readouterr().out
    assert pq.read_table(output / "failures.parquet").num_rows == 3


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_changed_scene_is_refused_or_done_anew_and_the_others_are_kept(
    paint_scene: PaintScene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, changed = (paint_scene(f"{name}.tif", height=200, width=200) for name in "ab")
    output, common = tmp_path / "out", ("--classes", "road; water", "-o", tmp_path / "out")
    assert run(kept, changed, *common) == 0
    painted.paint_scene(changed, height=200, width=240, seed=5)
    assert run(kept, changed, *common) == 3
    said = capsys.readouterr().err
    assert "size_bytes of" in said
    assert "--keep-valid" in said
    assert run(kept, changed, *common, "--keep-valid") == 0
    assert "1 done, 1 done before" in capsys.readouterr().out
    assert run(kept, changed, "--classes", "road; water", "-o", tmp_path / "anew") == 0
    assert {**files(output), "run.json": b""} == {**files(tmp_path / "anew"), "run.json": b""}


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_overwriting_starts_anew_and_touches_nothing_that_is_not_ours(
    paint_scene: PaintScene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene, output = paint_scene("a.tif", height=100, width=100), tmp_path / "out"
    output.mkdir()
    (output / "diary.txt").write_text("mine")
    assert run(scene, "--classes", "road; water", "-o", output, "--overwrite") == 2
    assert "is no output of mrovseg" in capsys.readouterr().err
    assert [path.name for path in output.iterdir()] == ["diary.txt"]
    assert run(scene, "--classes", "road; water", "-o", output) == 0
    assert run(scene, "--classes", "road; building", "-o", output) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run(scene, "--classes", "road; building", "-o", output, "--overwrite") == 0
    assert (output / "diary.txt").read_text() == "mine"
    assert [each["name"] for each in record(output)["vocabulary"]] == ["road", "building"]


@pytest.mark.slow
def test_what_verify_prints_repairs_an_output(
    changeable: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = changeable.output
    before = files(output)
    masks = next(output.glob("scenes/*/masks.zarr"))
    for path in (masks / "0/class/c/0/0", masks / "0/class/zarr.json", next(output.glob("statistics/*"))):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 4
        path.write_bytes(bytes(data))
    for path in (masks / "places/score/c/1/1", next(output.glob("ledger/*/0-512.json"))):
        path.unlink()
    capsys.readouterr()
    assert verify.main([str(output), "--json"]) == 3
    command = json.loads(capsys.readouterr().out)["redo"]
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": programs, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(  # noqa: S602 - what was printed is for a shell
        command, shell=True, cwd=tmp_path, env=environment, capture_output=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert files(output) == before


def test_a_record_that_was_changed_is_not_believed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_record._write(Output(str(tmp_path)), {"format": 2, "config": {}, "grid": {"window_px": 512}})
    assert run_record.earlier(Output(str(tmp_path))) is not None
    text = (tmp_path / "run.json").read_text()
    for damaged in (text.replace("512", "513"), text[:-5], "[]"):
        (tmp_path / "run.json").write_text(damaged)
        assert verify.main([str(tmp_path)]) == 2
        assert "run.json" in capsys.readouterr().err


def test_an_output_that_is_none_is_said_to_be_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for verb in (status, verify):
        assert verb.main([str(tmp_path)]) == 2
        assert "holds no run.json" in capsys.readouterr().err


@pytest.mark.slow
def test_the_status_of_ten_thousand_windows_takes_few_requests(
    s3_server: S3Server, s3: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = s3_server.client()
    bucket, _, prefix = s3.removeprefix("s3://").partition("/")
    for scene in range(4):
        for window in range(2500):
            key = f"{prefix}/ledger/scene-{scene}/{window}-0.json"
            client.put_object(Bucket=bucket, Key=key, Body=b"")
        key = f"{prefix}/ledger/scene-{scene}/plan-{2500 + scene}-{'0' * 32}.json"
        client.put_object(Bucket=bucket, Key=key, Body=b"")
    client.put_object(Bucket=bucket, Key=f"{prefix}/run.json", Body=b'{"format": 2, "runs": []}')
    client.close()
    with counting_relay(s3_server.endpoint) as relay:
        monkeypatch.setenv("AWS_ENDPOINT_URL", relay.endpoint)
        assert status.main([s3, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["windows"] == {"planned": 10_006, "done": 10_000, "failed": 0, "left": 6}
        assert [scene["left"] for scene in found["scenes"]["unfinished"]] == [3, 2, 1]
        assert 10 < len(relay.requests) <= 100, relay.requests
        print(len(relay.requests), "requests")
