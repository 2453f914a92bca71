"""Every key of `relabel` is kept in `run.json`, by which the run is resumed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.run.relabelling.description import describe_relabelling
from jobs.run.relabelling.source import Source
from jobs.run.resume import recorded_settings
from jobs.run.settings.keys import keys_of, written
from jobs.run.settings.relabel import RelabelSettings, relabel_settings
from jobs.run.settings.segment import merged
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.header import EMBEDDED
from pipeline.errors import ConfigError
from pipeline.output import Output
from pipeline.store import Contents, ProposalsLayout

EVERY_KEY = """
source: /out
source_storage: {endpoint: "https://other.org:9000", region: eu, anonymous: true}
output: /other
output_storage: {profile: mine}
classes: ["no, never", {name: wet, prompts: [river, lake]}]
scenes: [a-0123456789abcdef, /scenes/*.tif]
aoi: [1, 2, 3, 4]
threshold: 0.5
checkpoint: /weights/own.safetensors
scores: full
actors: 2
actor_cpus: 0.5
keep_valid: true
window_timeout_s: 61
stall_s: 31
max_failures: 2.5%
"""
RECORD: dict[str, Any] = {
    "background": [],
    "config": {"aoi": None},
    "contents": {},
    "grid": {"window_px": 2048, "chunk_px": 1024, "overlap_px": 144, "scores": "places", "proposals": True},
    "model": {"digest": "0", "threshold": 0.2, "chip_px": 576, "precision": "bfloat16"},
    "reading": {"aoi": None, "gsd_m": 0.5},
    "vocabulary": [],
}


def settings_in(folder: Path, text: str = EVERY_KEY) -> RelabelSettings:
    (folder / "relabel.yaml").write_text(text)
    return relabel_settings(merged({}, folder / "relabel.yaml", RelabelSettings))


def description(settings: RelabelSettings) -> dict[str, Any]:
    checkpoint = checkpoints.load(EMBEDDED)
    layout = ProposalsLayout(
        stride_px=4,
        feature_stride_px=32,
        k=12,
        embed_dim=256,
        most_queries=100,
        chip_px=576,
        step_px=432,
        checkpoint=EMBEDDED,
        checkpoint_digest=checkpoint.digest,
    )
    found: dict[str, Any] = json.loads(
        json.dumps(
            describe_relabelling(
                settings,
                Source(Output(settings.source), RECORD, layout),
                checkpoint=checkpoint,
                threshold=0.2 if settings.threshold is None else settings.threshold,
                background=("grass",),
                contents=Contents(score_stride_px=4),
            )
        )
    )
    return found


def test_what_is_recorded_is_what_was_asked(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    asked = {name for name, key in keys_of(RelabelSettings).items() if key.setting.kept}
    assert asked == {line.partition(":")[0] for line in EVERY_KEY.strip().splitlines()}
    found = relabel_settings(recorded_settings(description(settings), RelabelSettings))
    assert found == settings
    assert written(found) == written(settings)


def test_what_is_not_asked_is_as_the_output_it_comes_from_has_it(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, "{source: /out, output: /other, classes: road}")
    record = description(settings)
    assert record["grid"] == RECORD["grid"] | {"proposals": False}
    assert record["model"] == RECORD["model"]
    assert record["reading"] == RECORD["reading"]
    found = relabel_settings(recorded_settings(record, RelabelSettings))
    assert found == replace(settings, threshold=0.2)
    flow = found.flow(record["grid"])
    assert (flow.window_px, flow.chunk_px, flow.scores, flow.actor_gpus) == (2048, 1024, "places", 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{source: /out, output: /out/, classes: road}", "is the output whose proposals are labelled"),
        ("{source: s3://b/out/, output: s3://b/out, classes: road}", "is the output whose proposals"),
        ("{output: /other, classes: road}", "source must be given"),
        ("{source: /out, output: /other, classes: road, threshold: 2}", "threshold must be"),
        ("{source: /out, output: /other, classes: road, scores: some}", "scores must be places or full"),
        ("{source: /out, output: /other, classes: road, scenes: [1]}", "scenes must be ids, paths or"),
        ("{source: /out, output: /other, classes: road, window_px: 512}", "unknown key window_px"),
    ],
)
def test_what_cannot_be_is_refused_and_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        settings_in(tmp_path, text)
