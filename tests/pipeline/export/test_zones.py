"""Areas by class of a user's own polygons, beside a count that cuts every pixel with every polygon."""

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pyproj
import pytest
import shapely

from pipeline import export
from pipeline.errors import ConfigError
from pipeline.export import Exported, Selection
from pipeline.export.zones import zones_exporter
from pipeline.export.zones.reading import read_zones
from pipeline.geometry.areas import pixel_areas_m2
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.output import Output
from pipeline.storage.location import Location
from tests.pipeline.made_outputs import header_of, make_scene, output_at

NAMES = ("water", "road")
SELECTION = Selection(window_px=64)
SHAPE = (150, 130)
EAST, NORTH = 12.0, 48.0  # where UTM's zones 32 and 33 meet
SCENES = {"west": "EPSG:32632", "east": "EPSG:32633"}
UPRIGHT = (10.0, 0.0, 0.0, 0.0, -10.0, 0.0)
ROTATED = (9.0, 2.0, 0.0, 1.5, -11.0, 0.0)


def placed_header(ids: np.ndarray, crs: str, transform: Any = UPRIGHT) -> Header:  # noqa: ANN401
    """The header of a scene whose middle is where two zones of UTM meet."""
    x, y = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(EAST, NORTH)
    a, b, _, d, e, _ = transform
    height, width = ids.shape
    x, y = x - (a * width + b * height) / 2, y - (d * width + e * height) / 2
    return header_of(ids, crs=crs, transform=(a, b, x, d, e, y))


def drawn(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([0, 1, 2, 255], np.uint8), SHAPE)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Output:
    """Two scenes that overlap, in two zones of UTM; the second is rotated, and lacks a window."""
    found = output_at(tmp_path_factory.mktemp("zones") / "out")
    first, second = drawn(0), drawn(1)
    make_scene(
        found.scene("west"),
        first,
        names=NAMES,
        header=placed_header(first, SCENES["west"]),
        origin={"uri": "west.tif", "datetime": "2026-05-01T10:00:00Z"},
    )
    done = {(row, col) for row in (0, 64, 128) for col in (0, 64, 128)} - {(64, 64)}
    header = placed_header(second, SCENES["east"], ROTATED)
    make_scene(found.scene("east"), second, names=NAMES, header=header, done=done)
    return found


def random_zones(count: int, crs: str) -> geopandas.GeoDataFrame:
    """Stars around the scenes' middle, some with a hole, of 3 to 1000 m; drawn in ``crs``, where edges are straight."""
    rng = np.random.default_rng(5)
    to_own = pyproj.Transformer.from_crs("EPSG:32632", crs, always_xy=True).transform
    x, y = pyproj.Transformer.from_crs(4326, 32632, always_xy=True).transform(EAST, NORTH)
    polygons = []
    for number in range(count):
        size = 10 ** rng.uniform(0.5, 3)
        angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
        ring = size * rng.uniform(0.3, 1, (9, 1)) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        star = shapely.make_valid(shapely.Polygon(ring))
        star = star.difference(star.centroid.buffer(size / 9)) if number % 3 == 0 else star
        middle = np.array([x, y]) + rng.uniform(-700, 700, 2)
        polygons.append(shapely.transform(star, lambda xy, at=middle: np.stack(to_own(*(xy + at).T), axis=1)))
    polygons.append(
        shapely.transform(shapely.box(x - 5e3, y - 5e3, x + 5e3, y + 5e3), to_own, interleaved=False)
    )
    return geopandas.GeoDataFrame({"parcel": [f"p{n}" for n in range(count + 1)]}, geometry=polygons, crs=crs)


