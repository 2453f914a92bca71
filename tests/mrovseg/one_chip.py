"""Scenes of one chip: the map that their proposals are kept as, and its labels."""

from typing import Any

import numpy as np

from mrovseg.labels.chunk_labels import Labels
from mrovseg.segmenter import MrovsegSegmenter
from pipeline.geometry.window import Window
from pipeline.segment import layout_of, propose_window


def map_of(segmenter: MrovsegSegmenter, chips: np.ndarray) -> dict[str, np.ndarray]:
    """Return the map of a scene that is the first of some chips, and one chunk."""
    side, cell_px = segmenter.chip_px, layout_of(segmenter).cell_px
    proposals = propose_window(
        segmenter,
        chips[0],
        np.ones((side, side), bool),
        window=Window(0, 0, side, side),
        scene_px=(side, side),
        chunk_px=-(-side // cell_px) * cell_px,
    )
    return dict(proposals.chunk(0))


def label_chip(labeller: Any, arrays: dict[str, np.ndarray], *, side: int) -> Labels:  # noqa: ANN401 - a labeller or a segmenter
    """Return the labels of every pixel of a chip of that side by its map."""
    labels: Labels = labeller.label(arrays, size_px=(side, side), every_pixel=True)
    return labels
