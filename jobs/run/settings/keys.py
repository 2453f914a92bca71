"""Keys: the fields of frozen values that have a `Setting`, read from flat mappings and written to them."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from jobs.run.settings import kinds
from jobs.run.settings.yaml_values import from_home
from pipeline.errors import ConfigError, PipelineError
from pipeline.setting import Setting
from pipeline.storage import objects

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key:
    """One key: the field that holds its value, the value's type, its default (MISSING: it must be given), and the rest.

    Raises TypeError for a key without a value that does not say what then holds.
    """

    field: str
    kind: Any
    default: Any
    setting: Setting

    def __post_init__(self) -> None:
        if self.default in (None, ()) and not self.setting.unset:
            raise TypeError(f"{self.name} must say what holds where it is not given")

    @property
    def name(self) -> str:
        """What files and `run.json` call it."""
        return self.setting.key or self.field

    @property
    def shown_default(self) -> str | None:
        """What holds where it is not given; None where it must be given."""
        if self.default is dataclasses.MISSING:
            return None
        if isinstance(self.default, bool):
            return "yes" if self.default else "no"
        if isinstance(self.default, tuple):
            return self.setting.unset or ",".join(map(str, self.default))
        return self.setting.unset or (
            f"{self.default:g}" if isinstance(self.default, float) else str(self.default)
        )

    def read(self, given: object) -> Any:  # noqa: ANN401 - of the key's type
        """Read a value that a flag, a file or a record has. Raises ConfigError, which names the key."""
        if self.setting.is_path:
            given = from_home(given)
            if self.kind is str:
                given = _path_or_uri(self.name, given)
        if isinstance(given, str) and given in dict(self.setting.words):
            return dict(self.setting.words)[given]
        if not self.setting.choices:
            return kinds.read(self.name, self.kind, given)
        chosen = given.lower() if isinstance(given, str) else given
        if chosen not in self.setting.choices:
            raise ConfigError(f"{self.name} must be {' or '.join(self.setting.choices)}, got {given!r}")
        return chosen

    def write(self, value: object) -> Any:  # noqa: ANN401 - what JSON holds
        """Return a value as JSON holds it."""
        return None if value is None else kinds.write(self.kind, value)


def own_keys(cls: type) -> dict[str, Key]:
    """Return the keys of a frozen value by name, without those of the values in it."""
    keys = [
        Key(field.name, kind, field.default, setting)
        for field, kind, setting in _fields(cls)
        if setting is not None
    ]
    return {key.name: key for key in keys}


def keys_of(cls: type) -> dict[str, Key]:
    """Return the keys of a frozen value and of those in it by name, in the order of the fields."""
    found: dict[str, Key] = {}
    for field, kind, setting in _fields(cls):
        if setting is None:
            found |= keys_of(kind)
        else:
            key = Key(field.name, kind, field.default, setting)
            found[key.name] = key
    return found


def build(cls: type[T], values: Mapping[str, Any]) -> T:
    """Make a frozen value of what is given of its keys. Raises ConfigError as its parts do."""
    given = {field.name: build(kind, values) for field, kind, setting in _fields(cls) if setting is None}
    for name, key in own_keys(cls).items():
        if values.get(name) is not None:
            given[key.field] = key.read(values[name])
    return cls(**given)


def written(value: object) -> dict[str, Any]:
    """Return all keys of a frozen value as JSON holds them; `build` makes the same of them."""
    found = {name: key.write(getattr(value, key.field)) for name, key in own_keys(type(value)).items()}
    for field, _, setting in _fields(type(value)):
        found |= written(getattr(value, field.name)) if setting is None else {}
    return found


def _fields(cls: type) -> Iterator[tuple["dataclasses.Field[Any]", Any, Setting | None]]:
    """Yield fields with their types, where None is no part of the type, and their settings."""
    hints = get_type_hints(cls, include_extras=True)
    for field in dataclasses.fields(cls):
        annotation = hints[field.name]
        settings = [each for each in getattr(annotation, "__metadata__", ()) if isinstance(each, Setting)]
        kind = annotation.__origin__ if settings else annotation
        yield field, kinds.without_none(kind), settings[0] if settings else None


def _path_or_uri(name: str, given: object) -> object:
    """Return a file's uri as its path. Raises ConfigError for a uri of a scheme that is not known."""
    if not isinstance(given, str):
        return given
    try:
        objects.check_uri(given)
        return objects.local_path(given)
    except PipelineError as error:
        raise ConfigError(f"{name}: {error}") from error