def save(frame: geopandas.GeoDataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_file(path)
    return path


def exported(output: Output, folder: Path, zones: Path, **choice: Any) -> list[Exported]:  # noqa: ANN401
    exporter = zones_exporter(str(zones), **choice)
    found = [
        export.export_scene(
            scene, output=output, selection=SELECTION, exporter=exporter, folder=Location(str(folder))
        )
        for scene in ("east", "west")
    ]
    made = [each for each in found if isinstance(each, Exported)]
    assert len(made) == len(found), found
    export.finish(exporter, made, Location(str(folder)))
    return made


def by_brute_force(polygon: shapely.Geometry, crs: str, header: Header, ids: np.ndarray) -> np.ndarray:
    """Pixels and m2 of (class id, the two), by cutting each pixel with the polygon, its edges in many pieces."""
    fine = shapely.segmentize(polygon, 1e-4 if crs == "EPSG:4326" else 10)
    to_scene = pyproj.Transformer.from_crs(crs, header.crs_wkt, always_xy=True).transform
    a, b, c, d, e, f = header.transform
    inverse = np.linalg.inv(np.array([[a, b], [d, e]]))
    there = shapely.transform(fine, lambda xy: (np.stack(to_scene(*xy.T), axis=1) - [c, f]) @ inverse.T)
    there = shapely.intersection(there, shapely.box(-1, -1, ids.shape[1] + 1, ids.shape[0] + 1))
    rows, cols = (part.ravel() for part in np.indices(ids.shape))
    pixels = shapely.box(cols, rows, cols + 1, rows + 1)
    parts = np.zeros(ids.size)
    met = shapely.STRtree(pixels).query(there, predicate="intersects")
    shapely.prepare(there)
    whole = shapely.contains(there, pixels[met])
    parts[met[whole]], cut = 1, met[~whole]
    parts[cut] = shapely.area(shapely.intersection(there, pixels[cut]))
    areas = pixel_areas_m2(header, Window(0, 0, *ids.shape))
    assert areas is not None
    return np.stack(
        [np.bincount(ids.ravel(), weights, 256) for weights in (parts, parts * areas.ravel())], axis=1
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("crs", "suffix"),
    [
        ("EPSG:4326", "geojson"),
        ("EPSG:3857", "gpkg"),
        ("EPSG:32633", "parquet"),
    ],
)
def test_zones_equal_a_count_that_cuts_every_pixel(
    tmp_path: Path, output: Output, crs: str, suffix: str
) -> None:
    path = save(random_zones(50, crs), tmp_path / f"parcels.{suffix}")
    exported(output, tmp_path / "made", path, id_column="parcel")
    zones = (
        geopandas.read_parquet(path) if suffix == "parquet" else geopandas.read_file(path)
    )  # rounded, in GeoJSON
    rows = pq.read_table(tmp_path / "made" / "zones.parquet").to_pandas().set_index(["zone_id", "scene_id"])

    compared = 0
    for scene_id, system in SCENES.items():
        ids = drawn(["west", "east"].index(scene_id))
        header = placed_header(ids, system, ROTATED if scene_id == "east" else UPRIGHT)
        seen = ids.copy()
        if scene_id == "east":
            seen[64:128, 64:128] = 255
        for parcel, polygon in zip(zones.parcel, zones.geometry, strict=True):
            expected = by_brute_force(polygon, crs, header, seen)
            if expected[:, 0].sum() == 0:
                assert (parcel, scene_id) not in rows.index
                continue
            found = rows.loc[[(parcel, scene_id)]]
            assert found.class_id.tolist() == [0, 1, 2]
            pixels, m2 = expected.sum(axis=0)  # also of what has no data
            np.testing.assert_allclose(found.pixels, expected[:3, 0], rtol=0, atol=1e-6 * pixels)
            np.testing.assert_allclose(found.area_m2, expected[:3, 1], rtol=0, atol=1e-6 * m2)
            valid_m2 = expected[:255, 1].sum()
            np.testing.assert_allclose(found.valid_m2, valid_m2, rtol=0, atol=1e-6 * m2)
            if valid_m2 > m2 / 2:
                np.testing.assert_allclose(found.share, expected[:3, 1] / valid_m2, rtol=0, atol=2e-6)
            compared += 1
    assert compared > 80


def squares(crs: str = "EPSG:32632", **columns: Any) -> geopandas.GeoDataFrame:  # noqa: ANN401
    """Two squares of 100 m and one of 10 m far away."""
    x, y = pyproj.Transformer.from_crs(4326, 32632, always_xy=True).transform(EAST, NORTH)
    boxes = [
        shapely.box(x, y, x + 100, y + 100),
        shapely.box(x - 200, y, x - 100, y + 100),
        shapely.box(x, y + 1e5, x + 10, y + 1e5 + 10),
    ]
    return geopandas.GeoDataFrame(columns, geometry=boxes, crs="EPSG:32632").to_crs(crs)


def test_a_hole_is_no_zero_and_is_said_to_be_one(tmp_path: Path) -> None:
    output = output_at(tmp_path / "out")
    ids = np.ones((100, 100), np.uint8)
    ids[50:, 50:] = 255  # without data in the scene
    header = placed_header(ids, "EPSG:32632")
    make_scene(output.scene("a"), ids, names=NAMES, header=header, done={(0, 0), (64, 64)})
    x, y = header.transform[2], header.transform[5]
    here = [
        (0, 0),
        (70, 0),
        (80, 80),
        (45, 45),
        (60, 30),
    ]  # done, not done, no data, a quarter of each, cut by two
    boxes = [shapely.box(x + 10 * c, y - 10 * r - 100, x + 10 * c + 100, y - 10 * r) for c, r in here]
    frame = geopandas.GeoDataFrame(geometry=boxes, crs="EPSG:32632")
    exporter = zones_exporter(str(save(frame, tmp_path / "boxes.gpkg")))
    made = export.export_scene(
        "a", output=output, selection=SELECTION, exporter=exporter, folder=Location(str(tmp_path / "made"))
    )
    assert isinstance(made, Exported)
    assert (made.windows_missing, made.facts) == (2, {"zones": 5})
    table = pq.read_table(tmp_path / "made" / "zones" / "a.parquet").to_pandas()
    water = table[table.class_name == "water"].set_index("zone_id")
    np.testing.assert_allclose(water.covered_share, [1, 0, 0, 0.75, 0.4], atol=1e-6)
    np.testing.assert_allclose(water.pixels, [100, 0, 0, 75, 40], atol=1e-6)
    assert water.share.isna().tolist() == [False, True, True, False, False]
    assert (water.windows_missing == 2).all()
    road = table[table.class_name == "road"].set_index("zone_id")
    assert (road.pixels == 0).all()
    assert road.share.fillna(-1).tolist() == [0, -1, -1, 0, 0]


def test_geopandas_duckdb_and_polars_read_the_table(tmp_path: Path, output: Output) -> None:
    import duckdb  # noqa: PLC0415 - here alone
    import polars as pl  # noqa: PLC0415
    from geoparquet_validator import check, failed  # noqa: PLC0415

    path = save(squares("EPSG:4326", name=[7, 9, 8]), tmp_path / "squares.fgb")
    exported(output, tmp_path / "made", path, id_column="name")
    table = tmp_path / "made" / "zones.parquet"

    assert failed(check(str(table)), "core") == []
    frame = geopandas.read_parquet(table)
    assert frame.crs == "EPSG:4326"
    assert frame[["zone_id", "scene_id"]].drop_duplicates().values.tolist() == [
        [7, "east"], [9, "east"], [7, "west"], [9, "west"]
    ]  # fmt: skip
    assert frame.geometry.iloc[-1].equals(geopandas.read_file(path).set_index("name").geometry[9])
    water = duckdb.read_parquet(str(table)).filter("class_name = 'water'")
    summed = water.aggregate("scene_id, sum(area_m2)").order("scene_id").fetchall()
    expected = pl.read_parquet(table).filter(pl.col("class_name") == "water")
    assert summed == [
        (scene, pytest.approx(part["area_m2"].sum()))
        for (scene,), part in sorted(expected.group_by("scene_id"))
    ]
    assert set(frame.datetime.dropna()) == {"2026-05-01T10:00:00Z"}


def test_the_same_zones_give_the_same_bytes_and_others_are_counted_anew(
    tmp_path: Path, output: Output
) -> None:
    path = save(squares(), tmp_path / "squares.shp")
    first = exported(output, tmp_path / "first", path)
    exported(output, tmp_path / "second", path)
    names = ["zones.parquet", "zones/east.parquet", "zones/west.parquet"]
    bytes_of = {name: (tmp_path / "first" / name).read_bytes() for name in names}
    assert bytes_of == {name: (tmp_path / "second" / name).read_bytes() for name in names}

    (tmp_path / "first" / "zones" / "west.parquet").unlink()  # as if killed
    (tmp_path / "first" / "zones.parquet").unlink()
    assert exported(output, tmp_path / "first", path) == first
    assert bytes_of == {name: (tmp_path / "first" / name).read_bytes() for name in names}

    save(squares()[1:], path)
    assert exported(output, tmp_path / "first", path)[0].facts == {"zones": 1}


def moved_beyond(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    return frame.set_crs("EPSG:4326", allow_override=True)


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (squares().set_crs(None, allow_override=True), {}, "state no CRS: save them with one"),
        (squares().iloc[:0], {}, "have no polygon"),
        (moved_beyond(squares()), {}, r"longitude and latitude .* others in row 0, 1, 2: save them with their CRS"),
        (squares().set_geometry(squares().centroid), {}, "a Point in row 0, 1, 2: expected polygons alone"),
        (squares(a=[1, 2, 1]), {"id_column": "a"}, "a that is not the first of its kind in row 2, 1"),
        (squares(a=["x", None, "y"]), {"id_column": "a"}, "have no a in row 1"),
        (squares(a=[1, 2, 3]), {"id_column": "b"}, "no column 'b' of ids: they have a"),
        (squares().set_geometry([None, shapely.Polygon(), squares().geometry[2]]), {}, "no geometry in row 0, 1"),
    ],
)  # fmt: skip
def test_zones_that_would_give_wrong_areas_are_refused(
    tmp_path: Path, frame: geopandas.GeoDataFrame, options: dict[str, str], message: str
) -> None:
    path = tmp_path / "zones.parquet"
    frame.to_parquet(path)
    with pytest.raises(ConfigError, match=message):
        read_zones(str(path), **options)


