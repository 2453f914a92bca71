"""What a segmenting run is asked to do: a YAML file and flags, flags first, checked at the edge."""

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.failure_limit import FailureLimit
from jobs.reading_settings import READING_KEYS, add_reading_arguments, reading_settings
from jobs.scene_lists import absolute_spec, search_of
from jobs.storages import STORAGE_KEYS, output_of, source_storage
from jobs.texts import texts_of
from jobs.uris import path_or_uri
from jobs.yaml_values import from_home, read_values
from mrovseg.device import PRECISIONS
from mrovseg.words.vocabulary import Vocabulary, check_not_reserved, parse, quoted
from pipeline.config import FlowSettings, Reading
from pipeline.errors import ConfigError
from pipeline.output import Output
from pipeline.sources import SceneList, Search

FLOW_KEYS = tuple(field.name for field in dataclasses.fields(FlowSettings))
LIST_KEYS = ("scenes", "suffixes", "assets", "link_hosts")
OWN_KEYS = (*LIST_KEYS, "classes", "output", "checkpoint", "threshold", "precision", "max_failures")
ONCE_KEYS = ("overwrite", "retry_failed")  # flags only: a file would have them hold at every start
KEYS = (*OWN_KEYS, *FLOW_KEYS, *READING_KEYS, *STORAGE_KEYS)
SHARE_KEYS = ("actor_cpus", "actor_gpus", "task_cpus")
CLASS_KEYS = ("name", "prompts")
GPUS = "gpus"  # what flags and files say of `actor_gpus`, which a file may call so too
TEXT_KEYS = ("classes", "collections", "ids", "datetime")  # a class may be called `no`, or 7
PATH_KEYS = ("scenes", "output", "checkpoint", "aoi")
COUNT_KEYS = (
    "window_px",
    "chunk_px",
    "actors",
    "max_pixels",
    "max_bands",
    "max_block_bytes",
    "max_expansion",
)
NUMBER_KEYS = ("actor_cpus", "task_cpus", "threshold", "window_timeout_s", "stall_s", "gsd", "read_timeout_s")
KINDS: tuple[tuple[tuple[str, ...], set[type], str], ...] = (
    (COUNT_KEYS, {int}, "a whole number above zero"),
    (NUMBER_KEYS, {int, float}, "a number"),
    (("actor_gpus", GPUS), {int, float, str}, "a number of GPUs for each actor, or none"),
    (("keep_valid",), {bool}, "true or false"),
    (("output", "checkpoint", "vrt"), {str}, "a text"),
    (("max_failures",), {int, str}, "a number such as 100, or percent such as 5%"),
    (("nodata",), {int, float, str}, "a number, nan or none"),
    (("aoi",), {str, list}, "a text, or the four numbers of a box"),
)
"""What a file may hold behind a key; all else is checked where it is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSettings:
    """One run: which scenes, which words, where to, with what.

    A pixel whose best class scores below `threshold` (a probability; None: the segmenter's own) is `other`. `precision`
    is the network's; "auto" is that of the output's masks, else the device's own. With `overwrite` what the output
    holds is removed first, with `retry_failed` only the scenes of its failures are run over, and more failures than
    `max_failures` end the run.

    Raises ConfigError when a value is missing or out of range; the message names the key.
    """

    scenes: SceneList
    vocabulary: Vocabulary
    output: Output
    checkpoint: str = "tiny"
    threshold: float | None = None
    precision: str = "auto"
    flow: FlowSettings = dataclasses.field(default_factory=FlowSettings)
    reading: Reading = dataclasses.field(default_factory=Reading)
    max_failures: FailureLimit | None = None
    overwrite: bool = False
    retry_failed: bool = False

    def __post_init__(self) -> None:
        _check_text("checkpoint", self.checkpoint)
        if self.overwrite and (self.retry_failed or self.flow.keep_valid):
            raise ConfigError("overwrite keeps nothing: give it without retry_failed and keep_valid")
        if self.threshold is not None:
            _check_probability("threshold", self.threshold)
        if self.precision not in PRECISIONS:
            raise ConfigError(f"precision must be {', '.join(PRECISIONS)}, got {self.precision!r}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a segmenting run; each has the name of its key."""
    parser.add_argument(
        "scenes", nargs="*", metavar="SCENES", help="paths, globs, folders, s3:// prefixes, lists, STAC"
    )
    parser.add_argument(
        "--suffixes", help="what is a raster in a folder or prefix (.tif,.tiff,.png,.jpg,...)"
    )
    parser.add_argument("--assets", help="STAC assets by key or role: visual, or red,green,blue")
    parser.add_argument("--classes", help='"building,house; road; water": classes by ;, synonyms by ,')
    parser.add_argument("-o", "--output", help="a folder or an s3:// prefix")
    parser.add_argument("--checkpoint", help="an embedded checkpoint's name or a .safetensors file (tiny)")
    parser.add_argument("--threshold", type=float, help="least probability of a class, else other")
    parser.add_argument("--window-px", type=int, help="side of a window, the unit of work (2048)")
    parser.add_argument("--chunk-px", type=int, help="side of a chunk of the mask store (1024)")
    parser.add_argument("--actors", type=int, help="segmenting processes (as many as fit)")
    parser.add_argument(
        "--gpus", dest="actor_gpus", metavar="N|none", help="GPUs of each actor (one where Ray has GPUs)"
    )
    parser.add_argument(
        "--precision", choices=PRECISIONS, help="of the network (bfloat16 on GPUs, float32 on CPUs)"
    )
    add_reading_arguments(parser)
    parser.add_argument("--max-failures", metavar="N|P%", help="stop once more scenes and windows failed")
    parser.add_argument(
        "--retry-failed", action="store_const", const=True, help="only the scenes of failures.parquet"
    )
    parser.add_argument(
        "--keep-valid", action="store_const", const=True, help="do scenes anew whose files have changed"
    )
    parser.add_argument(
        "--overwrite", action="store_const", const=True, help="remove what the output holds first"
    )
    parser.add_argument("--config", metavar="FILE.yaml", help="the same keys, with _ for -; flags override")


def asked(arguments: argparse.Namespace) -> dict[str, Any]:
    """Merge the configuration file and the flags that were given, by key.

    Raises ConfigError for a file that cannot be read or that holds unknown keys.
    """
    file = {} if arguments.config is None else read(arguments.config)
    flags = {
        key: value
        for key in (*KEYS, *ONCE_KEYS)
        if (value := getattr(arguments, key, None)) not in (None, [])
    }
    values = file | flags
    return values | {key: from_home(values[key]) for key in PATH_KEYS if key in values}


def segment_settings(values: Mapping[str, Any]) -> SegmentSettings:
    """Make settings of merged values, see `asked`."""
    missing = [key for key in ("scenes", "classes", "output") if values.get(key) in (None, [], "")]
    if missing:
        raise ConfigError(f"{' and '.join(missing)} must be given, as flags or in the --config file")
    return SegmentSettings(
        scenes=scene_list(values),
        vocabulary=vocabulary_of(values["classes"]),
        output=output_of(values),
        flow=flow_settings(values),
        reading=reading_settings(values),
        max_failures=None
        if values.get("max_failures") is None
        else FailureLimit.parse(values["max_failures"]),
        **{
            key: path_or_uri(key, values[key])
            for key in ("checkpoint", "threshold", "precision", "overwrite", "retry_failed")
            if key in values
        },
    )


def flow_settings(values: Mapping[str, Any]) -> FlowSettings:
    """Pick the keys of the flow; what is not given has its default."""
    given = {key: values[key] for key in FLOW_KEYS if key in values}
    if "actor_gpus" in given:
        given["actor_gpus"] = _gpus(given["actor_gpus"])
    # YAML's 1 is an int where the flow counts in parts of a CPU or GPU.
    shares = {key: float(value) for key, value in given.items() if key in SHARE_KEYS and type(value) is int}
    return FlowSettings(**given | shares)


def _gpus(given: object) -> object:
    """Read how many GPUs an actor has: a number, none, or auto, which is as if it were not given.

    >>> _gpus("none"), _gpus("0.5"), _gpus("auto")
    (0.0, 0.5, None)
    """
    if not isinstance(given, str):
        return given
    if given in {"none", "auto"}:
        return 0.0 if given == "none" else None
    try:
        return float(given)
    except ValueError:
        raise ConfigError(f"{GPUS} must be a number of GPUs for each actor, or none, got {given!r}") from None


def scene_list(values: Mapping[str, Any]) -> SceneList:
    """Pick the keys of the scene list; local paths are relative to the working directory, and made absolute.

    Raises ConfigError when no scenes are given.
    """
    if not values.get("scenes"):
        raise ConfigError("scenes must be given, as arguments or in the --config file")
    given = {key: texts_of(key, values[key]) for key in LIST_KEYS[1:] if values.get(key)}
    specs = [
        spec if isinstance(spec, Search) else absolute_spec(spec) for spec in scenes_of(values["scenes"])
    ]
    return SceneList(tuple(specs), **given, storage=source_storage(values))


def scenes_of(given: object) -> tuple[str | Search, ...]:
    """Read the scenes of a configuration: one text or several, and searches of STAC APIs.

    >>> scenes_of(["a.tif", {"stac_api": "https://host/stac", "collections": ["naip"]}])[1].stac_api
    'https://host/stac'
    """
    scenes = given if isinstance(given, list) else [given]
    if not scenes or not all(
        one.strip() if isinstance(one, str) else isinstance(one, dict) for one in scenes
    ):
        raise ConfigError(f"scenes must be a path, a search or a list of these, got {given!r}")
    return tuple(search_of(one) if isinstance(one, dict) else str(one) for one in scenes)


def vocabulary_of(given: object) -> Vocabulary:
    """Read classes: the text of `--classes`, or a list of such texts and of `{name, prompts}`.

    >>> vocabulary_of(["house, hut", {"name": "wet", "prompts": ["river", "lake"]}]).names
    ('house', 'wet')
    """
    if isinstance(given, str):
        return parse(given)
    if not isinstance(given, list) or not given:
        raise ConfigError(
            f"classes must be a text such as 'building,house; road' or a list, got {quoted(str(given))}"
        )
    classes = [_class_of(one) for one in given]
    return check_not_reserved(
        Vocabulary(tuple(name for name, _ in classes), tuple(prompts for _, prompts in classes))
    )


def _class_of(given: object) -> tuple[str, tuple[str, ...]]:
    if isinstance(given, str):
        one = parse(given)
        if len(one.names) == 1:
            return one.names[0], one.prompts[0]
        raise ConfigError(
            f"an item of the list classes is one class, got {len(one.names)} in {quoted(given)}"
        )
    if not isinstance(given, dict):
        raise ConfigError(
            f"an item of the list classes is a text or has the keys {', '.join(CLASS_KEYS)}, got {quoted(str(given))}"
        )
    _refuse_unknown(given, CLASS_KEYS, where="a class")
    name, prompts = given.get("name"), given.get("prompts", [given.get("name")])
    prompts = [prompts] if isinstance(prompts, str) else prompts
    _check_text("name of a class", name)
    if (
        not isinstance(prompts, list)
        or not prompts
        or not all(isinstance(one, str) and one for one in prompts)
    ):
        raise ConfigError(
            f"prompts of class {quoted(str(name))} must be a list of texts, got {quoted(str(prompts))}"
        )
    return " ".join(str(name).split()), tuple(" ".join(prompt.split()) for prompt in prompts)


def read(file: Path | str) -> dict[str, Any]:
    """Read a configuration file, keys and values; a key that is empty is not given.

    Raises ConfigError for a file that cannot be read or that holds unknown keys.
    """
    values = read_values(file, names=TEXT_KEYS)
    if not isinstance(values, dict):
        raise ConfigError(f"the configuration {file} must hold keys and values, got {type(values).__name__}")
    _refuse_unknown(values, (*KEYS, GPUS), where=str(file))
    if GPUS in values and "actor_gpus" in values:
        raise ConfigError(f"{file} gives {GPUS} and its older name actor_gpus: leave one out")
    given = {key: _of_its_kind(key, value) for key, value in values.items()}
    return {"actor_gpus" if key == GPUS else key: value for key, value in given.items()}


def _of_its_kind(key: str, value: object) -> object:
    """Return a value of a file; 1e11, which is a float in YAML, as the count that it is."""
    if key in COUNT_KEYS and isinstance(value, float) and value.is_integer():
        return int(value)
    for keys, kinds, expected in KINDS:
        if key in keys and type(value) not in kinds:
            raise ConfigError(f"{key} must be {expected}, got {value!r}")
    return value


def _refuse_unknown(values: Mapping[Any, Any], known: Sequence[str], *, where: str) -> None:
    unknown = [str(key) for key in values if key not in known]
    if unknown:
        raise ConfigError(f"unknown key {', '.join(unknown)} in {where}; known are {', '.join(known)}")


def _check_text(key: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{key} must be a text that is not empty, got {value!r}")


def _check_probability(key: str, value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < 1:  # type: ignore[operator]  # a number, by the test before
        raise ConfigError(f"{key} must be a number from 0 to below 1, got {value!r}")
