import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.geometry.areas import pixel_areas_m2
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.output import Output, failures
from pipeline.output.failure import Failure
from pipeline.output.ledger import LedgerEntry
from pipeline.statistics import (
    PartWriter,
    SceneSum,
    scene_rows,
    scene_sum,
    window_statistics,
    write_failures,
    write_tables,
)
from pipeline.statistics.facts import NOTHING
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.geodesics import WGS84, pixels_by_geodesics, scene_by_its_outline

Transform = tuple[float, float, float, float, float, float]
NODATA = 255
PART = Output("out").path_of(Output("out").scene("scene").statistics)
PLACE = {"uri": "/x/scene.tif", "datetime": "2024-05-31T10:20:30", "bbox": None}

MERCATOR_Y_AT_60 = 8_399_737.9
PLACES: dict[str, tuple[str | int, Transform]] = {
    "lon-lat": (4326, (2e-6, 0.0, 13.4, 0.0, -3e-6, 52.5)),
    "lon-lat, coarse": (4326, (0.01, 0.0, -70.0, 0.0, -0.01, 61.0)),
    "lon-lat, south and upside down": (4326, (1e-5, 0.0, 144.0, 0.0, 1e-5, -38.0)),
    "Web Mercator at 60 degrees": (3857, (0.5, 0.0, 1.2e6, 0.0, -0.5, MERCATOR_Y_AT_60)),
    "Web Mercator at 60 degrees, coarse": (3857, (30.0, 0.0, 1.2e6, 0.0, -30.0, MERCATOR_Y_AT_60)),
    "UTM": (32633, (0.3, 0.0, 5.2e5, 0.0, -0.3, 5.6e6)),
    "UTM, coarse, far from the meridian": (32633, (20.0, 0.0, 8.3e5, 0.0, -20.0, 6.8e6)),
    "rotated": (32633, (0.4, 0.3, 4e5, 0.3, -0.4, 4.1e6)),
    "rotated Web Mercator": (3857, (4.0, 3.0, 2e6, 3.0, -4.0, MERCATOR_Y_AT_60)),
    "across the antimeridian": (32601, (50.0, 0.0, 1.65e5, 0.0, -50.0, 7.2e6)),
    "across the antimeridian in degrees": (4326, (1e-3, 0.0, 179.99, 0.0, -1e-3, -16.0)),
    "over the pole": (3413, (25.0, 0.0, -700.0, 0.0, -25.0, 600.0)),
}


def _header(place: str, *, height: int, width: int) -> Header:
    crs, transform = PLACES[place]
    return _described(pyproj.CRS.from_user_input(crs).to_wkt(), transform, height=height, width=width)


def _described(crs_wkt: str | None, transform: Transform, *, height: int, width: int) -> Header:
    return Header(
        height=height, width=width, bands=3, dtype="uint8", crs_wkt=crs_wkt, transform=transform, nodata=None
    )


def _areas(header: Header, window: Window | None = None) -> np.ndarray:
    found = pixel_areas_m2(header, window or Window(0, 0, header.height, header.width))
    assert found is not None
    return found


@pytest.mark.parametrize("place", PLACES)
def test_areas_are_geodesic_to_a_millionth(place: str) -> None:
    header = _header(place, height=41, width=56)
    expected = pixels_by_geodesics(header, *np.indices((41, 56)))
    found = _areas(header)
    assert found.sum() == pytest.approx(expected.sum(), rel=1e-6)
    corner = np.add.outer(np.arange(41), np.arange(56)) < 40  # valid pixels on one side of the scene alone
    assert found[corner].sum() == pytest.approx(expected[corner].sum(), rel=1e-6)
    # A geodesic polygon of so few metres has lost digits itself: some 1e-4 m2, and more at a pole.
    np.testing.assert_allclose(found, expected, rtol=3e-5, atol=1e-4)


@pytest.mark.parametrize("place", PLACES)
def test_the_sum_over_a_scene_of_many_cells_is_within_its_outline(place: str) -> None:
    header = _header(place, height=1100, width=731)
    assert _areas(header).sum() == pytest.approx(scene_by_its_outline(header), rel=1e-6)


