"""What a spec names: by its suffix, and by what it holds, which goes first."""

from __future__ import annotations

from enum import Enum, auto

from pipeline.errors import PipelineError
from pipeline.sources.files import has_suffix
from pipeline.storage import objects
from pipeline.storage.location import Location
from pipeline.storage.objects.scene_uris import is_zarr, page_of

_SNIFF_BYTES = 64
_PARQUET = (".parquet", ".geoparquet")


class Kind(Enum):
    """What a spec names: rasters themselves, a list, a folder of a list's parts, or a STAC document."""

    RASTERS = auto()
    TEXT = auto()
    CSV = auto()
    PARQUET = auto()
    PARTS = auto()
    STAC = auto()


_BY_SUFFIX = {
    (".txt",): Kind.TEXT,
    (".csv",): Kind.CSV,
    _PARQUET: Kind.PARQUET,
    (".json", ".geojson"): Kind.STAC,
}


def kind_of(location: Location, *, rasters: tuple[str, ...]) -> Kind:
    """Tell what a spec names; one with a suffix of ``rasters`` is not read.

    Raises:
        PipelineError: a server of the web refused.
    """
    spec = location.uri
    named = next((kind for suffixes, kind in _BY_SUFFIX.items() if has_suffix(spec, suffixes)), None)
    if page_of(spec) is not None or (named is None and (has_suffix(spec, rasters) or is_zarr(spec))):
        return Kind.RASTERS
    if not spec.strip() or spec.endswith("/"):
        return Kind.PARTS if has_suffix(spec.rstrip("/"), _PARQUET) else Kind.RASTERS
    by_content = _by_content(location)
    if by_content is None and not objects.is_web(spec) and named is not None and objects.is_folder(location):
        return Kind.PARTS if named is Kind.PARQUET else Kind.RASTERS
    return by_content or named or Kind.RASTERS


def _by_content(location: Location) -> Kind | None:
    """Return what the beginning of a file says that it is; None of what says nothing, or is not there."""
    try:
        beginning = objects.get_bytes(location, limit_bytes=_SNIFF_BYTES)
    except (FileNotFoundError, IsADirectoryError):
        return None
    except PipelineError:
        if objects.is_web(location.uri):
            raise
        return None  # who reads it says why it cannot be
    if beginning.startswith(b"PAR1"):
        return Kind.PARQUET
    return Kind.STAC if beginning.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else None
