"""Regions as a table: a row each, in batches of flat memory."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float64, Int

from pipeline.errors import PipelineError
from pipeline.export.polygons.regions import Region
from pipeline.export.polygons.rings import Rings, joined

_BATCH_ROWS = 20_000
_BATCH_VERTICES = 500_000
_MOST_BYTES = 2**31 - 1  # of a geometry, in Parquet and in Arrow
_LITTLE_ENDIAN, _POLYGON = 1, 3  # of well-known binary

BBOX = pa.struct([(name, pa.float64()) for name in ("xmin", "ymin", "xmax", "ymax")])

SCHEMA = pa.schema(
    [
        ("scene_id", pa.string()),
        ("datetime", pa.string()),
        ("class_id", pa.int32()),
        ("class_name", pa.string()),
        ("color", pa.string()),
        ("pixels", pa.int64()),
        ("area_m2", pa.float64()),
        ("mean_score", pa.float64()),
        ("bbox", BBOX),
        ("geometry", pa.binary()),
    ]
)

Placing = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Rows and columns of corners to x and y."""


class Origin(NamedTuple):
    """The scene that a region is of, and when that was taken."""

    scene_id: str
    datetime: str | None


OriginOf = Callable[[Region], Origin]
"""Of which scene a region is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """How the regions of a scene become rows.

    ``place`` puts corners on the map, and ``mirrored`` says whether what goes clockwise as rows are drawn downwards
    does so on the map, where y goes up. ``areas_m2`` measures rings, see ``ring_areas_m2``; None where regions have the
    areas of their pixels.
    """

    origin_of: OriginOf
    classes: Sequence[str]
    colors: Sequence[str]
    place: Placing
    mirrored: bool
    areas_m2: Callable[[np.ndarray, np.ndarray], Float64[np.ndarray, " r"] | None] | None

    def batches(self, regions: Iterable[Region]) -> Iterator[pa.RecordBatch]:
        """Yield batches of rows of ``SCHEMA``, polygons with their shells counterclockwise.

        Raises:
            PipelineError: a polygon is too large for any format.
        """
        some: list[Region] = []
        vertices = 0
        for region in regions:
            some.append(region)
            vertices += len(region.rings.vertices)
            if len(some) == _BATCH_ROWS or vertices >= _BATCH_VERTICES:
                yield self._batch(some)
                some, vertices = [], 0
        if some:
            yield self._batch(some)

    def _batch(self, regions: Sequence[Region]) -> pa.RecordBatch:
        rings = joined([region.rings for region in regions])
        counts = np.array([len(region.rings.lengths) for region in regions])
        points = self._points(rings)
        ids = [region.class_id for region in regions]
        origins = [self.origin_of(region) for region in regions]
        columns = {
            "scene_id": [each.scene_id for each in origins],
            "datetime": [each.datetime for each in origins],
            "class_id": ids,
            "class_name": [self.classes[each] for each in ids],
            "color": [self.colors[each] for each in ids],
            "pixels": [region.pixels for region in regions],
            "area_m2": self._areas(regions, rings, counts),
            "mean_score": [region.mean_score for region in regions],
            "bbox": _boxes(points, rings.lengths + 1, counts),
            "geometry": list(_well_known_binary(points, rings.lengths + 1, counts)),
        }
        return pa.RecordBatch.from_arrays(
            [
                column if isinstance(column, pa.Array) else pa.array(column, SCHEMA.field(name).type)
                for name, column in columns.items()
            ],
            schema=SCHEMA,
        )

    def _points(self, rings: Rings) -> Float64[np.ndarray, "n 2"]:
        """Return x and y of the vertices of closed rings, each from its first vertex on, the first one again last."""
        lengths = np.repeat(rings.lengths + 1, rings.lengths + 1)
        place = np.arange(len(lengths)) - np.repeat(
            np.cumsum(rings.lengths + 1) - rings.lengths - 1, rings.lengths + 1
        )
        turned = lengths - 1 - place if self.mirrored else place
        corners = rings.vertices[np.repeat(rings.starts, rings.lengths + 1) + turned % (lengths - 1)]
        return np.stack(self.place(*corners.astype(np.float64).T), axis=1)

    def _areas(
        self, regions: Sequence[Region], rings: Rings, counts: Int[np.ndarray, " n"]
    ) -> Sequence[float | None]:
        of_pixels = [region.area_m2 for region in regions]
        if self.areas_m2 is None:
            return of_pixels
        measured = self.areas_m2(rings.vertices.astype(np.float64), rings.lengths.astype(np.int64))
        if measured is None:
            return of_pixels
        shells = np.cumsum(counts) - counts
        areas = 2 * measured[shells] - np.add.reduceat(measured, shells)
        return [None if np.isnan(area) else float(area) for area in areas]


def _boxes(
    points: Float64[np.ndarray, "n 2"], lengths: Int[np.ndarray, " r"], counts: Int[np.ndarray, " p"]
) -> pa.Array:
    """Return the bounding boxes of polygons, of which each has so many rings."""
    first = (np.cumsum(lengths) - lengths)[np.cumsum(counts) - counts]
    sides = [*np.minimum.reduceat(points, first).T, *np.maximum.reduceat(points, first).T]
    return pa.StructArray.from_arrays([pa.array(side) for side in sides], fields=list(BBOX))


def _well_known_binary(
    points: Float64[np.ndarray, "n 2"], lengths: Int[np.ndarray, " r"], counts: Int[np.ndarray, " p"]
) -> Iterator[bytes]:
    content = np.ascontiguousarray(points, "<f8").data.cast("B")
    at = 0
    rings = iter(lengths.tolist())
    for count in counts.tolist():
        parts: list[bytes | memoryview] = [struct.pack("<BII", _LITTLE_ENDIAN, _POLYGON, count)]
        for length in (next(rings) for _ in range(count)):
            parts += [struct.pack("<I", length), content[at : at + 16 * length]]
            at += 16 * length
        if sum(map(len, parts)) > _MOST_BYTES:
            raise PipelineError(
                "a polygon has more than 134 million vertices, which no format holds: give --simplify-m"
            )
        yield b"".join(parts)
