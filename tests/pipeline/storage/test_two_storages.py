"""One run reads an open bucket at one endpoint without a key and writes to another that wants one."""

from pathlib import Path

import numpy as np
import pytest

from pipeline import flow, raster, store
from pipeline.audit import status
from pipeline.config import FlowSettings, Reading
from pipeline.errors import PipelineError
from pipeline.geometry.scene import Scene
from pipeline.geometry.window import Window
from pipeline.output import Output
from pipeline.sources import SceneList
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.access import FROM_ENVIRONMENT, Storage
from pipeline.storage.location import Location
from pipeline.testing.brightness import make_brightness
from tests.pipeline.flows import CLASSES, LAYOUT, SEGMENTER, SETTINGS, paint
from tests.pipeline.raster.zarr.zarr_images import ome
from tests.servers.open_bucket import put_below_a_prefix
from tests.servers.s3_server import ACCESS_KEY, OPEN_BUCKET, REGION, SECRET_KEY, S3Server

SIDE = 256
NAMES = ["a.tif", "mosaic.vrt", "image.zarr"]
MOSAIC = f"""<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}"><VRTRasterBand dataType="Byte" band="1">
<SimpleSource><SourceFilename relativeToVRT="1">a.tif</SourceFilename><SourceBand>2</SourceBand></SimpleSource>
</VRTRasterBand></VRTDataset>"""
WHOLE = Window(0, 0, SIDE, SIDE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A TIFF, a virtual raster of it, a Zarr image, and a list that names them."""
    found = tmp_path / "scenes"
    found.mkdir()
    paint(found / "a.tif", height=SIDE, width=SIDE)
    (found / "mosaic.vrt").write_text(MOSAIC)
    ome(found / "image.zarr", np.random.default_rng(3).integers(0, 256, (3, SIDE, SIDE)).astype(np.uint8))
    (found / "list.txt").write_text("\n".join(NAMES))
    return found


@pytest.fixture
def prefix(open_s3_server: S3Server, folder: Path) -> str:
    """The same below a prefix of an open bucket."""
    return put_below_a_prefix(open_s3_server, folder)


def run(scenes: SceneList, output: Output) -> dict[str, np.ndarray]:
    """Segment, and return the masks by the names of the scenes."""
    result = flow.run(
        scenes,
        output=output,
        classes=CLASSES,
        make_segmenter=make_brightness,
        weights=SEGMENTER.weights(),
        layout=LAYOUT,
        settings=FlowSettings(**SETTINGS),
        reading=Reading(storage=scenes.storage),
    )
    assert (result.failures, result.windows_done) == ((), len(NAMES))
    listed = [each for each in scenes if isinstance(each, Scene)]
    return {
        each.uri.rsplit("/", 1)[-1]: store.read(output.scene(each.scene_id), "class", WHOLE)
        for each in listed
    }


def test_each_place_is_reached_in_its_own_way(
    ray_cluster: None, s3_server: S3Server, open_s3_server: S3Server, s3: str, prefix: str, folder: Path
) -> None:
    del ray_cluster
    source = Storage(endpoint=open_s3_server.endpoint, anonymous=True)
    output = Output(f"{s3}/out", Storage(endpoint=s3_server.endpoint, region=REGION))
    found = run(SceneList((f"{prefix}/list.txt",), storage=source), output)
    expected = run(SceneList((str(folder / "list.txt"),)), Output(str(folder.parent / "out")))
    assert found.keys() == expected.keys() == set(NAMES)
    for name, mask in expected.items():
        np.testing.assert_array_equal(found[name], mask)
    assert status.status(output).left == 0
    assert {each.uri for each in SceneList((prefix,), storage=source) if isinstance(each, Scene)} == {
        f"{prefix}/{name}" for name in NAMES
    }
    # Nothing of it is at the other endpoint, and here no key of this environment is known.
    assert not objects.exists(Location(f"{prefix}/list.txt"))
    with pytest.raises(PipelineError, match=r"InvalidAccessKeyId|PermissionError"):
        objects.get_bytes(Location(f"{prefix}/list.txt", Storage(endpoint=open_s3_server.endpoint)))
    with pytest.raises(PipelineError, match=r"cannot write|cannot look for"):
        objects.put_bytes(Location(f"{prefix}/mine", source), b"x")


def test_two_servers_with_objects_of_one_name_are_not_mistaken(
    s3_server: S3Server, open_s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del s3_server  # wanted for its environment
    keys = f"[mine]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    (tmp_path / "credentials").write_text(keys)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    source, mine = Storage(endpoint=open_s3_server.endpoint, anonymous=True), Storage(profile="mine")
    theirs = paint(tmp_path / "theirs" / "a.tif", height=SIDE, width=SIDE, seed=1)
    ours = paint(tmp_path / "ours" / "a.tif", height=SIDE, width=SIDE, seed=2)
    uri = f"{put_below_a_prefix(open_s3_server, theirs.parent)}/a.tif"
    assert uri.startswith(f"s3://{OPEN_BUCKET}/")
    objects.put_bytes(Location(uri), ours.read_bytes())
    for storage, path in ((source, theirs), (FROM_ENVIRONMENT, ours), (mine, ours)) * 2:
        reading = Reading(storage=storage)
        pixels, _ = raster.read_view(raster.view_of(scene_of(uri), reading), WHOLE, reading)
        expected, _ = raster.read(str(path), WHOLE)
        np.testing.assert_array_equal(pixels, expected)
        assert raster.read_input(uri, reading).size_bytes == path.stat().st_size
