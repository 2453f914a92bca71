"""Images of data sets are read as scenes are, and masks exactly as they are stored."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jobs.model import evaluate
from jobs.model.reading_files import READER
from jobs.model.recipes import labelled_sets
from mrovseg.data.definition import Definition
from mrovseg.data.reading import read_pairs
from mrovseg.errors import DataError
from pipeline import raster
from pipeline.geometry.window import Window
from pipeline.sources.naming import scene_of
from tests.pipeline.rasters import write

HEIGHT, WIDTH = 48, 64
PIXELS = np.random.default_rng(0).integers(1, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
IDS = (np.add.outer(np.arange(HEIGHT), np.arange(WIDTH)) % 5 + 1).astype(np.uint8)
LAND_COVER = Definition.named("land-cover")

# What they are written as, whatever Pillow makes of it.
STORED: dict[str, np.ndarray] = {
    "grey of 16 bits": PIXELS[..., :1].astype(np.uint16) * 257,
    "grey of floats": PIXELS[..., :1].astype(np.float32) / 255,
    "colours of 16 bits": PIXELS.astype(np.uint16) * 40,
    "colours of floats": PIXELS.astype(np.float32) / 255,
    "four bands": np.dstack([PIXELS, PIXELS[..., :1]]),
}


@pytest.mark.parametrize("name", STORED)
def test_an_image_of_any_kind_is_the_picture_it_shows(tmp_path: Path, name: str) -> None:
    bands = np.moveaxis(STORED[name], -1, 0)
    options = {"photometric": "RGB", "alpha": "NO"} if len(bands) >= 3 else {}
    uri = write(tmp_path / "image.tif", bands, **options)
    pixels, valid = READER.image(Path(uri))
    assert valid.all()
    for band in range(3):
        shown = PIXELS[..., band if len(bands) > 1 else 0].astype(float)
        assert np.corrcoef(pixels[..., band].ravel(), shown.ravel())[0, 1] > 0.99
    view = raster.view_of(scene_of(uri))
    assert np.array_equal(pixels, raster.read_view(view, Window(0, 0, HEIGHT, WIDTH))[0])


def test_pictures_of_8_bits_are_as_they_are_stored(tmp_path: Path) -> None:
    for suffix in ("png", "tif", "bmp"):
        Image.fromarray(PIXELS).save(tmp_path / f"a.{suffix}")
        assert np.array_equal(READER.image(tmp_path / f"a.{suffix}")[0], PIXELS), suffix
    Image.fromarray(PIXELS).save(tmp_path / "a.webp", lossless=True)
    assert np.array_equal(READER.image(tmp_path / "a.webp")[0], PIXELS)
    Image.fromarray(PIXELS).convert("P").save(tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as stored:
        assert np.array_equal(READER.image(tmp_path / "a.gif")[0], np.asarray(stored.convert("RGB")))


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "jpg", "webp", "gif"])
def test_a_picture_that_ends_early_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(PIXELS).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"cannot read an image or a mask: .*cut\.{suffix}"):
        READER.image(path)


def grey_png(path: Path, levels: np.ndarray, bits: int) -> Path:
    """Write grey levels of few bits, which Pillow cannot."""
    write(path, levels[None], driver="PNG", crs=None, nbits=bits)
    return path


def test_masks_hold_what_is_stored(tmp_path: Path) -> None:
    palette = Image.fromarray(IDS, "P")
    palette.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200] * 20)
    palette.save(tmp_path / "palette.png")
    assert np.array_equal(READER.levels(tmp_path / "palette.png"), IDS)
    for bits in (1, 2, 4):
        levels = IDS % 2**bits
        assert np.array_equal(READER.levels(grey_png(tmp_path / f"{bits}.png", levels, bits)), levels)
    Image.fromarray(IDS % 2 == 1).save(tmp_path / "bool.png")
    assert np.array_equal(READER.levels(tmp_path / "bool.png"), IDS % 2)
    white = write(tmp_path / "white.tif", IDS[None], photometric="MINISWHITE")
    assert np.array_equal(READER.levels(Path(white)), IDS)
    wide = IDS.astype(np.uint16) * 9000
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert np.array_equal(READER.levels(tmp_path / "wide.png"), wide)
    grey_and_alpha = np.dstack([IDS, np.zeros_like(IDS)])
    Image.fromarray(grey_and_alpha, "LA").save(tmp_path / "la.png")
    assert np.array_equal(READER.levels(tmp_path / "la.png"), IDS)


def test_colours_of_masks_are_stored_or_of_the_colour_table(tmp_path: Path) -> None:
    dubai = Definition.named("dubai")
    colours = np.array([[0x3C, 0x10, 0x98], [0x84, 0x29, 0xF6], [0x6E, 0xC1, 0xE4]], np.uint8)
    numbers = IDS % 3
    Image.fromarray(colours[numbers]).save(tmp_path / "rgb.png")
    Image.fromarray(np.dstack([colours[numbers], np.zeros_like(IDS)])).save(tmp_path / "rgba.png")
    palette = Image.fromarray(numbers, "P")
    palette.putpalette(colours.ravel().tolist())
    palette.save(tmp_path / "palette.png")
    expected = np.array([dubai.labels_of(each.reshape(1, 1, 3))[0, 0] for each in colours])[numbers]
    for name in ("rgb", "rgba", "palette"):
        found = READER.colours(tmp_path / f"{name}.png")
        assert np.array_equal(found, colours[numbers])
        assert np.array_equal(dubai.labels_of(found), expected)
    wide = write(tmp_path / "wide.tif", np.zeros((3, 9, 9), np.uint16))
    with pytest.raises(DataError, match="colours of labels have 8 bits"):
        READER.colours(Path(wide))


def pair(folder: Path, pixels: np.ndarray, **options: Any) -> Any:  # noqa: ANN401
    Image.fromarray(pixels).save(folder / "image.png", **options)
    Image.fromarray(IDS).save(folder / "mask.png")
    (found,) = read_pairs(LAND_COVER, [folder / "image.png"], [folder / "mask.png"], reader=READER)
    return found


def test_what_has_no_data_is_unlabelled(tmp_path: Path) -> None:
    alpha = np.where(IDS == 3, 0, 255).astype(np.uint8)
    found = pair(tmp_path, np.dstack([PIXELS, alpha]))
    assert np.array_equal(found.labels == 255, IDS == 3)
    assert np.array_equal(found.labels[IDS != 3], LAND_COVER.labels_of(IDS)[IDS != 3])


def test_images_lie_upright_and_masks_as_they_are_stored(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    found = pair(tmp_path, PIXELS, exif=exif)
    assert np.array_equal(found.pixels, PIXELS[::-1, ::-1])
    assert np.array_equal(found.labels, LAND_COVER.labels_of(IDS))


def test_training_and_evaluation_read_so(tmp_path: Path) -> None:
    bands = np.moveaxis(STORED["colours of 16 bits"], -1, 0)
    write(tmp_path / "image.tif", bands, photometric="RGB")
    Image.fromarray(IDS).save(tmp_path / "mask.png")
    about = {"definition": "land-cover", "share": 1, "images": ["*.tif"], "masks": ["*.png"]}
    (trained,) = labelled_sets([about], tmp_path)
    truth = evaluate.Truth(
        images=(tmp_path / "image.tif",), masks=(tmp_path / "mask.png",), definition="land-cover"
    )
    (evaluated,) = truth.read(LAND_COVER)
    for image in (trained.images[0].load(), evaluated):
        assert np.corrcoef(image.pixels.ravel(), PIXELS.ravel())[0, 1] > 0.99
        assert np.array_equal(image.labels, LAND_COVER.labels_of(IDS))


def test_workers_get_the_reader_as_it_is() -> None:
    assert pickle.loads(pickle.dumps(READER)) == READER  # noqa: S301 - our own
