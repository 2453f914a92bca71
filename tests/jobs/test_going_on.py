"""`segment -o OUT` alone runs by the settings of the run that made OUT, and flags override them."""

from pathlib import Path

import pytest

from jobs import run_record, settings
from jobs.flags import FlagParser
from jobs.going_on import going_on
from jobs.settings import SegmentSettings
from mrovseg.weights import checkpoint as checkpoints

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
drivers: [GTiff]
vrt: anywhere
max_pixels: 9
max_bands: 8
max_block_bytes: 7
max_expansion: 6
read_timeout_s: 5
source_storage: {endpoint: "https://other.org:9000", region: eu, anonymous: true, requester_pays: false, account: a}
"""


def settings_of(*argv: str) -> SegmentSettings:
    parser = FlagParser()
    settings.add_arguments(parser)
    return settings.segment_settings(going_on(settings.asked(parser.parse_args(argv))))


@pytest.fixture
def made(tmp_path: Path) -> SegmentSettings:
    (tmp_path / "every.yaml").write_text(EVERY_KEY)
    return settings_of("--config", str(tmp_path / "every.yaml"), "-o", str(tmp_path / "out"))


def claimed(made: SegmentSettings) -> None:
    checkpoint = checkpoints.load(made.checkpoint)
    threshold = 0.2 if made.threshold is None else made.threshold
    description = run_record.describe(
        made, checkpoint=checkpoint, threshold=threshold, precision=made.precision
    )
    run_record.claim(made.output, description)


def test_a_run_goes_on_by_every_setting_that_it_had(made: SegmentSettings, tmp_path: Path) -> None:
    given = settings.read(tmp_path / "every.yaml")
    assert {"output", "output_storage", *given} == set(settings.KEYS), "a key that is not tried here"
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
