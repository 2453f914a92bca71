from itertools import islice
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.sources import list_scenes
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.location import Location

NAMES = ("b.tif", "a.TIFF", "notes.dat", "deep/er/c.png", "deep/d.vrt", ".hidden/e.tif")


def fill(root: str) -> str:
    for name in NAMES:
        objects.put_bytes(Location(objects.join(root, name)), b"")
    return root


def names(root: str, *specs: str) -> list[str]:
    return [scene.uri.removeprefix(f"{root}/") for scene in list_scenes([f"{root}/{spec}" for spec in specs])]


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest) -> str:
    """The same few files on disk and on a real S3 server."""
    return fill(str(request.getfixturevalue({"local": "tmp_path", "s3": "s3"}[request.param])))


def test_a_folder_gives_its_rasters_at_any_depth(root: str) -> None:
    assert names(root, "") == ["a.TIFF", "b.tif", "deep/d.vrt", "deep/er/c.png"]
    assert [scene.uri for scene in list_scenes([root])] == [f"{root}/{name}" for name in names(root, "")]


def test_a_glob_gives_the_rasters_that_match(root: str) -> None:
    assert names(root, "[ab]*") == ["a.TIFF", "b.tif"]
    assert names(root, "deep/**/*.png") == ["deep/er/c.png"]


def test_a_named_file_is_taken_whatever_it_is(root: str) -> None:
    assert names(root, "notes.dat", "missing.tif") == ["notes.dat", "missing.tif"]


def test_specs_keep_their_order_and_a_scene_is_once(root: str) -> None:
    assert names(root, "b.tif", "*.TIFF", "*.tif", "b.tif") == ["b.tif", "a.TIFF"]


@pytest.mark.parametrize("spec", ["deep/er/*.tif", "nowhere/", "nowhere/*.tif"])
def test_a_spec_without_a_scene_is_refused_when_reached(root: str, spec: str) -> None:
    scenes = list_scenes([f"{root}/b.tif", f"{root}/{spec}"])
    assert next(scenes).uri.endswith("b.tif")
    with pytest.raises(ConfigError, match="no scene at"):
        list(scenes)


@pytest.mark.parametrize("specs", [[], [""]])
def test_no_spec_is_refused(specs: list[str]) -> None:
    with pytest.raises(ConfigError, match="no scene"):
        list(list_scenes(specs))


def test_a_prefix_that_holds_nothing_is_refused(s3: str) -> None:
    with pytest.raises(ConfigError, match="no scene at"):
        list(list_scenes([f"{s3}/nothing"]))


def test_a_name_with_a_bracket_is_a_file_first(tmp_path: Path) -> None:
    path = tmp_path / "north[1].tif"
    path.touch()
    (tmp_path / "north1.tif").touch()
    assert list(list_scenes([str(path)])) == [scene_of(str(path))]


def test_listing_is_lazy(tmp_path: Path) -> None:
    for index in range(20):
        (tmp_path / f"{index:02}.tif").touch()
    scenes = list_scenes([str(tmp_path), "s3://never-asked/*"])
    assert [Path(scene.uri).name for scene in islice(scenes, 2)] == ["00.tif", "01.tif"]
