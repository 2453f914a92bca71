"""A vocabulary as labelling needs it: arrays alone."""

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64


@dataclass(frozen=True, slots=True)
class EmbeddedVocabulary:
    """A vocabulary as the labelling sees it: plain arrays that travel to the actors.

    `vectors` are unit vectors of the prompts and `class_index[p]` is the class (0..k-1) of prompt p. `no_object` is
    the learned vector of a query that shows nothing, absent in the training-free mode. `scale` multiplies cosines.
    `untaught` are the classes that the head never saw masks of; they are found by the chip's patches. `background` are
    the names of the classes k, k+1 ..., which nobody asked for: a pixel that one of them wins is `other`.
    """

    vectors: Float32[np.ndarray, "p e"]
    class_index: Int64[np.ndarray, " p"]
    classes: int
    no_object: Float32[np.ndarray, " e"] | None
    scale: float
    untaught: tuple[int, ...] = ()
    background: tuple[str, ...] = ()

    @property
    def competing(self) -> int:
        """How many classes compete: those asked for and the background classes."""
        return self.classes + len(self.background)

    def against(self, others: "EmbeddedVocabulary", names: Sequence[str]) -> "EmbeddedVocabulary":
        """Return this vocabulary with those of `others` as background classes."""
        return dataclasses.replace(
            self,
            vectors=np.concatenate([self.vectors, others.vectors]),
            class_index=np.concatenate([self.class_index, others.class_index + self.competing]),
            background=(*self.background, *names),
        )

    def of_classes(self, chosen: Collection[int]) -> "EmbeddedVocabulary":
        """Return the same classes with the prompts of the `chosen` ones alone."""
        kept = np.isin(self.class_index, list(chosen))
        return dataclasses.replace(self, vectors=self.vectors[kept], class_index=self.class_index[kept])
