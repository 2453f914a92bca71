"""Labels by words, from what a network proposed: half of a segmenter, which needs neither the network nor torch."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mrovseg.errors import ProposalsError
from mrovseg.labels.chunk_labels import Labels, label_map
from mrovseg.labels.proposal_map import ProposalMap
from mrovseg.words.embedded import EmbeddedVocabulary

CELL_PLACES = 8  # places a side of a cell of features
QUERIES = ("embeddings", "index", "weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Labeller:
    """Labels the maps of chunks, whose places have `stride_px` a side, with a vocabulary.

    Classes whose score is below `threshold` (a probability) lose to `other`.
    """

    vocabulary: EmbeddedVocabulary
    threshold: float
    stride_px: int

    def label(
        self, arrays: Mapping[str, np.ndarray], /, *, size_px: tuple[int, int], every_pixel: bool
    ) -> Labels:
        """Label a chunk of `size_px` (rows, columns) by its map, made now or long ago, here or elsewhere: to the bit.

        `arrays` are those of `ProposalMap`: `embeddings`, `index` and `weight` where the network has a head, `features`
        where they were kept. Scores and margins are those of places, or of `every_pixel`.

        Raises ProposalsError for other arrays, VocabularyError where features are needed and there are none.
        """
        proposals = ProposalMap(
            **self._queries(arrays, size_px),
            features=arrays.get("features"),
            size_px=size_px,
            stride_px=self.stride_px,
            cell_px=CELL_PLACES * self.stride_px,
        )
        return label_map(proposals, self.vocabulary, threshold=self.threshold, every_pixel=every_pixel)

    def _queries(self, arrays: Mapping[str, np.ndarray], size_px: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return the arrays of queries; where features are all there is, those of none."""
        if {*arrays} == {"features"}:
            places = [-(-side // self.stride_px) + 2 for side in size_px]
            return {
                "embeddings": np.zeros((0, arrays["features"].shape[-1]), np.int8),
                "index": np.zeros((*places, 0), np.uint16),
                "weight": np.zeros((*places, 0), np.uint8),
            }
        if {*arrays} - {"features"} != {*QUERIES}:
            raise ProposalsError(
                f"a map has {', '.join(QUERIES)} and maybe features, or features alone, got {sorted(arrays)}"
            )
        return {name: arrays[name] for name in QUERIES}
