"""A storage that fails: what passes is waited for, what does not is said at once, and no byte is another.

Requests go through a proxy before a real S3 server. A failing test prints the seed and what was made to fail.
"""

import io
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio

from pipeline import raster, store
from pipeline.config import PLAIN
from pipeline.errors import OutputError, PipelineError, RasterError
from pipeline.flow import scene_inputs
from pipeline.geometry.window import Window
from pipeline.output import Output
from pipeline.raster.gdal.environment import environment
from pipeline.raster.reading import view_of
from pipeline.segment import class_dtype
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.access import FROM_ENVIRONMENT
from pipeline.storage.location import Location
from pipeline.storage.retry import passes, pauses_s, with_retries
from tests.pipeline.flows import CLASSES, paint
from tests.pipeline.outputs import scene_at
from tests.pipeline.rasters import write
from tests.servers.faulty_proxy import Fault, FaultyProxy, faulty_proxy
from tests.servers.s3_server import S3Server

ROOT = Path(__file__).resolve().parents[3]
QUICK = (Fault.INTERNAL, Fault.SLOW_DOWN, Fault.RESET, Fault.TRUNCATED)


@pytest.fixture
def proxy(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    with faulty_proxy(s3_server.endpoint) as one:
        monkeypatch.setenv("AWS_ENDPOINT_URL", one.endpoint)
        yield one
        print(f"seed {one.seed}: {one.requests} requests, made to fail:", *one.failed, sep="\n  ")


def test_a_seed_fails_the_same_requests_again(s3: str, proxy: FaultyProxy) -> None:
    failed = []
    for seed in (1, 1, 2):
        proxy.disturb(0.3, seed=seed, kinds=(Fault.INTERNAL,))
        for number in range(10):
            objects.put_bytes(Location(f"{s3}/{number}"), b"x")
        failed.append(list(proxy.failed))
    assert failed[0] == failed[1] != failed[2]
    assert failed[0]


@pytest.mark.parametrize("fault", [*QUICK, pytest.param(Fault.STALL, marks=pytest.mark.slow)])
def test_whole_objects_and_listings_survive_each_fault(s3: str, proxy: FaultyProxy, fault: Fault) -> None:
    contents = {f"{number}.json": os.urandom(100_000) for number in range(4)}
    proxy.disturb(0.4 if fault is not Fault.STALL else 0.04, seed=3, kinds=(fault,))
    began_s = time.monotonic()
    for name, content in contents.items():
        uri = objects.join(s3, name)
        objects.put_bytes(Location(uri), content)
        assert objects.exists(Location(uri))
        assert objects.get_bytes(Location(uri)) == content
        assert objects.info(Location(uri)).size_bytes == len(content)
        with objects.opened_object(Location(uri)) as file:
            assert file.read() == content
    assert not objects.exists(Location(f"{s3}/none.json"))
    assert list(objects.list_names(Location(s3))) == sorted(contents)
    assert [objects.get_bytes(found) for found in objects.walk(Location(s3))] == [
        contents[name] for name in sorted(contents)
    ]
    assert proxy.injected[fault] > 0
    # Of the time, what the client's own five seconds of silence are worth, and pauses.
    assert time.monotonic() - began_s < 10 + 6 * proxy.injected[Fault.STALL] + 2 * proxy.requests


def test_masks_written_and_read_through_faults_are_the_same_objects(
    s3: str, proxy: FaultyProxy, tmp_path: Path
) -> None:
    header = raster.read_header(str(paint(tmp_path / "a.tif", height=256, width=256)))
    window, outputs = Window(0, 0, 256, 256), []
    random = np.random.default_rng(0)
    labels = {
        name: random.integers(0, 3, window.shape).astype(np.uint8) for name in ("class", "score", "margin")
    }
    assert labels["class"].dtype == class_dtype(len(CLASSES))
    for name, share in (("calm", 0.0), ("disturbed", 0.3)):
        output = objects.join(s3, name, "scenes/scene/masks.zarr")
        proxy.disturb(share, seed=5, kinds=QUICK)
        store.lay_out(scene_at(output), header=header, classes=CLASSES, chunk_px=128)
        digests = store.write(scene_at(output), labels, window=window)
        np.testing.assert_array_equal(store.read(scene_at(output), "class", window), labels["class"])
        injected = sum(proxy.injected.values())
        proxy.disturb(0, seed=0)
        outputs.append(
            (
                {
                    each.uri.removeprefix(output): objects.get_bytes(each)
                    for each in objects.walk(Location(output))
                },
                digests,
            )
        )
    assert injected > 5
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("fault", QUICK)
def test_pixels_read_through_faults_are_the_pixels(
    s3: str, proxy: FaultyProxy, tmp_path: Path, fault: Fault
) -> None:
    path = paint(tmp_path / "a.tif", height=256, width=256)
    expected, _ = raster.read(str(path), Window(0, 0, 256, 256))
    for number in range(4):  # GDAL keeps what it read: another object each time
        uri = f"{s3}/{number}.tif"
        proxy.disturb(0, seed=0)
        objects.put_bytes(Location(uri), path.read_bytes())
        proxy.disturb(0.5, seed=number, kinds=(fault,))
        found, valid = raster.read(uri, Window(0, 0, 256, 256))
        np.testing.assert_array_equal(found, expected)
        assert valid.all()


def test_an_answer_that_was_cut_off_is_not_kept_for_the_next_read(
    s3: str, proxy: FaultyProxy, tmp_path: Path
) -> None:
    """What GDAL does by itself, and why it is not left to it."""
    uri = f"{s3}/a.tif"
    objects.put_bytes(Location(uri), paint(tmp_path / "a.tif", height=256, width=256).read_bytes())
    view = view_of(scene_of(uri))
    proxy.disturb(1.0, seed=0, kinds=(Fault.TRUNCATED,))
    with environment(FROM_ENVIRONMENT), rasterio.open(f"/vsis3/{uri.removeprefix('s3://')}") as source:
        with pytest.raises(rasterio.errors.RasterioIOError):
            source.read()
        proxy.disturb(0, seed=0)
        with pytest.raises(rasterio.errors.RasterioIOError):
            source.read()
    assert proxy.requests == 0  # the second read asked nobody
    assert raster.read_view(view, Window(0, 0, 256, 256))[1].all()


def test_a_file_that_is_truly_cut_short_fails_soon_and_one_that_is_missing_at_once(
    s3: str, proxy: FaultyProxy, tmp_path: Path
) -> None:
    data = paint(tmp_path / "a.tif", height=256, width=256).read_bytes()
    objects.put_bytes(Location(f"{s3}/a.tif"), data[: len(data) // 2])
    proxy.disturb(0, seed=0)
    began_s = time.monotonic()
    with pytest.raises(RasterError, match=r"cut short|ends early"):
        raster.read(f"{s3}/a.tif", Window(0, 0, 256, 256))
    assert time.monotonic() - began_s < 10
    assert proxy.requests <= 30
    proxy.disturb(0, seed=0)
    with pytest.raises(RasterError, match="does not exist"):
        raster.read(f"{s3}/none.tif", Window(0, 0, 256, 256))
    assert proxy.requests <= 8


def test_a_claim_through_faults_is_the_claim(s3: str, proxy: FaultyProxy, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(100, 4000, (3, 200, 200)).astype(np.uint16)
    objects.put_bytes(Location(f"{s3}/a.tif"), Path(write(tmp_path / "a.tif", values)).read_bytes())
    scene = scene_of(f"{s3}/a.tif")
    view = scene_inputs.pin_view(Output(f"{s3}/calm"), scene, PLAIN)
    for seed in range(3):
        proxy.disturb(0.3, seed=seed, kinds=QUICK)
        assert scene_inputs.pin_view(Output(f"{s3}/disturbed-{seed}"), scene, PLAIN) == view
        assert scene_inputs.pin_view(Output(f"{s3}/disturbed-{seed}"), scene, PLAIN) == view  # as noted
        note = f"inputs/{scene.scene_id}.json"
        assert objects.get_bytes(Location(f"{s3}/disturbed-{seed}/{note}")) == objects.get_bytes(
            Location(f"{s3}/calm/{note}")
        )


def test_a_table_is_read_through_faults(s3: str, proxy: FaultyProxy) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"uri": [f"{number}.tif" for number in range(1000)]}), sink, row_group_size=50)
    objects.put_bytes(Location(f"{s3}/list.parquet"), sink.getvalue())
    injected = 0
    for seed in range(5):
        proxy.disturb(0.5, seed=seed, kinds=QUICK)
        with objects.opened_object(Location(f"{s3}/list.parquet")) as file:
            assert pq.read_table(file).num_rows == 1000
        injected += sum(proxy.injected.values())
    assert injected > 2


def test_a_refused_key_is_refused_once_and_never_read_as_nothing_there(
    s3: str, s3_server: S3Server, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = s3_server.client()
    bucket, _, prefix = s3.removeprefix("s3://").partition("/")
    client.put_object(Bucket=bucket, Key=f"{prefix}/run.json", Body=b"{}")
    client.close()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrongsecret")  # nobody has been at this endpoint before
    with pytest.raises(PipelineError, match="Check the storage's credentials"):
        objects.exists(Location(f"{s3}/run.json"))
    with pytest.raises(OutputError, match=r"cannot write .*/run\.json.*credentials.*same command goes on"):
        objects.put_bytes(Location(f"{s3}/run.json"), b"{}")
    assert proxy.requests == 2


def test_patience_ends_and_what_is_final_is_not_tried_again() -> None:
    assert sum(1 for _ in pauses_s(0.0)) == 0
    tried: list[Exception] = []

    def failing(error: Exception) -> None:
        tried.append(error)
        raise error

    for final in (PermissionError("no"), FileNotFoundError("no"), OSError(28, "full"), ValueError("no")):
        assert not passes(final)
        with pytest.raises(type(final)):
            with_retries(partial(failing, final))
    assert len(tried) == 4
    assert passes(ConnectionResetError())
    assert passes(TimeoutError())
    passing: list[Exception] = [ConnectionResetError(), TimeoutError()]

    def recovering() -> int:
        if passing:
            raise passing.pop()
        return 3

    assert with_retries(recovering) == 3