def test_files_that_are_no_zones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "zones.gpkg").write_bytes(b"years of work")
    with pytest.raises(ConfigError, match=r"cannot read zones from .* Expected polygons in a GeoPackage"):
        read_zones(str(tmp_path / "zones.gpkg"))
    with pytest.raises(ConfigError, match="there are no zones at"):
        read_zones(str(tmp_path / "nowhere.gpkg"))
    squares().to_file(tmp_path / "two.gpkg", layer="parcels")
    squares().to_file(tmp_path / "two.gpkg", layer="districts")
    with pytest.raises(ConfigError, match="in the layers parcels, districts: expected one"):
        read_zones(str(tmp_path / "two.gpkg"))


def test_what_crosses_itself_is_repaired_as_it_is_drawn(tmp_path: Path) -> None:
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    frame = geopandas.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1), bow], crs="EPSG:32632")
    frame.to_parquet(tmp_path / "zones.parquet")
    zones = read_zones(str(tmp_path / "zones.parquet"))
    assert zones.repaired == (1,)
    assert shapely.area(zones.polygons).tolist() == [1, 2]


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32701"])
@pytest.mark.parametrize("turn", [0, 360])
def test_zones_across_the_antimeridian_are_counted_once(tmp_path: Path, crs: str, turn: int) -> None:
    output = output_at(tmp_path / "out")
    ids = np.ones((80, 80), np.uint8)
    east = geopandas.GeoSeries(
        [shapely.Point(-180 if crs == "EPSG:4326" else -179.9999, -17)], crs=4326
    ).to_crs(crs)[0]
    side = 0.001 if crs == "EPSG:4326" else 100.0
    transform = (side, 0.0, east.x - 40 * side, 0.0, -side, east.y + 40 * side)
    make_scene(output.scene("a"), ids, names=NAMES, header=header_of(ids, crs=crs, transform=transform))
    box = shapely.box(-180.02 + turn, -17.02, -179.98 + turn, -16.98)
    frame = geopandas.GeoDataFrame(geometry=[box], crs="EPSG:4326")
    exporter = zones_exporter(str(save(frame, tmp_path / "box.gpkg")))
    export.export_scene(
        "a", output=output, selection=SELECTION, exporter=exporter, folder=Location(str(tmp_path / "made"))
    )
    table = pq.read_table(tmp_path / "made" / "zones" / "a.parquet").to_pandas()
    np.testing.assert_allclose(table.covered_share, 1, atol=1e-6)
    np.testing.assert_allclose(
        table.zone_m2, 0.04 * 111_320 * np.cos(np.radians(17)) * 0.04 * 110_660, rtol=2e-3
    )
