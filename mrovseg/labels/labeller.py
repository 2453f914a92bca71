"""Labels by words, from what a network proposed: half of a segmenter, which needs neither the network nor torch."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mrovseg.labels.proposals import Labels, Proposals, label
from mrovseg.words.embedded import EmbeddedVocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Labeller:
    """Labels chips of `core_px + 2 * halo_px` a side with a vocabulary.

    Classes whose score is below `threshold` (a probability) lose to `other`.
    """

    vocabulary: EmbeddedVocabulary
    threshold: float
    core_px: int
    halo_px: int

    def label(self, arrays: Mapping[str, np.ndarray], /) -> Labels:
        """Label what `MrovsegSegmenter.propose` gave, now or long ago, here or on another machine: to the same bits.

        `arrays` are `embeddings`, `index` and `weight` as `Proposals.to_arrays` describes them, and those of patches
        where the vocabulary has a class that only they tell. Returns class ids, scores and margins, (b, y, x) each.

        Raises ProposalsError for other arrays, VocabularyError where patches are needed and there are none.
        """
        chip_px = self.core_px + 2 * self.halo_px
        return label(
            Proposals.from_arrays(arrays, chip_px=chip_px), self.vocabulary, threshold=self.threshold
        )
