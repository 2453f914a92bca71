"""Lines of a text that anybody may have written: by the encoding it begins with, and none without an end."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator

from pipeline.errors import PipelineError

LINE_CHARS = 2**20
"""The most that a line may have."""

_LIST_CHARS = 8 * 2**30  # of a list: fifty million of long uris
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def lines_of(file: io.IOBase) -> Iterator[str | None]:
    """Yield the lines of a text with their ends, None for one that is too long.

    What is no UTF-8 comes as halves of characters (surrogates), by which it is known; of UTF-16 the text says that it
    is by its first two bytes.

    Raises:
        PipelineError: the text has no end.
    """
    beginning = file.read(2)
    utf_16 = beginning in _UTF_16
    text = io.TextIOWrapper(
        io.BufferedReader(_Rejoined(beginning, file)),
        encoding="utf-16" if utf_16 else "utf-8-sig",
        errors="replace" if utf_16 else "surrogateescape",
        newline="",
    )
    read_chars = 0
    while line := text.readline(LINE_CHARS):
        read_chars += len(line)
        whole = line.endswith(("\n", "\r")) or len(line) < LINE_CHARS
        while line and not line.endswith(("\n", "\r")) and read_chars <= _LIST_CHARS and not whole:
            line = text.readline(LINE_CHARS)
            read_chars += len(line)
        if read_chars > _LIST_CHARS:
            raise PipelineError(f"it has more than {_LIST_CHARS / 2**30:.0f} GiB: expected a list of scenes")
        yield line if whole else None


class _Rejoined(io.RawIOBase):
    """A file from its beginning, of which some was read already."""

    def __init__(self, beginning: bytes, file: io.IOBase) -> None:
        self._beginning, self._file = beginning, file

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]  # of bytes
        found = self._beginning or self._file.read(len(target))
        self._beginning = b""
        target[: len(found)] = found
        return len(found)