@given(
    lat=st.floats(-84, 84),
    lon=st.floats(-200, 200),
    pixel_deg=st.sampled_from([1e-6, 1e-5, 1e-4]),
    shape=st.tuples(st.integers(1, 600), st.integers(1, 70)),
)
def test_areas_in_degrees_follow_the_closed_form(
    lat: float, lon: float, pixel_deg: float, shape: tuple[int, int]
) -> None:
    """Snyder, Map Projections (1987), 3-12: the area between two parallels of an ellipsoid."""
    height, width = shape
    transform = (pixel_deg, 0.0, lon, 0.0, -pixel_deg, lat)
    header = _described(pyproj.CRS.from_epsg(4326).to_wkt(), transform, height=height, width=width)
    first, second = WGS84.es**0.5, math.radians(pixel_deg)
    sine = np.sin(np.radians(lat - pixel_deg * np.array([0, height])))
    zone = sine / (1 - WGS84.es * sine**2) + np.arctanh(first * sine) / first
    # The closed form loses digits as a difference; what is left of them depends on the scene's height.
    lost = 1e-15 / abs(zone[0] - zone[1])
    expected = abs(zone[0] - zone[1]) * WGS84.b**2 / 2 * second * width
    assert _areas(header).sum() == pytest.approx(expected, rel=1e-6 + lost)


@given(
    place=st.sampled_from(sorted(PLACES)),
    row_off=st.integers(0, 650),
    col_off=st.integers(0, 850),
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
)
def test_a_pixels_area_does_not_depend_on_the_window(
    place: str, row_off: int, col_off: int, size: tuple[int, int]
) -> None:
    header = _header(place, height=700, width=900)
    whole = Window(0, 0, 700, 900)
    if place not in _WHOLE:
        _WHOLE[place] = _areas(header)
    window = Window(row_off, col_off, *size).intersection(whole)
    assert window is not None
    np.testing.assert_array_equal(_areas(header, window), _WHOLE[place][window.slices_in(whole)])


_WHOLE: dict[str, np.ndarray] = {}


def test_the_grids_own_area_would_be_wrong_by_a_factor_of_four_at_60_degrees() -> None:
    header = _header("Web Mercator at 60 degrees", height=64, width=64)
    assert 64 * 64 * 0.25 / _areas(header).sum() == pytest.approx(4, rel=0.01)


@pytest.mark.parametrize(
    ("crs", "east", "north"),
    [(31468, 4.5e6, 5.4e6), (27572, 6e5, 2.2e6), ("EPSG:25832+7837", 5e5, 5.5e6), (2056, 2.6e6, 1.2e6)],
)
def test_a_projected_pixel_is_nearly_its_own_size_whatever_the_crs_is_made_of(
    crs: str | int, east: float, north: float
) -> None:
    """Northing first, a prime meridian and an angle of its own, a height besides, an oblique Mercator."""
    wkt = pyproj.CRS.from_user_input(crs).to_wkt()
    found = _areas(_described(wkt, (1.0, 0.0, east, 0.0, -1.0, north), height=10, width=10))
    np.testing.assert_allclose(found, 1.0, rtol=2e-3)


def test_a_crs_bound_to_another_keeps_its_own_ellipsoid() -> None:
    bound = pyproj.CRS(
        "+proj=tmerc +lon_0=12 +x_0=4500000 +ellps=bessel +towgs84=598,74,418,0,0,0,7 +type=crs"
    )
    assert bound.is_bound
    transform = (1.0, 0.0, 4.5e6, 0.0, -1.0, 5.4e6)
    free = pyproj.CRS("+proj=tmerc +lon_0=12 +x_0=4500000 +ellps=bessel +type=crs")
    one, other = (_areas(_described(crs.to_wkt(), transform, height=9, width=9)) for crs in (bound, free))
    np.testing.assert_allclose(one, other, rtol=1e-9)


@pytest.mark.parametrize("crs_wkt", [None, 'LOCAL_CS["a floor plan",UNIT["metre",1]]'])
def test_without_a_place_on_earth_there_is_no_area(crs_wkt: str | None) -> None:
    header = _described(crs_wkt, (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), height=9, width=9)
    assert pixel_areas_m2(header, Window(0, 0, 9, 9)) is None


def test_pixels_off_the_earth_have_no_area_and_none_is_made_up_for_them() -> None:
    disc = pyproj.CRS("+proj=ortho +lat_0=0 +lon_0=0 +ellps=WGS84 +type=crs").to_wkt()
    header = _described(disc, (2e5, 0.0, -8e6, 0.0, -2e5, 8e6), height=80, width=80)
    areas = _areas(header)
    assert np.isnan(areas[0, 0])
    assert areas[40, 40] == pytest.approx(4e10, rel=0.05)
    mask = np.full((80, 80), NODATA, np.uint8)
    mask[33:47, 33:47], mask[0, 0] = 0, 1
    other, corner = window_statistics(mask, mask, areas, classes=["corner"], nodata=NODATA)
    assert other["area_m2"] is not None
    assert corner["area_m2"] is None


