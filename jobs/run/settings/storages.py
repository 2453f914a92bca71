"""How a place is reached, as files, flags and `run.json` have it: the keys of a `Storage`, and no secrets."""

import dataclasses
from typing import Any

from jobs.run.settings.suggestions import refuse_unknown
from jobs.run.settings.yaml_values import value_of
from pipeline.errors import ConfigError
from pipeline.redact import redacted
from pipeline.storage import Storage

KEYS = tuple(field.name for field in dataclasses.fields(Storage))
SWITCHES = ("anonymous", "requester_pays")


def read_storage(given: object) -> Storage:
    """Read keys and values, also as YAML in the text of a flag.

    >>> read_storage("{endpoint: 'https://host:9000', anonymous: true}").anonymous
    True

    Raises ConfigError for an unknown key or a value of another kind; the message names it.
    """
    values = value_of(given) if isinstance(given, str) else given
    if not isinstance(values, dict):
        raise ConfigError(f"expected some of the keys {', '.join(KEYS)}, got {given!r}")
    refuse_unknown(values, KEYS, where="it")
    for name, value in values.items():
        kind, expected = (bool, "true or false") if name in SWITCHES else (str, "a text")
        if value is not None and type(value) is not kind:
            raise ConfigError(f"{name} must be {expected}, got {value!r}")
    return Storage(**values)


def write_storage(storage: Storage) -> dict[str, Any] | None:
    """Return what a storage says without credentials, as JSON holds it; None where that is nothing."""
    found = {key: value for key, value in dataclasses.asdict(storage).items() if value is not None}
    return {key: redacted(value) if key == "endpoint" else value for key, value in found.items()} or None
