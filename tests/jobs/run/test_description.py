"""What a run records of its settings: what decides its masks is told alike, and by the digests of this format."""

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
        ([], "b69641cfaa7713241e4c6ed52f576d26aade0abb21c62e5cb95cd05e3ef614fe"),
        (
            [
                *[*READING, "--aoi", "-1,2,3,4", "--threshold", "0"],
                *["--window-px", "512", "--chunk-px", "256"],
            ],
            "317c18efb14da4f93694d7915c16b2e1030145fe2e31d480f3d050e8fb0a39ce",
        ),
        (
            ["--nodata", "none", "--gsd", "0.5"],
            "0b02131bcb9312b17252fdcb8dc2fc430e7ec97fda49824de72817ecf185dd32",
        ),
        (
            ["--nodata", "9223372036854775807"],
            "52dfc297b9fd1dd4ea2edf56ca126c5b467266bebe50ee81140d06ae2e98a9a7",
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
        == "5bb4c639b147685ea34e0b3dfff7b015a20ccbd746dbdea5cf921aaef4fac6ac"
    )


def test_a_description_is_json_and_says_every_setting() -> None:
    made = described(*WORDS, *READING)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made["config"]["bands"] == [4, 3, 2]
    assert made["config"]["precision"] == "float32"  # what was chosen
    assert made["config"]["max_failures"] is None
    assert "overwrite" not in made["config"]