masks = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).choice(np.array([0, 1, 2, 3, NODATA], np.uint8), (9, 13))
)


@given(masks, st.integers(0, 2**32 - 1))
def test_statistics_count_every_valid_pixel_once(mask: np.ndarray, seed: int) -> None:
    random = np.random.default_rng(seed)
    score = random.integers(0, 255, mask.shape, dtype=np.uint8)
    areas = random.random(mask.shape)
    records = window_statistics(mask, score, areas, classes=["a", "b", "c"], nodata=NODATA)
    assert [record["class_id"] for record in records] == sorted(set(mask.ravel().tolist()) - {NODATA})
    for record in records:
        here = mask == record["class_id"]
        assert record["class_name"] == ["other", "a", "b", "c"][record["class_id"]]
        assert record["pixels"] == here.sum()
        assert record["area_m2"] == pytest.approx(areas[here].sum())
        assert record["mean_score"] == pytest.approx(score[here].mean() / 254)
        assert record["unplaced_pixels"] == 0
    bare = window_statistics(mask, score, None, classes=["a", "b", "c"], nodata=NODATA)
    assert bare == [{**record, "area_m2": None, "unplaced_pixels": record["pixels"]} for record in records]


def test_a_window_without_a_valid_pixel_has_no_record() -> None:
    empty = np.full((3, 3), 65535, np.uint16)
    assert window_statistics(empty, np.zeros((3, 3), np.uint8), None, classes=["a"], nodata=65535) == []


def test_a_class_id_beyond_the_vocabulary_is_refused() -> None:
    mask = np.array([[0, 2, NODATA]], np.uint8)
    with pytest.raises(ValueError, match=r"class ids are 0\.\.1 and 255 for no data, the mask has 2"):
        window_statistics(mask, mask, None, classes=["a"], nodata=NODATA)


def _entries(*, placed: bool = True) -> list[LedgerEntry]:
    def record(class_id: int, pixels: int, mean_score: float) -> dict[str, Any]:
        return {
            "class_id": class_id,
            "class_name": ["other", "a"][class_id],
            "pixels": pixels,
            "unplaced_pixels": 0 if placed else pixels,
            "area_m2": pixels / 4 if placed else None,
            "mean_score": mean_score,
        }

    return [
        LedgerEntry(Window(0, 0, 8, 8), {}, [record(0, 60, 0.5), record(1, 4, 1.0)]),
        LedgerEntry(Window(0, 8, 8, 2), {}, [record(1, 16, 0.25)]),
        LedgerEntry(Window(8, 0, 8, 8), {}, []),
    ]


def _summary(output: str, entries: list[LedgerEntry], classes: list[str]) -> list[Mapping[str, Any]]:
    return list(_sum(output, entries, classes).records)


def _sum(output: str, entries: list[LedgerEntry], classes: list[str]) -> SceneSum:
    """Write the rows of a scene, and return its sum."""
    rows = [row for entry in entries for row in scene_rows("scene", entry)]
    part, facts = PartWriter(), {**NOTHING, **PLACE}
    part.add("scene", rows, listing="", facts=facts)
    objects.put_bytes(Output(output).scene("scene").statistics, part.content())
    return scene_sum("scene", rows, facts=facts, classes=classes, windows=(len(entries), 0))


def _table(output: str, name: str) -> pa.Table:
    return pq.read_table(io.BytesIO(objects.get_bytes(Location(objects.join(output, name)))))


def fail(output: str, noted: Iterable[Failure]) -> None:
    for failure in noted:
        failures.note(Output(output), failure)
    write_failures(Output(output))


def test_a_scenes_table_has_a_row_a_window_and_class_and_its_summary_adds_them_up(tmp_path: Path) -> None:
    summary = _summary(str(tmp_path), _entries(), ["a", "b"])
    rows = _table(str(tmp_path), PART).to_pylist()
    assert [(row["scene_id"], row["row_off"], row["col_off"], row["class_id"]) for row in rows] == [
        ("scene", 0, 0, 0),
        ("scene", 0, 0, 1),
        ("scene", 0, 8, 1),
    ]
    assert (rows[2]["height"], rows[2]["width"], rows[2]["pixels"], rows[2]["area_m2"]) == (8, 2, 16, 4.0)
    other, a, b = summary
    assert (other["pixels"], other["share"], other["area_m2"], other["mean_score"]) == (60, 0.75, 15.0, 0.5)
    assert (a["pixels"], a["share"], a["area_m2"], a["mean_score"]) == (20, 0.25, 5.0, 0.4)
    assert (b["class_name"], b["pixels"], b["share"], b["area_m2"]) == ("b", 0, 0.0, 0.0)
    assert b["mean_score"] is None


