"""Lists in a text: a uri a line, or a CSV, read a line at a time."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from pipeline.errors import PipelineError
from pipeline.geometry.scene import Scene
from pipeline.sources.files import SUFFIXES, has_suffix
from pipeline.sources.lines import LINE_CHARS, lines_of
from pipeline.sources.naming import Refusal
from pipeline.sources.records import check_columns, named_scene, scene_of_row
from pipeline.storage import objects
from pipeline.storage.location import Location

_SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_SAID = re.compile(r"sep=(.)", re.IGNORECASE)  # by a first line, as spreadsheets have it


def text_scenes(location: Location) -> Iterator[Scene | Refusal]:
    """Yield the scenes of a text: a uri a line, empty lines and what follows ``#`` at a line's start left out.

    What is relative is so to the list's own folder.

    Raises:
        PipelineError: the list cannot be read, or its first line is no uri.
    """
    uri = location.uri
    with objects.opened_object(location) as file:
        first = True
        for number, each in enumerate(lines_of(file), start=1):
            line, position = None if each is None else each.strip(), f"line {number} of {uri}"
            if line is not None and (not line or line.startswith("#")):
                continue
            if line is not None and _may_be_uri(line):
                yield named_scene(line, position, origin=uri)
            elif first:
                raise PipelineError(_not_a_uri(line, position))
            else:
                yield Refusal(uri, _not_a_uri(line, position))
            first = False


def csv_scenes(location: Location) -> Iterator[Scene | Refusal]:
    """Yield the scenes of a CSV with a column ``uri``, and ``id`` or ``scene_id`` where it names them.

    Columns are set off by what sets off ``uri`` in the first line: a comma, semicolon, tab or bar.

    Raises:
        PipelineError: the list cannot be read, or it has no such column.
    """
    uri = location.uri
    with objects.opened_object(location) as file:
        too_long: list[int] = []
        lines = _noted(lines_of(file), too_long)
        separator, columns, before = _header(uri, lines)
        table = csv.reader(lines, delimiter=separator)
        while (row := _row(table, uri, before)) is not None:
            yield from (
                Refusal(uri, f"line {number} of {uri} has more than {LINE_CHARS:,} characters")
                for number in too_long
            )
            too_long.clear()
            if isinstance(row, Refusal):
                yield row
            elif row:
                record = dict(zip(columns, row, strict=False))
                yield scene_of_row(record, f"line {table.line_num + before} of {uri}", origin=uri)


def _may_be_uri(line: str) -> bool:
    return bool(objects.scheme_of(line)) or line.startswith("/") or has_suffix(line, SUFFIXES)


def _not_a_uri(line: str | None, position: str) -> str:
    found = f"more than {LINE_CHARS:,} characters" if line is None else repr(line[:80])
    return f"a text list has a uri or a path of {', '.join(SUFFIXES)} a line, got {found} in {position}"


def _noted(lines: Iterator[str | None], too_long: list[int]) -> Iterator[str]:
    """Yield lines, an empty one for each that is too long, whose number is noted."""
    for number, line in enumerate(lines, start=1):
        if line is None:
            too_long.append(number)
        yield "\n" if line is None else line


def _header(uri: str, lines: Iterator[str]) -> tuple[str, list[str], int]:
    """Return what sets off columns, their names, and how many lines that took."""
    separators: tuple[str, ...] = _SEPARATORS
    for number, line in enumerate(lines, start=1):
        said = _SEPARATOR_SAID.fullmatch(line.strip())
        if said is not None and number == 1:
            separators = (said[1],)
        elif line.strip():
            return _separated(uri, line, separators, number)
    check_columns(uri, [], wanted=("uri",))
    raise AssertionError  # it has no columns


def _separated(uri: str, line: str, separators: tuple[str, ...], number: int) -> tuple[str, list[str], int]:
    found = {each: _names(line, each) for each in separators}
    separator = next((each for each in separators if "uri" in found[each]), separators[0])
    check_columns(uri, found[separator], wanted=("uri",))
    return separator, found[separator], number


def _names(line: str, separator: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=separator))]
    except csv.Error:
        return []


def _row(table: Iterator[list[str]], uri: str, before: int) -> list[str] | Refusal | None:
    """Return the next row, a refusal where it is none, None at the end."""
    try:
        return next(table, None)
    except csv.Error as error:
        return Refusal(uri, f"line {table.line_num + before} of {uri} is no row of a CSV: {error}")  # type: ignore[attr-defined]  # csv's own
