"""Tiles of a web map (z, x, y), 256 pixels a side."""

import numpy as np
import pyproj

from tests.clients.oracle import Oracle

CRS = "EPSG:3857"
ZOOM = 13  # whose pixels are nearest to those of the made scenes
SIDE_PX = 256
_HALF = 20037508.342789244  # of the map's side


def tile_of_middle(oracle: Oracle) -> tuple[int, int, int]:
    """Return the tile that the middle of a scene lies in."""
    height, width = oracle.class_ids.shape
    to_map = pyproj.Transformer.from_crs(4326, CRS, always_xy=True)
    x, y = to_map.transform(*oracle.lonlat(height // 2, width // 2))
    side = 2 * _HALF / 2**ZOOM
    return ZOOM, int((x + _HALF) // side), int((_HALF - y) // side)


def pixels_of(tile: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the middles of a tile's pixels, row by row."""
    z, x, y = tile
    side = 2 * _HALF / 2**z
    middles = (np.arange(SIDE_PX) + 0.5) / SIDE_PX
    xs, ys = np.meshgrid((x + middles) * side - _HALF, _HALF - (y + middles) * side)
    return xs, ys
