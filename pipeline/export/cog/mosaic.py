"""All scenes as one layer: a tile index of GDAL (GTI), which is an index map for people, too.

It is a GeoPackage of a polygon for each scene, with the scene's id and date and where its GeoTIFF is, relative to the
index itself. GDAL from 3.9 on opens it as one raster, in the reference system that most scenes have; scenes in others
are projected as they are read, by nearest neighbours. Where scenes overlap the latest is on top.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import numpy as np

from pipeline.dates import span_of
from pipeline.errors import RasterError
from pipeline.export.cog.legend import Legend, category_names, color_table
from pipeline.export.cog.tile_index import IndexedTile, write_index
from pipeline.export.scenes import ExportScene
from pipeline.geometry.rings import Ring, divided
from pipeline.geometry.transform import Transform, pixel_size, to_crs
from pipeline.raster import ring_in

_TYPES = {255: "Byte", 65535: "UInt16"}
_PIECES = 16  # of a scene's side, which is bent in another reference system
_SMALLEST_PX = 512  # a mosaic that is no larger needs no overview
_FACTORS = [2**power for power in range(1, 16)]
_ROUNDING = 1e-6  # of a pixel


class _Pixel(NamedTuple):
    """Height and width of a pixel, in the unit of a reference system."""

    height: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """What of a scene a mosaic has to know: where its raster and its grid are, when it was taken, and its legend."""

    scene_id: str
    location: str
    crs_wkt: str | None
    transform: Transform
    height: int
    width: int
    datetime: str | None
    uri: str | None
    windows_done: int
    windows_missing: int | None
    legend: Legend

    @classmethod
    def of(cls, scene: ExportScene, *, location: str, legend: Legend) -> Tile:
        """Return the tile of a scene whose raster is at ``location``, relative to the folder."""
        return cls(
            scene_id=scene.scene_id,
            location=location,
            crs_wkt=scene.header.crs_wkt,
            transform=scene.header.transform,
            height=scene.header.height,
            width=scene.header.width,
            datetime=scene.store.datetime,
            uri=scene.store.uri,
            windows_done=len(scene.done),
            windows_missing=scene.windows_missing,
            legend=legend,
        )

    def as_facts(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Tile:
        """Return what ``as_facts`` was called on."""
        said = facts["legend"]
        names, colors, shown = (tuple(said[name]) for name in ("names", "colors", "shown"))
        legend = Legend(names=names, colors=colors, shown=shown, nodata=said["nodata"])
        return cls(**{**facts, "transform": tuple(facts["transform"]), "legend": legend})

    def outline(self, crs_wkt: str) -> Ring:
        """Return the scene's outline in a reference system; corners without a place there are not finite."""
        rows, cols = np.array([0, 0, self.height, self.height]), np.array([0, self.width, self.width, 0])
        ring = divided(np.column_stack([cols, rows]).astype(np.float64), _PIECES)
        x, y = to_crs(self.transform, rows=ring[:, 1], cols=ring[:, 0])
        found = np.column_stack([x, y])
        if self.crs_wkt in {None, crs_wkt}:
            return found
        return ring_in(found, from_wkt=str(self.crs_wkt), to_wkt=crs_wkt)


def write_mosaic(path: Path, tiles: Sequence[Tile]) -> None:
    """Write the index of ``tiles``, of which one at least has a reference system; the same ones give the same bytes.

    A scene without a place in the system of the mosaic is listed without an outline, and is no part of the mosaic.

    Raises:
        OSError: the disk refused.
    """
    crs_wkt = _most_common(tiles)
    outlines = {tile.scene_id: _outline(tile, crs_wkt) for tile in tiles}
    late_last = sorted(tiles, key=lambda tile: (span_of(tile.datetime) or ())[:1])
    order = {tile.scene_id: number for number, tile in enumerate(late_last)}
    rows = [_row(tile, outlines[tile.scene_id], order=order[tile.scene_id]) for tile in tiles]
    placed = [ring for ring in outlines.values() if ring is not None]
    write_index(path, rows, crs_wkt=crs_wkt, about=_about(tiles, placed, crs_wkt))


def _most_common(tiles: Sequence[Tile]) -> str:
    counted = Counter(tile.crs_wkt for tile in tiles if tile.crs_wkt is not None)
    return min(counted, key=lambda wkt: (-counted[wkt], wkt))


def _outline(tile: Tile, crs_wkt: str) -> Ring | None:
    if tile.crs_wkt is None:
        return None
    try:
        found = tile.outline(crs_wkt)
    except RasterError:  # of another celestial body, for one
        return None
    return found if np.isfinite(found).all() else None


def _row(tile: Tile, outline: Ring | None, *, order: int) -> IndexedTile:
    taken = span_of(tile.datetime)
    return IndexedTile(
        outline=outline,
        location=tile.location,
        scene_id=tile.scene_id,
        datetime=None if taken is None else taken[0],
        uri=tile.uri,
        windows_done=tile.windows_done,
        windows_missing=tile.windows_missing,
        z_order=order,
    )


def _about(tiles: Sequence[Tile], outlines: Sequence[Ring], crs_wkt: str) -> ET.Element:
    """Return GDAL's description of the mosaic: its grid, colours, names and overviews."""
    size, (left, bottom, right, top) = _grid([tile for tile in tiles if tile.crs_wkt == crs_wkt], outlines)
    root = ET.Element("GDALTileIndexDataset")
    said = {"ResX": size.width, "ResY": size.height, "MinX": left, "MinY": bottom, "MaxX": right, "MaxY": top}
    for tag, text in {**said, "SRS": crs_wkt, "SortField": "z_order"}.items():
        ET.SubElement(root, tag).text = str(text)
    root.append(_band(tiles[0].legend))
    side_px = max((right - left) / size.width, (top - bottom) / size.height)
    for factor in itertools.takewhile(lambda factor: side_px / factor > _SMALLEST_PX / 2, _FACTORS):
        ET.SubElement(ET.SubElement(root, "Overview"), "Factor").text = str(factor)
    return root


def _grid(
    tiles: Sequence[Tile], outlines: Sequence[Ring]
) -> tuple[_Pixel, tuple[float, float, float, float]]:
    """Return the smallest pixel of ``tiles``, and the extent of all ``outlines`` on the grid of the tile that has it.

    So scenes that share that grid are in the mosaic pixel for pixel.
    """
    sizes = [_Pixel(*pixel_size(tile.transform)) for tile in tiles]
    size = min(sizes)
    _, _, x, _, _, y = tiles[sizes.index(size)].transform
    corners = np.concatenate(outlines)
    cols, rows = (corners[:, 0] - x) / size.width, (corners[:, 1] - y) / size.height
    left, bottom = (math.floor(side.min() + _ROUNDING) for side in (cols, rows))
    right, top = (math.ceil(side.max() - _ROUNDING) for side in (cols, rows))
    return size, (
        x + left * size.width,
        y + bottom * size.height,
        x + right * size.width,
        y + top * size.height,
    )


def _band(legend: Legend) -> ET.Element:
    band = ET.Element("Band", band="1", dataType=_TYPES[legend.nodata])
    for tag, text in (
        ("Description", "class"),
        ("NoDataValue", str(legend.nodata)),
        ("ColorInterp", "Palette"),
    ):
        ET.SubElement(band, tag).text = text
    band.append(color_table(legend))
    band.append(category_names(legend))
    return band
