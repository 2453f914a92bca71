"""Reads follow the file's own blocks: what comes over the wire is what the windows touch, and hardly more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.shutil import copy

from pipeline import raster
from pipeline.config import Reading
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.window import Window
from pipeline.sources.naming import scene_of
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.rasters import extent, write
from tests.servers.relay import Relay, counting_relay
from tests.servers.s3_server import S3Server

SIDE, BLOCK = 2048, 256


@pytest.fixture
def relay(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    with counting_relay(s3_server.endpoint) as one:
        monkeypatch.setenv("AWS_ENDPOINT_URL", one.endpoint)
        yield one


def cog(path: Path, dtype: str, **options: Any) -> Path:  # noqa: ANN401 - GDAL's
    """A COG of coarse shapes and noise, of which no block is empty or alike."""
    random = np.random.default_rng(0)
    shapes = random.integers(0, 200, (3, SIDE // 8, SIDE // 8)).repeat(8, 1).repeat(8, 2)
    pixels = (shapes + random.integers(0, 40, (3, SIDE, SIDE))).astype(dtype)
    write(path.with_suffix(".plain.tif"), pixels, tiled=True)
    copy(path.with_suffix(".plain.tif"), path, driver="COG", blocksize=BLOCK, **options)
    return path


def touched_bytes(path: Path, window: Window, *, overview: int | None = None) -> int:
    """The bytes of the blocks that a window touches, by the file's own index."""
    factor = 1 if overview is None else 2 ** (overview + 1)
    total = 0
    with rasterio.open(path) as source:
        inside = window.intersection(Window(0, 0, source.height // factor, source.width // factor))
        assert inside is not None
        level = {} if overview is None else {"ovr": overview}
        for row in range(inside.row_off // BLOCK, -(-inside.row_end // BLOCK)):
            for col in range(inside.col_off // BLOCK, -(-inside.col_end // BLOCK)):
                total += int(source.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", bidx=1, **level))
    return total


@pytest.mark.parametrize(
    ("dtype", "compress"), [("uint8", "jpeg"), ("uint8", "deflate"), ("uint16", "deflate")]
)
def test_what_is_fetched_is_what_windows_touch(
    tmp_path: Path, s3: str, relay: Relay, dtype: str, compress: str
) -> None:
    path = cog(tmp_path / "a.tif", dtype, compress=compress)
    uri = objects.join(s3, "a.tif")
    objects.put_bytes(Location(uri), path.read_bytes())
    view = raster.view_of(scene_of(uri))
    relay.reset()
    touched = 0
    for window in plan_windows(SIDE, SIDE, window_px=512):
        touched += touched_bytes(path, window.expand(32))
        raster.read_view(view, window.expand(32))
    print(
        f"{dtype} {compress}: {relay.received_bytes / touched:.3f} of {touched} bytes, {relay.connections} connections"
    )
    assert relay.received_bytes <= 1.10 * touched
    assert relay.connections < 12  # of 16 windows with a request or more each: connections are kept


@pytest.mark.parametrize("gsd_m", [8.0, 9.5])
def test_a_coarser_ground_size_moves_its_overview_only(
    tmp_path: Path, s3: str, relay: Relay, gsd_m: float
) -> None:
    path = cog(tmp_path / "a.tif", "uint8", compress="deflate")
    uri = objects.join(s3, "a.tif")
    objects.put_bytes(Location(uri), path.read_bytes())
    relay.reset()
    reading = Reading(gsd_m=gsd_m)
    view = raster.view_of(scene_of(uri), reading)
    raster.read_view(view, extent(view), reading)
    overview = touched_bytes(path, Window(0, 0, SIDE // 4, SIDE // 4), overview=1)
    print(f"{gsd_m} m: {relay.received_bytes / overview:.3f} of {overview} bytes, headers included")
    assert relay.received_bytes <= 1.20 * overview
    assert overview < 0.1 * path.stat().st_size
