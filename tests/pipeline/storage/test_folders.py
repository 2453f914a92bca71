"""Folders as they are found on disks: links in circles, folders of others, dangling links, masks of runs."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.request import pathname2url

import pytest

from jobs.run.settings import segment as settings
from jobs.run.settings.areas import area_of
from pipeline import store
from pipeline.errors import ConfigError
from pipeline.geometry.scene import Header, Scene
from pipeline.output import Output
from pipeline.sources import SceneList
from pipeline.sources.naming import Refusal, scene_of
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.outputs import scene_at
from tests.pipeline.sources.stac.items import asset, item, write

HEADER = Header(
    height=4,
    width=4,
    bands=3,
    dtype="uint8",
    crs_wkt=None,
    transform=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    nodata=None,
)
SETPRIV = [
    "setpriv",
    "--bounding-set",
    "-dac_override,-dac_read_search",
    "--inh-caps",
    "-dac_override,-dac_read_search",
]


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def names(root: Path, spec: str = "") -> list[str]:
    entries = list(SceneList((f"{root}/{spec}",)))
    assert all(isinstance(each, Scene) for each in entries), entries
    return [each.uri.removeprefix(f"{root}/") for each in entries]


@pytest.mark.parametrize("spec", ["", "**/*.tif", "*/*.tif", "[ab]*/**"])
def test_each_file_is_once_whatever_links_lead_to_it(tmp_path: Path, spec: str) -> None:
    touch(tmp_path, "a/first.tif", "b/last.tif")
    (tmp_path / "a/link").symlink_to("../b")
    (tmp_path / "b/link").symlink_to("../a")
    (tmp_path / "a/old").symlink_to("old")
    (tmp_path / "b/up").symlink_to("..")
    (tmp_path / "b/latest.tif").symlink_to("last.tif")
    for other in "abc":
        (tmp_path / f"b/{other}").symlink_to("..")
    assert names(tmp_path, spec) == ["a/first.tif", "b/last.tif"]


def test_what_only_a_link_leads_to_is_found_by_it(tmp_path: Path) -> None:
    touch(tmp_path, "far/x.tif", "far/blob", "walked/.hidden/y.tif", "walked/own.tif")
    (tmp_path / "walked/one").symlink_to("../far")
    (tmp_path / "walked/two").symlink_to("../far")
    (tmp_path / "walked/annex.tif").symlink_to(".hidden/y.tif")
    (tmp_path / "walked/blob.tif").symlink_to("../far/blob")
    assert names(tmp_path / "walked") == ["annex.tif", "blob.tif", "own.tif", "one/x.tif"]
    assert names(tmp_path / "walked", "two/*.tif") == ["two/x.tif"]
    assert names(tmp_path / "walked", "tw*/*.tif") == ["two/x.tif"]


def test_a_dangling_link_is_one_failure_by_its_name(tmp_path: Path) -> None:
    touch(tmp_path, "a/first.tif", "z/last.tif")
    (tmp_path / "a/gone.tif").symlink_to("/no/such/file.tif")
    (tmp_path / "a/itself.tif").symlink_to("itself.tif")
    assert names(tmp_path) == ["a/first.tif", "a/gone.tif", "a/itself.tif", "z/last.tif"]


LIST = """
import sys
from pipeline.sources import SceneList
for spec in sys.argv[1:]:
    for each in SceneList((spec,)):
        print(type(each).__name__, each.uri, getattr(each, "reason", ""), sep="|")
