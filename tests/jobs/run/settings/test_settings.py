"""Settings: a file alone says what flags say, flags win, and what is wrong is named."""

import codecs
import math
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.run.settings import segment as settings
from jobs.run.settings.areas import area_of
from jobs.run.settings.classes import read_classes, write_classes
from jobs.run.settings.segment import SegmentSettings
from mrovseg.errors import VocabularyError
from pipeline.config import Reading
from pipeline.errors import ConfigError
from pipeline.geometry.aoi import Aoi
from pipeline.sources import Search
from pipeline.storage.access import Storage
from tests.jobs.run.settings.given import settings_of

FILE = """
scenes: [a.tif, b.tif]
classes: "building, house; road"
output: out
window_px: 4096
actors: 3
"""


BOX = Aoi(crs="OGC:CRS84", polygons=((((1.0, 2.0), (3.0, 2.0), (3.0, 4.0), (1.0, 4.0)),),))


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
        "{scenes: a.tif, suffixes: [.tif], assets: visual, link_hosts: s3://b, classes: road, output: o, checkpoint: c,"
        " threshold: 0.5, precision: float32, window_px: 512,"
        " chunk_px: 256, overlap_px: 0, actors: 2, actor_cpus: 1, actor_gpus: 1, task_cpus: 0.5, bands: [4, 3, 2],"
        " range: [0, 3000], nodata: 7, alpha: none, gsd: 2, aoi: [1, 2, 3, 4], drivers: [GTiff],"
        " datetime_pattern: '%Y%m%d',"
        " vrt: anywhere, max_pixels: 9, max_bands: 8,"
        " max_block_bytes: 7, max_expansion: 6, read_timeout_s: 5, max_failures: 5%, keep_valid: true,"
        " scores: full, proposals: false,"
        " window_timeout_s: 60, stall_s: 30, source_storage: {anonymous: true}, output_storage: {profile: mine}}"
    )
    assert set(settings.read_file(path)) == set(settings.keys_in_files())
    made = settings_of("--config", str(path))
    assert (made.checkpoint, made.threshold, made.flow.chunk_px, made.flow.actor_gpus) == ("c", 0.5, 256, 1)
    assert (made.flow.window_timeout_s, made.flow.stall_s) == (60, 30)
    assert (made.flow.scores, made.flow.proposals, made.flow.overlap_px) == ("full", False, 0)
    assert made.reading == Reading(
        bands=(4, 3, 2),
        value_range=(0, 3000),
        datetime_pattern="%Y%m%d",
        nodata=7,
        alpha="none",
        gsd_m=2,
        aoi=BOX,
        drivers=("GTiff",),
        vrt="anywhere",
        max_pixels=9,
        max_bands=8,
        max_block_bytes=7,
        max_expansion=6,
        read_timeout_s=5,
        storage=Storage(anonymous=True),
    )


@pytest.mark.parametrize(
    ("given", "gpus"), [("1", 1), ("0.5", 0.5), ("none", 0), ("0", 0), ("auto", None), (None, None)]
)
def test_gpus_of_an_actor_are_a_flag_and_a_key_of_one_meaning(
    tmp_path: Path, given: str | None, gpus: float | None
) -> None:
    base = ["a.tif", "--classes", "road", "-o", "o"]
    assert settings_of(*base, *(["--gpus", given] if given else [])).flow.actor_gpus == gpus
    for key in ("gpus", "actor_gpus") if given else ():
        (tmp_path / "a.yaml").write_text(f"{key}: {given}")
        assert settings_of(*base, "--config", str(tmp_path / "a.yaml")).flow.actor_gpus == gpus
        overridden = settings_of(*base, "--config", str(tmp_path / "a.yaml"), "--gpus", "2")
        assert overridden.flow.actor_gpus == 2


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("gpus: many", "gpus.*'many'"),
        ("gpus: -1", "gpus.*-1"),
        ("{gpus: 1, actor_gpus: 1}", "gpus and its older name"),
        ("precision: half", "precision.*bfloat16.*'half'"),
    ],
)
def test_what_gpus_and_precision_cannot_be_is_named(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match=named):
        settings_of("a.tif", "--classes", "road", "-o", "o", "--config", str(tmp_path / "a.yaml"))


