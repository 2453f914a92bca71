"""Servers of the web that answer with all of a file, whatever part of it they are asked for."""

import contextlib
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import raster
from pipeline.config import PLAIN
from pipeline.errors import RasterError
from pipeline.sources import SceneList
from pipeline.sources.naming import scene_of
from tests.pipeline.rasters import write
from tests.servers.stac_server import running


def test_a_server_without_ranges_is_named_and_the_file_is_not_called_damaged(tmp_path: Path) -> None:
    class Files(SimpleHTTPRequestHandler):  # the standard library's knows no ranges
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path))  # type: ignore[arg-type]

        def copyfile(self, source: Any, outputfile: Any) -> None:  # noqa: ANN401 - its base's
            with contextlib.suppress(OSError):  # GDAL hangs up when it has had enough
                super().copyfile(source, outputfile)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
            pass

    pixels = np.random.default_rng(0).integers(0, 255, (3, 1200, 1200)).astype(np.uint8)
    write(tmp_path / "a.tif", pixels, tiled=True)
    with running(Files) as address:
        scene = scene_of(f"{address}/a.tif")
        for ask in (raster.view_of, raster.describe):
            with pytest.raises(RasterError, match="HTTP ranges") as raised:
                ask(scene, PLAIN)
            assert "damaged" not in str(raised.value)
        (entry,) = SceneList((f"{address}/a.tif",))
        assert entry.uri == f"{address}/a.tif"
