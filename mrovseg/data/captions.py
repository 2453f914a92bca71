"""Image-text pairs, as Hugging Face's ImageFolder lays them out."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mrovseg.data.reader import Reader
from mrovseg.errors import DataError

FILE, TEXT = "file_name", "text"


@dataclass(frozen=True, slots=True)
class CaptionSet:
    """Images, which `reader` reads each time they are sampled, and a caption of each; an image may have several."""

    files: Sequence[Path]
    captions: Sequence[str]
    reader: Reader


def read_captions(table: Path, *, reader: Reader) -> CaptionSet:
    """Read a table of `file_name`, relative to the table's folder, and `text`: .csv, or .jsonl with an object a line.

    Raises DataError for a table that cannot be read or has no rows, and for a row without a caption or an image.
    """
    files, captions = [], []
    for line, row in _rows(table):
        name, caption = (str(row.get(key) or "").strip() for key in (FILE, TEXT))
        if not name or not caption:
            raise DataError(f"{table}, line {line}: expected a {FILE!r} and its {TEXT!r}, got {dict(row)}")
        if not (table.parent / name).is_file():
            raise DataError(f"{table}, line {line}: no image {table.parent / name}")
        files.append(table.parent / name)
        captions.append(" ".join(caption.split()))
    if not files:
        raise DataError(f"{table} has no row; expected a {FILE!r} and a {TEXT!r} in each")
    return CaptionSet(files, captions, reader)


def _rows(table: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            if table.suffix == ".jsonl":
                for number, line in enumerate(lines, start=1):
                    row = json.loads(line)
                    yield number, row if isinstance(row, dict) else {}
            else:
                reader = csv.DictReader(lines)
                for row in reader:
                    yield reader.line_num, row
    except (OSError, ValueError, csv.Error) as fault:
        raise DataError(f"cannot read the captions of {table}: {fault}") from fault
