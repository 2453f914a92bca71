"""Masks of real and of painted scenes by `tiny`: no more class changes where chips meet than elsewhere."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from jobs.model import measuring
from jobs.model.reading_files import READER
from mrovseg.data.definition import Definition
from mrovseg.data.labelled import LabelledImage
from mrovseg.data.reading import read_pairs
from mrovseg.evaluation.borders import BorderRates
from mrovseg.weights.header import EMBEDDED
from mrovseg.words.vocabulary import parse
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


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")
@pytest.mark.parametrize("words", [TAUGHT, BY_PATCHES], ids=["taught", "by patches"])
@pytest.mark.parametrize("day", NAIP)
def test_a_naip_scene(shared_data: Path, day: str, words: str) -> None:
    scene = str(shared_data / f"geotiff/opengeos-data/naip/m_4709963_se_14_1_{day}.tif")
    vocabulary = parse(words)
    segmenter = measuring.segmenter_of(EMBEDDED, vocabulary)
    header, layout = read_header(scene), layout_of(segmenter)
    whole = Window(0, 0, header.height, header.width)
    pixels, valid = read(scene, cover(whole, layout, scene_px=whole.shape))
    labels = segment_window(
        segmenter,
        pixels,
        valid,
        window=whole,
        scene_px=whole.shape,
        chunk_px=FlowSettings().chunk_px,
        classes=len(vocabulary.names),
    )
    borders = BorderRates(measuring.grids_of(layout, FlowSettings()), stride_px=layout.stride_px)
    borders.add(labels.mask)
    check(borders, most=MOST_OF_NAIP)
