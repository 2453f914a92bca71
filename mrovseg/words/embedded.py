"""A vocabulary as labelling needs it: arrays alone."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from mrovseg.errors import VocabularyError


@dataclass(frozen=True, slots=True)
class EmbeddedVocabulary:
    """A vocabulary as the labelling sees it: plain arrays that travel to the actors.

    `vectors` are unit vectors of the prompts and `class_index[p]` is the class (0..k-1) of prompt p. `no_object` is
    the learned vector of a query that shows nothing, absent in the training-free mode. `scale` multiplies cosines.
    `untaught` are the classes that the head never saw masks of; they are found by the chip's patches. `background` are
    the names of the classes k, k+1 ..., which nobody asked for: a pixel that one of them wins is `other`.

    Raises VocabularyError for arrays that do not belong together.
    """

    vectors: Float32[np.ndarray, "p e"]
    class_index: Int64[np.ndarray, " p"]
    classes: int
    no_object: Float32[np.ndarray, " e"] | None
    scale: float
    untaught: tuple[int, ...] = ()
    background: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that each prompt has a vector and a class, and that all vectors have one length."""
        shapes = [array.shape for array in (self.vectors, self.class_index)]
        if self.vectors.ndim != 2 or self.class_index.shape != self.vectors.shape[:1]:  # noqa: PLR2004 - p, e
            raise VocabularyError(
                f"an embedded vocabulary has a vector and a class for each prompt, got {shapes}"
            )
        if self.no_object is not None and self.no_object.shape != self.vectors.shape[1:]:
            lengths = f"{self.no_object.shape} and {self.vectors.shape[1:]}"
            raise VocabularyError(f"no_object is a vector of the length of a prompt's, got {lengths}")
        found = {*np.unique(self.class_index).tolist(), *self.untaught}
        if self.classes < 1 or not found.issubset(range(self.competing)):
            raise VocabularyError(f"classes are 0..{self.competing - 1} here, got {sorted(found)}")

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the vocabulary as arrays by name, for `numpy.savez`: numbers and texts alone, so nothing is pickled.

        `no_object` is left out where there is none; `classes` and `scale` are arrays without axes.
        """
        arrays = {
            "vectors": self.vectors,
            "class_index": self.class_index,
            "classes": np.array(self.classes, np.int64),
            "scale": np.array(self.scale, np.float64),
            "untaught": np.array(self.untaught, np.int64),
            "background": np.array(self.background, np.str_),
        }
        return arrays if self.no_object is None else {**arrays, "no_object": self.no_object}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "EmbeddedVocabulary":
        """Return the vocabulary of `to_arrays`, to the bit.

        Raises VocabularyError for arrays that are missing or do not belong together.
        """
        missing = {field.name for field in dataclasses.fields(cls)} - {"no_object", *arrays}
        if missing:
            raise VocabularyError(
                f"no array {', '.join(sorted(missing))} among {', '.join(sorted(arrays))}: an embedded vocabulary is "
                "what EmbeddedVocabulary.to_arrays gave"
            )
        return cls(
            vectors=arrays["vectors"],
            class_index=arrays["class_index"],
            classes=int(arrays["classes"]),
            no_object=arrays.get("no_object"),
            scale=float(arrays["scale"]),
            untaught=tuple(arrays["untaught"].tolist()),
            background=tuple(arrays["background"].tolist()),
        )

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
