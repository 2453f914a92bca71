"""`segment -o OUT` alone runs by the settings of the run that made OUT, and flags override them."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from jobs.run import run_record
from jobs.run.description import describe
from jobs.run.settings import segment as settings
from jobs.run.settings.keys import written
from jobs.run.settings.segment import SegmentSettings
from mrovseg.weights import checkpoint as checkpoints
from pipeline.errors import ResumeError
from tests.jobs.run.settings.given import settings_of

EVERY_KEY = """
scenes: [a.tif, {stac_api: "https://h/stac", collections: [c]}]
suffixes: [.tif]
assets: [visual]
link_hosts: ["https://other.org"]
classes: ["no, never", {name: wet, prompts: [river, lake]}]
checkpoint: tiny
threshold: 0.5
precision: bfloat16
max_failures: 2.5%
window_px: 512
chunk_px: 256
overlap_px: 284
scores: full
proposals: false
actors: 2
actor_cpus: 0.5
task_cpus: 0.25
actor_gpus: 0.75
keep_valid: true
window_timeout_s: 61
stall_s: 31
bands: [4, 3, 2]
range: [-3.4e+38, 3000]
nodata: -9999
alpha: none
gsd: 2.5
aoi: [1, 2, 3, 4]
datetime_pattern: S2_%Y%m%dT%H%M%S
drivers: [GTiff]
vrt: anywhere
max_pixels: 9
max_bands: 8
max_block_bytes: 7
max_expansion: 6
read_timeout_s: 5
source_storage: {endpoint: "https://other.org:9000", region: eu, anonymous: true, requester_pays: false, account: a}
"""


@pytest.fixture
def made(tmp_path: Path) -> SegmentSettings:
    (tmp_path / "every.yaml").write_text(EVERY_KEY)
    return settings_of("--config", str(tmp_path / "every.yaml"), "-o", str(tmp_path / "out"))


EARLIER: dict[str, Any] = {
    "format": 3,
    "background": [],
    "config": {
        "actor_cpus": 0.5,
        "actor_gpus": 0.75,
        "actors": 2,
        "aoi": "OGC:CRS84;[[[[1.0, 2.0], [3.0, 2.0], [3.0, 4.0], [1.0, 4.0]]]]",
        "assets": ["visual"],
        "checkpoint": "tiny",
        "keep_valid": True,
        "limits": {
            "drivers": ["GTiff"],
            "max_bands": 8,
            "max_block_bytes": 7,
            "max_expansion": 6,
            "max_pixels": 9,
            "read_timeout_s": 5,
            "vrt": "anywhere",
        },
        "link_hosts": ["https://other.org"],
        "max_failures": "2.5%",
        "redacted": False,
        "scenes": ["a.tif", {"stac_api": "https://h/stac", "collections": ["c"]}],
        "stall_s": 31,
        "suffixes": [".tif"],
        "task_cpus": 0.25,
        "window_timeout_s": 61,
    },
    "grid": {"chunk_px": 256, "window_px": 512},
    "model": {
        "core_px": 512,
        "digest": "e8a7cff077ff02995ce95a8c9fba40c4d0ed14f569563dd17cc1bc8cb45e4595",
        "halo_px": 32,
        "precision": "bfloat16",
        "threshold": 0.5,
    },
    "reading": {
        "alpha": "none",
        "aoi": "7faa832085f2b44faf2557a94c08b3c34c88d6cd9091e54cb63373a11942f3ca",
        "bands": [4, 3, 2],
        "gsd_m": 2.5,
        "nodata": "-9999.0",
        "range": [-3.4e38, 3000.0],
    },
    "versions": {"mrovseg": "0.1.0"},
    "vocabulary": [
        {"class_id": 1, "name": "no", "prompts": ["no", "never"]},
        {"class_id": 2, "name": "wet", "prompts": ["river", "lake"]},
    ],
}
"""What an earlier version wrote of a run by every key."""


def claimed(made: SegmentSettings) -> None:
    checkpoint = checkpoints.load(made.checkpoint)
    threshold = 0.2 if made.threshold is None else made.threshold
    description = describe(made, checkpoint=checkpoint, threshold=threshold, precision=made.precision)
    run_record.write_description(made.output, description)


def test_a_run_goes_on_by_every_setting_that_it_had(made: SegmentSettings, tmp_path: Path) -> None:
    given = settings.read_file(tmp_path / "every.yaml")
    assert {"output", "output_storage", *given} == set(settings.keys_in_files()), (
        "a key that is not tried here"
    )
    claimed(made)
    assert settings_of("-o", made.output.uri) == made


def test_flags_override_what_a_run_had(made: SegmentSettings) -> None:
    claimed(made)
    again = settings_of("-o", made.output.uri, "--max-failures", "7", "--actors", "1", "--overwrite")
    assert (str(again.max_failures), again.flow.actors, again.flow.stall_s) == ("7", 1, 31)
    assert again.overwrite
    assert not again.flow.keep_valid


@pytest.mark.parametrize("limit", ["12345678901", "0.0000001%", "5%", "0"])
def test_a_limit_of_failures_is_kept_as_it_was(tmp_path: Path, limit: str) -> None:
    made = settings_of("a.tif", "--classes", "a", "-o", str(tmp_path / "o"), "--max-failures", limit)
    claimed(made)
    assert settings_of("-o", made.output.uri).max_failures == made.max_failures


def test_an_output_of_an_earlier_version_is_begun_anew_by_every_setting_that_it_had(
    made: SegmentSettings,
) -> None:
    source = {"source_storage": written(made)["source_storage"]}  # which it did not know
    record = EARLIER | {"config": EARLIER["config"] | {"output": made.output.uri} | source}
    run_record._write(made.output, record)
    with pytest.raises(ResumeError, match=r"is of format 3, and .* give another output, or --overwrite"):
        settings_of("-o", made.output.uri)
    flow = dataclasses.replace(
        made.flow, overlap_px=None, scores="places", proposals=True, keep_valid=False
    )  # no more was known of it
    reading = dataclasses.replace(made.reading, datetime_pattern=None)  # nor of this
    again = settings_of("-o", made.output.uri, "--overwrite")
    assert again == dataclasses.replace(made, flow=flow, reading=reading, overwrite=True)