@pytest.mark.parametrize(
    ("flags", "reading"),
    [
        (["--bands", "4,3,2"], Reading(bands=(4, 3, 2))),
        (["--bands", "2"], Reading(bands=(2,))),
        (["--range=-5,3000.5"], Reading(value_range=(-5, 3000.5))),
        (["--nodata=-9999"], Reading(nodata=-9999)),
        (["--range", "-25,0"], Reading(value_range=(-25, 0))),
        (["--range", "-25 0"], Reading(value_range=(-25, 0))),
        (["--nodata", "-3.4e+38"], Reading(nodata=-3.4e38)),
        (["--nodata", "-inf"], Reading(nodata=-math.inf)),
        (["--noda", "-.5"], Reading(nodata=-0.5)),
        (["--nodata", "none"], Reading(nodata="none")),
        (["--gsd", "0.5"], Reading(gsd_m=0.5)),
        (["--aoi", "1,2,3,4"], Reading(aoi=BOX)),
        (
            ["--aoi", "-1,2,3,4"],
            Reading(aoi=replace(BOX, polygons=((((-1.0, 2.0), (3.0, 2.0), (3.0, 4.0), (-1.0, 4.0)),),))),
        ),
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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_an_area_in_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    text = '{"type": "Polygon", "coordinates": [[[1, 2], [3, 2], [3, 4], [1, 4]]]}'
    mark = codecs.BOM_UTF16_LE if encoding == "utf-16-le" else b""
    (tmp_path / "area.json").write_bytes(mark + text.encode(encoding))
    assert area_of(str(tmp_path / "area.json")) == BOX


@pytest.mark.parametrize("text", ["1 2 3 4", "1e0,2,3.0,+4", "\ufeff1,2,3,4", " 1 , 2 , 3 , 4"])
def test_a_box_is_told_from_a_file(text: str) -> None:
    assert area_of(text) == BOX


def test_an_area_in_a_crs_that_nobody_knows_is_refused_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match="CRS that is not known, 'EPSG:999999'"):
        area_of("SRID=999999;1,2,3,4")


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
    made = read_classes(classes)
    assert made.names == ("house", "river")
    assert made.prompts == (("house", "hut"), ("river",))


def test_a_class_may_have_a_colour_which_is_read_to_what_was_written() -> None:
    given = [{"name": "wet", "prompts": ["river"], "color": "#00AAff"}, {"name": "road", "prompts": ["road"]}]
    made = read_classes(given)
    assert made.colors == ("#00aaff", "")
    assert write_classes(made) == [{**given[0], "color": "#00aaff"}, given[1]]
    assert read_classes(write_classes(made)) == made
    assert read_classes("road") == read_classes([{"name": "road", "color": None}])


def test_a_class_may_be_named_by_none_of_its_prompts() -> None:
    made = read_classes([{"name": "wet", "prompts": ["river", "lake"]}, {"name": "road"}])
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
        ("{scenes: a.tif, output: o, classes: {a: b}}", ["classes", "{'a': 'b'}"]),
        ("{scenes: a.tif, output: o, classes: [a; b]}", ["one class", "a; b"]),
        ("{scenes: a.tif, output: o, classes: [{name: a, words: [b]}]}", ["unknown key words", "prompts"]),
        ("{scenes: a.tif, output: o, classes: [{name: a, color: red}]}", ["color of class 'a'", "'red'"]),
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


def configured(folder: Path, text: str) -> SegmentSettings:
    (folder / "c.yaml").write_text(text)
    return settings_of("a.tif", "-o", "o", "--config", str(folder / "c.yaml"))


@pytest.mark.parametrize("empty", ["", "null", "~", "Null"])
def test_an_empty_key_is_not_given(tmp_path: Path, empty: str) -> None:
    every = [key for key in settings.keys_in_files() if key not in {"scenes", "classes", "output"}]
    text = "classes: road\n" + "".join(f"{key}: {empty}\n" for key in every)
    assert configured(tmp_path, text) == settings_of("a.tif", "-o", "o", "--classes", "road")
    search = f"classes: road\nscenes: [{{stac_api: 'https://h', ids: {empty}, bbox: [1, 2, 3, 4]}}]"
    (tmp_path / "s.yaml").write_text(search)
    found = settings_of("-o", "o", "--config", str(tmp_path / "s.yaml")).scenes.specs
    assert found == (Search("https://h", {"bbox": [1, 2, 3, 4]}),)
    with pytest.raises(ConfigError, match="classes must be given"):
        configured(tmp_path, f"classes: {empty}")
    with pytest.raises(ConfigError, match="classes"):
        configured(tmp_path, "classes: [road, ~]")


def test_a_key_that_is_given_twice_is_refused_with_its_lines(tmp_path: Path) -> None:
    for text, lines in (
        ("classes: road\ngsd: 1\n\ngsd: 2", r"gsd 2 times, in lines 2, 4"),
        ("classes:\n - name: a\n   name: b", r"name 2 times, in lines 2, 3"),
        ("classes: road\nnodata:\nnodata: 5", r"nodata 2 times, in lines 2, 3"),
    ):
        with pytest.raises(ConfigError, match=lines):
            configured(tmp_path, text)


WORDS = [
    "no",
    "yes",
    "On",
    "off",
    "null",
    "true",
    "12:30",
    "2026-01-31",
    "007",
    "1.50",
    "0x1F",
    "1_000",
    "1e3",
]


def test_names_of_classes_are_texts_whatever_yaml_may_take_them_for(tmp_path: Path) -> None:
    made = configured(tmp_path, "classes:\n" + "".join(f"- {word}\n" for word in WORDS))
    assert made.vocabulary.names == tuple(WORDS)
    made = configured(
        tmp_path,
        "classes:\n" + "".join(f"- {{name: {word}, prompts: [{word}, a{word}]}}\n" for word in WORDS),
    )
    assert made.vocabulary.prompts == tuple((word, f"a{word}") for word in WORDS)
    assert configured(tmp_path, "classes: [{name: wet, prompts: null}]").vocabulary.prompts == (("wet",),)


def test_numbers_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    reading = configured(
        tmp_path,
        "classes: a\nmax_pixels: 1e11\nrange: [-3.4e+38, .5]\nnodata: -.inf\ngsd: 1e-1\nmax_bands: 0o17",
    ).reading
    assert (reading.max_pixels, reading.value_range, reading.nodata) == (10**11, (-3.4e38, 0.5), -math.inf)
    assert (reading.gsd_m, reading.max_bands) == (0.1, 15)


WRONG = {
    "text": [
        "range",
        "nodata",
        "gsd",
        "bands",
        "actors",
        "keep_valid",
        "scores",
        "proposals",
        "threshold",
        "max_failures",
    ],
    "{a: b}": list(settings.keys_in_files()),
    "[[]]": list(settings.keys_in_files()),
    "true": [key for key in settings.keys_in_files() if key not in {"keep_valid", "proposals", "classes"}],
    "12:30": [
        "window_px",
        "overlap_px",
        "stall_s",
        "window_timeout_s",
        "actor_cpus",
        "read_timeout_s",
        "max_block_bytes",
    ],
}


@pytest.mark.parametrize(("value", "key"), [(value, key) for value, keys in WRONG.items() for key in keys])
def test_a_value_of_another_kind_is_refused_by_the_name_of_its_key(
    tmp_path: Path, value: str, key: str
) -> None:
    needed = {"scenes": "a.tif", "classes": "a", "output": "o"}
    (tmp_path / "c.yaml").write_text("".join(f"{k}: {v}\n" for k, v in (needed | {key: value}).items()))
    with pytest.raises(ConfigError, match=key):
        settings_of("--config", str(tmp_path / "c.yaml"))


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "area.json").write_text("POLYGON ((1 2, 3 2, 3 4, 1 4))")
    path = tmp_path / "home.yaml"
    path.write_text(
        "{scenes: [~/a.tif, b~/~.tif], output: ~/o, checkpoint: ~/c.safetensors, aoi: ~/area.json, classes: a}"
    )
    made = settings_of("--config", str(path))
    assert made.scenes.specs == (f"{tmp_path}/a.tif", str(Path("b~/~.tif").absolute()))
    assert (made.output.uri, made.checkpoint) == (f"{tmp_path}/o", f"{tmp_path}/c.safetensors")
    assert made.reading.aoi == BOX


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
        read_classes(classes)
    assert len(str(raised.value)) < 300


def test_spaces_in_the_classes_of_a_file_are_as_in_the_flag() -> None:
    assert read_classes([{"name": " bare\n ground ", "prompts": ["dry  sand"]}]).names == ("bare ground",)


def test_proposals_are_kept_unless_it_is_said(tmp_path: Path) -> None:
    base = ["a.tif", "--classes", "road", "-o", "o"]
    assert settings_of(*base).flow.proposals
    assert not settings_of(*base, "--no-proposals").flow.proposals
    (tmp_path / "a.yaml").write_text("proposals: false")
    assert not settings_of(*base, "--config", str(tmp_path / "a.yaml")).flow.proposals
    assert settings_of(*base, "--config", str(tmp_path / "a.yaml"), "--proposals").flow.proposals
