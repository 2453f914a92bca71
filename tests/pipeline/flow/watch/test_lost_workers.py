"""A worker that dies in the midst of a scene, for want of memory or by a node that is taken away, costs no window."""

import os
import signal
import threading
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest

from tests.pipeline.flow.test_resume import make_slow
from tests.pipeline.flows import paint, run_flow

WINDOWS = 64


def kill_reader(output: Path, killed: list[int]) -> None:
    """Kill the worker that reads, once some windows are done."""
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline and not killed:
        time.sleep(0.1)
        if len(list((output / "ledger").rglob("[0-9]*.json"))) < WINDOWS // 8:
            continue
        for process in psutil.process_iter(["name"]):
            parents = {parent.pid for parent in process.parents()}
            if (process.info["name"] or "").startswith("ray::MapBatches(rea") and os.getpid() in parents:
                process.send_signal(signal.SIGKILL)
                killed.append(process.pid)


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_killed_reader_loses_no_window(tmp_path: Path) -> None:
    scene, output, killed = paint(tmp_path / "a.tif", height=1024, width=1024), tmp_path / "out", list[int]()
    killer = threading.Thread(target=kill_reader, args=(output, killed))
    killer.start()
    result = run_flow([scene], output, window_px=128, make_segmenter=make_slow)
    killer.join()
    assert killed
    assert result.failures == ()
    assert len(list((output / "ledger").rglob("[0-9]*.json"))) == WINDOWS
