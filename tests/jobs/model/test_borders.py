"""Masks of real and of painted scenes by `tiny`: no more class changes where chips meet than elsewhere."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from jobs.model import measuring
from jobs.model.reading_files import READER
from jobs.run.proposals import chip_layout
from mrovseg.data.definition import Definition
from mrovseg.data.labelled import LabelledImage
from mrovseg.data.reading import read_pairs
from mrovseg.evaluation.borders import BorderRates
from mrovseg.network.config import TINY
from mrovseg.weights.header import EMBEDDED
from mrovseg.words.vocabulary import Vocabulary, parse
from pipeline.config import FlowSettings
from pipeline.geometry.chips import cover
from pipeline.geometry.window import Window
from pipeline.raster import read, read_header
from pipeline.segment import layout_of, segment_window

MOST, MOST_OF_NAIP = 1.25, 2.0  # NAIP's scenes are small, and have edges of their own
NAIP = ("20120731", "20150926", "20170827", "20190904")
TAUGHT = "building; land; road; vegetation; water"
BY_PATCHES = "lake; farmland; forest; road; building"  # farmland is told by patches
SEEDS, SIDE_PX = (1001, 1002, 1003), 1024
pytestmark = pytest.mark.slow


def check(borders: BorderRates, *, most: float) -> None:
    """Print the rates, and compare the greatest with what is allowed."""
    print({name: round(rate, 2) for name, rate in borders.rates.items()})
    assert borders.greatest <= most


def rates_of(images: Iterable[LabelledImage], definition: str) -> BorderRates:
    known = Definition.named(definition)
    return measuring.measure(EMBEDDED, images, known, known.vocabulary)[1]


def test_nine_parts_of_dubai_joined(shared_data: Path) -> None:
    files, masks = (
        sorted((shared_data / "semseg/dubai/tile2" / kind).iterdir()) for kind in ("images", "masks")
    )
    pairs = read_pairs(Definition.named("dubai"), files, masks, reader=READER)
    check(rates_of(measuring.read_scenes(pairs, rows=3, cols=3), "dubai"), most=MOST)


def test_painted_scenes() -> None:
    """Added up: a scene of this side has few lines, and edges of its own on some of them."""
    check(rates_of(measuring.painted_images(SEEDS, size_px=SIDE_PX), measuring.PAINTED), most=MOST)


def mask_of(scene: str, vocabulary: Vocabulary, *, overlap_px: int | None = None) -> np.ndarray:
    """Return the class ids of a scene by chips that overlap so far."""
    segmenter = measuring.segmenter_of(EMBEDDED, vocabulary, overlap_px=overlap_px)
    header, layout = read_header(scene), layout_of(segmenter)
    whole = Window(0, 0, header.height, header.width)
    pixels, valid = read(scene, cover(whole, layout, scene_px=whole.shape))
    return segment_window(
        segmenter,
        pixels,
        valid,
        window=whole,
        scene_px=whole.shape,
        chunk_px=FlowSettings().chunk_px,
        classes=len(vocabulary.names),
    ).mask


def borders_of(mask: np.ndarray) -> BorderRates:
    """Return the rates on the lines of chips that overlap as they do by default."""
    layout = chip_layout(TINY)
    borders = BorderRates(measuring.grids_of(layout, FlowSettings()), stride_px=layout.stride_px)
    borders.add(mask)
    return borders


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")
@pytest.mark.parametrize("words", [TAUGHT, BY_PATCHES], ids=["taught", "by patches"])
@pytest.mark.parametrize("day", NAIP)
def test_a_naip_scene(shared_data: Path, day: str, words: str) -> None:
    """At most twice as many class changes; where the scene has edges there, about as many as in a map without borders.

    A map by chips that overlap by half has no border in the middle of what two chips share that overlap by a quarter.
    """
    scene = str(shared_data / f"geotiff/opengeos-data/naip/m_4709963_se_14_1_{day}.tif")
    vocabulary = parse(words)
    without_borders = borders_of(mask_of(scene, vocabulary, overlap_px=TINY.chip_px // 2)).greatest
    check(borders_of(mask_of(scene, vocabulary)), most=max(MOST_OF_NAIP, MOST * without_borders))
