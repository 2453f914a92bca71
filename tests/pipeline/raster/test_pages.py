"""Pages of a TIFF: how many there are is said, and each is a scene of its own by the name that GDAL gives it."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

from pipeline import raster
from pipeline.sources import list_scenes
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.location import Location
from pipeline.storage.objects.scene_uris import file_of, page_of
from tests.pipeline.rasters import assert_refused, read_whole

PAGES = [
    np.random.default_rng(page).integers(0, 255, (40 + page, 60, 3)).astype(np.uint8) for page in range(3)
]


def pages(path: Path, orientation: int = 1) -> str:
    first, *others = [Image.fromarray(page) for page in PAGES]
    first.save(path, save_all=True, append_images=others, tiffinfo={274: orientation})
    return str(path)


def test_the_first_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    uri = pages(tmp_path / "pages.tif")
    with pytest.warns(NotGeoreferencedWarning), rasterio.open(uri) as source:
        names = source.subdatasets
    assert np.array_equal(read_whole(uri)[0], PAGES[0])
    (told,) = [text for text in raster.view_of(scene_of(uri)).warnings if "pages" in text]
    assert f"it has {len(names)} pages" in told
    assert told.endswith(f"name another as {names[1]}")


def test_a_page_is_a_scene_by_gdals_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = pages(tmp_path / "pages.tif")
    for number, expected in enumerate(PAGES, 1):
        (scene,) = list_scenes([f"GTIFF_DIR:{number}:{uri}"])
        view = raster.view_of(scene)
        assert np.array_equal(read_whole(scene.uri)[0], expected)
        assert not any("pages" in text for text in view.warnings)
        assert raster.read_input(scene.uri) == objects.info(Location(uri))
    monkeypatch.chdir(tmp_path)
    assert scene_of("GTIFF_DIR:2:pages.tif") == scene_of(f"GTIFF_DIR:2:{uri}")
    ids = {scene_of(name).scene_id for name in (uri, f"GTIFF_DIR:1:{uri}", f"GTIFF_DIR:2:{uri}")}
    assert len(ids) == 3


def test_a_list_names_pages_by_its_own_place(tmp_path: Path) -> None:
    uri = pages(tmp_path / "pages.tif")
    (tmp_path / "list.txt").write_text(f"GTIFF_DIR:2:pages.tif\nGTIFF_DIR:3:{uri}\n")
    found = list(list_scenes([str(tmp_path / "list.txt")]))
    assert [scene.uri for scene in found] == [f"GTIFF_DIR:{number}:{uri}" for number in (2, 3)]
    assert np.array_equal(read_whole(found[0].uri)[0], PAGES[1])


def test_a_page_in_a_bucket_too(s3: str, tmp_path: Path) -> None:
    uri = objects.join(s3, "pages.tif")
    objects.put_bytes(Location(uri), Path(pages(tmp_path / "pages.tif")).read_bytes())
    (scene,) = list_scenes([f"GTIFF_DIR:3:{uri}"])
    assert np.array_equal(read_whole(scene.uri)[0], PAGES[2])


def test_each_page_is_turned_as_it_says_itself(tmp_path: Path) -> None:
    uri = pages(tmp_path / "pages.tif", orientation=6)
    assert np.array_equal(read_whole(uri)[0], np.rot90(PAGES[0], -1))
    with Image.open(uri) as stored:
        stored.seek(1)
        turned = stored.getexif().get(274, 1) == 6
    expected = np.rot90(PAGES[1], -1) if turned else PAGES[1]
    assert np.array_equal(read_whole(f"GTIFF_DIR:2:{uri}")[0], expected)


def test_a_page_that_is_not_there_is_refused_by_its_number(tmp_path: Path) -> None:
    uri = pages(tmp_path / "pages.tif")
    assert_refused(f"GTIFF_DIR:9:{uri}", r"GTIFF_DIR:9:.*pages\.tif is no page of")
    assert_refused(f"GTIFF_DIR:2:{tmp_path}/none.tif", "does not exist")
    (tmp_path / "text.tif").write_text("no picture")
    assert_refused(f"GTIFF_DIR:1:{tmp_path}/text.tif", "is a text file")


def test_a_name_of_a_page_is_one_of_a_file() -> None:
    for uri in ("s3://bucket/a.tif", "/a/b.tif", "https://host/a.tif?b=c"):
        assert (page_of(uri), file_of(uri)) == (None, uri)
        assert (page_of(f"GTIFF_DIR:12:{uri}"), file_of(f"GTIFF_DIR:12:{uri}")) == (12, uri)
    for uri in ("GTIFF_DIR:0:a.tif", "GTIFF_DIR:off:8:a.tif", "GTIFF_DIR:2:", "x/GTIFF_DIR:2:a.tif"):
        assert (page_of(uri), file_of(uri)) == (None, uri)
