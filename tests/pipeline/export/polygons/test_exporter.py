import json
from pathlib import Path
from typing import Any

import duckdb
import geopandas as gpd
import geoparquet_validator
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import shapely

from pipeline import export
from pipeline.errors import ConfigError
from pipeline.export import Exported, NotExported, Selection
from pipeline.export.polygons import Polygons
from pipeline.geometry.areas import pixel_areas_m2
from pipeline.geometry.window import Window
from pipeline.output import Output
from pipeline.storage.location import Location
from tests.pipeline.export.polygons.maps import NO_DATA, rasterized
from tests.pipeline.made_outputs import header_of, make_scene, output_at

NAMES = ("water", "road", "tree")
WINDOW_PX = 64


def blobs(height: int = 150, width: int = 130, *, seed: int = 0) -> np.ndarray:
    """Class ids 0..3 in patches, and some no data."""
    chance = np.random.default_rng(seed)
    coarse = chance.choice(np.array([0, 1, 2, 3, NO_DATA], np.uint8), (height // 4 + 1, width // 4 + 1))
    ids = np.kron(coarse, np.ones((4, 4), np.uint8))[:height, :width].copy()
    grains = chance.random(ids.shape) < 0.05
    ids[grains] = chance.integers(0, 4, np.count_nonzero(grains))
    return ids


def made(
    output: Output, folder: Path, exporter: Polygons | None = None, *, selection: Selection | None = None
) -> Exported | NotExported:
    return export.export_scene(
        "a",
        output=output,
        selection=selection or Selection(window_px=WINDOW_PX),
        exporter=exporter or Polygons(),
        folder=Location(str(folder)),
    )


def table(
    output: Output, folder: Path, exporter: Polygons | None = None, selection: Selection | None = None
) -> gpd.GeoDataFrame:
    exported = made(output, folder, exporter, selection=selection)
    assert isinstance(exported, Exported), exported
    (name,) = exported.files
    return (gpd.read_parquet if name.endswith("parquet") else gpd.read_file)(folder / name)


@pytest.fixture(scope="module")
def ids() -> np.ndarray:
    return blobs()


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory, ids: np.ndarray) -> Output:
    found = output_at(tmp_path_factory.mktemp("made") / "out")
    make_scene(
        found.scene("a"),
        ids,
        names=NAMES,
        window_px=WINDOW_PX,
        origin={"uri": "scene.tif", "datetime": "2026-05-01T10:00:00Z"},
    )
    return found


def areas_by_class(ids: np.ndarray) -> dict[int, float]:
    areas = pixel_areas_m2(header_of(ids), Window(0, 0, *ids.shape))
    assert areas is not None
    return {int(each): areas[ids == each].sum() for each in np.unique(ids) if each != NO_DATA}


def test_areas_sum_to_those_of_the_pixels_and_polygons_are_the_pixels(
    output: Output, ids: np.ndarray, tmp_path: Path
) -> None:
    found = table(output, tmp_path)

    assert found.crs.to_epsg() == 32633
    assert found.groupby("class_id").area_m2.sum().to_dict() == pytest.approx(areas_by_class(ids), rel=1e-9)
    assert found.groupby("class_id").pixels.sum().to_dict() == {
        each: np.count_nonzero(ids == each) for each in range(4)
    }
    assert set(found.scene_id) == {"a"}
    assert set(found.datetime) == {"2026-05-01T10:00:00Z"}
    assert dict(zip(found.class_id, found.class_name, strict=True)) == dict(enumerate(("other", *NAMES)))
    assert found.is_valid.all()
    back = rasterized(found, like=ids, transform=header_of(ids).transform)
    np.testing.assert_array_equal(back, ids)


@pytest.mark.parametrize(
    ("file_format", "simplify_m"), [("parquet", 0.0), ("parquet", 25.0), ("gpkg", 25.0), ("fgb", 25.0)]
)
def test_bytes_depend_on_the_scene_alone(
    ids: np.ndarray, tmp_path: Path, file_format: str, simplify_m: float
) -> None:
    exporter = Polygons(file_format=file_format, simplify_m=simplify_m)
    contents = set()
    for window_px, chunk_px in ((64, 32), (256, 128)):
        output = output_at(tmp_path / f"out-{window_px}-{chunk_px}")
        make_scene(output.scene("a"), ids, names=NAMES, window_px=window_px, chunk_px=chunk_px)
        folder = tmp_path / f"made-{window_px}-{chunk_px}"
        exported = made(output, folder, exporter, selection=Selection(window_px=window_px))
        assert isinstance(exported, Exported)
        assert list(exported.files) == [f"a.{file_format}"]
        contents.add((folder / f"a.{file_format}").read_bytes())

    assert len(contents) == 1


@pytest.mark.parametrize("file_format", ["gpkg", "fgb"])
def test_every_kind_of_file_holds_the_same(output: Output, tmp_path: Path, file_format: str) -> None:
    expected = table(output, tmp_path / "parquet")
    found = table(output, tmp_path / file_format, Polygons(file_format=file_format))

    keys = ["class_id", "pixels", "area_m2", "mean_score"]
    assert found.crs == expected.crs
    names = [name for name in expected.columns if name != "bbox"]
    one, other = (
        each[names].assign(wkb=each.geometry.to_wkb()).sort_values([*keys, "wkb"])
        for each in (found, expected)
    )
    for name in keys:
        np.testing.assert_array_equal(one[name], other[name])
    assert list(one.wkb) == list(other.wkb)


def test_simplified_polygons_have_no_gap_and_no_overlap(
    output: Output, ids: np.ndarray, tmp_path: Path
) -> None:
    before, found = table(output, tmp_path / "raw"), table(output, tmp_path, Polygons(simplify_m=25.0))

    vertices = [shapely.get_num_coordinates(each.geometry).sum() for each in (found, before)]
    assert vertices[0] < vertices[1]
    whole_m2 = np.count_nonzero(ids != NO_DATA) * 100.0
    assert found.area.sum() == pytest.approx(whole_m2, rel=1e-9)
    assert found.union_all().area == pytest.approx(whole_m2, rel=1e-9)
    assert found.is_valid.all()
    assert found.area_m2.sum() == pytest.approx(before.area_m2.sum(), rel=1e-8)
    np.testing.assert_allclose(found.area_m2 / found.area, before.area_m2.sum() / whole_m2, rtol=1e-6)
    assert list(found.pixels) == list(before.pixels)


def test_windows_that_are_not_done_are_in_no_polygon(ids: np.ndarray, tmp_path: Path) -> None:
    output = output_at(tmp_path / "out")
    make_scene(output.scene("a"), ids, names=NAMES, window_px=WINDOW_PX, done={(0, 64), (128, 0)})

    exported = made(output, tmp_path / "made")
    assert isinstance(exported, Exported)
    assert (exported.windows_done, exported.windows_missing) == (2, 7)
    found = gpd.read_parquet(tmp_path / "made" / "a.parquet")

    done = np.zeros_like(ids, np.bool_)
    done[:64, 64:128] = done[128:, :64] = True
    assert found.pixels.sum() == np.count_nonzero(done & (ids != NO_DATA))
    assert found.union_all().area == pytest.approx(found.pixels.sum() * 100.0)


def test_small_polygons_are_left_out_and_classes_chosen(output: Output, tmp_path: Path) -> None:
    whole = table(output, tmp_path / "whole")
    chosen = table(
        output,
        tmp_path / "chosen",
        Polygons(min_area_m2=1000.0),
        selection=Selection(window_px=WINDOW_PX, classes=("road", "tree")),
    )

    expected = whole[whole.class_id.isin([2, 3]) & (whole.area_m2 >= 1000.0)]
    assert 0 < len(chosen) < len(whole)
    assert list(chosen.geometry.to_wkb()) == list(expected.geometry.to_wkb())


def test_geoparquet_is_valid_and_read_by_others(output: Output, tmp_path: Path) -> None:
    found = table(output, tmp_path)
    path = str(tmp_path / "a.parquet")

    report = geoparquet_validator.check(path)
    assert [each for each in report["outcomes"] if each["status"] == "fail"] == []
    assert report["version"] == "1.1.0"
    read = pl.read_parquet(path)
    assert read["area_m2"].sum() == pytest.approx(found.area_m2.sum())
    with duckdb.connect(config={"extension_directory": ""}) as connection:
        total = connection.execute("select sum(area_m2) from read_parquet(?)", [path]).fetchone()
    assert total == pytest.approx((found.area_m2.sum(),))


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:4326", (1e-4, 0.0, 10.0, 0.0, -1e-4, 50.0)),
        ("EPSG:32633", (8.0, 3.0, 5e5, 3.0, -8.0, 5e6)),
        ("EPSG:32633", (10.0, 0.0, 5e5, 0.0, 10.0, 5e6)),
        (None, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)),
    ],
)
def test_polygons_lie_where_the_scene_lies(
    ids: np.ndarray,
    tmp_path: Path,
    crs: str | None,
    transform: tuple[float, float, float, float, float, float],
) -> None:
    output = output_at(tmp_path / "out")
    header = header_of(ids, crs=crs, transform=transform)
    make_scene(output.scene("a"), ids, names=NAMES, header=header, window_px=WINDOW_PX)

    found = table(output, tmp_path / "made")

    assert (found.crs is None) == (crs is None)
    assert found.crs is None or found.crs.to_string() == crs
    assert found.geometry.exterior.is_ccw.all()
    assert found.area_m2.isna().all() == (crs is None)
    back = rasterized(found, like=ids, transform=transform)
    np.testing.assert_array_equal(back, ids)
    report = geoparquet_validator.check(str(tmp_path / "made" / "a.parquet"))
    assert [each for each in report["outcomes"] if each["status"] == "fail"] == []


