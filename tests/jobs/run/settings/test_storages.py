"""Storage options of a configuration: each place has its own, they are recorded, and no credential is."""

from pathlib import Path
from typing import Any

import pytest

from jobs.run import run_record
from jobs.run.description import describe
from jobs.run.resume import resumed
from jobs.run.settings import kinds
from jobs.run.settings.segment import SegmentSettings, read_file, segment_settings
from mrovseg.weights import checkpoint as checkpoints
from pipeline.errors import ConfigError, ResumeError
from pipeline.storage.access import Storage

SOURCE = {"endpoint": "https://open.org", "anonymous": True}
OUTPUT = {"endpoint": "http://minio.host:9000", "region": "eu", "profile": "mine"}


def made(folder: Path, **given: object) -> SegmentSettings:
    return segment_settings({"scenes": "a.tif", "classes": "road", "output": str(folder / "out"), **given})


def claimed(settings: SegmentSettings) -> dict[str, Any]:
    record = describe(settings, checkpoint=checkpoints.load("tiny"), threshold=0.2)
    run_record.write_description(settings.output, record)
    return record


def test_each_place_has_its_own_storage(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(
        "{scenes: a.tif, classes: road, output: o, source_storage: {endpoint: 'https://open.org', anonymous: true},"
        " output_storage: {endpoint: 'http://minio.host:9000', region: eu, profile: mine}}"
    )
    settings = segment_settings(read_file(path))
    assert settings.scenes.storage == settings.reading.storage == Storage(**SOURCE)  # type: ignore[arg-type]
    assert settings.output.storage == Storage(**OUTPUT)  # type: ignore[arg-type]
    unsaid = made(tmp_path)
    assert unsaid.scenes.storage == unsaid.reading.storage == unsaid.output.storage == Storage()


def test_a_run_that_goes_on_reads_from_where_it_read(tmp_path: Path) -> None:
    before = made(tmp_path, source_storage=SOURCE, output_storage=OUTPUT)
    record = claimed(before)
    assert (record["config"]["source_storage"], record["config"]["output_storage"]) == (SOURCE, OUTPUT)
    again = segment_settings(resumed({"output": before.output.uri}))
    assert again.scenes == before.scenes
    assert again.reading == before.reading
    other = segment_settings(resumed({"output": before.output.uri, "source_storage": {"region": "us"}}))
    assert other.scenes.storage == Storage(region="us")


def test_a_password_in_an_endpoint_is_not_recorded_and_has_to_be_given_again(tmp_path: Path) -> None:
    before = made(tmp_path, source_storage={"endpoint": "https://me:hunter2@open.org"})
    record = claimed(before)
    assert "hunter2" not in str(record)
    assert record["config"]["source_storage"]["endpoint"] == "https://open.org"
    with pytest.raises(ResumeError, match="may be a credential"):
        resumed({"output": before.output.uri})


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (
            {"endpoints": "https://h"},
            "unknown key endpoints in source_storage; did you mean endpoint? known are endpoint, region, profile",
        ),
        ("https://h", "source_storage must have some of the keys endpoint"),
        (
            {"endpoint": "h:9000"},
            "source_storage: endpoint must be a uri such as https://host:9000, got h:9000",
        ),
        ({"endpoint": "https://"}, "endpoint must be a uri"),
        ({"region": 7}, "source_storage: region must be a text, got 7"),
        ({"profile": ""}, "profile must be a text"),
        ({"anonymous": "yes"}, "anonymous must be true or false, got 'yes'"),
        ({"anonymous": True, "profile": "mine"}, "anonymously or with the keys of a profile"),
    ],
)
def test_what_is_no_storage_is_named(given: object, named: str) -> None:
    with pytest.raises(ConfigError) as raised:
        kinds.read("source_storage", Storage, given)
    assert named in str(raised.value)
