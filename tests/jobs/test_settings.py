"""Settings: a file alone says what flags say, flags win, and what is wrong is named."""

import argparse
import math
from dataclasses import replace
from pathlib import Path

import pytest

from jobs import settings
from jobs.settings import SegmentSettings
from mrovseg.errors import VocabularyError
from pipeline.aoi import Aoi
from pipeline.config import Reading
from pipeline.errors import ConfigError
from pipeline.sources import Search

FILE = """
scenes: [a.tif, b.tif]
classes: "building, house; road"
output: out
window_px: 4096
actors: 3
"""


BOX = Aoi(crs="OGC:CRS84", polygons=((((1.0, 2.0), (3.0, 2.0), (3.0, 4.0), (1.0, 4.0)),),))


def settings_of(*argv: str) -> SegmentSettings:
    parser = argparse.ArgumentParser()
    settings.add_arguments(parser)
    return settings.segment_settings(settings.asked(parser.parse_args(argv)))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "segment.yaml"
    path.write_text(FILE)
    return path


def test_a_file_alone_equals_the_same_flags(file: Path) -> None:
    flags = ["a.tif", "b.tif", "--output", "out", "--window-px", "4096", "--actors", "3"]
    assert settings_of("--config", str(file)) == settings_of(*flags, "--classes", "building, house; road")


def test_flags_override_the_file_key_by_key(file: Path) -> None:
    made = settings_of("c.tif", "--config", str(file), "--actors", "1", "--threshold", "0")
    assert made.scenes.specs == (str(Path("c.tif").absolute()),)
    assert made.flow.actors == 1
    assert made.flow.window_px == 4096
    assert made.threshold == 0


def test_every_key_can_be_given_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(
        "{scenes: a.tif, suffixes: [.tif], assets: visual, classes: road, output: o, checkpoint: c,"
        " threshold: 0.5, window_px: 512,"
        " chunk_px: 256, actors: 2, actor_cpus: 1, actor_gpus: 1, task_cpus: 0.5, bands: [4, 3, 2],"
        " range: [0, 3000], nodata: 7, gsd: 2, aoi: [1, 2, 3, 4], drivers: [GTiff],"
        " vrt: anywhere, max_pixels: 9, max_bands: 8,"
        " max_block_bytes: 7, max_expansion: 6, read_timeout_s: 5, max_failures: 5%, keep_valid: true,"
        " window_timeout_s: 60, stall_s: 30}"
    )
    assert set(settings.read(path)) == set(settings.KEYS)
    made = settings_of("--config", str(path))
    assert (made.checkpoint, made.threshold, made.flow.chunk_px, made.flow.actor_gpus) == ("c", 0.5, 256, 1)
    assert (made.flow.window_timeout_s, made.flow.stall_s) == (60, 30)
    assert made.reading == Reading(
        bands=(4, 3, 2),
        value_range=(0, 3000),
        nodata=7,
        gsd_m=2,
        aoi=BOX,
        drivers=("GTiff",),
        vrt="anywhere",
        max_pixels=9,
        max_bands=8,
        max_block_bytes=7,
        max_expansion=6,
        read_timeout_s=5,
    )


@pytest.mark.parametrize(
    ("flags", "reading"),
    [
        (["--bands", "4,3,2"], Reading(bands=(4, 3, 2))),
        (["--bands", "2"], Reading(bands=(2,))),
        (["--range=-5,3000.5"], Reading(value_range=(-5, 3000.5))),
        (["--nodata=-9999"], Reading(nodata=-9999)),
        (["--nodata", "none"], Reading(nodata="none")),
        (["--gsd", "0.5"], Reading(gsd_m=0.5)),
        (["--aoi", "1,2,3,4"], Reading(aoi=BOX)),
        (
            ["--aoi=-1,2,3,4"],
            Reading(aoi=replace(BOX, polygons=((((-1.0, 2.0), (3.0, 2.0), (3.0, 4.0), (-1.0, 4.0)),),))),
        ),
    ],
)
def test_how_scenes_are_read_is_said_by_flags(flags: list[str], reading: Reading) -> None:
    assert settings_of("a.tif", "--classes", "road", "-o", "o", *flags).reading == reading


@pytest.mark.parametrize(
    "content",
    [
        "POLYGON ((1 2, 3 2, 3 4, 1 4))",
        '{"type": "Polygon", "coordinates": [[[1, 2], [3, 2], [3, 4], [1, 4]]]}',
    ],
)
def test_an_area_may_be_in_a_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "area").write_text(content)
    made = settings_of("a.tif", "--classes", "road", "-o", "o", "--aoi", str(tmp_path / "area"))
    assert made.reading.aoi == BOX


def test_no_number_may_be_the_value_without_data() -> None:
    made = settings_of("a.tif", "--classes", "road", "-o", "o", "--nodata", "nan").reading.nodata
    assert isinstance(made, float)
    assert math.isnan(made)


