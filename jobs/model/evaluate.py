"""Measure a checkpoint against true masks, or against painted scenes."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from jobs.model.measuring import (
    PAINTED,
    SPLIT,
    grid_of,
    measure,
    painted_images,
    read_scenes,
)
from jobs.model.reading_files import READER
from jobs.run.commands import command, run
from jobs.run.exit_codes import ExitCode, ends_with_code
from jobs.run.settings.keys import own_keys
from jobs.run.words.saying import say_classes
from jobs.show import metrics
from mrovseg.data.definition import Definition
from mrovseg.data.labelled import LabelledImage
from mrovseg.data.layout import read_segments
from mrovseg.data.reading import read_pairs
from mrovseg.weights.header import EMBEDDED
from mrovseg.words.vocabulary import parse
from pipeline.config import FlowSettings
from pipeline.errors import ConfigError

SIZE_PX = 1024
OVERLAP = own_keys(FlowSettings)["overlap_px"]

APP = command(
    "evaluate",
    usage="(IMAGE... --masks MASK... | --root DIR | --painted SEED...) [--definition NAME] [OPTIONS]",
    about=__doc__,
    examples=(
        "mrovseg evaluate --painted 1000 1001",
        "mrovseg evaluate --definition loveda --root loveda --split val -o figures",
        "mrovseg evaluate a.jpg b.jpg --masks a.png b.png --definition dubai",
    ),
)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Which true masks: of files, of a data set, or painted.

    Raises ConfigError where these are mixed.
    """

    images: Annotated[tuple[Path, ...], Parameter(parse=False)] = ()
    masks: Annotated[
        tuple[Path, ...], Parameter(help="one for each image", consume_multiple=True, metavar="MASK")
    ] = ()
    definition: Annotated[
        str | None,
        Parameter(help="the data set: what stands in its masks, where its files lie", metavar="NAME"),
    ] = None
    root: Annotated[
        Path | None, Parameter(help="the data set's folder, instead of images and masks", metavar="DIR")
    ] = None
    split: Annotated[
        str | None, Parameter(help="which part of the data set at --root", show_default=SPLIT)
    ] = None
    mosaic: Annotated[
        str | None,
        Parameter(help="images are adjacent parts of scenes, row by row", metavar="ROWSxCOLS"),
    ] = None
    painted: Annotated[
        tuple[int, ...], Parameter(help="paint scenes instead", consume_multiple=True, metavar="SEED")
    ] = ()
    size_px: Annotated[int, Parameter(help="side of a painted scene")] = SIZE_PX

    def check(self) -> None:
        """Raise ConfigError where images, a data set and painted scenes are mixed."""
        if bool(self.images) + (self.root is not None) + bool(self.painted) != 1:
            raise ConfigError(
                "give either images with --masks and --definition, or --root DIR with --definition, "
                "or --painted SEED..."
            )
        if self.painted and (
            self.masks or self.mosaic or self.definition not in (None, PAINTED) or self.size_px < 1
        ):
            raise ConfigError("--painted takes seeds and a positive --size-px; masks and classes are its own")
        if self.root is None and self.split is not None:
            raise ConfigError("--split is a part of the data set at --root, which is not given")
        if not self.painted and (self.definition is None or len(self.images) != len(self.masks)):
            raise ConfigError(
                f"images need --definition NAME and a mask each, got {len(self.images)} images and "
                f"{len(self.masks)} masks; --root needs --definition NAME alone"
            )

    def read(self, definition: Definition) -> Iterator[LabelledImage]:
        """Find the files, which may fail, and return a reader of the scenes they make up; or paint."""
        if self.painted:
            return painted_images(self.painted, size_px=self.size_px)
        images, masks, segments = self.images, self.masks, None
        if self.root is not None:
            layout = definition.layout(self.split or SPLIT)
            images, masks = zip(*layout.pairs(self.root), strict=True)
            segments = read_segments(self.root / layout.segments) if layout.segments else None
        rows, cols = grid_of(self.mosaic or "1x1", len(images))
        pairs = read_pairs(definition, images, masks, segments, reader=READER)
        return read_scenes(pairs, rows=rows, cols=cols)


@ends_with_code
def main(argv: Sequence[str]) -> int:
    """Segment labelled images as the main job would, and print how well they agree with their labels."""
    return run(APP, argv)


@APP.default
def evaluate(
    *images: Annotated[Path, Parameter(help="images with true masks")],
    truth: Truth = Truth(),
    checkpoint: Annotated[str, Parameter(help="embedded name or .safetensors file")] = EMBEDDED,
    output: Annotated[
        str | None,
        Parameter(
            name=("--output", "-o"),
            help="write metrics.json, confusion.csv and confusion.png there",
            metavar="FOLDER",
        ),
    ] = None,
    classes: Annotated[
        str | None,
        Parameter(help="other words for the definition's classes; more may follow, as `other`"),
    ] = None,
    overlap_px: Annotated[
        int | None,
        Parameter(help=OVERLAP.setting.help, metavar="N", show_default=OVERLAP.shown_default or False),
    ] = None,
) -> int:
    """Measure, and print the figures."""
    truth = replace(truth, images=images)
    truth.check()
    definition = Definition.named(truth.definition or PAINTED)
    vocabulary = parse(classes) if classes else definition.vocabulary
    names = definition.vocabulary.names
    if classes:
        say_classes(vocabulary)
    if len(vocabulary.names) < len(names):
        raise ConfigError(
            f"--classes must begin with the {len(names)} of {definition.name} in their order "
            f"({', '.join(names)}), got {len(vocabulary.names)}"
        )
    overlap = FlowSettings(overlap_px=overlap_px).overlap_px
    agreement, borders = measure(
        checkpoint, truth.read(definition), definition, vocabulary, overlap_px=overlap
    )
    print(metrics.report(agreement, borders, names))
    if output:
        metrics.write(output, agreement, borders, names)
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
