import struct

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from pipeline.export.wkb import geojson_of, polygon_wkb

NUMBER = st.floats(allow_nan=False, allow_infinity=False, width=32)
RINGS = st.lists(st.tuples(NUMBER, NUMBER), min_size=3, max_size=6)


@given(RINGS)
def test_a_ring_is_read_back_closed(corners: list[tuple[float, float]]) -> None:
    wkb = polygon_wkb(np.array(corners, np.float64))
    closed = [list(map(float, corner)) for corner in [*corners, corners[0]]]
    assert geojson_of(wkb) == {"type": "Polygon", "coordinates": [closed]}
    assert shapely.to_wkb(shapely.from_wkb(wkb), byte_order=1) == wkb


@given(st.lists(st.lists(RINGS, min_size=1, max_size=3), min_size=1, max_size=3), st.sampled_from([0, 1]))
def test_polygons_are_read_as_shapely_reads_them(
    polygons: list[list[list[tuple[float, float]]]], byte_order: int
) -> None:
    found = shapely.MultiPolygon([(rings[0], rings[1:]) for rings in polygons])
    for geometry in (found, found.geoms[0]):
        expected = shapely.geometry.mapping(geometry)
        read = geojson_of(shapely.to_wkb(geometry, byte_order=byte_order))
        assert read["type"] == expected["type"]
        assert shapely.geometry.shape(read) == geometry


def test_what_is_no_polygon_is_refused() -> None:
    whole = polygon_wkb(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="ends early, after 60 bytes"):
        geojson_of(whole[:60])
    with pytest.raises(ValueError, match="of 77 bytes has 78"):
        geojson_of(whole + b"\0")
    with pytest.raises(ValueError, match="got the geometry type 1"):
        geojson_of(struct.pack("<BIdd", 1, 1, 0.0, 0.0))
