"""The formats of `mrovseg export`, and the flags that belong to each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

from pipeline.errors import ConfigError
from pipeline.export import Exporter


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatFlags:
    """Flags that belong to some formats."""


class Format(NamedTuple):
    """How an exporter is made of flags, and which of them belong to the format."""

    make: Callable[[FormatFlags], Exporter]
    flags: frozenset[str] = frozenset()


FORMATS: Mapping[str, Format] = {}
"""The formats by the name that `--to` has."""


def make_exporter(to: str, flags: FormatFlags) -> Exporter:
    """Return the exporter of a format. Raises ConfigError for a flag of another one."""
    found = FORMATS[to]
    given = [each.name for each in fields(flags) if getattr(flags, each.name) != each.default]
    for name in given:
        if name not in found.flags:
            theirs = ", ".join(key for key, each in FORMATS.items() if name in each.flags)
            raise ConfigError(f"--{name.replace('_', '-')} belongs to --to {theirs}, got --to {to}")
    return found.make(flags)
