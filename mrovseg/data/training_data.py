"""All that a training learns from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from mrovseg.data.captions import CaptionSet
from mrovseg.data.labelled import LabelledSet
from mrovseg.words.vocabulary import Vocabulary

MAX_KNOWN_CAPTIONS = 2000  # of those that a checkpoint remembers


@dataclass(frozen=True, slots=True)
class WordSet:
    """Small images of one class each, for contrast with words; `classes[i]` is image i's class, from 0."""

    vocabulary: Vocabulary
    images: Sequence[UInt8[np.ndarray, "y x 3"]]
    classes: Sequence[int]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What is learned from: labelled images for both stages, words and captions of whole images for the first."""

    sets: Sequence[LabelledSet]
    words: WordSet | None = None
    captions: CaptionSet | None = None

    @property
    def phrases(self) -> list[str]:
        """Every prompt of every class and of the rests, and captions spread evenly over all of them; sorted."""
        vocabularies = [s.all_classes for s in self.sets] + ([self.words.vocabulary] if self.words else [])
        captions = sorted(set(self.captions.captions)) if self.captions else []
        some = captions[:: -(-len(captions) // MAX_KNOWN_CAPTIONS)] if captions else []
        return sorted(_prompts(vocabularies) | set(some))

    @property
    def known_sets(self) -> list[tuple[tuple[str, ...], ...]]:
        """The classes into which each set divides its images, by their prompts; the same ones once."""
        return list(dict.fromkeys(s.all_classes.prompts for s in self.sets))

    @property
    def known_kinds(self) -> tuple[tuple[str, ...], ...]:
        """The classes of whole images, by their prompts."""
        return self.words.vocabulary.prompts if self.words else ()

    @property
    def taught(self) -> list[str]:
        """Every prompt of every class that has masks; sorted."""
        return sorted(_prompts([s.vocabulary for s in self.sets]))


def _prompts(vocabularies: Sequence[Vocabulary]) -> set[str]:
    return {phrase for v in vocabularies for prompts in v.prompts for phrase in prompts}
