"""A GPU that fails takes its process with it, and no window."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from jobs.run.proposals import chip_layout
from jobs.run.wiring import ActorSegmenter, make_segmenter
from pipeline import flow
from pipeline.config import FlowSettings
from pipeline.output import Output
from pipeline.sources.naming import scene_of
from tests.jobs.conftest import PaintScene
from tests.mrovseg.networks import SMALL, all_weights, vocabulary

LAYOUT = chip_layout(SMALL)


def make_failing(weights: Mapping[str, np.ndarray], *, note: Path) -> ActorSegmenter:
    """Make a segmenter whose device fails at the second chip, in the first process that has it."""
    made = make_segmenter(
        weights,
        config=SMALL,
        vocabulary=vocabulary(2),
        step_px=LAYOUT.step_px,
        threshold=0.2,
        kind=ActorSegmenter,
    )
    assert isinstance(made, ActorSegmenter)
    seen = []

    def fail(_: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        seen.append(inputs)
        if len(seen) > 1 and not note.exists():
            note.touch()
            raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nand more")

    made.model.encoder.register_forward_pre_hook(fail)
    return made


@pytest.mark.slow
def test_a_gpu_that_fails_costs_no_window(ray_cluster: None, paint_scene: PaintScene, tmp_path: Path) -> None:
    del ray_cluster
    result = flow.run(
        [scene_of(str(paint_scene("a.tif", height=256, width=256)))],
        output=Output(str(tmp_path / "out")),
        classes=("dark", "bright"),
        make_segmenter=functools.partial(make_failing, note=tmp_path / "failed"),
        weights=all_weights(SMALL),
        layout=LAYOUT,
        settings=FlowSettings(window_px=128, chunk_px=128, actors=1, actor_cpus=0.5),
    )
    assert (tmp_path / "failed").exists()
    assert (result.windows_done, result.failures) == (4, ())
