"""Values of keys by their types: read from texts of flags and from what YAML and JSON hold, and written to JSON."""

import dataclasses
import math
import re
from collections.abc import Callable
from functools import cache
from types import NoneType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import PlainSerializer, PlainValidator, StringConstraints, TypeAdapter, ValidationError

from jobs.run.settings.areas import area_of
from jobs.run.settings.classes import read_classes, write_classes
from jobs.run.settings.failure_limit import FailureLimit
from jobs.run.settings.scenes import SceneChoice, read_scenes, write_scenes
from jobs.run.settings.suggestions import refuse_unknown
from jobs.run.settings.yaml_values import value_of
from mrovseg.words.vocabulary import Vocabulary
from pipeline.errors import ConfigError
from pipeline.geometry.aoi import Aoi
from pipeline.sources import Search

BEYOND_ALL = 2**64  # whole numbers of bands are below


def read_number_or_word(given: object) -> float | int | str:
    """Read one number, or a word in small letters; a whole number that a float would round stays whole.

    >>> [read_number_or_word(each) for each in ("-9999", "9223372036854775807", "None")]
    [-9999.0, 9223372036854775807, 'none']
    """
    text = str(given).strip().lower()
    if not isinstance(given, int | float | str):
        raise TypeError
    if re.fullmatch(r"[+-]?[0-9]{1,20}", text) and abs(int(text)) < BEYOND_ALL and float(text) != int(text):
        return int(text)
    try:
        numbers = {float(part) for part in _parts(text)}
    except ValueError:
        return text
    if len(numbers) > 1 and not all(map(math.isnan, numbers)):
        raise ValueError
    return numbers.pop()


OWN_KINDS: dict[Any, tuple[Callable[[object], Any], Callable[[Any], Any]]] = {
    Vocabulary: (read_classes, write_classes),
    tuple[str | Search, ...]: (read_scenes, write_scenes),
    SceneChoice: (SceneChoice.parse, SceneChoice.write),
    Aoi: (area_of, lambda area: area.text),
    FailureLimit: (FailureLimit.parse, str),
    float | int | str: (read_number_or_word, str),
}
"""How values that are no plain ones are read and written."""

EXPECTED = {
    int: "a whole number",
    float | int: "a number",
    bool: "true or false",
    str: "a text",
    tuple[int, ...]: "numbers such as 4,3,2",
    tuple[float | int, ...]: "numbers such as 0,3000",
    tuple[str, ...]: "texts, as a list or by commas",
    Aoi: "a text, or the four numbers of a box",
    float | int | str: "one number, nan or none",
}


def read(name: str, kind: Any, given: object) -> Any:  # noqa: ANN401 - of the kind
    """Read a value of a type. Raises ConfigError, which names the key, for what is of another."""
    if dataclasses.is_dataclass(kind) and kind not in OWN_KINDS:
        return _read_parts(name, kind, given)
    try:
        return _adapter(kind).validate_python(_prepared(kind, given))
    except (ValidationError, ValueError, TypeError):
        raise ConfigError(f"{name} must be {EXPECTED[kind]}, got {given!r}") from None


def write(kind: Any, value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    """Return the value as JSON holds it; it is read to the same."""
    if dataclasses.is_dataclass(kind) and kind not in OWN_KINDS:
        parts = {part: (hint, getattr(value, part)) for part, hint in _parts_of(kind).items()}
        return {part: write(hint, each) for part, (hint, each) in parts.items() if each is not None}
    return _adapter(kind).dump_python(value, mode="json")


def without_none(kind: Any) -> Any:  # noqa: ANN401 - a type
    """Return a type without None where it is one of several."""
    parts = get_args(kind)
    if NoneType not in parts or get_origin(kind) is tuple:
        return kind
    return Union[tuple(part for part in parts if part is not NoneType)]  # noqa: UP007 - of a tuple


def _read_parts(name: str, kind: Any, given: object) -> Any:  # noqa: ANN401 - of the kind
    """Read a frozen value of several parts: a mapping, or its text in a flag."""
    hints = _parts_of(kind)
    try:
        parts = value_of(given) if isinstance(given, str) else given
    except ValueError:
        parts = given
    if not isinstance(parts, dict):
        raise ConfigError(f"{name} must have some of the keys {', '.join(hints)}, got {given!r}")
    refuse_unknown(parts, tuple(hints), where=name)
    try:
        return kind(
            **{part: read(part, hints[part], each) for part, each in parts.items() if each is not None}
        )
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from error


def _parts_of(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - a type
    hints = get_type_hints(kind)
    return {field.name: without_none(hints[field.name]) for field in dataclasses.fields(kind)}


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - a type
    """Return what checks and writes values of a type."""
    if kind in OWN_KINDS:
        own_read, own_write = OWN_KINDS[kind]
        return TypeAdapter(Annotated[kind, PlainValidator(own_read), PlainSerializer(own_write)])
    if kind == tuple[str, ...]:
        text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
        return TypeAdapter(tuple[text, ...])
    return TypeAdapter(kind)


def _prepared(kind: Any, given: object) -> object:  # noqa: ANN401 - a type
    """Return what is to be checked: lists of what is one or has commas, and nothing but a bool of what is one."""
    if kind in OWN_KINDS and kind not in EXPECTED:
        return given
    if isinstance(given, bool) != (kind is bool) or (kind is Aoi and not isinstance(given, str | list)):
        raise TypeError
    if kind == tuple[float | int, ...]:
        return [
            float(each) for each in _listed(given, words=False)
        ]  # whole ones too: digests tell them apart
    if get_origin(kind) is tuple:
        return _listed(given, words=get_args(kind)[0] is str)
    return _meant(kind, given) if isinstance(given, str) else given


def _meant(kind: Any, text: str) -> object:  # noqa: ANN401 - a type
    """Return the number that a text of a flag is where its key has one."""
    if kind == float | int:
        return float(text)
    if kind is int:
        return float(text) if "e" in text.lower() else int(text)
    return text


def _listed(given: object, *, words: bool) -> list[Any]:
    parts = given if isinstance(given, list | tuple) else [given]
    if isinstance(given, str):
        parts = given.split(",") if words else _parts(given)
    if any(isinstance(part, bool) for part in parts):
        raise TypeError
    return list(parts)


def _parts(text: str) -> list[str]:
    return re.split(r"[,\s]+", text.strip())
