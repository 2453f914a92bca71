"""Runs that keep proposals, and runs that label these again, with segmenters that need no network."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline import flow
from pipeline.audit.verification import Provenance, Report, verify
from pipeline.config import PLAIN, FlowSettings, Reading
from pipeline.flow import KeptScenes, Relabelling, RunResult
from pipeline.geometry.aoi import Aoi
from pipeline.output import Output
from pipeline.segment import Arrays, Labels, Segmenter
from pipeline.sources.naming import scene_of
from pipeline.store import Contents
from pipeline.testing.brightness import BrightnessSegmenter, make_brightness
from tests.pipeline.flows import CLASSES, CONTENTS, LAYOUT, SEGMENTER

OTHER_CLASSES = ("light",)
WINDOW_PX, CHUNK_PX = 256, 128


class TwoClasses(BrightnessSegmenter):
    """Proposes as its base, and labels by other words: the darkest is `other`, and all else is light."""

    def label(self, arrays: Arrays, /, *, size_px: tuple[int, int], every_pixel: bool) -> Labels:
        ids, score, margin = super().label(arrays, size_px=size_px, every_pixel=every_pixel)
        return np.minimum(ids, 1), score, margin


class Slow(TwoClasses):
    """Takes its time, so that a run can be killed in its midst."""

    def label(self, arrays: Arrays, /, *, size_px: tuple[int, int], every_pixel: bool) -> Labels:
        time.sleep(0.1)
        return super().label(arrays, size_px=size_px, every_pixel=every_pixel)


def make_two_classes(weights: Mapping[str, np.ndarray]) -> TwoClasses:
    return TwoClasses(**{name: int(value) for name, value in weights.items()})


LABELLER = make_two_classes(SEGMENTER.weights())
SLOW = Slow(**{name: int(value) for name, value in SEGMENTER.weights().items()})


def settings_of(*, window_px: int = WINDOW_PX, keep_valid: bool = False) -> FlowSettings:
    return FlowSettings(
        window_px=window_px,
        chunk_px=CHUNK_PX,
        actors=1,
        actor_cpus=0.5,
        actor_gpus=0,
        keep_valid=keep_valid,
    )


def contents_of(*, full: bool = False, kept: bool = False) -> Contents:
    return replace(CONTENTS, score_stride_px=1 if full else 4, proposals=CONTENTS.proposals if kept else None)


def segment(  # noqa: PLR0913 - each by its name
    scenes: Sequence[Path],
    output: Path,
    *,
    make: Callable[[Mapping[str, np.ndarray]], Segmenter] = make_brightness,
    classes: Sequence[str] = CLASSES,
    contents: Contents | None = None,
    settings: FlowSettings | None = None,
    reading: Reading = PLAIN,
) -> RunResult:
    """Segment scenes and keep what was proposed of them, where nothing else is asked for."""
    return flow.run(
        [scene_of(str(scene)) for scene in scenes],
        output=Output(str(output)),
        classes=classes,
        make_segmenter=make,
        weights=SEGMENTER.weights(),
        layout=LAYOUT,
        contents=contents or contents_of(kept=True),
        settings=settings or settings_of(),
        reading=reading,
    )


def segment_by_others(scenes: Sequence[Path], output: Path, *, full: bool = False) -> RunResult:
    """Segment scenes by the other words: what labelling again has to give, to the byte."""
    return segment(
        scenes, output, make=make_two_classes, classes=OTHER_CLASSES, contents=contents_of(full=full)
    )


def relabel(  # noqa: PLR0913 - each by its name
    source: Path,
    output: Path,
    *,
    full: bool = False,
    labeller: TwoClasses = LABELLER,
    chosen: frozenset[str] | None = None,
    settings: FlowSettings | None = None,
    aoi: Aoi | None = None,
    source_aoi: Aoi | None = None,
) -> RunResult:
    """Label an output again by the other words."""
    assert CONTENTS.proposals is not None
    return flow.relabel(
        KeptScenes(Output(str(source)), chosen),
        planning=Relabelling(
            output=Output(str(output)),
            classes=OTHER_CLASSES,
            contents=contents_of(full=full),
            made_by={},
            settings=settings or settings_of(),
            reading=Reading(aoi=aoi or source_aoi),
            source=Output(str(source)),
            source_proposals=CONTENTS.proposals,
            source_aoi=source_aoi,
        ),
        labeller=labeller,
    )


def check(output: Path, *, full: bool = False, aoi: Aoi | None = None) -> Report:
    """Verify an output that was labelled again."""
    made = Provenance(
        classes=OTHER_CLASSES,
        window_px=WINDOW_PX,
        chunk_px=CHUNK_PX,
        contents=contents_of(full=full),
        aoi=aoi,
    )
    return verify(Output(str(output)), made=made, finished=True)
