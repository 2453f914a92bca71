"""The seam between pixels and networks: two callables over named arrays, of chips and of whole windows.

``propose`` runs a network over chips; ``label`` makes class ids, scores and margins of maps of what it proposed, by
arithmetic alone. What crosses between them are arrays by name and nothing else, so that proposals can be stored and
labelled again: with other words, on another machine, without the network. The bits are those of the run.

``propose_window`` blends the chips of a window into maps, one of each chunk of the store, and ``label_window`` labels
these; ``segment_window`` is one after the other. What a pixel gets depends on the scene's pixels, on the size of chunks
and on the segmenter alone: not on where a window begins, how large it is, or in which order windows come.
"""

from pipeline.segment.protocols import (
    EMBEDDING_MAX,
    FEATURE_MAX,
    KEPT,
    SCORE_MAX,
    WEIGHT_MAX,
    Arrays,
    Labeller,
    Labels,
    Proposer,
    Segmenter,
    class_dtype,
    layout_of,
)
from pipeline.segment.stacking import no_proposals
from pipeline.segment.window_labels import WindowLabels
from pipeline.segment.window_proposals import WindowProposals
from pipeline.segment.windows import label_window, propose_window, segment_window

__all__ = [
    "EMBEDDING_MAX",
    "FEATURE_MAX",
    "KEPT",
    "SCORE_MAX",
    "WEIGHT_MAX",
    "Arrays",
    "Labeller",
    "Labels",
    "Proposer",
    "Segmenter",
    "WindowLabels",
    "WindowProposals",
    "class_dtype",
    "label_window",
    "layout_of",
    "no_proposals",
    "propose_window",
    "segment_window",
]
