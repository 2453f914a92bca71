"""Scenes with rasters of labels, to learn from: any raster that `segment` reads, window by window."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mrovseg.data.definition import Definition
from mrovseg.data.labelled import LabelledImage
from mrovseg.errors import DataError
from pipeline import raster
from pipeline.geometry.grid import plan_windows
from pipeline.geometry.view import View
from pipeline.geometry.window import Window
from pipeline.sources import list_scenes
from pipeline.sources.naming import scene_of

WINDOW_PX = 2048  # a chip is drawn from one window, so a scene is never read whole


@dataclass(frozen=True, slots=True)
class LabelledWindow:
    """A window of a scene and of its raster of labels, read each time it is drawn, as its ``view`` has it."""

    definition: Definition
    view: View
    labels: str
    window: Window

    @property
    def sampling_weight(self) -> float:
        """Its sampling weight among the images of its set: its size in pixels."""
        return float(self.window.height * self.window.width)

    def load(self) -> LabelledImage:
        """Read both; pixels without data are unlabelled. Raises RasterError when either cannot be read."""
        pixels, valid = raster.read_view(self.view, self.window)
        stored = raster.read_colours if self.definition.coloured else raster.read_integers
        labels = self.definition.labels_of(stored(self.labels, self.window))
        return LabelledImage(self.view.uris[0], pixels, np.where(valid, labels, np.iinfo(labels.dtype).max))


def labelled_windows(
    definition: Definition, scenes: Sequence[str], labels: Sequence[str]
) -> Iterator[LabelledWindow]:
    """Plan the windows of scenes; scenes and their labels are named as for `segment` and pair up in their order.

    Raises DataError when a pair does not fit, or there are more of one than of the other.
    """
    pairs = [[scene.uri for scene in list_scenes(specs)] for specs in (scenes, labels)]
    if len(pairs[0]) != len(pairs[1]):
        raise DataError(
            f"each scene needs a raster of labels, got {len(pairs[0])} scenes and {len(pairs[1])}"
        )
    for scene, of_labels in zip(*pairs, strict=True):
        view = raster.view_of(scene_of(scene))
        size, other = ((h.height, h.width) for h in (view.header, raster.read_header(of_labels)))
        if size != other:
            raise DataError(f"{of_labels} is {other} px, its scene {scene} is {size} px; they must be equal")
        for window in plan_windows(*size, window_px=WINDOW_PX):
            yield LabelledWindow(definition, view, of_labels, window)
