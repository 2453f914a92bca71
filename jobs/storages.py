"""The storage options of a configuration: `source_storage` for the scenes, `output_storage` for the output."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from jobs.uris import path_or_uri
from pipeline.errors import ConfigError
from pipeline.output import Output
from pipeline.redact import redacted
from pipeline.storage import Storage

SOURCE, OUTPUT = "source_storage", "output_storage"
STORAGE_KEYS = (SOURCE, OUTPUT)
OPTIONS = tuple(field.name for field in dataclasses.fields(Storage))
FLAGS = ("anonymous", "requester_pays")


def storage_of(key: str, given: object) -> Storage:
    """Read how a place is reached: keys and values, None for all as the environment has it.

    >>> storage_of("source_storage", {"endpoint": "https://host:9000", "anonymous": True}).anonymous
    True

    Raises ConfigError for an unknown option or one of another kind; the message names it.
    """
    if given is None:
        return Storage()
    if not isinstance(given, dict):
        raise ConfigError(f"{key} must have some of the keys {', '.join(OPTIONS)}, got {given!r}")
    unknown = [str(name) for name in given if name not in OPTIONS]
    if unknown:
        raise ConfigError(f"unknown key {', '.join(unknown)} in {key}; known are {', '.join(OPTIONS)}")
    for name, value in given.items():
        kind, expected = (bool, "true or false") if name in FLAGS else (str, "a text")
        if value is not None and type(value) is not kind:
            raise ConfigError(f"{key}: {name} must be {expected}, got {value!r}")
    try:
        return Storage(**given)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from error


def source_storage(values: Mapping[str, Any]) -> Storage:
    """Pick the storage of the scenes out of merged values."""
    return storage_of(SOURCE, values.get(SOURCE))


def output_of(values: Mapping[str, Any]) -> Output:
    """Pick the output out of merged values, with its storage.

    Raises ConfigError when it is no path or uri.
    """
    return Output(path_or_uri("output", values["output"]), storage_of(OUTPUT, values.get(OUTPUT)))


def recorded(storage: Storage) -> dict[str, Any] | None:
    """Return what a storage says as plain values without credentials, None where that is nothing."""
    said = {key: value for key, value in dataclasses.asdict(storage).items() if value is not None}
    return {key: redacted(value) if key == "endpoint" else value for key, value in said.items()} or None
