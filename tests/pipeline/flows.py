"""Runs of the flow over painted scenes, with a segmenter that needs no network."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import flow
from pipeline.config import PLAIN, FlowSettings, Reading
from pipeline.flow import RunResult
from pipeline.geometry.scene import Scene
from pipeline.output import Output
from pipeline.segment import KEPT, Segmenter, layout_of
from pipeline.sources.naming import Refusal, scene_of
from pipeline.store import Contents, ProposalsLayout
from pipeline.testing import painted
from pipeline.testing.brightness import EMBEDDING_LENGTH, BrightnessSegmenter, make_brightness

CLASSES = ("dark", "middling", "bright")
SEGMENTER = BrightnessSegmenter(chip_px=80, step_px=64, reach_px=8, n_classes=3)
LAYOUT = layout_of(SEGMENTER)
CONTENTS = Contents(
    score_stride_px=LAYOUT.stride_px,
    proposals=ProposalsLayout(
        stride_px=LAYOUT.stride_px,
        feature_stride_px=LAYOUT.cell_px,
        k=KEPT,
        embed_dim=EMBEDDING_LENGTH,
        most_queries=4 * 19**2,  # four of each chip that can cover a chunk of 1024 px
        chip_px=LAYOUT.side_px,
        step_px=LAYOUT.step_px,
        checkpoint="brightness",
        checkpoint_digest="b1" * 32,
    ),
)
SETTINGS: dict[str, Any] = {"window_px": 256, "chunk_px": 128, "actors": 1, "actor_cpus": 0.5}


def paint(path: Path, *, height: int = 512, width: int = 512, seed: int = 7) -> Path:
    painted.paint_scene(path, height=height, width=width, seed=seed)
    return path


def run_flow(
    scenes: Sequence[object],
    output: object,
    *,
    make_segmenter: Callable[[Mapping[str, np.ndarray]], Segmenter] = make_brightness,
    reading: Reading = PLAIN,
    **settings: float,
) -> RunResult:
    listed = [scene_of(str(scene)) for scene in scenes]
    return run_list(listed, output, make_segmenter=make_segmenter, reading=reading, **settings)


def run_list(
    scenes: Iterable[Scene | Refusal],
    output: object,
    *,
    make_segmenter: Callable[[Mapping[str, np.ndarray]], Segmenter] = make_brightness,
    reading: Reading = PLAIN,
    **settings: float,
) -> RunResult:
    return flow.run(
        scenes,
        output=Output(str(output)),
        classes=CLASSES,
        make_segmenter=make_segmenter,
        weights=SEGMENTER.weights(),
        layout=LAYOUT,
        contents=CONTENTS,
        settings=FlowSettings(**{**SETTINGS, **settings}),
        reading=reading,
    )


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
