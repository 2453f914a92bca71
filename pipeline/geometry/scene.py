"""One source raster, described and not opened: its name, its files, and the grid that its header states."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.geometry.transform import Transform


@dataclass(frozen=True, slots=True)
class Band:
    """One band of a file: its uri, and its number from 1."""

    uri: str
    number: int

    def __post_init__(self) -> None:
        if not self.uri or self.number < 1:
            raise ValueError(f"a band has the uri of its file and a number from 1, got {self!r}")


@dataclass(frozen=True, slots=True)
class Scene:
    """A source raster: the id that names its outputs, and where its file is.

    ``bands`` are its red, green and blue, where a scene list says which bands of which files they are, and ``datetime``
    is when it was taken (ISO 8601), where the list says that.

    Raises:
        ValueError: the id could not be a folder's name, or a part is empty.
    """

    scene_id: str
    uri: str
    bands: tuple[Band, Band, Band] | None = None
    datetime: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", self.scene_id) or not self.uri:
            raise ValueError(f"a scene has an id of letters, digits, '.', '_', '-' and a uri, got {self!r}")

    @property
    def files(self) -> tuple[str, ...]:
        """The uris of the files it is read from, each once."""
        return (self.uri,) if self.bands is None else tuple(dict.fromkeys(band.uri for band in self.bands))


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a raster's file says of itself.

    ``height`` and ``width`` in pixels; ``dtype`` the first band's numpy name; ``crs_wkt`` None where the
    file states no CRS; ``transform`` a, b, c, d, e, f with x = a*col + b*row + c and
    y = d*col + e*row + f at pixel corners, in the CRS's unit. ``pixel_m`` are a pixel's height and width
    in m where a file without a CRS states them, as those of microscopes do.
    """

    height: int
    width: int
    bands: int
    dtype: str
    crs_wkt: str | None
    transform: Transform
    nodata: float | None
    pixel_m: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if min(self.height, self.width, self.bands) <= 0:
            raise ValueError(f"a raster has at least one row, column and band, got {self!r}")
        if len(self.transform) != 6:  # noqa: PLR2004  # an affine map of the plane has six numbers
            raise ValueError(f"a transform has six numbers a, b, c, d, e, f, got {self.transform!r}")
