"""Areas of interest from GeoPackages and Shapefiles, which are written here as their standards have them."""

import sqlite3
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.run.settings.areas import area_of
from pipeline.aoi import of_geopackage, of_shapefile
from pipeline.errors import ConfigError
from pipeline.geometry.aoi import Aoi
from pipeline.storage import objects
from pipeline.storage.location import Location

SQUARE = ((0.0, 0.0), (0.0, 8.0), (8.0, 8.0), (8.0, 0.0), (0.0, 0.0))  # clockwise
HOLE = ((2.0, 2.0), (4.0, 2.0), (4.0, 4.0), (2.0, 4.0), (2.0, 2.0))
ISLAND = ((2.5, 2.5), (2.5, 3.5), (3.5, 3.5), (3.5, 2.5), (2.5, 2.5))
FAR = ((20.0, 0.0), (20.0, 8.0), (28.0, 8.0), (28.0, 0.0), (20.0, 0.0))
ODD = ((21.0, 1.0), (22.0, 1.0), (22.0, 2.0), (21.0, 1.0))
UTM_33 = (
    'PROJCS["WGS_1984_UTM_Zone_33N",GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,'
    '298.257223563]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
    'PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",15.0],'
    'PARAMETER["Scale_Factor",0.9996],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)

Rings = tuple[tuple[tuple[float, float], ...], ...]


def wkb(rings: Rings, *, order: str = "<", more: int = 0) -> bytes:
    """A polygon, with as many numbers of 7 more at each corner (1: z, 2: m, 3: both; as ISO has them)."""
    extra = (7.0,) * (2 if more == 3 else bool(more))
    parts = [struct.pack(f"{order}BII", order == "<", 3 + 1000 * more, len(rings))]
    for ring in rings:
        parts.append(struct.pack(f"{order}I", len(ring)))
        parts += [struct.pack(f"{order}{2 + len(extra)}d", *corner, *extra) for corner in ring]
    return b"".join(parts)


def many(polygons: list[bytes], *, order: str = "<") -> bytes:
    return struct.pack(f"{order}BII", order == "<", 6, len(polygons)) + b"".join(polygons)


def blob(body: bytes, *, envelope: int = 0, flags: int = 1) -> bytes:
    sizes = (0, 4, 6, 6, 8)
    return struct.pack("<2sBBi", b"GP", 0, flags | envelope << 1, 32633) + b"\0" * 8 * sizes[envelope] + body


def geopackage(path: Path, *geometries: bytes | None, layers: int = 1, srs: int = 32633) -> bytes:
    database = sqlite3.connect(path)
    database.executescript(
        "CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT, "
        "organization_coordsys_id INTEGER, definition TEXT, description TEXT);"
        "CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT, srs_id INTEGER);"
        "CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, geometry_type_name TEXT, "
        "srs_id INTEGER, z INTEGER, m INTEGER);"
        "INSERT INTO gpkg_spatial_ref_sys VALUES ('u', 32633, 'EPSG', 32633, 'x', ''), ('n', -1, 'NONE', -1, '', '')"
    )
    database.execute("INSERT INTO gpkg_spatial_ref_sys VALUES ('o', 100000, 'me', 7, ?, '')", (UTM_33,))
    for layer in range(layers):
        name = f'my "layer" {layer}'
        quoted = name.replace('"', '""')
        database.execute(f'CREATE TABLE "{quoted}" (fid INTEGER PRIMARY KEY, "the geom" BLOB)')
        database.execute("INSERT INTO gpkg_contents VALUES (?, 'features', ?)", (name, srs))
        database.execute(
            "INSERT INTO gpkg_geometry_columns VALUES (?, 'the geom', 'POLYGON', ?, 0, 0)", (name, srs)
        )
        database.executemany(
            f'INSERT INTO "{quoted}" ("the geom") VALUES (?)',  # noqa: S608 - the test's own name
            [(geometry,) for geometry in geometries],
        )
    database.commit()
    database.close()
    return path.read_bytes()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("more", [0, 1, 2, 3])
@pytest.mark.parametrize("envelope", [0, 1, 4])
def test_a_geopackages_polygons_come_whatever_its_dialect(
    tmp_path: Path, order: str, more: int, envelope: int
) -> None:
    first, second = (wkb(rings, order=order, more=more) for rings in ((SQUARE, HOLE), (FAR,)))
    data = geopackage(
        tmp_path / "a.gpkg",
        blob(many([first, second], order=order), envelope=envelope),
        None,
        blob(b"", flags=0b10001),
        blob(wkb((FAR,), order=order), envelope=envelope),
    )
    assert of_geopackage(data) == Aoi(crs="EPSG:32633", polygons=((SQUARE, HOLE), (FAR,), (FAR,)))


def test_a_crs_of_ones_own_is_its_definition(tmp_path: Path) -> None:
    found = of_geopackage(geopackage(tmp_path / "a.gpkg", blob(wkb((SQUARE,))), srs=100_000))
    assert found.crs == UTM_33


def test_what_is_no_area_is_refused_by_its_fault(tmp_path: Path) -> None:
    whole = geopackage(tmp_path / "a.gpkg", blob(wkb((SQUARE,))))
    point = blob(struct.pack("<BI2d", 1, 1, 0.0, 0.0))
    cases = {
        "layers my.*0, my.*1": geopackage(tmp_path / "b.gpkg", blob(wkb((SQUARE,))), layers=2),
        "layers none": geopackage(tmp_path / "c.gpkg", layers=0),
        "states no CRS": geopackage(tmp_path / "d.gpkg", blob(wkb((SQUARE,))), srs=-1),
        "holds points": geopackage(tmp_path / "e.gpkg", point),
        "none of its standard": geopackage(tmp_path / "f.gpkg", b"XX" + blob(wkb((SQUARE,)))[2:]),
        "damaged": whole[: len(whole) // 2],
        "at least three corners": geopackage(tmp_path / "g.gpkg", None),
    }
    cut = geopackage(tmp_path / "h.gpkg", blob(wkb((SQUARE,)))[:-9])
    for message, data in [*cases.items(), ("damaged", cut), ("damaged", b"")]:
        with pytest.raises(ConfigError, match=message):
            of_geopackage(data)


def record(*rings: tuple[tuple[float, float], ...], kind: int = 5) -> bytes:
    points = [corner for ring in rings for corner in ring]
    starts = [sum(map(len, rings[:place])) for place in range(len(rings))]
    body = struct.pack("<i4d2i", kind, 0, 0, 0, 0, len(rings), len(points))
    body += struct.pack(f"<{len(starts)}i", *starts) + b"".join(struct.pack("<2d", *each) for each in points)
    return body + (b"\0" * (16 + 8 * len(points)) if kind == 15 else b"")


def shapefile(*records: bytes) -> bytes:
    body = b"".join(
        struct.pack(">2i", number, len(each) // 2) + each for number, each in enumerate(records, 1)
    )
    return struct.pack(">7i2i8d", 9994, *(0,) * 5, (100 + len(body)) // 2, 0, 0, *(0.0,) * 8) + body


@pytest.mark.parametrize("kind", [5, 15])
def test_a_shapefiles_holes_are_of_the_ring_around_them(kind: int) -> None:
    data = shapefile(
        record(SQUARE, FAR, ODD, HOLE, ISLAND, kind=kind), struct.pack("<i", 0), record(FAR, kind=kind)
    )
    found = of_shapefile(data, crs="EPSG:32633")
    assert found.polygons == ((SQUARE, HOLE), (FAR, ODD), (ISLAND,), (FAR,))


def test_rings_that_run_the_wrong_way_are_outer_ones() -> None:
    assert of_shapefile(shapefile(record(HOLE)), crs="x").polygons == ((HOLE,),)


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_shapefile_is_refused_or_read_and_never_runs_on(place: int, value: int) -> None:
    data = bytearray(shapefile(record(SQUARE, HOLE), record(FAR)))
    data[place % len(data)] = value
    for damaged in (bytes(data), bytes(data[: place % len(data)])):
        try:
            assert of_shapefile(damaged, crs="x").polygons
        except ConfigError as error:
            assert "aoi" in str(error)  # noqa: PT017 - either is right


def test_a_shapefile_that_ends_early_is_refused() -> None:
    data = shapefile(record(SQUARE, HOLE), record(FAR))
    for end in range(len(data)):
        with pytest.raises(ConfigError, match="aoi is a Shapefile that is damaged"):
            of_shapefile(data[:end], crs="x")


def test_a_bit_that_is_wrong_in_a_shapefile_loses_no_corner_unsaid() -> None:
    rings = (SQUARE, HOLE, FAR)
    data = shapefile(*map(record, rings))
    refused = 0
    for bit in range(8 * 100, 8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            found = of_shapefile(bytes(damaged), crs="x").polygons
        except ConfigError:
            refused += 1
        else:
            assert sum(len(ring) for polygon in found for ring in polygon) == sum(map(len, rings))
    assert refused > 0


def test_points_are_refused() -> None:
    with pytest.raises(ConfigError, match="of kind 1: expected polygons"):
        of_shapefile(shapefile(struct.pack("<i2d", 1, 0, 0)), crs="x")


def test_files_are_told_by_their_names(tmp_path: Path, s3: str) -> None:
    geopackage(tmp_path / "a.gpkg", blob(wkb((SQUARE,))))
    (tmp_path / "b.shp").write_bytes(shapefile(record(SQUARE)))
    with pytest.raises(ConfigError, match=r"states no CRS, .*b\.prj"):
        area_of(str(tmp_path / "b.shp"))
    (tmp_path / "b.prj").write_text(UTM_33 + "\n")
    assert area_of(str(tmp_path / "a.gpkg")) == Aoi(crs="EPSG:32633", polygons=((SQUARE,),))
    assert area_of(str(tmp_path / "b.shp")) == Aoi(crs=UTM_33, polygons=((SQUARE,),))
    objects.put_bytes(Location(f"{s3}/a.gpkg"), (tmp_path / "a.gpkg").read_bytes())
    assert area_of(f"{s3}/a.gpkg") == area_of(str(tmp_path / "a.gpkg"))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.gpkg", "b.prj", "b.shp"]
    (tmp_path / "c.kmz").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(ConfigError, match=r"c\.kmz: expected GeoJSON, WKT, a GeoPackage"):
        area_of(str(tmp_path / "c.kmz"))


def test_a_shapefile_and_a_geopackage_outline_the_same_pixels(tmp_path: Path) -> None:
    import numpy as np  # noqa: PLC0415 - of this test alone

    from pipeline import raster  # noqa: PLC0415 - the same
    from pipeline.sources.naming import scene_of  # noqa: PLC0415 - the same
    from tests.pipeline.rasters import extent, write  # noqa: PLC0415 - the same

    view = raster.view_of(scene_of(write(tmp_path / "a.tif", np.zeros((1, 50, 60), np.uint8))))
    ring = tuple((500_010.0 + 2 * x, 4_999_990.0 - 3 * y) for x, y in SQUARE[::-1])
    (tmp_path / "b.shp").write_bytes(shapefile(record(ring)))
    (tmp_path / "b.prj").write_text(UTM_33)
    geopackage(tmp_path / "a.gpkg", blob(wkb((ring,))))
    first, second = (
        raster.outline_of(view, area_of(str(tmp_path / name))).inside(extent(view))
        for name in ("b.shp", "a.gpkg")
    )
    assert np.array_equal(first, second)
    assert first.sum() == 8 * 12
