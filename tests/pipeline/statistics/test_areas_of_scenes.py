"""Class areas of one and the same ground, painted in three reference systems, at two ground sizes and in part."""

import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio
from rasterio.warp import transform, transform_bounds

from pipeline import raster, store
from pipeline.aoi import parse
from pipeline.config import Reading
from pipeline.geometry.window import Window
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from tests.pipeline.flows import LAYOUT, SEGMENTER, run_flow
from tests.pipeline.outputs import scene_at
from tests.pipeline.rasters import extent, write

# A box of longitude and latitude at 48 degrees north, and in it a bright field, a square on its corner: along
# slanting edges what pixels add and take away evens out.
SCENE, MIDDLE, REACH = (11.50, 48.00, 11.53, 48.02), (11.515, 48.0105), (0.012, 0.008)
BRIGHT_ENOUGH = (2, 3)  # a mean above the half: the blur leaves the edge where it is


def paint(path: Path, crs: str, side: float) -> Path:
    """The field by each pixel's own longitude and latitude."""
    left, bottom, right, top = transform_bounds("EPSG:4326", crs, *SCENE)
    height, width = round((top - bottom) / side), round((right - left) / side)
    rows, cols = np.mgrid[0:height, 0:width] + 0.5
    x, y = transform(crs, "EPSG:4326", (left + side * cols).ravel(), (top - side * rows).ravel())
    east, north = (np.reshape(one, rows.shape) for one in (x, y))
    inside = np.abs(east - MIDDLE[0]) / REACH[0] + np.abs(north - MIDDLE[1]) / REACH[1] < 1
    pixels = np.where(inside, 255, 0).astype(np.uint8)[None].repeat(3, 0)
    write(path, pixels, crs=crs, transform=rasterio.Affine(side, 0, left, 0, -side, top), overviews=[2])
    return path


def areas_m2(output: Path) -> dict[tuple[str, int], float]:
    rows = pq.read_table(io.BytesIO((output / "summary.parquet").read_bytes())).to_pylist()
    return {(row["scene_id"].rsplit("-", 1)[0], row["class_id"]): row["area_m2"] for row in rows}


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_one_field_has_one_area_in_every_reference_system(tmp_path: Path) -> None:
    systems = {"degrees": ("EPSG:4326", 2e-5), "mercator": ("EPSG:3857", 2.4), "utm": ("EPSG:32632", 1.6)}
    scenes = [paint(tmp_path / f"{name}.tif", *system) for name, system in systems.items()]
    output = tmp_path / "out"
    assert not run_flow(scenes, output, window_px=512).failures
    areas = areas_m2(output)
    bright = [sum(areas[name, class_id] for class_id in BRIGHT_ENOUGH) for name in systems]
    east_m, north_m = REACH[0] * 111_320 * np.cos(np.radians(MIDDLE[1])), REACH[1] * 111_200
    assert bright[0] == pytest.approx(2 * east_m * north_m, rel=0.01)  # of a round earth
    print({name: round(area) for name, area in zip(systems, bright, strict=True)})
    assert max(bright) / min(bright) < 1.001


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_inside_an_area_of_interest_masks_are_those_of_the_full_run(tmp_path: Path) -> None:
    random = np.random.default_rng(3).integers(0, 256, (3, 30, 35), np.uint8).repeat(10, 1).repeat(10, 2)
    scene = Path(write(tmp_path / "a.tif", random, crs="EPSG:32632"))
    aoi = parse("SRID=32632;POLYGON ((500210 4999895, 500450 4999750, 500250 4999615))")
    for name, gsd_m in (("own", None), ("coarse", 3.1)):
        full, part = tmp_path / name / "full", tmp_path / name / "part"
        every = run_flow([scene], full, reading=Reading(gsd_m=gsd_m), window_px=128)
        some = run_flow([scene], part, reading=Reading(gsd_m=gsd_m, aoi=aoi), window_px=128)
        assert not every.failures + some.failures
        assert 0 < some.windows_done < every.windows_done
        view = raster.view_of(scene_of(str(scene)), Reading(gsd_m=gsd_m))
        inside = raster.outline_of(view, aoi).inside(extent(view))
        masks = [
            objects.join(str(output), "scenes", scene_of(str(scene)).scene_id, "masks.zarr")
            for output in (full, part)
        ]
        whole = Window(0, 0, view.header.height, view.header.width)
        for array, stride_px in (("class", 1), ("score", LAYOUT.stride_px), ("margin", LAYOUT.stride_px)):
            complete, limited = (store.read(scene_at(uri), array, whole) for uri in masks)
            has_data = np.zeros(complete.shape, bool)
            has_data[tuple(at // stride_px for at in np.nonzero(inside))] = True
            assert np.array_equal(limited[has_data], complete[has_data])
            assert (limited[~has_data] == 255).all()
        assert 0.05 < inside.mean() < 0.5


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_scene_that_an_area_of_interest_does_not_touch_has_no_masks_and_is_no_failure(
    tmp_path: Path,
) -> None:
    near, far = (tmp_path / f"{name}.tif" for name in ("near", "far"))
    for path, crs in ((near, "EPSG:32632"), (far, "EPSG:32645")):
        write(path, np.full((3, 200, 200), 9, np.uint8), crs=crs)
    aoi = parse("SRID=32632;500000,4999700,500300,5000000")
    result = run_flow([near, far], tmp_path / "out", reading=Reading(aoi=aoi))
    assert (result.failures, result.windows_done) == ((), 1)
    stores = [path.parent.name for path in (tmp_path / "out" / "scenes").rglob("masks.zarr")]
    assert stores == [scene_of(str(near)).scene_id]
    assert {name for name, _ in areas_m2(tmp_path / "out")} == {"near"}


def test_a_window_without_a_valid_pixel_asks_the_network_nothing(tmp_path: Path) -> None:
    from pipeline.geometry.chips import cover  # noqa: PLC0415 - of this one test
    from pipeline.segment import segment_window  # noqa: PLC0415

    class Silent(type(SEGMENTER)):  # type: ignore[misc]  # the class of a value
        def propose(self, chips: np.ndarray, /) -> dict[str, np.ndarray]:
            raise AssertionError(f"asked for {chips.shape}")

    uri = write(tmp_path / "a.tif", np.zeros((3, 256, 256), np.uint16), nodata=0)
    view, window = raster.view_of(scene_of(uri)), Window(0, 128, 128, 128)
    silent = Silent(chip_px=80, step_px=64, reach_px=8, n_classes=3)
    scene_px = view.header.height, view.header.width
    read = raster.read_view(view, cover(window, LAYOUT, scene_px=scene_px))
    labels = segment_window(silent, *read, window=window, scene_px=scene_px, chunk_px=128, classes=3)
    assert (labels.mask == 255).all()
