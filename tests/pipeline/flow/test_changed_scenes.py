"""A scene whose files change: all that it depends on is noted, and looked at again before a window counts."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pipeline import raster
from pipeline.config import PLAIN, Reading
from pipeline.errors import RasterError, ResumeError
from pipeline.flow import scene_inputs
from pipeline.geometry.scene import Scene
from pipeline.geometry.window import Window
from pipeline.output import Output, ledger
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.flow.test_flow import whiten
from tests.pipeline.flow.watch.test_faults import Once
from tests.pipeline.flow.watch.test_quarantine import WHITE
from tests.pipeline.flows import digests, paint, run_flow
from tests.pipeline.rasters import write
from tests.servers.relay import counting_relay
from tests.servers.s3_server import S3Server

MOSAIC = """<VRTDataset rasterXSize="20" rasterYSize="10"><VRTRasterBand dataType="Byte" band="1">
<SimpleSource><SourceFilename relativeToVRT="{relative}">{file}</SourceFilename></SimpleSource>
</VRTRasterBand></VRTDataset>"""
WORLD = "2\n0\n0\n-2\n500001\n4999999\n"


def level(path: Path, value: int, **options: str) -> Path:
    """A raster of one level; of any level it has as many bytes."""
    path.parent.mkdir(exist_ok=True)
    write(path, np.full((1, 10, 20), value, np.uint8), **options)
    return path


def mosaic(path: Path, file: str, *, relative: int = 1) -> Path:
    path.write_text(MOSAIC.format(file=file, relative=relative))
    return path


def archive(folder: Path) -> Path:
    """A folder with scenes of each kind: plain, a photograph, a mosaic, and a mosaic of a mosaic."""
    level(folder / "a.tif", 5)
    level(folder / "tiles" / "t.tif", 5)
    level(folder / "photo.png", 5, driver="PNG")
    (folder / "photo.png.aux.xml").unlink()
    mosaic(folder / "inner.vrt", "tiles/t.tif")
    mosaic(folder / "outer.vrt", "inner.vrt")
    return folder


def commit(output: str, scene: Scene) -> None:
    """Commit a window of a scene as the flow would."""
    ledger.commit(Output(output).scene(scene.scene_id), window=Window(0, 0, 1, 1), digests={}, statistics=[])


def put(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: objects.put_bytes(Location(str(folder / name)), text.encode())


def again(name: str, value: int = 200) -> Callable[[Path], None]:
    """Deliver a raster anew."""

    def change(folder: Path) -> None:
        level(folder / name, value, driver="GTiff")
        os.utime(folder / name, ns=(1, 1))

    return change


CHANGES = {
    "a tile": ("inner.vrt", again("tiles/t.tif"), r"etag of .*tiles/t\.tif was"),
    "a tile of a mosaic in it": ("outer.vrt", again("tiles/t.tif"), r"etag of .*tiles/t\.tif was"),
    "a mosaic in it": (
        "outer.vrt",
        put("inner.vrt", MOSAIC.format(file="./tiles/t.tif", relative=1)),
        r"size_bytes of .*inner\.vrt was",
    ),
    "a tile's mask": ("outer.vrt", again("tiles/t.tif.msk"), r"t\.tif\.msk is new"),
    "a tile's metadata": (
        "inner.vrt",
        put("tiles/t.tif.aux.xml", "<PAMDataset/>"),
        r"t\.tif\.aux\.xml is new",
    ),
    "a mosaic's overviews": ("inner.vrt", again("inner.vrt.ovr"), r"inner\.vrt\.ovr is new"),
    "a world file": ("photo.png", put("photo.pgw", WORLD), r"photo\.pgw is new"),
    "a world file in capitals": ("photo.png", put("PHOTO.PGW", WORLD), r"PHOTO\.PGW is new"),
    "metadata": ("photo.png", put("photo.png.aux.xml", "<PAMDataset/>"), r"photo\.png\.aux\.xml is new"),
    "a mask": ("a.tif", again("a.tif.msk"), r"a\.tif\.msk is new"),
    "overviews": ("a.tif", again("a.tif.ovr"), r"a\.tif\.ovr is new"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_a_scene_depends_on_is_noticed_by_a_later_run(tmp_path: Path, what: str) -> None:
    name, change, message = CHANGES[what]
    folder, output = archive(tmp_path / "archive"), f"{tmp_path}/out"
    scene = scene_of(str(folder / name))
    before = scene_inputs.inputs_of(scene, PLAIN)
    scene_inputs.pin_view(Output(output), scene, PLAIN)
    commit(output, scene)
    put("a.txt", "notes")(folder)  # what is nothing of the scene's
    again("b.tif")(folder)
    scene_inputs.pin_view(Output(output), scene, PLAIN)
    scene_inputs.check_unchanged(before, PLAIN)
    change(folder)
    with pytest.raises(ResumeError, match=message + ".*--keep-valid"):
        scene_inputs.pin_view(Output(output), scene, PLAIN)
    with pytest.raises(RasterError, match="changed while it was read: .*" + message):
        scene_inputs.check_unchanged(before, PLAIN)
    scene_inputs.pin_view(Output(output), scene, PLAIN, keep_valid=True)
    assert not ledger.done(Output(output).scene(scene.scene_id))
    scene_inputs.check_unchanged(scene_inputs.inputs_of(scene, PLAIN), PLAIN)


def test_what_is_gone_is_a_change_too(tmp_path: Path) -> None:
    folder, output = archive(tmp_path / "archive"), f"{tmp_path}/out"
    scene = scene_of(str(folder / "photo.png"))
    put("photo.pgw", WORLD)(folder)
    found = scene_inputs.inputs_of(scene, PLAIN)
    scene_inputs.pin_view(Output(output), scene, PLAIN)
    commit(output, scene)
    (folder / "photo.pgw").unlink()
    with pytest.raises(ResumeError, match=r"photo\.pgw is gone"):
        scene_inputs.pin_view(Output(output), scene, PLAIN)
    with pytest.raises(RasterError, match=r"photo\.pgw is gone"):
        scene_inputs.check_unchanged(found, PLAIN)


def test_a_tile_anywhere_is_noticed_where_it_is_trusted(tmp_path: Path) -> None:
    folder, output, reading = archive(tmp_path / "archive"), f"{tmp_path}/out", Reading(vrt="anywhere")
    inner = mosaic(tmp_path / "inner.vrt", str(folder / "tiles" / "t.tif"), relative=0)
    (tmp_path / "lists").mkdir()
    scene = scene_of(str(mosaic(tmp_path / "lists" / "a.vrt", str(inner), relative=0)))
    scene_inputs.pin_view(Output(output), scene, reading)
    commit(output, scene)
    scene_inputs.pin_view(Output(output), scene, reading)
    again("tiles/t.tif")(folder)
    with pytest.raises(ResumeError, match=r"etag of .*t\.tif was"):
        scene_inputs.pin_view(Output(output), scene, reading)


def test_an_output_that_noted_less_goes_on(tmp_path: Path) -> None:
    folder, output = archive(tmp_path / "archive"), f"{tmp_path}/out"
    scene = scene_of(str(folder / "inner.vrt"))
    view = scene_inputs.pin_view(Output(output), scene, PLAIN)
    commit(output, scene)
    note = tmp_path / "out" / "inputs" / f"{scene.scene_id}.json"
    told = json.loads(note.read_text())
    del told["beside"]
    note.write_text(json.dumps(told))
    again("tiles/t.tif.msk")(folder)
    assert scene_inputs.pin_view(Output(output), scene, PLAIN) == view
    assert json.loads(note.read_text()) == told
    mosaic(folder / "inner.vrt", "./tiles/t.tif")
    with pytest.raises(ResumeError, match=r"inner\.vrt"):
        scene_inputs.pin_view(Output(output), scene, PLAIN)


def test_a_tile_on_another_machine_is_noticed_at_few_requests(
    s3: str, s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, output = archive(tmp_path / "archive"), f"{tmp_path}/out"
    for name in ("a.tif", "inner.vrt", "tiles/t.tif", "a.tif.msk"):
        source = folder / (name if (folder / name).exists() else "a.tif")
        objects.put_bytes(Location(f"{s3}/{name}"), source.read_bytes())
    plain, virtual = scene_of(f"{s3}/a.tif"), scene_of(f"{s3}/inner.vrt")
    for scene in (plain, virtual):
        scene_inputs.pin_view(Output(output), scene, PLAIN)
        commit(output, scene)
    with counting_relay(s3_server.endpoint) as relay:
        monkeypatch.setenv("AWS_ENDPOINT_URL", relay.endpoint)
        scene_inputs.pin_view(Output(output), plain, PLAIN)
        scene_inputs.check_unchanged(scene_inputs.inputs_of(plain, PLAIN), PLAIN)
        assert len(relay.requests) == 3, relay.requests  # one each time it is looked at
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint)
    scene_inputs.pin_view(Output(output), virtual, PLAIN)
    objects.put_bytes(Location(f"{s3}/tiles/t.tif"), level(tmp_path / "new.tif", 9).read_bytes())
    with pytest.raises(ResumeError, match=r"etag of .*/tiles/t\.tif was"):
        scene_inputs.pin_view(Output(output), virtual, PLAIN)


def test_an_object_that_is_replaced_is_read_anew_by_the_same_process(s3: str, tmp_path: Path) -> None:
    """GDAL keeps what it read, and a file that is there no more; of a mosaic its tiles."""
    put_mosaic = mosaic(tmp_path / "a.vrt", "t.tif").read_bytes()
    objects.put_bytes(Location(f"{s3}/a.vrt"), put_mosaic)
    for name in ("t.tif", "a.vrt"):
        scene, before = scene_of(f"{s3}/{name}"), None
        for value in (5, 9, 7):
            objects.put_bytes(Location(f"{s3}/t.tif"), level(tmp_path / "t.tif", value).read_bytes())
            if before is not None:
                with pytest.raises(RasterError, match=r"etag of .*t\.tif was"):
                    scene_inputs.check_unchanged(before, PLAIN)
            before = scene_inputs.inputs_of(scene, PLAIN)
            view = scene_inputs.pin_view(Output(f"{tmp_path}/out"), scene, PLAIN, inputs=before)
            found, _ = raster.read_view(view, Window(0, 0, 10, 20), etags=before.etags)
            assert (found == value).all()


def test_of_s3_only_the_object_that_was_noted_is_read(s3: str, tmp_path: Path) -> None:
    scene = scene_of(f"{s3}/a.tif")
    pixels = np.random.default_rng(0).integers(0, 255, (1, 512, 512), np.uint8)
    objects.put_bytes(Location(scene.uri), Path(write(tmp_path / "a.tif", pixels, tiled=True)).read_bytes())
    files = scene_inputs.inputs_of(scene, PLAIN)
    view = raster.view_of(scene, etags=files.etags)
    raster.read_view(view, Window(0, 0, 16, 16), etags=files.etags)
    objects.put_bytes(
        Location(scene.uri), Path(write(tmp_path / "a.tif", pixels // 2, tiled=True)).read_bytes()
    )
    with pytest.raises(RasterError, match="pre-conditions you specified did not hold"):
        raster.read_view(view, Window(256, 256, 256, 256), etags=files.etags)
    now = scene_inputs.inputs_of(scene, PLAIN)
    found, _ = raster.read_view(view, Window(256, 256, 256, 256), etags=now.etags)
    np.testing.assert_array_equal(found[..., 0], pixels[0, 256:, 256:] // 2)


class Replacing(Once):
    """A scene is delivered anew while its windows are segmented."""

    scene: Path
    other: Path

    def happen(self) -> None:
        shutil.copy(self.other, f"{self.scene}.part")
        Path(f"{self.scene}.part").replace(self.scene)


def make_replacing(weights: Mapping[str, np.ndarray], *, scene: Path, other: Path, mark: Path) -> Once:
    found = type("Replacing", (Replacing,), {"mark": mark, "scene": scene, "other": other})
    segmenter: Once = found(**{name: int(value) for name, value in weights.items()})
    return segmenter


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_a_scene_that_is_replaced_while_it_is_read_is_never_done_of_two_images(tmp_path: Path) -> None:
    scene, other = whiten(paint(tmp_path / "a.tif"), WHITE), paint(tmp_path / "b.tif", seed=8)
    make = partial(make_replacing, scene=scene, other=other, mark=tmp_path / "mark")
    first = run_flow([scene], tmp_path / "out", make_segmenter=make)
    assert first.windows_failed >= 3  # all but what was stored before
    assert first.windows_done + first.windows_failed == 4
    assert all("changed while it was read" in failure.message for failure in first.failures)
    if first.windows_done:  # they are of the first image: nothing is added to them
        refused = run_flow([scene], tmp_path / "out")
        assert [failure.error for failure in refused.failures] == ["ResumeError"]
    again_ = run_flow([scene], tmp_path / "out", keep_valid=True)
    assert (again_.windows_done, again_.failures) == (4, ())
    run_flow([scene], tmp_path / "fresh")
    assert digests(tmp_path / "out") == digests(tmp_path / "fresh")