def test_a_summary_without_a_crs_has_no_area_for_any_class(tmp_path: Path) -> None:
    summary = _summary(str(tmp_path), _entries(placed=False), ["a", "b"])
    assert [record["area_m2"] for record in summary] == [None, None, None]
    table = _table(str(tmp_path), PART)
    assert table["area_m2"].null_count == len(table) == 3


def test_a_scene_without_a_valid_pixel_has_a_summary_of_zeros(tmp_path: Path) -> None:
    summary = _summary(str(tmp_path), [], ["a"])
    assert [(record["pixels"], record["share"], record["mean_score"]) for record in summary] == [
        (0, 0.0, None),
        (0, 0.0, None),
    ]
    table = _table(str(tmp_path), PART)
    assert len(table) == 0
    assert str(table.schema.field("pixels").type) == "int64"


def test_tables_are_the_same_bytes_each_time_and_typed_when_empty(s3: str, tmp_path: Path) -> None:
    failure = Failure(scene_id="s", uri="s.tif", error="RasterError", message="s.tif is an empty file")
    kinds: dict[str, list[list[str]]] = {}
    for output in (s3, f"{tmp_path}/out"):
        for sums, found in (
            ([], []),
            ([_sum(output, _entries(), ["a"])], [failure]),
        ):
            write_tables(Output(output), sums, classes=["a"])
            fail(output, found)
            for name in ("summary.parquet", "items.parquet", "failures.parquet"):
                schema = _table(output, name).schema
                kinds.setdefault(name, []).append([f"{each.name} {each.type}" for each in schema])
    assert all(kind == found[0] for found in kinds.values() for kind in found)
    for name in ("summary.parquet", "items.parquet", "failures.parquet", PART):
        assert objects.get_bytes(Location(f"{s3}/{name}")) == objects.get_bytes(
            Location(f"{tmp_path}/out/{name}")
        )


def test_a_credential_in_a_failure_is_left_out(tmp_path: Path) -> None:
    uri = "https://me:hunter2@host/a.tif?id=5&X-Amz-Signature=b0b"
    failure = Failure(scene_id="a", uri=uri, error="RasterError", message=f"cannot read {uri}: 403")
    fail(str(tmp_path), [failure])
    (row,) = _table(str(tmp_path), "failures.parquet").to_pylist()
    assert (row["uri"], row["message"]) == (
        "https://host/a.tif?id=5",
        "cannot read https://host/a.tif?id=5: 403",
    )


def test_many_failures_are_written_in_their_order(tmp_path: Path) -> None:
    places = [(row, col) for row in range(40) for col in range(40)]  # more than a group of rows
    found = [
        Failure(scene_id="a", uri="a.tif", row_off=row, col_off=col, error="E", message="")
        for row, col in places
    ]
    fail(str(tmp_path), found)
    table = _table(str(tmp_path), "failures.parquet")
    assert list(zip(table["row_off"].to_pylist(), table["col_off"].to_pylist(), strict=True)) == places


def test_failures_are_read_back_with_and_without_a_window(tmp_path: Path) -> None:
    found = [
        Failure(scene_id="a", uri="/x/a.tif", error="RasterError", message="a.tif is an empty file"),
        Failure(
            scene_id="b",
            uri="/x/b.tif",
            row_off=0,
            col_off=8,
            height=4,
            width=5,
            error="ValueError",
            message="two\nlines",
        ),
    ]
    fail(str(tmp_path), found)
    assert [Failure(**row) for row in _table(str(tmp_path), "failures.parquet").to_pylist()] == found


@pytest.mark.parametrize(
    ("where", "message", "line"),
    [
        ({}, "/x/a.tif is an empty file", "/x/a.tif is an empty file"),
        ({}, "it is\n empty", "/x/a.tif: it is empty"),
        ({}, "", "/x/a.tif: RasterError"),
        (
            {"row_off": 0, "col_off": 8, "height": 4, "width": 5},
            "it ends early",
            "/x/a.tif (window at row 0, column 8, 4 x 5 px): it ends early",
        ),
    ],
)
def test_a_failure_reads_as_one_line(where: dict[str, Any], message: str, line: str) -> None:
    assert str(Failure(scene_id="a", uri="/x/a.tif", error="RasterError", message=message, **where)) == line
