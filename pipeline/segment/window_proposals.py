"""What is proposed for a window: a map of each of its chunks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int8, Int64, UInt8, UInt16

from pipeline.segment.protocols import WEIGHT_MAX, Arrays


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowProposals:
    """The maps of a window's chunks of ``chunk_px`` a side, stacked on the first axis: chunk, row by row.

    ``embeddings`` are of the queries that occur in a chunk, in the order of the grid of chips. ``index`` and ``weight``
    are of its places and a ring of one around: at each place the strongest queries, ascending, and their weights,
    1..15; then zeros. ``features`` are of its cells and a ring of one around. Embeddings and features are directions:
    their largest component is ``EMBEDDING_MAX`` or ``FEATURE_MAX``, or its negative, and all are 0 where there is none.

    Where a chunk is smaller than another, or has fewer queries, its rest is zeros: ``queries``, ``places`` and
    ``cells`` say how many queries, and rows and columns of places and of cells, are its own. What a network does not
    propose, and all where no chip was asked, has no length but for the chunk.

    Raises:
        ValueError: the arrays do not belong together.
    """

    chunk_px: int
    embeddings: Int8[np.ndarray, "chunk n e"]
    index: UInt16[np.ndarray, "chunk y x k"]
    weight: UInt8[np.ndarray, "chunk y x k"]
    features: Int8[np.ndarray, "chunk cy cx e1"]
    queries: Int64[np.ndarray, " chunk"]
    places: Int64[np.ndarray, "chunk 2"]
    cells: Int64[np.ndarray, "chunk 2"]

    def __post_init__(self) -> None:
        chunks = len(self.queries)
        shapes = {name: getattr(self, name).shape for name in self.__slots__ if name != "chunk_px"}
        expected = [("embeddings", 3), ("index", 4), ("weight", 4), ("features", 4), ("queries", 1)]
        together = (
            all(len(shapes[name]) == axes and shapes[name][0] == chunks for name, axes in expected)
            and shapes["index"] == shapes["weight"]
            and shapes["places"] == shapes["cells"] == (chunks, 2)
        )
        if not together or not self._has_its_own():
            own = {name: getattr(self, name).tolist() for name in ("queries", "places", "cells")}
            raise ValueError(f"a window's proposals are stacked maps of chunks, got {shapes} and {own}")
        if self.weight.size and self.weight.max() > WEIGHT_MAX:
            raise ValueError(f"weights in a map are 0..{WEIGHT_MAX}, got {self.weight.max()}")
        if self.index.size and (self.index.max(axis=(1, 2, 3)) >= np.maximum(self.queries, 1)).any():
            raise ValueError(
                f"a map has queries that it has no embeddings of: it has {self.queries.tolist()}"
            )

    def _has_its_own(self) -> bool:
        """Tell whether the arrays are long enough for what is said to be in them."""
        lengths = (
            (self.queries[:, None], self.embeddings.shape[1:2]),
            (self.places, self.index.shape[1:3]),
            (self.cells, self.features.shape[1:3]),
        )
        return all(((own >= 0) & (own <= length)).all() for own, length in lengths)

    def __len__(self) -> int:
        """Return how many chunks there are."""
        return len(self.queries)

    @property
    def is_empty(self) -> bool:
        """Whether no chip of the window had data."""
        return not self.index.size and not self.features.size

    def emptied(self) -> WindowProposals:
        """Return maps of as many chunks, in which there is nothing."""
        own = {name: np.zeros_like(getattr(self, name)) for name in ("queries", "places", "cells")}
        return replace(
            self,
            embeddings=self.embeddings[:, :0, :0],
            index=self.index[:, :0, :0, :0],
            weight=self.weight[:, :0, :0, :0],
            features=self.features[:, :0, :0, :0],
            **own,
        )

    def chunk(self, number: int) -> Arrays:
        """Return the map of one chunk: ``embeddings``, ``index`` and ``weight`` if any, and ``features`` if any.

        embeddings: int8 (n, e). index, weight: uint16, uint8 (y, x, k). features: int8 (cy, cx, e).
        """
        found = {}
        if self.index.size:
            rows, cols = self.places[number]
            found["embeddings"] = self.embeddings[number, : self.queries[number]]
            found["index"] = self.index[number, :rows, :cols]
            found["weight"] = self.weight[number, :rows, :cols]
        if self.features.size:
            rows, cols = self.cells[number]
            found["features"] = self.features[number, :rows, :cols]
        return found
