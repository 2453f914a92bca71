"""What a run records of its settings: what decides its masks is told alike, and by the digests that it always had."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.run import run_record
from jobs.run.description import describe
from mrovseg.network.config import TINY
from mrovseg.weights.checkpoint import Checkpoint
from tests.jobs.run.settings.given import settings_of

WORDS = ["a.tif", "-o", "o", "--classes", "house, hut; road"]
READING = ["--bands", "4,3,2", "--range", "0,3000", "--nodata", "-9999", "--gsd", "2", "--alpha", "none"]
YAML = """
scenes: a.tif
output: o
classes: [{name: wet, prompts: [river, lake]}, no]
bands: [4, 3, 2]
range: [0, 3000]
nodata: 7
gsd: 2
aoi: [1, 2, 3, 4]
threshold: 0
window_px: 512
chunk_px: 512
alpha: none
"""


def described(*argv: str) -> dict[str, Any]:
    settings = settings_of(*argv)
    threshold = 0.2 if settings.threshold is None else settings.threshold
    return describe(
        settings, checkpoint=Checkpoint("tiny", TINY, {}, None, None, "ab12"), threshold=threshold
    )


@pytest.mark.parametrize(
    ("flags", "digest"),
    [
        ([], "4c0ea977be22949f6475f99bd8d31cb6a898b77339bd2f93009742377244b033"),
        (
            [
                *[*READING, "--aoi", "-1,2,3,4", "--threshold", "0"],
                *["--window-px", "512", "--chunk-px", "256"],
            ],
            "621b9362192127d7abc93035a18f91687ddec594160423e6cbbc3489bd92e056",
        ),
        (
            ["--nodata", "none", "--gsd", "0.5"],
            "fd18da1aedb6ae621da267e4c7ef2d45d3ede6b606e594508304a3280b22b4a9",
        ),
        (
            ["--nodata", "9223372036854775807"],
            "8fcb65ff40bd3e9c5e820151af113b8faa748372201a8aa2f1877ac10fa15f37",
        ),
    ],
)
def test_a_run_by_flags_is_the_same_run_as_ever(flags: list[str], digest: str) -> None:
    """Mask stores hold this digest: with another one an output that was begun would change."""
    assert run_record.provenance(described(*WORDS, *flags))["run"] == digest


def test_a_run_by_a_file_is_the_same_run_as_ever(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(YAML)
    made = described("--config", str(tmp_path / "a.yaml"))
    assert (
        run_record.provenance(made)["run"]
        == "9582f3d16359b16b486296068c442d6d8a2b64e3ced94f0e59a5f24793bdb711"
    )


def test_a_description_is_json_and_says_every_setting() -> None:
    made = described(*WORDS, *READING)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made["config"]["bands"] == [4, 3, 2]
    assert made["config"]["precision"] == "float32"  # what was chosen
    assert made["config"]["max_failures"] is None
    assert "overwrite" not in made["config"]
