"""A checkpoint measured on labelled images, which are segmented as the main job would."""

import itertools
import re
import sys
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Bool, UInt, UInt8

from jobs.run.proposals import chip_layout
from jobs.run.wiring import make_segmenter
from jobs.run.words.embedding import embed_and_warn
from mrovseg.data.definition import Definition
from mrovseg.data.labelled import LabelledImage
from mrovseg.evaluation.borders import BorderRates, Grid
from mrovseg.evaluation.evaluate import Agreement, join, score
from mrovseg.labels.pixel_values import OTHER_THRESHOLD
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.words.vocabulary import Vocabulary
from pipeline.config import FlowSettings
from pipeline.errors import ConfigError
from pipeline.geometry.chips import ChipLayout, cover, mirrored
from pipeline.geometry.grid import count_windows, plan_windows
from pipeline.geometry.window import Window
from pipeline.segment import Segmenter, class_dtype, layout_of, segment_window
from pipeline.testing.painted import LAND_COVER, paint

PAINTED = "land-cover"  # the definition of painted scenes
SPLIT = "val"


def measure(
    checkpoint: str,
    images: Iterable[LabelledImage],
    definition: Definition,
    vocabulary: Vocabulary,
    *,
    overlap_px: int | None = None,
) -> tuple[Agreement, BorderRates]:
    """Segment images by a checkpoint and a vocabulary, and compare with their labels of the definition's classes.

    Chips overlap as `chip_layout` says. Raises ConfigError as it does.
    """
    segmenter = segmenter_of(checkpoint, vocabulary, overlap_px=overlap_px)
    return compare(segmenter, images, definition, classes=len(vocabulary.names))


def compare(
    segmenter: Segmenter, images: Iterable[LabelledImage], definition: Definition, *, classes: int
) -> tuple[Agreement, BorderRates]:
    """Segment images, and compare with their labels of the definition's classes, with which the segmenter's begin.

    Border rates are those of the masks alone, on the lines of the grids that they were made by.
    """
    grids = grids_of(layout_of(segmenter), FlowSettings())
    borders = BorderRates(grids, stride_px=segmenter.stride_px)

    def segment(pixels: UInt8[np.ndarray, "y x 3"]) -> UInt[np.ndarray, "y x"]:
        mask = segment_image(segmenter, pixels, classes=classes)
        borders.add(mask)
        return mask

    known = len(definition.vocabulary.names)
    return score(images, segment, classes=known, background=definition.background), borders


def grids_of(layout: ChipLayout, flow: FlowSettings) -> dict[str, Grid]:
    """Return by name the lines on which a mask of a scene may show how it was made.

    A chip fades in from its edge to its middle and out again, and counts as much as its neighbour in the middle of what
    the two have in common: there the winner changes where they disagree.
    """
    side_px, step_px = layout.side_px, layout.step_px
    return {
        "chip edges": Grid(step_px, (0, side_px)),
        "chip middles": Grid(step_px, (side_px // 2,)),
        "overlap middles": Grid(step_px, ((step_px + side_px) // 2,)),
        "chunks": Grid(flow.chunk_px),
        "windows": Grid(flow.window_px),
    }


def segment_image(
    segmenter: Segmenter, pixels: UInt8[np.ndarray, "y x 3"], *, classes: int
) -> UInt[np.ndarray, "y x"]:
    """Segment an image in memory window by window, as `mrovseg segment` does a scene; returns class ids."""
    height, width = pixels.shape[:2]
    whole = Window(0, 0, height, width)
    window_px = FlowSettings().window_px
    total = count_windows(height, width, window_px=window_px)
    mask = np.zeros((height, width), class_dtype(classes))
    for done, window in enumerate(plan_windows(height, width, window_px=window_px), start=1):
        read, valid = _cut(pixels, cover(window, layout_of(segmenter), scene_px=whole.shape))
        labels = segment_window(
            segmenter,
            read,
            valid,
            window=window,
            scene_px=whole.shape,
            chunk_px=FlowSettings().chunk_px,
            classes=classes,
        )
        mask[window.slices_in(whole)] = labels.mask
        print(f"image of {height} x {width} px: window {done} of {total}", file=sys.stderr)
    return mask


def grid_of(text: str, images: int) -> tuple[int, int]:
    """Read a mosaic's rows and columns. Raises ConfigError when the images do not fill such mosaics."""
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if found is None:
        raise ConfigError(f"--mosaic must be ROWSxCOLS such as 3x3, got {text!r}")
    rows, cols = int(found[1]), int(found[2])
    if images % (rows * cols):
        raise ConfigError(f"--mosaic {text} needs {rows * cols} images a scene, got {images}")
    return rows, cols


def segmenter_of(name: str, vocabulary: Vocabulary, *, overlap_px: int | None = None) -> Segmenter:
    """Return what segments by an embedded checkpoint or a file and by the words of a vocabulary, as `evaluate` does."""
    checkpoint = checkpoints.load(name)
    layout = chip_layout(checkpoint.config, overlap_px=overlap_px)
    return make_segmenter(
        checkpoint.image_weights,
        config=checkpoint.config,
        vocabulary=embed_and_warn(checkpoint, vocabulary),
        step_px=layout.step_px,
        threshold=OTHER_THRESHOLD,
    )


def read_scenes(pairs: Iterator[LabelledImage], *, rows: int, cols: int) -> Iterator[LabelledImage]:
    """Read images and join each rows * cols of them. Raises DataError for a file that cannot be read."""
    while parts := list(itertools.islice(pairs, rows * cols)):
        yield join(parts, rows=rows, cols=cols)


def painted_images(seeds: Iterable[int], *, size_px: int) -> Iterator[LabelledImage]:
    """Paint the upper left corners of scenes, with the classes of the definition `land-cover`."""
    for seed in seeds:
        pixels, truth = paint(Window(0, 0, size_px, size_px), seed=seed)
        yield LabelledImage(f"painted-{seed}", pixels, LAND_COVER[truth])


def _cut(
    pixels: UInt8[np.ndarray, "y x 3"], window: Window
) -> tuple[UInt8[np.ndarray, "h w 3"], Bool[np.ndarray, "h w"]]:
    """Read a window of an image as of a scene; outside it is reflected, and not valid."""
    height, width = pixels.shape[:2]
    rows = mirrored(window.row_off, window.row_end, length=height)
    cols = mirrored(window.col_off, window.col_end, length=width)
    valid = np.zeros(window.shape, np.bool_)
    inside = window.intersection(Window(0, 0, height, width))
    if inside is not None:
        valid[inside.slices_in(window)] = True
    return pixels[np.ix_(rows, cols)], valid
