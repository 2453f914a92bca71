"""Where an area of interest lies in a scene: its polygons in pixels, and which pixels are inside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from pipeline.config import Reading
from pipeline.errors import RasterError
from pipeline.geometry.aoi import Aoi
from pipeline.geometry.grid import plan_windows, squares
from pipeline.geometry.lonlat.antimeridian import unwrapped
from pipeline.geometry.rings import Ring, clipped, divided, meets
from pipeline.geometry.transform import bounds, to_crs
from pipeline.geometry.view import View
from pipeline.geometry.window import Window
from pipeline.raster.gdal.door import CRS, Affine, CRSError, rasterize, transform, transform_bounds
from pipeline.raster.gdal.environment import environment, faults_as

_STRAIGHT_PX = 0.05  # as far as an edge, which is straight in its own CRS, may be bent in the scene's
_PIECES = (1, 8, 64, 512)
_SQUARE_PX = 512
_TURN_DEGREES = 360.0


@dataclass(frozen=True, slots=True)
class Outline:
    """Polygons of rings of (column, row) in pixels of a view's grid, the outer ring first; none: nowhere."""

    polygons: tuple[tuple[Ring, ...], ...]

    def touches(self, window: Window) -> bool:
        """Tell whether there may be a pixel of ``window`` inside; never no where there is one."""
        return bool(self._burnt(window, (1, 1), all_touched=True).any())

    def inside(self, window: Window) -> Bool[np.ndarray, "y x"]:
        """Return which pixels of ``window`` have their centre inside.

        A pixel's answer is the same in every window: it is found on squares that are anchored at the scene's origin.
        """
        found = np.zeros(window.shape, np.bool_)
        for square in squares(window, side_px=_SQUARE_PX):
            part = square.intersection(window)
            if part is not None:
                burnt = self._burnt(square, square.shape, all_touched=False)
                found[part.slices_in(window)] = burnt[part.slices_in(square)]
        return found

    def _burnt(self, window: Window, shape: tuple[int, int], *, all_touched: bool) -> Bool[np.ndarray, "y x"]:
        shapes = [
            {"type": "Polygon", "coordinates": [_closed(ring) for ring in polygon]}
            for polygon in self.polygons
            if meets(polygon[0], window)
        ]
        if not shapes:
            return np.zeros(shape, np.bool_)
        window_transform = Affine(
            window.width / shape[1], 0.0, window.col_off, 0.0, window.height / shape[0], window.row_off
        )
        with environment():
            burnt = rasterize(
                shapes, out_shape=shape, transform=window_transform, all_touched=all_touched, dtype="uint8"
            )
        return np.asarray(burnt > 0)


def windows_of(view: View, outline: Outline | None, *, window_px: int) -> Iterator[Window]:
    """Yield the windows of a view lazily, row by row; of those of ``outline`` only what may be inside."""
    every = plan_windows(view.header.height, view.header.width, window_px=window_px)
    return every if outline is None else filter(outline.touches, every)


def outlined(view: View, reading: Reading) -> Outline | None:
    """Return where the area of interest lies in the grid of ``view``, None where none is asked for.

    Raises:
        RasterError: as ``outline_of``.
    """
    return None if reading.aoi is None else outline_of(view, reading.aoi)


def outline_of(view: View, aoi: Aoi) -> Outline:
    """Return where ``aoi`` lies in the grid of ``view``.

    Raises:
        RasterError: the scene states no CRS, or the area's CRS is not known.
    """
    if view.header.crs_wkt is None:
        raise RasterError(f"{view.uris[0]} states no CRS, so that aoi has no place on it: leave aoi out")
    with environment(), faults_as(f"cannot place aoi in {view.uris[0]}"):
        box = _bounds(view, aoi.crs)
        polygons = []
        for given in aoi.polygons:
            polygon = [np.array(ring) for ring in given]
            if _is_geographic(aoi.crs):
                polygon = unwrapped(polygon)
            for turn in (0.0, -_TURN_DEGREES, _TURN_DEGREES) if _is_geographic(aoi.crs) else (0.0,):
                parts = [clipped(ring + np.array([turn, 0.0]), box) for ring in polygon]
                rings = [_in_pixels(ring, view, aoi.crs) for ring in parts if len(ring)]
                if len(parts[0]):
                    polygons.append(tuple(rings))
        return Outline(tuple(polygons))


def knows_crs(crs: str) -> bool:
    """Tell whether ``crs`` is one that areas can be given in."""
    try:
        with environment():
            CRS.from_user_input(crs)
    except CRSError:
        return False
    return True


def _is_geographic(crs: str) -> bool:
    return bool(CRS.from_user_input(crs).is_geographic)


def _bounds(view: View, crs: str) -> tuple[float, float, float, float]:
    """Return the scene's bounds in another CRS, and a little more; the right one may lie beyond 180 degrees."""
    header = view.header
    own = bounds(header.transform, height=header.height, width=header.width)
    left, bottom, right, top = transform_bounds(header.crs_wkt, crs, *own, densify_pts=101)
    if left > right:
        right += _TURN_DEGREES
    more = 0.05 * max(right - left, top - bottom)
    return left - more, bottom - more, right + more, top + more


def _in_pixels(ring: Ring, view: View, crs: str) -> Ring:
    """Return a ring in pixels, in as many pieces as keep its edges where they are in its own CRS."""
    placed = _placed(ring, view, crs)
    for pieces in _PIECES[1:]:
        finer = _placed(divided(ring, pieces), view, crs)
        bent = np.abs(finer - divided(placed, pieces)).max()
        if bent <= _STRAIGHT_PX:
            break
        ring, placed = divided(ring, pieces), finer
    return placed


def _placed(ring: Ring, view: View, crs: str) -> Ring:
    x, y = transform(crs, view.header.crs_wkt, ring[:, 0], ring[:, 1])
    inverse = tuple(~Affine(*view.header.transform))[:6]
    return np.stack(to_crs(inverse, rows=np.array(y), cols=np.array(x)), axis=1)


def _closed(ring: Ring) -> list[list[float]]:
    corners: list[list[float]] = ring.tolist()
    return [*corners, corners[0]]  # rasterio leaves out what is not closed