@pytest.mark.parametrize(
    "flags",
    [
        ["--bands", "4,3"],
        ["--bands", "r,g,b"],
        ["--range", "7"],
        ["--nodata", "x"],
        ["--gsd", "-1"],
        ["--aoi", "gone.json"],
        ["--aoi", "1,2"],
    ],
)
def test_a_flag_of_reading_that_cannot_be_is_refused_by_name(flags: list[str]) -> None:
    with pytest.raises(ConfigError, match=flags[0].removeprefix("--")):
        settings_of("a.tif", "--classes", "road", "-o", "o", *flags)


def test_scenes_may_be_searches_and_paths_are_made_absolute(tmp_path: Path) -> None:
    path = tmp_path / "search.yaml"
    path.write_text(
        "{scenes: [a.tif, 's3://b/p/', {stac_api: 'https://h/stac', collections: [c], datetime: 2026-01-31}],"
        " suffixes: '.tif, .jp2', assets: [red, green, blue], classes: road, output: o}"
    )
    made = settings_of("--config", str(path)).scenes
    assert settings_of("folder/", "--config", str(path)).scenes.specs == (f"{Path('folder').absolute()}/",)
    search = Search("https://h/stac", {"collections": ["c"], "datetime": "2026-01-31"})
    assert made.specs == (str(Path("a.tif").absolute()), "s3://b/p/", search)
    assert (made.suffixes, made.assets) == ((".tif", ".jp2"), ("red", "green", "blue"))


@pytest.mark.parametrize(
    "classes",
    ["house, hut; river", ["house, hut", "river"], [{"name": "house", "prompts": ["house", "hut"]}, "river"]],
)
def test_classes_of_all_forms_are_one_vocabulary(classes: object) -> None:
    made = settings.vocabulary_of(classes)
    assert made.names == ("house", "river")
    assert made.prompts == (("house", "hut"), ("river",))


def test_a_class_may_be_named_by_none_of_its_prompts() -> None:
    made = settings.vocabulary_of([{"name": "wet", "prompts": ["river", "lake"]}, {"name": "road"}])
    assert made.names == ("wet", "road")
    assert made.prompts == (("river", "lake"), ("road",))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("window: 3", ["unknown key window", "window_px"]),
        ("[a, b]", ["must hold keys and values"]),
        ("scenes: [", ["cannot read"]),
        ("{scenes: a.tif, output: o}", ["classes must be given"]),
        ("{scenes: [1], output: o, classes: road}", ["scenes", "[1]"]),
        ("{scenes: [a.tif, ' '], output: o, classes: road}", ["scenes", "' '"]),
        ("{scenes: [{collections: [c]}], output: o, classes: road}", ["stac_api", "collections"]),
        (
            "{scenes: [{stac_api: 'https://h', box: [1]}], output: o, classes: road}",
            ["unknown key box", "bbox"],
        ),
        ("{scenes: [{stac_api: h}], output: o, classes: road}", ["https://", "'h'"]),
        ("{scenes: a.tif, suffixes: tif, output: o, classes: road}", ["suffixes", "dot"]),
        ("{scenes: a.tif, assets: [1], output: o, classes: road}", ["assets", "[1]"]),
        ("{scenes: a.tif, output: o, classes: 7}", ["classes", "7"]),
        ("{scenes: a.tif, output: o, classes: [a; b]}", ["one class", "a; b"]),
        ("{scenes: a.tif, output: o, classes: [{name: a, words: [b]}]}", ["unknown key words", "prompts"]),
        ("{scenes: a.tif, output: o, classes: [{prompts: [b]}]}", ["name", "None"]),
        ("{scenes: a.tif, output: o, classes: [{name: a, prompts: []}]}", ["prompts", "'a'"]),
        ("{scenes: a.tif, output: o, classes: road, threshold: 2.0}", ["threshold", "2.0"]),
        ("{scenes: a.tif, output: o, classes: road, window_px: 100}", ["window_px", "100"]),
    ],
)
def test_an_error_names_the_key_and_what_was_found(tmp_path: Path, text: str, named: list[str]) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        settings_of("--config", str(path))
    assert all(part in str(raised.value) for part in named), raised.value


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        settings_of("--config", str(tmp_path / "none.yaml"))


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        (["road", "Road"], "'road' stands more than once"),
        (["road", {"name": "way", "prompts": ["ROAD"]}], "'road' stands more than once"),
        (["road", {"name": "Other", "prompts": ["sand"]}], "'Other' is the name of what is none"),
        ([{"name": "x" * 300}], "1 to 256 characters"),
        ([{"name": "wet", "prompts": [" "]}], "1 to 256 characters"),
        ([{"name": "wet", "prompts": ["a\0b"]}], "control character"),
        (["; ".join(f"w{i}" for i in range(5000))], r"is one class, got 5000 in '.{60}'$"),
    ],
)
def test_classes_of_a_file_are_checked_as_those_of_the_flag(classes: list[object], says: str) -> None:
    with pytest.raises((ConfigError, VocabularyError), match=says) as raised:
        settings.vocabulary_of(classes)
    assert len(str(raised.value)) < 300


def test_spaces_in_the_classes_of_a_file_are_as_in_the_flag() -> None:
    assert settings.vocabulary_of([{"name": " bare\n ground ", "prompts": ["dry  sand"]}]).names == (
        "bare ground",
    )
