"""How far a run is: of all that is planned, and not only of what has arrived."""

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from pipeline.flow.progress import counter
from pipeline.testing.brightness import BrightnessSegmenter
from tests.pipeline.flow.watch.test_faults import events
from tests.pipeline.flows import paint, run_flow


class Slow(BrightnessSegmenter):
    """Takes its time for each chip."""

    def propose(self, chips: np.ndarray, /) -> dict[str, np.ndarray]:
        time.sleep(0.1 * len(chips))
        return super().propose(chips)


def make_slow(weights: Mapping[str, np.ndarray]) -> Slow:
    return Slow(**{name: int(value) for name, value in weights.items()})


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_the_total_does_not_trail_behind_what_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter, "_LOG_EVERY_S", 0.2)
    scenes = [paint(tmp_path / f"{number}.tif", height=256, width=256, seed=number) for number in range(4)]
    (tmp_path / "text.tif").write_text("no picture")
    listed = [*scenes, tmp_path / "text.tif"]
    assert run_flow(listed, tmp_path / "out", window_px=128, make_segmenter=make_slow).windows_done == 16
    said = events(capsys.readouterr().err)
    counts = [event for event in said if event["event"] in {"progress", "run_ended"}]
    midway = [
        (event["windows_done"], event["windows_known"]) for event in counts if event["windows_done"] >= 4
    ]
    assert len(midway) > 2
    assert all(known >= min(16, done + 4) for done, known in midway), midway  # at least one scene ahead
    assert counts[-1]["windows_known"] == 16
    last = counts[-1]
    assert (last["windows_failed"], last["scenes_failed"], last["failures"]) == (0, 1, 1)
