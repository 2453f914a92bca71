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
        ([], "e36b91b87bd6385f6d7c631843c6dd2a98f3787834e8850f5298940987e5c9af"),
        (
            [
                *[*READING, "--aoi", "-1,2,3,4", "--threshold", "0"],
                *["--window-px", "512", "--chunk-px", "256"],
            ],
            "aa4d15db53a79f73d15f19506b50c245dbf74d210304024a0b4e008f9b659c75",
        ),
        (
            ["--nodata", "none", "--gsd", "0.5"],
            "5ff807400f178acdc1afc893ba9ce8171d54324f50fff6e059b9754ab85cc634",
        ),
        (
            ["--nodata", "9223372036854775807"],
            "3ce0562437b732cd7ce61c7f05a2fb3bd59335d8b129e65c55b6cdbd11dc53f2",
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
        == "caade92a951cf8c23b94f664b39f849ee338a06d9e4ae9e157c2997dd8091532"
    )


def test_a_description_is_json_and_says_every_setting() -> None:
    made = described(*WORDS, *READING)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made["config"]["bands"] == [4, 3, 2]
    assert made["config"]["precision"] == "float32"  # what was chosen
    assert made["config"]["max_failures"] is None
    assert "overwrite" not in made["config"]