def test_ids_of_16_bits(tmp_path: Path) -> None:
    names = [f"class {number}" for number in range(1, 401)]
    ids = np.arange(401, dtype=np.uint16)[:, None].repeat(3, axis=1)
    ids[7] = 65535
    output = output_at(tmp_path / "out")
    make_scene(output.scene("a"), ids, names=names, window_px=WINDOW_PX)

    found = table(output, tmp_path / "made")

    assert list(found.class_id) == [each for each in range(401) if each != 7]
    assert found.class_name.iloc[-1] == "class 400"


@pytest.mark.parametrize("file_format", ["parquet", "gpkg", "fgb"])
def test_a_scene_without_data_gives_a_table_without_rows(tmp_path: Path, file_format: str) -> None:
    output = output_at(tmp_path / "out")
    make_scene(output.scene("a"), np.full((70, 70), NO_DATA, np.uint8), names=NAMES, window_px=WINDOW_PX)

    found = table(output, tmp_path / "made", Polygons(file_format=file_format))

    assert len(found) == 0
    assert found.crs.to_epsg() == 32633


@pytest.mark.parametrize(
    ("exporter", "flag"),
    [(Polygons(simplify_m=5.0), "--simplify-m"), (Polygons(min_area_m2=5.0), "--min-area-m2")],
)
def test_metres_need_a_scene_with_a_size(
    ids: np.ndarray, tmp_path: Path, exporter: Polygons, flag: str
) -> None:
    output = output_at(tmp_path / "out")
    make_scene(output.scene("a"), ids, names=NAMES, header=header_of(ids, crs=None), window_px=WINDOW_PX)

    found = made(output, tmp_path / "made", exporter)

    assert isinstance(found, NotExported)
    assert f"{flag} is in metres" in found.reason


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"simplify_m": -1.0}, "--simplify-m takes a number from 0 on, got -1.0"),
        ({"min_area_m2": float("nan")}, "--min-area-m2 takes a number from 0 on, got nan"),
        ({"file_format": "shp"}, "--file-format takes one of parquet, gpkg, fgb, got 'shp'"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Polygons(**options)


def test_row_groups_keep_memory_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: Output) -> None:
    monkeypatch.setattr("pipeline.export.polygons.table._BATCH_ROWS", 50)

    found = table(output, tmp_path)

    with pq.ParquetFile(tmp_path / "a.parquet") as file:
        assert file.num_row_groups == -(-len(found) // 50)
        geo = json.loads(file.metadata.metadata[b"geo"])
    assert geo["columns"]["geometry"]["bbox"] == pytest.approx(list(found.total_bounds))
