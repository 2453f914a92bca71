"""Areas on the ellipsoid by the slow and plain way: polygons whose edges are geodesics."""

import numpy as np
import pyproj

from pipeline.geometry.scene import Header

WGS84 = pyproj.Geod(ellps="WGS84")


def pixels_by_geodesics(header: Header, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """The area of the geodesic quadrilateral of each pixel's corners, in m2."""
    corners = [_lonlat(header, rows + down, cols + right) for down, right in ((0, 0), (0, 1), (1, 1), (1, 0))]
    lon, lat = np.moveaxis(np.array(corners), 0, -1)
    found = np.empty(rows.shape)
    for pixel in np.ndindex(*rows.shape):
        found[pixel] = abs(WGS84.polygon_area_perimeter(lon[pixel], lat[pixel])[0])
    return found


def scene_by_its_outline(header: Header) -> float:
    """The area within the scene's outline, drawn by four geodesics a pixel, in m2."""
    down, right = np.arange(4 * header.height) / 4, np.arange(4 * header.width) / 4
    rows = np.concatenate([0 * right, down, 0 * right + header.height, header.height - down])
    cols = np.concatenate([right, 0 * down + header.width, header.width - right, 0 * down])
    return float(abs(WGS84.polygon_area_perimeter(*_lonlat(header, rows, cols))[0]))


def _lonlat(header: Header, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b, c, d, e, f = header.transform
    lonlat = pyproj.Transformer.from_crs(header.crs_wkt, 4326, always_xy=True)
    lon, lat = lonlat.transform(a * cols + b * rows + c, d * cols + e * rows + f)
    return np.asarray(lon), np.asarray(lat)
