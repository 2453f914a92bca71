"""What is done already starts nothing, and a cluster without room says so."""

import re
import time
from pathlib import Path

import pytest
import ray

from pipeline.sources.naming import scene_of
from tests.pipeline.flow.test_flow import make_none, table
from tests.pipeline.flow.watch.test_faults import events
from tests.pipeline.flows import digests, paint, run_flow


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_run_with_nothing_left_starts_no_actor_and_repairs_what_lies_beside_the_masks(
    tmp_path: Path,
) -> None:
    scenes = [paint(tmp_path / f"{name}.tif", height=128, width=256) for name in "ab"]
    output = tmp_path / "out"
    assert run_flow(scenes, output, window_px=128).windows_done == 4
    before = digests(output)
    (output / "scenes" / scene_of(str(scenes[1])).scene_id / "masks.zarr/zarr.json").unlink()
    (output / "summary.parquet").unlink()
    again = run_flow(scenes, output, window_px=128, make_segmenter=make_none)  # cannot be made, nor is it
    assert (again.windows_done, again.windows_skipped, again.failures) == (0, 4, ())
    assert digests(output) == before
    paint(scenes[0], height=128, width=256, seed=9)
    changed = run_flow(scenes, output, window_px=128)
    assert [failure.error for failure in changed.failures] == ["ResumeError"]
    assert [row["uri"] for row in table(output, "failures.parquet")] == [str(scenes[0])]


@ray.remote(num_cpus=3.8)
def hold(mark: str) -> None:
    """Keep CPUs busy until the mark is there."""
    while not Path(mark).exists():
        time.sleep(0.1)


@ray.remote(num_cpus=0)
def release(mark: str) -> None:
    """Set the mark after a while."""
    time.sleep(10)
    Path(mark).touch()


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_run_on_a_busy_cluster_says_within_seconds_what_it_waits_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = tmp_path / "mark"
    holding = hold.remote(str(mark))
    while ray.available_resources().get("CPU", 0) > 1:  # type: ignore[no-untyped-call]
        time.sleep(0.1)
    release.remote(str(mark))
    scene = paint(tmp_path / "a.tif", height=128, width=128)
    began_s = time.monotonic()
    assert run_flow([scene], tmp_path / "out", actors=2).windows_done == 1
    assert time.monotonic() - began_s > 5
    ray.get(holding)
    said = [event for event in events(capsys.readouterr().err) if event["event"] == "waiting"]
    (event,) = said
    # A task may be reading at that moment, with a tenth of a CPU.
    assert re.fullmatch(r"waiting for 2 actors: 0\.[12] of 4 CPUs free", event["message"])