"""


def test_a_folder_of_others_is_one_failure(tmp_path: Path) -> None:
    touch(tmp_path, "a/first.tif", "lost+found/x.tif", "z/last.tif")
    (tmp_path / "lost+found").chmod(0)
    command = [sys.executable, "-c", LIST, str(tmp_path), f"{tmp_path}/**/*.tif"]
    try:
        done = subprocess.run(
            [*(SETPRIV if os.geteuid() == 0 else []), *command], capture_output=True, text=True, check=False
        )
    finally:
        (tmp_path / "lost+found").chmod(0o700)
    assert done.returncode == 0, done.stderr
    lines = [line.split("|") for line in done.stdout.splitlines()]
    expected = [("Scene", "a/first.tif"), ("Refusal", "lost+found"), ("Scene", "z/last.tif")]
    assert sorted((kind, uri.removeprefix(f"{tmp_path}/")) for kind, uri, _ in lines) == sorted(2 * expected)
    assert all("PermissionError" in reason for kind, _, reason in lines if kind == "Refusal")


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue({"local": "tmp_path", "s3": "s3"}[request.param]))


def test_masks_of_runs_are_no_scenes(root: str) -> None:
    objects.put_bytes(Location(f"{root}/a.tif"), b"")
    objects.put_bytes(
        Location(f"{root}/out/run.json"), b'{"format": 2, "vocabulary": [], "model": {}, "grid": {}}'
    )
    objects.put_bytes(Location(f"{root}/out/export.tif"), b"")
    objects.put_bytes(
        Location(f"{root}/theirs/masks.zarr/zarr.json"), b'{"node_type": "group", "attributes": {}}'
    )
    objects.put_bytes(Location(f"{root}/out/scenes/begun/masks.zarr/0/zarr.json"), b"{")
    masks = f"{root}/out/scenes/done/masks.zarr"
    store.lay_out(scene_at(masks), header=HEADER, classes=("a",), chunk_px=4)
    for each in objects.walk(Location(masks)):
        copy = Location(each.uri.replace("/out/scenes/done/", "/copy/"))
        objects.put_bytes(copy, objects.get_bytes(each))
    expected = ["a.tif", "out/export.tif", "theirs/masks.zarr"]
    for spec in (root, f"{root}/**"):
        entries = list(SceneList((spec,)))
        assert [each.uri.removeprefix(f"{root}/") for each in entries] == expected
    for spec in (masks, f"{masks}/", f"{masks}/0/class", f"{masks}/0"):
        with pytest.raises(ConfigError, match="masks that mrovseg wrote"):
            SceneList((spec,)).check()
    objects.put_bytes(Location(f"{root}/list.txt"), b"a.tif\ncopy/masks.zarr\n")
    assert [type(each) for each in SceneList((f"{root}/list.txt",))] == [Scene, Refusal]


def test_a_files_uri_is_the_path_that_it_encodes(tmp_path: Path) -> None:
    folder = tmp_path / "Flight 12 50%"
    path = folder / "Nord S\u00fcd #1?.tif"
    touch(folder, path.name)
    encoded = pathname2url(str(path))
    for uri in (
        path.as_uri(),
        f"file://localhost{encoded}",
        f"file:{encoded}",
        f"FILE://LOCALHOST{encoded}",
        str(path),
    ):
        assert scene_of(uri).uri == str(path)
        write(tmp_path / "item.json", item("it", a=asset(uri)))
        (tmp_path / "list.txt").write_text(f"{uri}\n")
        (tmp_path / "list.csv").write_text(f'uri\n"{uri}"\n')
        for spec in (uri, *((tmp_path / name).as_uri() for name in ("item.json", "list.txt", "list.csv"))):
            assert [each.uri for each in SceneList((spec,))] == [str(path)]
    assert [each.uri for each in SceneList((folder.as_uri(),))] == [str(path)]
    relative = pathname2url(f"Flight 12 50%/{path.name}")
    for href in (f"./{relative}", relative, f"./Flight 12 50%/{path.name}"):
        write(tmp_path / "item.json", item("it", a=asset(href)))
        assert [each.uri for each in SceneList((f"{tmp_path}/item.json",))] == [str(path)]
    touch(tmp_path, "a%20b.tif", "a b.tif")
    write(tmp_path / "item.json", item("it", a=asset("a%20b.tif")))
    assert [each.uri for each in SceneList((f"{tmp_path}/item.json",))] == [f"{tmp_path}/a%20b.tif"]


def test_a_files_uri_is_a_path_for_outputs_areas_and_configurations(tmp_path: Path) -> None:
    folder = tmp_path / "o ut"
    folder.mkdir()
    (folder / "\u00e4.wkt").write_text("POLYGON ((0 0, 1 0, 1 1))")
    (folder / "\u00e4.yaml").write_text("classes: road")
    objects.put_bytes(Location(f"{folder.as_uri()}/x/y"), b"1")
    assert (folder / "x/y").read_bytes() == b"1"
    made = settings.segment_settings({"scenes": "a.tif", "classes": "a", "output": (folder / "out").as_uri()})
    assert made.output == Output(f"{folder}/out")
    assert len(area_of((folder / "\u00e4.wkt").as_uri()).polygons) == 1
    assert settings.read_file((folder / "\u00e4.yaml").as_uri()) == {"classes": "road"}
    for use in (area_of, settings.read_file, lambda uri: SceneList((uri,)).check()):
        with pytest.raises(ConfigError, match="of the machine 'otherhost'"):
            use(f"file://otherhost{folder}/a.yaml")
