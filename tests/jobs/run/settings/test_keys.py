"""A key is written once: as a field. Flags, help, files, `run.json` and resuming know it by that alone."""

import dataclasses
import inspect
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.run import run_record
from jobs.run.commands import command, run
from jobs.run.description import describe
from jobs.run.settings.flags import takes_settings
from jobs.run.settings.keys import build, keys_of, written
from jobs.run.settings.segment import SegmentSettings, read_file, segment_settings
from mrovseg.labels.pixel_values import OTHER_THRESHOLD
from mrovseg.network.config import TINY
from mrovseg.weights.checkpoint import Checkpoint
from pipeline.config import FlowSettings, Reading
from pipeline.errors import ConfigError
from pipeline.setting import Setting
from tests.jobs.run.settings.given import settings_of, values_of

WORDS = ["a.tif", "--classes", "road"]
EVERY = keys_of(SegmentSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp:
    """A value of some parts."""

    colour: str = "white"
    watts: int = 5
    dimmed: bool | None = None

    def __post_init__(self) -> None:
        if self.watts > 100:
            raise ConfigError(f"watts must be 100 at most, got {self.watts}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreReading(Reading):
    """With one more field, which decides the masks."""

    gamma: Annotated[float | int, Setting(help="how bright the middle is", identity=True)] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreSettings(SegmentSettings):
    """With two more fields, one of them of two parts."""

    reading: MoreReading = dataclasses.field(default_factory=MoreReading)
    colours: Annotated[tuple[str, ...], Setting(help="of the picture", unset="all")] = ()
    lamp: Annotated[Lamp, Setting(help="what shines", unset="white, 5 W")] = Lamp()


def help_of(cls: type[SegmentSettings], capsys: pytest.CaptureFixture[str]) -> str:
    app = command("segment", usage="", about="", examples=())

    @app.default
    @takes_settings(cls)
    def keep(values: dict[str, object]) -> int:
        del values
        return 0

    run(app, ["--help"])
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_a_key_that_is_added_in_one_place_is_in_help_files_records_and_resuming(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = help_of(MoreSettings, capsys)
    for text in (
        "--gamma NUMBER how bright the middle is [default: 1]",
        "--colours VALUE of the picture [default: all]",
        "--lamp VALUE what shines [default: white, 5 W]",
    ):
        assert text in said

    flags = ["--gamma", "2", "--colours", "red, blue", "--lamp", "{colour: green, watts: 7}"]
    made = settings_of(*WORDS, "-o", str(tmp_path / "out"), *flags, cls=MoreSettings)
    assert isinstance(made, MoreSettings)
    assert made.reading == MoreReading(gamma=2)
    assert (made.colours, made.lamp) == (("red", "blue"), Lamp(colour="green", watts=7))

    file = tmp_path / "a.yaml"
    file.write_text(
        f"{{scenes: a.tif, classes: road, output: {tmp_path}/out, gamma: 2, colours: [red, blue],"
        " lamp: {colour: green, watts: 7}}"
    )
    assert settings_of("--config", str(file), cls=MoreSettings) == made

    checkpoint = Checkpoint("tiny", TINY, {}, None, None, "ab12")
    description = describe(made, checkpoint=checkpoint, threshold=0.2)
    run_record.write_description(made.output, description)
    recorded = json.loads((tmp_path / "out/run.json").read_text())
    assert recorded["config"]["colours"] == ["red", "blue"]
    assert recorded["config"]["lamp"] == {"colour": "green", "watts": 7}
    assert recorded["reading"]["gamma"] == 2
    resumed = settings_of("-o", made.output.uri, cls=MoreSettings)
    assert isinstance(resumed, MoreSettings)
    assert (resumed.reading, resumed.colours, resumed.lamp) == (made.reading, made.colours, made.lamp)

    other = describe(
        dataclasses.replace(made, reading=MoreReading(gamma=3)), checkpoint=checkpoint, threshold=0.2
    )
    assert run_record.provenance(other)["run"] != run_record.provenance(description)["run"]


@pytest.mark.parametrize(
    ("lamp", "says"),
    [
        ("{watts: many}", "lamp: watts must be a whole number, got 'many'"),
        ("{dimmed: 'yes'}", "lamp: dimmed must be true or false, got 'yes'"),
        ("{watts: 200}", "lamp: watts must be 100 at most, got 200"),
        ("{wats: 2}", "unknown key wats in lamp; did you mean watts?"),
        ("bright", "lamp must have some of the keys colour, watts, dimmed, got 'bright'"),
        ("{", "lamp must have some of the keys"),
    ],
)
def test_what_is_wrong_with_a_part_of_a_value_is_named(lamp: str, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        settings_of(*WORDS, "-o", "o", "--lamp", lamp, cls=MoreSettings)


def test_a_key_without_a_default_must_say_what_then_holds() -> None:
    @dataclass(frozen=True)
    class Silent:
        field: Annotated[int | None, Setting(help="silent")] = None

    with pytest.raises(TypeError, match="field must say what holds"):
        keys_of(Silent)


@pytest.mark.parametrize("name", EVERY)
def test_every_key_has_a_flag_with_its_help_and_its_default(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key, said = EVERY[name], help_of(SegmentSettings, capsys)
    if name == "scenes":
        assert f"SCENES {key.setting.help}" in said
        return
    _, _, after = said.partition(f" --{name.replace('_', '-')} ")
    own = after.replace(f" {'|'.join(key.setting.choices)} ", " ") if key.setting.choices else after
    default = "" if key.shown_default is None else " [default: "
    assert f"{key.setting.help}{default}" in own, own[:200]


def test_no_help_says_a_default_that_is_not_one() -> None:
    assert EVERY["threshold"].shown_default == f"{OTHER_THRESHOLD:g}"
    assert EVERY["window_px"].shown_default == "2048"
    assert EVERY["keep_valid"].shown_default == "no"


def test_no_field_is_told_of_twice() -> None:
    fields = [f.name for cls in (FlowSettings, Reading) for f in dataclasses.fields(cls)]
    source = inspect.getsource(inspect.getmodule(SegmentSettings))  # type: ignore[arg-type]
    assert not [name for name in fields if f"{name}:" in source]


counts = st.integers(1, 2**40)
FLOWS = {
    "chunk_px": st.integers(1, 4096),
    "overlap_px": st.none() | st.integers(0, 4096),
    "actors": st.none() | counts,
    "actor_cpus": st.floats(0.01, 1.0),
    "actor_gpus": st.none() | st.sampled_from([0.0, 0.5, 1, 2]),
    "keep_valid": st.booleans(),
    "proposals": st.booleans(),
    "scores": st.sampled_from(["places", "full"]),
    "window_timeout_s": st.none() | st.floats(1, 1e6),
}
READINGS = {
    "bands": st.none() | st.tuples(*[st.integers(1, 300)] * 3) | st.tuples(st.integers(1, 300)),
    "value_range": st.none() | st.tuples(st.floats(-1e9, 0), st.floats(1, 1e9)),
    "nodata": st.none() | st.just("none") | st.floats(allow_nan=False) | st.just(2**63 - 1),
    "alpha": st.sampled_from([None, "none"]),
    "gsd_m": st.none() | st.floats(1e-6, 1e6),
    "drivers": st.lists(st.sampled_from(["GTiff", "PNG"]), min_size=1).map(tuple),
    "vrt": st.sampled_from(["inside", "anywhere"]),
    "max_pixels": counts,
}


# The values are made in the test: what checks their arrays and tuples picks items at random.
@given(st.fixed_dictionaries(FLOWS), st.integers(1, 8), st.fixed_dictionaries(READINGS))
def test_what_is_written_as_json_is_read_to_the_same(
    flow: dict[str, Any], chunks: int, reading: dict[str, Any]
) -> None:
    for value in (FlowSettings(window_px=flow["chunk_px"] * chunks, **flow), Reading(**reading)):
        assert build(type(value), json.loads(json.dumps(written(value), allow_nan=False))) == value


def test_whole_settings_are_written_and_read_to_the_same(tmp_path: Path) -> None:
    made = settings_of(
        *WORDS, "-o", str(tmp_path), "--aoi", "1,2,3,4", "--max-failures", "2.5%", "--overwrite"
    )
    assert segment_settings(json.loads(json.dumps(written(made)))) == made


@pytest.mark.parametrize(
    ("given_key", "meant"), [("window", "window_px"), ("outptu", "output"), ("max_pixel", "max_pixels")]
)
def test_a_misspelt_key_of_a_file_is_answered_by_the_one_that_was_meant(
    tmp_path: Path, given_key: str, meant: str
) -> None:
    (tmp_path / "a.yaml").write_text(f"{given_key}: 1")
    with pytest.raises(ConfigError, match=f"unknown key {given_key} in .*did you mean {meant}"):
        read_file(tmp_path / "a.yaml")


def test_a_flag_means_what_the_same_key_of_a_file_means(tmp_path: Path) -> None:
    said = {
        "max_pixels": "1e11",
        "max_bands": "7",
        "link_hosts": "s3://b",
        "drivers": "GTiff, PNG",
        "vrt": "anywhere",
    }
    flags = [part for name, value in said.items() for part in (f"--{name.replace('_', '-')}", value)]
    (tmp_path / "a.yaml").write_text("".join(f"{name}: {value}\n" for name, value in said.items()))
    by_file = settings_of(*WORDS, "-o", "o", "--config", str(tmp_path / "a.yaml"))
    assert settings_of(*WORDS, "-o", "o", *flags) == by_file
    assert by_file.reading.max_pixels == 10**11


def test_of_a_flag_that_is_given_twice_the_last_one_holds() -> None:
    assert settings_of(*WORDS, "-o", "o", "--actors", "1", "-o", "p", "--actors", "2").flow.actors == 2


def test_scenes_may_stand_behind_flags_and_begin_with_a_minus_behind_two() -> None:
    assert values_of("--classes", "road", "a.tif", "--", "-b.tif")["scenes"] == ["a.tif", "-b.tif"]
