"""What a PMTiles archive (version 3) says of itself, read and replaced."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MAGIC = b"PMTiles\x03"
_METADATA = struct.Struct("<QQ")  # its offset and length
_METADATA_AT = 24  # where the header has them


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata of an archive.

    Raises:
        ValueError: the file is none.
    """
    with path.open("rb") as file:
        header = file.read(_METADATA_AT + _METADATA.size)
        if not header.startswith(_MAGIC):
            raise ValueError(f"{path} is no PMTiles archive of version 3, it begins with {header[:8]!r}")
        offset, length = _METADATA.unpack_from(header, _METADATA_AT)
        file.seek(offset)
        found: dict[str, Any] = json.loads(gzip.decompress(file.read(length)))
        return found


def replace_metadata(path: Path, metadata: Mapping[str, Any]) -> None:
    """Let an archive have other metadata: they come to its end, and what was there before is zeros."""
    content = gzip.compress(json.dumps(metadata, sort_keys=True).encode(), mtime=0)
    with path.open("r+b") as file:
        file.seek(_METADATA_AT)
        before, length = _METADATA.unpack(file.read(_METADATA.size))
        file.seek(before)
        file.write(bytes(length))
        end = file.seek(0, 2)
        file.write(content)
        file.seek(_METADATA_AT)
        file.write(_METADATA.pack(end, len(content)))
