"""What GDAL's texts are known to say; one of these fails where another GDAL says it otherwise."""

import logging
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import RasterioError

from pipeline.raster.gdal.environment import environment, known_warnings_silenced
from pipeline.raster.gdal.gdal_quirks import VERSIONS, says_damaged, says_ends_early
from tests.pipeline.rasters import write

KINDS = {
    "GTiff": {"driver": "GTiff"},
    "deflated GTiff": {"driver": "GTiff", "compress": "deflate"},
    "GTiff of JPEG": {"driver": "GTiff", "compress": "jpeg"},
    "PNG": {"driver": "PNG"},
    "JPEG": {"driver": "JPEG"},
    "JP2": {"driver": "JP2OpenJPEG"},
}


PIXELS = np.random.default_rng(7).integers(0, 256, (3, 150, 170), np.uint8)


def said_of(path: Path) -> list[str]:
    """What rasterio raises for a file, the first cause last; nothing where it reads it."""
    try:
        with environment(), known_warnings_silenced(), rasterio.open(path) as source:
            source.read()
    except (RasterioError, OSError) as error:
        causes: list[BaseException] = [error]
        while causes[-1].__cause__ is not None:
            causes.append(causes[-1].__cause__)
        return [str(cause) for cause in causes]
    return []


def test_the_gdal_here_is_one_that_is_known() -> None:
    assert rasterio.__gdal_version__.rpartition(".")[0] in VERSIONS


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_ends_early_says_so(tmp_path: Path, kind: str) -> None:
    whole = Path(write(tmp_path / "whole", PIXELS, **KINDS[kind])).read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    said = said_of(cut)
    assert any(map(says_ends_early, said)), said


def test_bytes_that_are_skipped_are_damage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = Path(write(tmp_path / "a", PIXELS, **KINDS["GTiff of JPEG"]))
    data = bytearray(path.read_bytes())
    half = len(data) // 2
    data[half : half + 64] = bytes(range(64))
    path.write_bytes(bytes(data))
    with caplog.at_level(logging.WARNING, logger="rasterio"):
        said = [*said_of(path), *caplog.messages]
    assert any(map(says_damaged, said)), said


def test_a_whole_file_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for kind, options in KINDS.items():
        assert said_of(Path(write(tmp_path / kind, PIXELS, **options))) == []
    assert not any(map(says_damaged, caplog.messages))
    assert np.all([not says_ends_early("no such file"), not says_damaged("no such file")])
