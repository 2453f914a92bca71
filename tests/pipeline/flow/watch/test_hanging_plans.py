"""Planning that never ends costs its scene and no other, and several processes may plan one scene at once."""

import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.flow.watch.registry import Work
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.flows import paint, run_flow
from tests.servers.slow_server import slow_server


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_scene_whose_planning_hangs_is_given_up_and_the_others_are_done(tmp_path: Path) -> None:
    good = paint(tmp_path / "good.tif", height=256, width=256)
    with slow_server(
        good.read_bytes(), between_s=0.2
    ) as server:  # GDAL waits for it with the interpreter held
        result = run_flow([f"{server}/trickles.tif", good], tmp_path / "out", window_timeout_s=2, stall_s=5)
    assert (result.windows_done, result.failures_in_all) == (1, 1)
    (failure,) = pq.read_table(
        io.BytesIO(objects.get_bytes(Location(f"{tmp_path}/out/failures.parquet")))
    ).to_pylist()
    assert (failure["error"], failure["row_off"]) == ("Quarantined", None)
    assert failure["uri"].endswith("/trickles.tif")
    assert "step plan: it took longer than window_timeout_s (2 s) 3 times" in failure["message"]


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_many_processes_that_plan_one_scene_at_once_do_not_look_like_lost_ones(tmp_path: Path) -> None:
    scene = paint(tmp_path / "a.tif", height=512, width=512)
    with slow_server(scene.read_bytes(), before_s=0.3) as server:
        result = run_flow([f"{server}/a.tif"], tmp_path / "out", window_px=128, actors=4)
    assert (result.windows_done, result.failures) == (16, ())


def test_everything_but_listing_may_take_only_so_long() -> None:
    assert Work("plan", "a").limited
    assert Work("plan", "a", part="part 1 of 2").limited
    assert not Work("list", part="split 0").limited
