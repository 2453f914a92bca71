"""The output that is exported: its windows and its classes."""

from collections.abc import Sequence
from typing import NamedTuple

from jobs.run import run_record
from pipeline.errors import ConfigError
from pipeline.output import Output
from pipeline.storage.objects.scene_uris import absolute_uri

OTHER = "other"


class Source(NamedTuple):
    """An output for a process in any folder, the side of its windows, and the names of its classes by class id."""

    output: Output
    window_px: int
    classes: tuple[str, ...]


def opened(output: str) -> Source:
    """Return what an output is. Raises ConfigError where no run ever began."""
    found = Output(absolute_uri(output))
    record = run_record.earlier(found)
    if record is None or not run_record.is_whole(record):
        raise ConfigError(
            f"{found} holds no whole {found.run.name}: expected an output of `mrovseg segment` or `relabel`"
        )
    names = (OTHER, *(each["name"] for each in record["vocabulary"]))
    return Source(found, int(record["grid"]["window_px"]), names)


def chosen_classes(given: str | None, known: Sequence[str]) -> tuple[str, ...] | None:
    """Return the names in a text as `water; road`, None for all.

    >>> chosen_classes("water; road", ["other", "road", "water"])
    ('water', 'road')

    Raises ConfigError for one that the output does not have.
    """
    if given is None:
        return None
    names = tuple(dict.fromkeys(" ".join(each.split()) for each in given.split(";") if each.strip()))
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ConfigError(
            f"--classes takes some of {'; '.join(known)}, got {'; '.join(unknown) or repr(given)}"
        )
    return names
