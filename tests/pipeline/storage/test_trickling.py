"""An answer whose bytes come one by one never stalls, and has an end all the same."""

import threading
import time
from pathlib import Path

import pytest

from pipeline import raster
from pipeline.errors import PipelineError, RasterError
from pipeline.sources import SceneList
from pipeline.sources.naming import Refusal, scene_of
from pipeline.storage import deadline, objects, retry
from pipeline.storage.location import Location
from pipeline.storage.retry import with_retries
from tests.pipeline.flows import paint
from tests.servers.slow_server import slow_server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same laws at another pace."""
    monkeypatch.setattr(retry, "PATIENCE_S", 0.2)
    monkeypatch.setattr(retry, "ANSWER_S", 0.5)


def test_an_object_and_a_list_that_trickle_are_given_up_and_other_lists_are_read(tmp_path: Path) -> None:
    scene = paint(tmp_path / "a.tif", height=64, width=64)
    with slow_server(b"uri\n" + b"x" * 1000, between_s=0.1) as server:
        began_s = time.monotonic()
        with pytest.raises(PipelineError, match="no whole answer came within"):
            objects.get_bytes(Location(f"{server}/list.csv"))
        found = list(SceneList((f"{server}/list.csv", str(scene))))
        assert time.monotonic() - began_s < 20
    assert [type(each) for each in found] == [Refusal, type(scene_of("a.tif"))]


@pytest.mark.slow
def test_gdal_gives_up_a_raster_that_trickles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "0")
    scene = paint(tmp_path / "a.tif", height=64, width=64)
    with slow_server(scene.read_bytes(), between_s=0.05) as server:
        began_s = time.monotonic()
        with pytest.raises(RasterError, match="cannot"):
            raster.read_header(f"{server}/a.tif")
        assert time.monotonic() - began_s < 60


def test_what_asks_for_much_is_given_longer() -> None:
    assert with_retries(lambda: threading.Event().wait(0.7), answer_s=retry.MANY_S) is False
    with pytest.raises(TimeoutError):
        with_retries(lambda: time.sleep(2))


def test_a_call_that_is_left_behind_keeps_nobody_else_waiting() -> None:
    never = threading.Event()
    with pytest.raises(ValueError, match="late"):
        deadline.within(0.05, lambda: never.wait(30), late=ValueError("late"))
    assert deadline.within(5, lambda: 1, late=ValueError("late")) == 1
    with pytest.raises(KeyError):
        deadline.within(5, lambda: {"a": 1}["x"], late=ValueError("late"))
    never.set()
