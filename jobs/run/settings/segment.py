"""What a segmenting run is to do: one frozen value, whose fields are the keys of flags, of files and of `run.json`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from jobs.run.settings.failure_limit import FailureLimit
from jobs.run.settings.keys import Key, build, keys_of
from jobs.run.settings.scenes import TEXT_KEYS
from jobs.run.settings.suggestions import refuse_unknown
from jobs.run.settings.yaml_values import read_values
from mrovseg.device import PRECISIONS
from mrovseg.weights.header import EMBEDDED
from mrovseg.words.vocabulary import Vocabulary
from pipeline.config import FlowSettings, Reading
from pipeline.errors import ConfigError
from pipeline.output import Output
from pipeline.setting import Setting
from pipeline.sources import SceneList

# Keys of every run that labels scenes by words.
Words = Annotated[
    Vocabulary,
    Setting(
        help='"building,house; road; water": classes by ;, synonyms by ,',
        key="classes",
        metavar="WORDS",
        as_written=True,
    ),
]
Threshold = Annotated[
    float | int | None,
    Setting(help="least probability of a class, else other", unset="0.2", identity=True),
]
MaxFailures = Annotated[
    FailureLimit | None,
    Setting(help="stop once more scenes and windows failed", metavar="N|P%", unset="never"),
]
Overwrite = Annotated[bool, Setting(help="remove what the output holds first", in_file=False, kept=False)]
RetryFailed = Annotated[
    bool, Setting(help="only the scenes in which something failed", in_file=False, kept=False)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSettings:
    """One run: which scenes, which words, where to, with what.

    Fields with a `Setting` are keys, and so are the fields of those without one. A pixel whose best class scores below
    `threshold` (a probability; None: the segmenter's own) is `other`. `precision` is the network's; "auto" is that of
    the output's masks, else the device's own. With `overwrite` what the output holds is removed first, with
    `retry_failed` only the scenes of its failures are run over, and more failures than `max_failures` end the run.

    Raises ConfigError when a value is missing or out of range; the message names the key.
    """

    scenes: SceneList
    vocabulary: Words
    output: Output
    checkpoint: Annotated[
        str,
        Setting(
            help="an embedded checkpoint's name or a .safetensors file", metavar="NAME|FILE", is_path=True
        ),
    ] = EMBEDDED
    threshold: Threshold = None
    precision: Annotated[
        str,
        Setting(
            help="of the network; auto: that of the output's masks, else bfloat16 on GPUs, float32 on CPUs",
            choices=PRECISIONS,
            identity=True,
        ),
    ] = "auto"
    flow: FlowSettings = field(default_factory=FlowSettings)
    reading: Reading = field(default_factory=Reading)
    max_failures: MaxFailures = None
    overwrite: Overwrite = False
    retry_failed: RetryFailed = False

    def __post_init__(self) -> None:
        _check_text("checkpoint", self.checkpoint)
        if self.overwrite and (self.retry_failed or self.flow.keep_valid):
            raise ConfigError("overwrite keeps nothing: give it without retry_failed and keep_valid")
        if self.threshold is not None:
            check_probability("threshold", self.threshold)
        if self.precision not in PRECISIONS:
            raise ConfigError(f"precision must be {', '.join(PRECISIONS)}, got {self.precision!r}")


def segment_settings(
    values: Mapping[str, Any], cls: type[SegmentSettings] = SegmentSettings
) -> SegmentSettings:
    """Make settings of merged values, see `merged`. Raises ConfigError as they do."""
    missing = [key for key in ("scenes", "classes", "output") if values.get(key) in (None, [], "")]
    if missing:
        raise ConfigError(f"{' and '.join(missing)} must be given, as flags or in the --config file")
    return build(cls, values)


def scene_list(values: Mapping[str, Any]) -> SceneList:
    """Make the scene list of merged values. Raises ConfigError when no scenes are given."""
    if not values.get("scenes"):
        raise ConfigError("scenes must be given, as arguments or in the --config file")
    return build(SceneList, values)


def merged(
    flags: Mapping[str, Any], config: Path | str | None, cls: type = SegmentSettings
) -> dict[str, Any]:
    """Merge the flags that were given and the configuration file, by key; flags come first.

    Raises ConfigError for a file that cannot be read or that holds unknown keys.
    """
    file = {} if config is None else read_file(config, cls)
    return file | {key: value for key, value in flags.items() if value not in (None, [], ())}


def read_file(file: Path | str, cls: type = SegmentSettings) -> dict[str, Any]:
    """Read a configuration file, keys and values; a key that is empty is not given.

    Raises ConfigError for a file that cannot be read or that holds unknown keys.
    """
    keys = keys_in_files(cls)
    as_written = [key.name for key in keys.values() if key.setting.as_written]
    values = read_values(file, names=(*as_written, *TEXT_KEYS))
    if not isinstance(values, dict):
        raise ConfigError(f"the configuration {file} must hold keys and values, got {type(values).__name__}")
    values = _by_present_names(values, keys, str(file))
    refuse_unknown(values, tuple(keys), where=str(file))
    return values


def keys_in_files(cls: type = SegmentSettings) -> dict[str, Key]:
    """Return the keys that a file may hold, by name."""
    return {name: key for name, key in keys_of(cls).items() if key.setting.in_file}


def _by_present_names(values: Mapping[Any, Any], keys: Mapping[str, Key], where: str) -> dict[Any, Any]:
    found = dict(values)
    for name, key in keys.items():
        for former in key.setting.former:
            if former in found and name in found:
                raise ConfigError(f"{where} gives {name} and its older name {former}: leave one out")
            if former in found:
                found[name] = found.pop(former)
    return found


def _check_text(key: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{key} must be a text that is not empty, got {value!r}")


def check_probability(key: str, value: object) -> None:
    """Raise ConfigError for what is no probability below 1."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < 1:  # type: ignore[operator]  # a number, by the test before
        raise ConfigError(f"{key} must be a number from 0 to below 1, got {value!r}")
