"""Photographs lie as every viewer shows them, by Pillow's word; what lies on the ground lies as it is stored."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image

from pipeline import raster
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.view import View
from pipeline.geometry.window import Window
from pipeline.sources.naming import scene_of
from tests.pipeline.rasters import extent, read_whole, write

HEIGHT, WIDTH = 75, 110
PIXELS = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
SMOOTH = (
    np.add.outer(2 * np.arange(HEIGHT), np.arange(WIDTH))[..., None]
    .repeat(3, axis=-1)
    .clip(0, 255)
    .astype(np.uint8)
)
KINDS: dict[str, dict[str, Any]] = {
    "a.jpg": {"quality": 90},
    "a.png": {},
    "a.tif": {},
    "lzw.tif": {"compression": "tiff_lzw"},
    "jpeg.tif": {"compression": "jpeg"},
}


def save(path: Path, orientation: int, pixels: np.ndarray = PIXELS, **options: Any) -> str:  # noqa: ANN401
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif, **options)
    return str(path)


def shown(uri: str, mode: str = "RGB") -> np.ndarray:
    """What a viewer shows."""
    from PIL import ImageOps  # noqa: PLC0415 - comes with the module

    with Image.open(uri) as stored:
        return np.asarray(ImageOps.exif_transpose(stored).convert(mode))


def whole(view: View) -> Iterator[tuple[Window, np.ndarray]]:
    for window in plan_windows(view.header.height, view.header.width, window_px=32):
        yield window, raster.read_view(view, window)[0]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_lies_as_viewers_show_it(tmp_path: Path, name: str, orientation: int) -> None:
    lossy = "jp" in name
    uri = save(tmp_path / name, orientation, SMOOTH if lossy else PIXELS, **KINDS[name])
    expected = shown(uri)
    view = raster.view_of(scene_of(uri))
    assert (view.header.height, view.header.width) == expected.shape[:2]
    found, valid = raster.read_view(view, extent(view))
    assert valid.all()
    assert np.abs(found.astype(int) - expected).max() <= (4 if lossy else 0)  # two decoders of JPEG
    for window, part in whole(view):
        assert np.array_equal(part, found[window.slices_in(extent(view))])
    assert any("turned upright" in text for text in view.warnings) == (orientation != 1)


@pytest.mark.parametrize("orientation", [3, 6, 7])
def test_what_has_no_data_is_turned_with_it(tmp_path: Path, orientation: int) -> None:
    alpha = (np.arange(WIDTH) > np.arange(HEIGHT)[:, None]) * np.uint8(255)
    uri = save(tmp_path / "a.png", orientation, np.dstack([PIXELS, alpha]))
    assert np.array_equal(read_whole(uri)[1], shown(uri, "RGBA")[..., 3] > 0)


def test_a_mask_beside_a_photograph_is_turned_with_it(tmp_path: Path) -> None:
    uri = save(tmp_path / "a.jpg", 8)
    stored = (np.arange(WIDTH) > np.arange(HEIGHT)[:, None])[None] * np.uint8(255)
    with rasterio.open(write(tmp_path / "a.jpg.msk", stored), "r+") as target:
        target.update_tags(**{f"INTERNAL_MASK_FLAGS_{band}": 2 for band in (1, 2, 3)})
    assert np.array_equal(read_whole(uri)[1], np.rot90(stored[0] > 0))


@pytest.mark.parametrize("orientation", [2, 5, 6])
def test_a_small_picture_is_turned_with_it(tmp_path: Path, orientation: int) -> None:
    """Of a JPEG GDAL has overviews."""
    pixels = np.zeros((1200, 2400, 3), np.uint8)
    pixels[:300, :200] = 250
    uri = save(tmp_path / "a.jpg", orientation, pixels)
    found, _ = raster.read_small(raster.view_of(scene_of(uri)), 120)
    with Image.fromarray(shown(uri)) as full:
        expected = np.asarray(full.resize(found.shape[1::-1], Image.Resampling.BOX))
    assert np.abs(found.astype(int) - expected).mean() < 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_photographs_too(tmp_path: Path, dtype: type[np.generic]) -> None:
    pixels = (PIXELS[..., 0].astype(dtype)) * (1 if dtype is np.uint8 else 257)
    uri = save(tmp_path / "a.png", 6, pixels)
    found, _ = read_whole(uri)
    assert np.corrcoef(found[..., 0].ravel(), np.rot90(pixels, -1).ravel())[0, 1] > 0.99


def test_what_lies_on_the_ground_lies_as_it_is_stored(tmp_path: Path) -> None:
    uri = save(tmp_path / "a.jpg", 6)
    (tmp_path / "a.jgw").write_text("2\n0\n0\n-2\n500000\n5000000\n")
    view = raster.view_of(scene_of(uri))
    assert (view.header.height, view.header.width) == (HEIGHT, WIDTH)
    placed = save(
        tmp_path / "a.tif", 6, tiffinfo={33550: (2.0, 2.0, 0.0), 33922: (0.0, 0.0, 0.0, 5e5, 5e6, 0.0)}
    )
    assert np.array_equal(read_whole(placed)[0], PIXELS)


@pytest.mark.parametrize("orientation", [0, 9, 200])
def test_numbers_that_mean_nothing_are_left_alone(tmp_path: Path, orientation: int) -> None:
    for name in ("a.jpg", "a.png"):
        assert read_whole(save(tmp_path / name, orientation))[0].shape[:2] == (HEIGHT, WIDTH)


def test_a_damaged_note_of_it_is_left_alone(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=b"Exif\0\0MM\0*\0\0\xff\xff")
    assert read_whole(str(tmp_path / "a.png"))[0].shape[:2] == (HEIGHT, WIDTH)


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_xmp_says_it_where_exif_does_not(tmp_path: Path, name: str) -> None:
    Image.fromarray(PIXELS).save(
        tmp_path / name, **({"xmp": XMP} if name == "a.jpg" else {"tiffinfo": {700: XMP}})
    )
    uri = str(tmp_path / name)
    assert read_whole(uri)[0].shape == shown(uri).shape == (WIDTH, HEIGHT, 3)


def test_the_note_of_an_older_run_still_reads_as_then(tmp_path: Path) -> None:
    uri = save(tmp_path / "a.tif", 6)
    older = raster.view_of(scene_of(uri)).to_values()
    older["header"] |= {"height": HEIGHT, "width": WIDTH}
    for key in ("orientation", "inverted"):
        del older[key]
    view = View.from_values(older)
    assert np.array_equal(raster.read_view(view, extent(view))[0], PIXELS)
