"""Name scenes by where they are: one id for one file, however it is written."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import legible
from pipeline.geometry.scene import Band, Scene
from pipeline.redact import redacted, unsigned
from pipeline.storage import objects
from pipeline.storage.objects.scene_uris import absolute_uri, is_zarr

_STEM_MAX_CHARS = 64  # with the digest and ".zarr" well below the 255 bytes a file name may have
_TOLD_CHARS = 4096  # of what somebody else wrote
DIGEST_CHARS = 16
"""Hex digits at the end of an id: of a million scenes two are alike in fewer than one list of ten million."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a scene list names and no scene can be made of: where it is, and why."""

    uri: str
    reason: str

    def __post_init__(self) -> None:
        for name in ("uri", "reason"):
            text = legible(getattr(self, name))
            object.__setattr__(self, name, text if len(text) <= _TOLD_CHARS else f"{text[:_TOLD_CHARS]} ...")

    @property
    def scene_id(self) -> str:
        """The id that its failure has: that of a scene at its uri."""
        return _scene_id(self.uri, None, [unsigned(self.uri)])


def scene_of(uri: str, *, name: str | None = None, bands: tuple[Band, Band, Band] | None = None) -> Scene:
    """Describe the raster at ``uri`` (a path, ``file://`` or ``s3://``), or that of ``bands``.

    The id is ``name``, else the file's stem, made safe for file systems and object stores, and sixteen hex
    digits of the SHA-256 of the absolute uri, or of the bands: files of one name in two folders stay apart,
    and one file has one id however its path was written or its uri signed.

    Raises:
        PipelineError: it is no uri of a listed scheme, or a name that is no text.

    >>> scene_of("s3://bucket/north/A 1.tif").scene_id
    'A-1-6c0f7a1f5cc4d229'
    """
    absolute = absolute_uri(uri)
    absolute = absolute.rstrip("/") if is_zarr(absolute) else absolute
    files = [unsigned(absolute)] if bands is None else [f"{unsigned(b.uri)}#{b.number}" for b in bands]
    return Scene(_scene_id(absolute, name, files), absolute, bands)


def _scene_id(uri: str, name: str | None, files: list[str]) -> str:
    stem = _stem(uri) if name is None else name
    safe = re.sub(r"[^A-Za-z0-9_]+", "-", stem).strip("-")[:_STEM_MAX_CHARS] or "scene"
    digest = hashlib.sha256("\n".join(files).encode()).hexdigest()[:DIGEST_CHARS]
    return f"{safe}-{digest}"


def _stem(absolute: str) -> str:
    """Return the stem of a file's name, without what of its uri is not to be shown."""
    plain = unsigned(absolute)
    if objects.is_remote(absolute) and redacted(absolute) != plain:
        plain = re.split(r"[?#;]|%(?:25)*3F", plain, maxsplit=1, flags=re.IGNORECASE)[0]
    if objects.is_web(plain):
        plain = re.split(r"[?#]", plain, maxsplit=1)[0].partition("://")[2].partition("/")[2]
    return Path(plain).stem
