"""How one scene is read: decided once, and the same for every window, worker and later run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.geometry.scene import Band, Header

Colours = Literal["grey", "rgb", "palette", "cmyk"]
"""What a view's bands are: one that is all three, red to blue, numbers of a colour table, or inks."""

Range = tuple[float, float]
"""The stored values that become 0 and 255."""

Placed = Literal["transform", "gcps", "rpcs"]
"""How a scene says where it lies: by its transform (or not at all), or by what it has to be warped by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The pixels that a view of another ground size is made of.

    ``height`` and ``width`` are those of the scene itself, or of its ``overview`` (from 0); ``step_rows`` and
    ``step_cols`` how many of them a pixel of the view is high and wide. A step of 1 takes them as they are.
    """

    overview: int | None
    height: int
    width: int
    step_rows: float
    step_cols: float


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A scene as it is read.

    ``header`` is of the grid whose pixels are read. ``bands`` are read from their files, and ``colours``
    says what they are; ``base`` is None where these pixels are the file's own. ``ranges`` holds for each band
    the stored values that become 0 and 255, None where 8 bits are left alone; ``unmeasured`` are the indices
    in it that the pixels have yet to tell, and ``inverted`` those of bands whose lowest value is white.
    ``orientation`` is EXIF's number (1 to 8) of how the file's rows and columns lie in those of the header: 1 as
    they are. ``validity`` says in words by what pixels are without data, and ``warnings`` what the user may want
    to decide otherwise. ``datetime`` is when the scene was taken (ISO 8601), where its STAC item or
    its file says so.
    """

    header: Header
    bands: tuple[Band, ...]
    colours: Colours
    ranges: tuple[Range | None, ...]
    unmeasured: tuple[int, ...] = ()
    inverted: tuple[int, ...] = ()
    orientation: int = 1
    placed: Placed = "transform"
    base: Base | None = None
    validity: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    datetime: str | None = None

    @property
    def uris(self) -> tuple[str, ...]:
        """The files that are read, each once."""
        return tuple(dict.fromkeys(band.uri for band in self.bands))

    def to_values(self) -> dict[str, Any]:
        """Return the view as plain values for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_values(cls, plain: Mapping[str, Any]) -> View:
        """Return the view of ``to_values``, whose tuples may have become lists; of older ones, which say less, too."""
        values = dict(plain)
        header, ranges, base = (values.pop(name) for name in ("header", "ranges", "base"))
        return cls(
            header=_header(header),
            bands=tuple(Band(**band) for band in values.pop("bands")),
            ranges=tuple(
                None if limits is None else (float(limits[0]), float(limits[1])) for limits in ranges
            ),
            base=None if base is None else Base(**base),
            unmeasured=tuple(values.pop("unmeasured")),
            inverted=tuple(values.pop("inverted", ())),
            validity=tuple(values.pop("validity")),
            warnings=tuple(values.pop("warnings")),
            **values,
        )


def _header(plain: Mapping[str, Any]) -> Header:
    pixel_m = plain.get("pixel_m")
    pair = None if pixel_m is None else (float(pixel_m[0]), float(pixel_m[1]))
    return Header(**{**plain, "transform": tuple(plain["transform"]), "pixel_m": pair})
