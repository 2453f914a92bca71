"""A scene's files, and how they are read, are noted once; what has changed since is not mixed with what is done."""

import dataclasses
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import PLAIN
from pipeline.errors import RasterError, ResumeError
from pipeline.flow import scene_inputs
from pipeline.geometry.scene import Band, Scene
from pipeline.geometry.window import Window
from pipeline.output import Output, ledger
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.rasters import write


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest) -> str:
    """A place on disk and on a real S3 server."""
    return str(request.getfixturevalue({"local": "tmp_path", "s3": "s3"}[request.param]))


def tiff(level: int, *, side: int = 8, bands: int = 1, dtype: str = "uint8") -> bytes:
    """A GeoTIFF of one level."""
    with tempfile.TemporaryDirectory() as folder:
        return Path(write(Path(folder) / "a.tif", np.full((bands, side, side), level, dtype))).read_bytes()


def commit(output: str, scene: Scene) -> None:
    """Commit a window of a scene as the flow would."""
    ledger.commit(Output(output).scene(scene.scene_id), window=Window(0, 0, 1, 1), digests={}, statistics=[])


def noted(output: str, scene: Scene) -> bytes:
    return objects.get_bytes(Location(f"{output}/inputs/{scene.scene_id}.json"))


def test_a_note_is_of_each_file_once_and_the_same_bytes_each_time(root: str) -> None:
    for name, data in (("r.tif", tiff(1)), ("gb.tif", tiff(2, bands=2))):
        objects.put_bytes(Location(f"{root}/{name}"), data)
    bands = (Band(f"{root}/r.tif", 1), Band(f"{root}/gb.tif", 1), Band(f"{root}/gb.tif", 2))
    scene = scene_of(f"{root}/r.tif", name="it", bands=bands)
    scene_inputs.pin_view(Output(f"{root}/out"), scene, PLAIN)
    first = noted(f"{root}/out", scene)
    scene_inputs.pin_view(Output(f"{root}/out"), scene, PLAIN)
    assert noted(f"{root}/out", scene) == first
    found = json.loads(first)
    assert [(each["uri"], each["size_bytes"]) for each in found["files"]] == [
        (f"{root}/r.tif", len(tiff(1))),
        (f"{root}/gb.tif", len(tiff(2, bands=2))),
    ]
    assert all(each["etag"] for each in found["files"])
    assert [each["number"] for each in found["view"]["bands"]] == [1, 1, 2]


def test_a_changed_file_is_refused_once_it_has_masks(root: str) -> None:
    uri, output = f"{root}/a.tif", f"{root}/out"
    scene = scene_of(uri)
    objects.put_bytes(Location(uri), tiff(1))
    scene_inputs.pin_view(Output(output), scene, PLAIN)
    objects.put_bytes(Location(uri), tiff(2, side=12))
    scene_inputs.pin_view(Output(output), scene, PLAIN)  # nothing was made of it yet
    commit(output, scene)
    scene_inputs.pin_view(Output(output), scene, PLAIN)
    before = noted(output, scene)
    objects.put_bytes(Location(uri), tiff(3, side=16))
    with pytest.raises(ResumeError, match=r"a\.tif as it was before it changed"):
        scene_inputs.pin_view(Output(output), scene, PLAIN)
    assert noted(output, scene) == before


def test_a_file_of_the_same_size_is_told_by_its_etag(tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    scene = scene_of(str(file))
    file.write_bytes(tiff(1))
    scene_inputs.pin_view(Output(f"{tmp_path}/out"), scene, PLAIN)
    commit(f"{tmp_path}/out", scene)
    file.write_bytes(tiff(2))
    os.utime(file, ns=(0, 0))
    with pytest.raises(ResumeError):
        scene_inputs.pin_view(Output(f"{tmp_path}/out"), scene, PLAIN)


def test_a_missing_file_is_named_and_nothing_is_noted(root: str) -> None:
    with pytest.raises(RasterError, match=r"none\.tif does not exist"):
        scene_inputs.pin_view(Output(f"{root}/out"), scene_of(f"{root}/none.tif"), PLAIN)
    assert not objects.is_folder(Location(f"{root}/out"))


def test_a_scene_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*")
    with pytest.raises(RasterError, match=r"a\.tif is a text file"):
        scene_inputs.pin_view(Output(f"{tmp_path}/out"), scene_of(str(tmp_path / "a.tif")), PLAIN)
    assert not (tmp_path / "out").exists()


def test_a_missing_band_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(1))
    bands = [Band(str(tmp_path / name), 1) for name in ("a.tif", "gone.tif", "a.tif")]
    with pytest.raises(RasterError, match=r"gone\.tif does not exist"):
        scene_inputs.pin_view(
            Output(f"{tmp_path}/out"), Scene("north", bands[0].uri, (bands[0], bands[1], bands[2])), PLAIN
        )


def test_a_later_run_reads_a_scene_as_the_first_did(tmp_path: Path) -> None:
    scene = scene_of(str(tmp_path / "a.tif"))
    Path(scene.uri).write_bytes(tiff(900, dtype="uint16"))
    first = scene_inputs.pin_view(Output(f"{tmp_path}/out"), scene, PLAIN)
    note = tmp_path / "out" / "inputs" / f"{scene.scene_id}.json"
    told = json.loads(note.read_text())
    told["view"]["ranges"] = [[0.0, 1234.0]]  # as if another version of GDAL had measured it
    note.write_text(json.dumps(told))
    again = scene_inputs.pin_view(Output(f"{tmp_path}/out"), scene, PLAIN)
    assert again == dataclasses.replace(first, ranges=((0.0, 1234.0),))


def test_a_signed_uri_is_noted_without_its_signature_and_read_with_it(tmp_path: Path) -> None:
    file = tmp_path / "a.tif?X-Amz-Signature=secret"
    file.write_bytes(tiff(1))
    scene = scene_of(str(file))
    views = [scene_inputs.pin_view(Output(f"{tmp_path}/out"), scene, PLAIN) for _ in range(2)]
    assert views[0] == views[1]
    assert views[0].bands[0].uri == scene.uri
    assert b"secret" not in noted(f"{tmp_path}/out", scene)
