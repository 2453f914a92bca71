"""The formats of `mrovseg export`, and the flags that belong to each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
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

    return Polygons(file_format=flags.file_format, min_area_m2=flags.min_area_m2, simplify_m=flags.simplify_m)


def _pmtiles(flags: FormatFlags) -> Exporter:
    from pipeline.export.pmtiles import VectorTiles

    return VectorTiles(min_area_m2=flags.min_area_m2, simplify_m=flags.simplify_m)


FORMATS: Mapping[str, Format] = {
    "cog": Format(_cog, frozenset({"scores"})),
    "stac": Format(_stac),
    "polygons": Format(_polygons, frozenset({"file_format", "min_area_m2", "simplify_m"})),
    "pmtiles": Format(_pmtiles, frozenset({"min_area_m2", "simplify_m"})),
}
"""The formats by the name that `--to` has."""


def make_exporter(to: str, flags: FormatFlags) -> Exporter:
    """Return the exporter of a format. Raises ConfigError for a flag of another one."""
    found = FORMATS[to]
    given = [each.name for each in fields(flags) if getattr(flags, each.name) != each.default]
    for name in given:
        if name not in found.flags:
            theirs = ", ".join(key for key, each in FORMATS.items() if name in each.flags)
            raise ConfigError(f"--{name.replace('_', '-')} belongs to --to {theirs}, got --to {to}")
    return found.make(flags)
