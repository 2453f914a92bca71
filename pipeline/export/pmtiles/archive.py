"""What a PMTiles archive (version 3) says of itself, read, and written anew."""

from __future__ import annotations

import gzip
import json
import shutil
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

_MAGIC = b"PMTiles\x03"
_SECTIONS = struct.Struct(
    "<8Q"
)  # offset and length of the root directory, metadata, leaf directories and tiles
_METADATA = slice(2, 4)


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata of an archive.

    Raises:
        ValueError: the file is none.
    """
    with path.open("rb") as file:
        offset, length = _sections(file)[_METADATA]
        file.seek(offset)
        found: dict[str, Any] = json.loads(gzip.decompress(file.read(length)))
        return found


def with_metadata(archive: Path, metadata: Mapping[str, Any], *, made: Path) -> None:
    """Write an archive as it is, but for its metadata.

    Raises:
        ValueError: the file is none.
    """
    content = gzip.compress(json.dumps(metadata, sort_keys=True).encode(), mtime=0)
    with archive.open("rb") as source, made.open("wb") as target:
        sections = _sections(source)
        offset, length = sections[_METADATA]
        shift = len(content) - length
        sections[3] = len(content)
        moved = [
            each + shift if number % 2 == 0 and each > offset else each
            for number, each in enumerate(sections)
        ]
        source.seek(0)
        before = source.read(offset)
        target.write(_MAGIC + _SECTIONS.pack(*moved) + before[len(_MAGIC) + _SECTIONS.size :] + content)
        source.seek(offset + length)
        shutil.copyfileobj(source, target)


def _sections(file: BinaryIO) -> list[int]:
    header = file.read(len(_MAGIC) + _SECTIONS.size)
    if not header.startswith(_MAGIC):
        raise ValueError(
            f"expected a PMTiles archive of version 3, got a file that begins with {header[:8]!r}"
        )
    return list(_SECTIONS.unpack_from(header, len(_MAGIC)))
