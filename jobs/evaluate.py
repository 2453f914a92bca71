"""Measure a checkpoint against true masks, or against painted scenes."""

import argparse
import functools
import itertools
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt, UInt8

from jobs import metrics
from jobs.exit_codes import ExitCode, ends_with_code
from jobs.flags import FlagParser
from jobs.reading_files import READER
from jobs.wiring import embed_aloud, make_segmenter, say_classes
from mrovseg.data.definition import Definition
from mrovseg.data.labelled import LabelledImage
from mrovseg.data.layout import read_segments
from mrovseg.data.reading import read_pairs
from mrovseg.evaluation.evaluate import Agreement, join, score
from mrovseg.segmenter import OTHER_THRESHOLD
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.header import EMBEDDED
from mrovseg.words.vocabulary import Vocabulary, parse
from pipeline.config import FlowSettings
from pipeline.errors import ConfigError
from pipeline.geometry.chips import cover, mirrored
from pipeline.geometry.grid import count_windows, plan_windows
from pipeline.geometry.window import Window
from pipeline.segment import Segmenter, class_dtype, layout_of, segment_window
from pipeline.testing.painted import LAND_COVER, paint

PAINTED = "land-cover"
SIZE_PX = 1024
SPLIT = "val"


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Segment labelled images as the main job would, and print how well they agree with their labels."""
    arguments = _checked(_parser().parse_args(argv))
    definition = Definition.named(arguments.definition)
    vocabulary = parse(arguments.classes) if arguments.classes else definition.vocabulary
    classes = definition.vocabulary.names
    if arguments.classes:
        say_classes(vocabulary)
    if len(vocabulary.names) < len(classes):
        raise ConfigError(
            f"--classes must begin with the {len(classes)} of {definition.name} in their order "
            f"({', '.join(classes)}), got {len(vocabulary.names)}"
        )
    images = (
        painted_images(arguments.painted, size_px=arguments.size_px)
        if arguments.painted
        else _scenes(arguments, definition)
    )
    agreement = measure(arguments.checkpoint, images, definition, vocabulary)
    print(metrics.report(agreement, classes))
    if arguments.output:
        metrics.write(arguments.output, agreement, classes)
    return ExitCode.DONE


def measure(
    checkpoint: str, images: Iterable[LabelledImage], definition: Definition, vocabulary: Vocabulary
) -> Agreement:
    """Segment images by a checkpoint and a vocabulary, and compare with their labels of the definition's classes."""
    segment = functools.partial(
        segment_image, _segmenter(checkpoint, vocabulary), classes=len(vocabulary.names)
    )
    known = len(definition.vocabulary.names)
    return score(images, segment, classes=known, background=definition.background)


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
        read, valid = _cut(pixels, cover(window, layout_of(segmenter)))
        labels = segment_window(segmenter, read, valid, window=window, classes=classes)
        mask[window.slices_in(whole)] = labels.mask
        print(f"image of {height} x {width} px: window {done} of {total}", file=sys.stderr)
    return mask


def _parser() -> argparse.ArgumentParser:
    parser = FlagParser(prog="mrovseg evaluate", description=__doc__)
    add = parser.add_argument
    add("images", nargs="*", type=Path, metavar="IMAGE", help="images with true masks")
    add("--masks", nargs="+", type=Path, default=[], metavar="MASK", help="one for each image")
    add("--definition", metavar="NAME", help="the data set: what stands in its masks, where its files lie")
    add("--root", type=Path, metavar="DIR", help="the data set's folder, instead of images and masks")
    add("--split", help=f"which part of the data set at --root ({SPLIT})")
    add("--mosaic", metavar="ROWSxCOLS", help="images are adjacent parts of scenes, row by row")
    add("--painted", nargs="+", type=int, default=[], metavar="SEED", help="paint scenes instead")
    add("--size-px", type=int, default=SIZE_PX, help=f"side of a painted scene ({SIZE_PX})")
    add("--checkpoint", default=EMBEDDED, help="embedded name or .safetensors file (tiny)")
    add("-o", "--output", metavar="FOLDER", help="write metrics.json, confusion.csv and confusion.png there")
    add("--classes", help="other words for the definition's classes; more may follow, as `other`")
    return parser


def _checked(arguments: argparse.Namespace) -> argparse.Namespace:
    """Check that images, a data set and painted scenes are not mixed, and complete what the last imply."""
    images, masks, root = arguments.images, arguments.masks, arguments.root
    if bool(images) + (root is not None) + bool(arguments.painted) != 1:
        raise ConfigError(
            "give either images with --masks and --definition, or --root DIR with --definition, "
            "or --painted SEED..."
        )
    if arguments.painted:
        if masks or arguments.mosaic or arguments.definition not in (None, PAINTED) or arguments.size_px < 1:
            raise ConfigError("--painted takes seeds and a positive --size-px; masks and classes are its own")
        arguments.definition = PAINTED
    if root is None and arguments.split is not None:
        raise ConfigError("--split is a part of the data set at --root, which is not given")
    if arguments.definition is None or len(images) != len(masks):
        raise ConfigError(
            f"images need --definition NAME and a mask each, got {len(images)} images and {len(masks)} masks; "
            "--root needs --definition NAME alone"
        )
    return arguments


def grid_of(text: str, images: int) -> tuple[int, int]:
    """Read a mosaic's rows and columns. Raises ConfigError when the images do not fill such mosaics."""
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if found is None:
        raise ConfigError(f"--mosaic must be ROWSxCOLS such as 3x3, got {text!r}")
    rows, cols = int(found[1]), int(found[2])
    if images % (rows * cols):
        raise ConfigError(f"--mosaic {text} needs {rows * cols} images a scene, got {images}")
    return rows, cols


def _segmenter(name: str, vocabulary: Vocabulary) -> Segmenter:
    checkpoint = checkpoints.load(name)
    embedded = embed_aloud(checkpoint, vocabulary)
    return make_segmenter(
        checkpoint.image_weights, config=checkpoint.config, vocabulary=embedded, threshold=OTHER_THRESHOLD
    )


def _scenes(arguments: argparse.Namespace, definition: Definition) -> Iterator[LabelledImage]:
    """Find the files, which may fail, and return a reader of the scenes they make up."""
    images, masks, segments = arguments.images, arguments.masks, None
    if arguments.root is not None:
        layout = definition.layout(arguments.split or SPLIT)
        images, masks = zip(*layout.pairs(arguments.root), strict=True)
        segments = read_segments(arguments.root / layout.segments) if layout.segments else None
    rows, cols = grid_of(arguments.mosaic or "1x1", len(images))
    return read_scenes(read_pairs(definition, images, masks, segments, reader=READER), rows=rows, cols=cols)


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
