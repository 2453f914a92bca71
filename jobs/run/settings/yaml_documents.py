"""YAML that a user names: small, shallow, and with no more behind its aliases than stands there."""

import yaml

from pipeline.errors import ConfigError, PipelineError
from pipeline.storage import objects
from pipeline.storage.location import Location

LIMIT_BYTES = 4 * 2**20
_MOST_LEVELS = 32
_MOST_VALUES = 100_000


def yaml_text(place: str) -> str:
    """Return the text of a YAML document at a path or a uri, to be parsed without surprises.

    Raises ConfigError when it cannot be read, is too large, or nests too deep.
    """
    try:
        text = objects.get_document(Location(place), limit_bytes=LIMIT_BYTES).decode("utf-8-sig")
        _check(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, PipelineError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"cannot read the configuration {place}: {reason}") from error
    return text


def _check(text: str) -> None:
    """Count what would be made of a document, event by event: with aliases of aliases that is far more than it has."""
    known: dict[str, int] = {}
    around: list[tuple[str | None, int]] = [(None, 0)]
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            around.append((event.anchor, 1))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = around.pop()
            _add(around, known, anchor, size)
        elif isinstance(event, yaml.ScalarEvent):
            _add(around, known, event.anchor, 1)
        elif isinstance(event, yaml.AliasEvent):
            _add(
                around, known, None, known.get(str(event.anchor), _MOST_VALUES + 1)
            )  # of what it is in: endless
        if len(around) > _MOST_LEVELS or around[-1][1] > _MOST_VALUES:
            raise ValueError(f"it has more than {_MOST_LEVELS} levels or {_MOST_VALUES:,} values")


def _add(around: list[tuple[str | None, int]], known: dict[str, int], anchor: str | None, size: int) -> None:
    """Count a value into what it is in, and note how large it is where it may be named again."""
    around[-1] = (around[-1][0], around[-1][1] + size)
    if anchor is not None:
        known[anchor] = size
