"""True masks of Dubai tile 7, some 5450 x 6180 px, as polygons."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
from PIL import Image

from pipeline import export
from pipeline.export import Exported, Selection
from pipeline.export.polygons import Polygons
from pipeline.geometry.areas import pixel_areas_m2
from pipeline.geometry.scene import Header
from pipeline.geometry.window import Window
from pipeline.output import Output
from pipeline.storage.location import Location
from tests.pipeline.export.polygons.maps import NO_DATA, rasterized
from tests.pipeline.made_outputs import header_of, make_scene, output_at

NAMES = ("building", "land", "road", "vegetation", "water")
COLORS = (0x3C1098, 0x8429F6, 0x6EC1E4, 0xFEDD3A, 0xE2A929)
TRANSFORM = (0.3, 0.0, 325_000.0, 0.0, -0.3, 2_780_000.0)


def tile_7(shared_data: Path) -> np.ndarray:
    """Class ids of nine parts laid 3 by 3, what is unlabelled and beyond the parts as no data."""
    parts = [
        np.asarray(Image.open(part).convert("RGB")).astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
        for part in sorted((shared_data / "semseg/dubai/tile7/masks").iterdir())
    ]
    height, width = np.max([part.shape for part in parts], axis=0)
    ids = np.full((3 * height, 3 * width), NO_DATA, np.uint8)
    for number, part in enumerate(parts):
        row, col = number // 3 * height, number % 3 * width
        found = ids[row : row + part.shape[0], col : col + part.shape[1]]
        for class_id, color in enumerate(COLORS, 1):
            found[part == color] = class_id
    return ids


def table(output: Output, folder: Path, *, window_px: int, simplify_m: float = 0.0) -> gpd.GeoDataFrame:
    made = export.export_scene(
        "a",
        output=output,
        selection=Selection(window_px=window_px),
        exporter=Polygons(simplify_m=simplify_m),
        folder=Location(str(folder)),
    )
    assert isinstance(made, Exported)
    return gpd.read_parquet(folder / "a.parquet")


def areas_by_class(ids: np.ndarray, header: Header) -> dict[int, float]:
    sums = np.zeros(NO_DATA + 1)
    for row in range(0, len(ids), 1000):
        part = ids[row : row + 1000]
        areas = pixel_areas_m2(header, Window(row, 0, *part.shape))
        assert areas is not None
        sums += np.bincount(part.ravel(), areas.ravel(), len(sums))
    return {class_id: sums[class_id] for class_id in range(NO_DATA) if sums[class_id]}


@pytest.mark.slow
def test_polygons_of_a_real_scene(shared_data: Path, tmp_path: Path) -> None:
    ids = tile_7(shared_data)
    header = header_of(ids, crs="EPSG:32640", transform=TRANSFORM)
    for window_px, chunk_px in ((2048, 1024), (1536, 512)):
        scene = output_at(tmp_path / f"out-{window_px}").scene("a")
        make_scene(scene, ids, names=NAMES, header=header, window_px=window_px, chunk_px=chunk_px)
    output = output_at(tmp_path / "out-2048")

    found = table(output, tmp_path / "raw", window_px=2048)
    assert found.groupby("class_id").area_m2.sum().to_dict() == pytest.approx(
        areas_by_class(ids, header), rel=1e-9
    )
    back = rasterized(found, like=ids, transform=TRANSFORM)
    np.testing.assert_array_equal(back, ids)

    simplified = table(output, tmp_path / "simplified", window_px=2048, simplify_m=1.0)
    vertices = [shapely.get_num_coordinates(each.geometry).sum() for each in (simplified, found)]
    assert vertices[0] < vertices[1] / 2
    assert simplified.is_valid.all()
    valid_m2 = np.count_nonzero(ids != NO_DATA) * 0.3**2
    assert simplified.area.sum() == pytest.approx(valid_m2, rel=1e-9)
    assert simplified.union_all().area == pytest.approx(valid_m2, rel=1e-9)

    table(output_at(tmp_path / "out-1536"), tmp_path / "other", window_px=1536, simplify_m=1.0)
    assert (tmp_path / "other/a.parquet").read_bytes() == (tmp_path / "simplified/a.parquet").read_bytes()
    assert pq.read_metadata(tmp_path / "raw/a.parquet").num_rows == len(found)
