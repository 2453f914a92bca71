"""All scenes as one layer, as GDAL reads it, against the class ids of each."""

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
from rasterio.warp import transform

from pipeline.geometry.transform import to_crs
from pipeline.output import Output
from pipeline.raster.gdal.environment import environment
from pipeline.raster.gdal.naming import gdal_path
from pipeline.storage.access import Storage
from tests.pipeline.export.gdal_names import names_of
from tests.pipeline.export.placed_scenes import NAMES, PLACES, blocks, export_scenes, make_placed, opened
from tests.pipeline.made_outputs import output_at

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

EDGE_PX, SIDE_PX = 700, 20


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Output:
    """Two scenes that lie side by side on one grid and overlap by 20 columns, and one in each other place."""
    output = output_at(tmp_path_factory.mktemp("made") / "out")
    make_placed(output, "half", blocks(), "utm", done={(0, 0)})
    make_placed(output, "a-old", blocks(seed=1), "utm", datetime="2024-01-01")
    make_placed(
        output, "b-new", blocks(seed=2), "utm", datetime="2024-01-02/2024-02-01", moved_px=EDGE_PX - 20
    )
    for number, place in enumerate(("degrees", "mercator", "nowhere", "rotated")):
        make_placed(output, place, blocks(seed=number), place)
    return output


def test_scenes_that_share_a_grid_are_in_it_pixel_for_pixel(output: Output, tmp_path: Path) -> None:
    folder = tmp_path / "cogs"

    export_scenes(output, folder, "a-old", "b-new", "degrees")

    with rasterio.open(folder / "mosaic.gti.gpkg") as mosaic:
        row, col = (round(each) for each in mosaic.index(5e5, 5e6, op=float))
        window = rasterio.windows.Window(col, row, 2 * EDGE_PX - 20, 600)
        found = mosaic.read(1, window=window)
        assert (mosaic.driver, mosaic.count, mosaic.dtypes, mosaic.nodata) == ("GTI", 1, ("uint8",), 255)
        assert (mosaic.crs.to_epsg(), mosaic.res, mosaic.overviews(1)[0]) == (32633, (10, 10), 2)
        palette = mosaic.colormap(1)
    older, newer = blocks(seed=1), blocks(seed=2)
    expected = np.full((600, 2 * EDGE_PX - 20), 255, np.uint8)
    expected[:, :EDGE_PX] = older
    expected[:, EDGE_PX - 20 :] = np.where(newer != 255, newer, expected[:, EDGE_PX - 20 :])
    np.testing.assert_array_equal(found, expected)
    colors = opened(output, "a-old").colors
    assert [palette[number][:3] for number in range(4)] == [tuple(bytes.fromhex(each[1:])) for each in colors]
    assert names_of(folder / "mosaic.gti.gpkg").categories == ["other", *NAMES]


def test_scenes_of_other_systems_and_rotated_ones_lie_where_they_are(output: Output, tmp_path: Path) -> None:
    folder = tmp_path / "cogs"

    export_scenes(output, folder, "a-old", "degrees", "mercator", "rotated", "b-new")

    with rasterio.open(folder / "mosaic.gti.gpkg") as mosaic:
        for number, place in ((0, "degrees"), (1, "mercator"), (3, "rotated")):
            squares = blocks(side_px=1, seed=number)
            rows, cols = ((np.indices(squares.shape) + 0.5) * SIDE_PX).reshape(2, -1)
            crs, grid = PLACES[place]
            x, y = to_crs(grid, rows=rows, cols=cols)
            points = np.column_stack(transform(crs, "EPSG:32633", x, y))
            found = [values[0] for values in mosaic.sample(points)]
            np.testing.assert_array_equal(found, squares.ravel(), err_msg=place)


def test_it_is_an_index_map_of_all_scenes_for_people(output: Output, tmp_path: Path) -> None:
    folder = tmp_path / "cogs"

    export_scenes(output, folder, "a-old", "b-new", "half", "nowhere", "rotated")

    index = pyogrio.read_dataframe(folder / "mosaic.gti.gpkg").set_index("scene_id")
    assert list(index.index) == ["a-old", "b-new", "half", "nowhere", "rotated"]
    assert list(index.location) == [
        "a-old.tif",
        "b-new.tif",
        "half.tif",
        "nowhere.tif",
        "rotated-north-up.vrt",
    ]
    assert [str(each)[:10] for each in index.datetime] == ["2024-01-01", "2024-01-02", "NaT", "NaT", "NaT"]
    assert list(index.windows_done) == [9, 9, 1, 9, 9]
    assert list(index.windows_missing) == [0, 0, 8, 0, 0]
    assert index.uri["a-old"] == "s3://scenes/a-old.tif"
    assert [each is None for each in index.geometry] == [False, False, False, True, False]
    assert index.geometry["a-old"].bounds == (500_000, 4_994_000, 507_000, 5_000_000)
    assert index.loc["b-new"].z_order == 4


def test_scenes_without_any_place_make_no_mosaic(output: Output, tmp_path: Path) -> None:
    folder = tmp_path / "cogs"
    export_scenes(output, folder, "nowhere")
    assert sorted(each.name for each in folder.glob("*.*")) == [
        "nowhere.qml",
        "nowhere.tif",
        "nowhere.tif.aux.xml",
    ]


def test_it_opens_where_it_is_in_object_storage(output: Output, s3: str) -> None:
    export_scenes(output, s3, "a-old")

    with environment(Storage()), rasterio.open(gdal_path(f"{s3}/mosaic.gti.gpkg")) as mosaic:
        np.testing.assert_array_equal(mosaic.read(1), blocks(seed=1))


_KILLED = """
import sys
from pathlib import Path
from tests.pipeline.export.placed_scenes import export_scenes
from tests.pipeline.made_outputs import output_at
export_scenes(output_at(Path(sys.argv[1])), sys.argv[2], "a-old", "b-new", "rotated")
"""


@pytest.mark.slow
def test_killed_and_begun_again_it_ends_with_the_same_bytes(output: Output, tmp_path: Path) -> None:
    export_scenes(output, tmp_path / "undisturbed", "a-old", "b-new", "rotated")

    killed = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _KILLED, output.uri, tmp_path / "killed"]
    )
    first = tmp_path / "killed" / "records" / "cog" / "a-old.json"
    while not first.exists() and killed.poll() is None:
        time.sleep(0.005)
    killed.kill()
    killed.wait()
    assert first.exists()
    export_scenes(output, tmp_path / "killed", "a-old", "b-new", "rotated")

    assert _digests(tmp_path / "killed") == _digests(tmp_path / "undisturbed")


def _digests(folder: Path) -> dict[str, str]:
    files = (each for each in folder.rglob("*") if each.is_file())
    return {str(each.relative_to(folder)): hashlib.sha256(each.read_bytes()).hexdigest() for each in files}
