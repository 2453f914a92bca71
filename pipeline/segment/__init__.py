"""The seam between pixels and networks: two callables over named arrays, of chips and of whole windows.

``propose`` runs a network over chips; ``label`` makes class ids, scores and margins of what it proposed, by arithmetic
alone. What crosses between them are arrays by name and nothing else, so that proposals can be stored and labelled
again: with other words, on another machine, without the network. The bits are those of the run.

``propose_window`` and ``label_window`` are the same two for a window of a scene, and ``segment_window`` is one after
the other. What a pixel gets depends on the scene's pixels and on the segmenter alone: not on where a window begins, how
large it is, or how many chips are labelled at once.

A window whose proposals are kept is labelled again like this, where nobody has the network:

    numpy.savez(file, **propose_window(segmenter, pixels, valid, window=window))
    labels = label_window(labeller, dict(numpy.load(file)), valid, window=window, classes=5)

where the second ``valid`` is of the window alone, the first of its surroundings too.
"""

from pipeline.segment.protocols import (
    CHIP,
    SCORE_MAX,
    Arrays,
    Labeller,
    Labels,
    Proposer,
    Segmenter,
    class_dtype,
    layout_of,
)
from pipeline.segment.windows import WindowLabels, label_window, propose_window, segment_window

__all__ = [
    "CHIP",
    "SCORE_MAX",
    "Arrays",
    "Labeller",
    "Labels",
    "Proposer",
    "Segmenter",
    "WindowLabels",
    "class_dtype",
    "label_window",
    "layout_of",
    "propose_window",
    "segment_window",
]
