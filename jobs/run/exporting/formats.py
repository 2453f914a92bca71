"""The formats of `mrovseg export`, and the flags that belong to each."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Annotated, NamedTuple

from cyclopts import Parameter

from pipeline.errors import ConfigError
from pipeline.export import Exporter


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatFlags:
    """Flags that belong to some formats."""

    scores: Annotated[bool, Parameter(help="cog: a GeoTIFF of scores, too")] = False
    file_format: Annotated[
        str, Parameter(help="polygons: parquet (GeoParquet), gpkg or fgb (FlatGeobuf)", metavar="SUFFIX")
    ] = "parquet"
    min_area_m2: Annotated[
        float, Parameter(help="polygons, pmtiles: leave smaller ones out, which leaves gaps", metavar="M2")
    ] = 0.0
    simplify_m: Annotated[
        float,
        Parameter(help="polygons, pmtiles: fewer vertices, of neighbours alike: no gaps", metavar="M"),
    ] = 0.0
    merge_scenes: Annotated[
        bool, Parameter(help="polygons: also a file for scenes that share a grid and touch, merged")
    ] = False
    zones: Annotated[
        str | None,
        Parameter(
            help="zones: polygons in any vector file and CRS, at a path that all machines see", metavar="FILE"
        ),
    ] = None
    zone_id: Annotated[
        str | None, Parameter(help="zones: the column of their ids; else rows are numbered", metavar="COLUMN")
    ] = None
    before: Annotated[
        str | None,
        Parameter(help="change: only earlier scenes whose date begins so, such as 2026-05", metavar="DATE"),
    ] = None
    after: Annotated[
        str | None, Parameter(help="change: only later scenes whose date begins so", metavar="DATE")
    ] = None


class Format(NamedTuple):
    """How an exporter is made of flags, and which of them belong to the format."""

    make: Callable[[FormatFlags], Exporter]
    flags: frozenset[str] = frozenset()


def _cog(flags: FormatFlags) -> Exporter:
    from pipeline.export.cog import Cog

    return Cog(scores=flags.scores)


def _stac(flags: FormatFlags) -> Exporter:
    from pipeline.export.stac import Stac

    del flags
    return Stac()


def _polygons(flags: FormatFlags) -> Exporter:
    from pipeline.export.polygons import Polygons

    return Polygons(
        file_format=flags.file_format,
        min_area_m2=flags.min_area_m2,
        simplify_m=flags.simplify_m,
        merge_scenes=flags.merge_scenes,
    )


def _pmtiles(flags: FormatFlags) -> Exporter:
    from pipeline.export.pmtiles import VectorTiles

    return VectorTiles(min_area_m2=flags.min_area_m2, simplify_m=flags.simplify_m)


def _zones(flags: FormatFlags) -> Exporter:
    if flags.zones is None:
        raise ConfigError("--to zones takes --zones FILE, a vector file of polygons such as a GeoPackage")
    from pipeline.export.zones import zones_exporter

    say = partial(print, "mrovseg:", file=sys.stderr)
    return zones_exporter(flags.zones, id_column=flags.zone_id, tell=say)


FORMATS: Mapping[str, Format] = {
    "cog": Format(_cog, frozenset({"scores"})),
    "stac": Format(_stac),
    "polygons": Format(_polygons, frozenset({"file_format", "min_area_m2", "simplify_m", "merge_scenes"})),
    "pmtiles": Format(_pmtiles, frozenset({"min_area_m2", "simplify_m"})),
    "zones": Format(_zones, frozenset({"zones", "zone_id"})),
}
"""The formats by the name that `--to` has."""


CHANGE, CHANGE_FLAGS = "change", frozenset({"before", "after"})
"""The format of two outputs, whose scenes have exporters of their own."""

FORMAT_NAMES = (*FORMATS, CHANGE)


def make_exporter(to: str, flags: FormatFlags) -> Exporter:
    """Return the exporter of a format. Raises ConfigError for a flag of another one."""
    check_flags(to, flags)
    return FORMATS[to].make(flags)


def check_flags(to: str, flags: FormatFlags) -> None:
    """Raise ConfigError for a format that is none, or a flag of another one."""
    known = {name: each.flags for name, each in FORMATS.items()} | {CHANGE: CHANGE_FLAGS}
    if to not in known:
        raise ConfigError(f"--to takes one of {', '.join(known)}, got {to!r}")
    given = [each.name for each in fields(flags) if getattr(flags, each.name) != each.default]
    for name in given:
        if name not in known[to]:
            theirs = ", ".join(key for key, names in known.items() if name in names)
            raise ConfigError(f"--{name.replace('_', '-')} belongs to --to {theirs}, got --to {to}")
