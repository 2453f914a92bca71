"""A scene's files are noted by who reads them, and what has changed since is not mixed with what is done."""

import json
import os
from pathlib import Path

import pytest

from pipeline import inputs, ledger, objects
from pipeline.errors import RasterError, ResumeError
from pipeline.scene import Band, Scene, scene_of
from pipeline.window import Window


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest) -> str:
    """A place on disk and on a real S3 server."""
    return str(request.getfixturevalue({"local": "tmp_path", "s3": "s3"}[request.param]))


def commit(output: str, scene: Scene) -> None:
    """Commit a window of a scene as the flow would."""
    ledger.commit(output, scene.scene_id, window=Window(0, 0, 1, 1), digests={}, statistics=[])


def noted(output: str, scene: Scene) -> bytes:
    return objects.get_bytes(f"{output}/inputs/{scene.scene_id}.json")


def test_a_note_is_of_each_file_once_and_the_same_bytes_each_time(root: str) -> None:
    for name, data in (("r.tif", b"red"), ("gb.tif", b"green, blue")):
        objects.put_bytes(f"{root}/{name}", data)
    bands = (Band(f"{root}/r.tif", 1), Band(f"{root}/gb.tif", 1), Band(f"{root}/gb.tif", 2))
    scene = scene_of(f"{root}/r.tif", name="it", bands=bands)
    inputs.claim(f"{root}/out", scene)
    first = noted(f"{root}/out", scene)
    inputs.claim(f"{root}/out", scene)
    assert noted(f"{root}/out", scene) == first
    found = json.loads(first)
    assert [(each["uri"], each["size_bytes"]) for each in found["files"]] == [
        (f"{root}/r.tif", 3), (f"{root}/gb.tif", 11),
    ]  # fmt: skip
    assert all(each["etag"] for each in found["files"])
    assert [each["number"] for each in found["bands"]] == [1, 1, 2]


def test_a_changed_file_is_refused_once_it_has_masks(root: str) -> None:
    uri, output = f"{root}/a.tif", f"{root}/out"
    scene = scene_of(uri)
    objects.put_bytes(uri, b"x")
    inputs.claim(output, scene)
    objects.put_bytes(uri, b"longer")
    inputs.claim(output, scene)  # nothing was made of it yet
    commit(output, scene)
    inputs.claim(output, scene)
    before = noted(output, scene)
    objects.put_bytes(uri, b"longer still")
    with pytest.raises(ResumeError, match=r"a\.tif as it was before it changed"):
        inputs.claim(output, scene)
    assert noted(output, scene) == before


def test_a_file_of_the_same_size_is_told_by_its_etag(tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    scene = scene_of(str(file))
    file.write_bytes(b"x")
    inputs.claim(f"{tmp_path}/out", scene)
    commit(f"{tmp_path}/out", scene)
    file.write_bytes(b"y")
    os.utime(file, ns=(0, 0))
    with pytest.raises(ResumeError):
        inputs.claim(f"{tmp_path}/out", scene)


def test_a_missing_file_is_named_and_nothing_is_noted(root: str) -> None:
    with pytest.raises(RasterError, match=r"none\.tif does not exist"):
        inputs.claim(f"{root}/out", scene_of(f"{root}/none.tif"))
    assert not objects.is_folder(f"{root}/out")
