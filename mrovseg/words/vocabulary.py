"""What is looked for: classes, each with its prompts, and their vectors."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64

from mrovseg.errors import VocabularyError

# How a CLIP is spoken to. A prompt's vector is the mean over these.
TEMPLATES = ("{}", "a satellite image of {}", "an aerial photo of {}", "{} seen from above")
PLAIN = ("{}",)  # how an encoder of bare phrases is
# Least cosine of a prompt with a known phrase. Of words that show none of the known things ("elephant", "democracy",
# "tennis court") the largest are 0.1 to 0.2, of words for known things 0.3 ("sand") to 0.6 ("highway").
LEAST_LIKENESS = 0.28
# How sharply a prompt leans on the known phrases nearest to it, in cosines. Unseen words score alike from 0.03 to 0.1.
SHARPNESS = 0.05
# A word that images as wholes were compared with, and which has this cosine with a phrase that masks were shown of, is
# told as that phrase is: "forest" has 0.66 with "trees", "water" 0.29 with the nearest phrase for anything else.
LIKE_TAUGHT = 0.5
MAX_CLASSES = 65_534  # ids are 16 bit at most; 0 is `other` and 65535 no data
MAX_LENGTH = 256  # characters of a name or a prompt
RESERVED = ("other", "no data", "nodata", "no_data")  # what ids 0 and 255 are called
SHOWN, SHOWN_LENGTH = 3, 60  # of words in a message


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """An ordered list of classes; class `names[i]` has id i + 1 and the synonyms `prompts[i]`.

    Raises VocabularyError for an empty list, an empty class or a phrase that stands twice.
    """

    names: tuple[str, ...]
    prompts: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        """Check that each phrase belongs to one class."""
        if not self.names or len(self.names) > MAX_CLASSES:
            raise VocabularyError(f"a vocabulary has 1 to {MAX_CLASSES} classes, got {len(self.names)}")
        if len(self.prompts) != len(self.names) or not all(self.prompts):
            raise VocabularyError(
                "every class needs at least one prompt, such as 'building,house; road; water'"
            )
        phrases = [phrase for prompts in self.prompts for phrase in prompts]
        for phrase in (*self.names, *phrases):
            _check_phrase(phrase)
        twice = sorted({said for of in (phrases, self.names) for said in _doubled(of)})
        if twice:
            raise VocabularyError(
                f"{some(twice)} stands more than once among the classes, where capitals do not count; name it once"
            )

    def without(self, names: Collection[str]) -> "Vocabulary":
        """Return the other classes in their order. Raises VocabularyError when none is left."""
        kept = [i for i, name in enumerate(self.names) if name not in names]
        return Vocabulary(tuple(self.names[i] for i in kept), tuple(self.prompts[i] for i in kept))


def _check_phrase(phrase: str) -> None:
    """Raise VocabularyError for a phrase that is empty, too long, or holds what cannot be seen."""
    if not phrase.strip() or len(phrase) > MAX_LENGTH or not phrase.isprintable():
        raise VocabularyError(
            f"a class's name or prompt has 1 to {MAX_LENGTH} characters, none of them a control character, "
            f"got {shown(phrase)} of {len(phrase)}"
        )


def _doubled(phrases: Sequence[str]) -> list[str]:
    """Return the phrases that stand more than once, by their first spelling; capitals do not count."""
    first: dict[str, str] = {}
    times = Counter(phrase.casefold() for phrase in phrases)
    for phrase in phrases:
        first.setdefault(phrase.casefold(), phrase)
    return [first[key] for key, count in times.items() if count > 1]


def shown(text: str) -> str:
    """Return a text in quotes, cut short where it is long."""
    return repr(text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 3] + "...")


def some(texts: Sequence[str], most: int = SHOWN) -> str:
    """Return the first few texts in quotes, and how many more there are."""
    return listed([shown(text) for text in texts[:most]], most, of=len(texts))


def listed(texts: Sequence[str], most: int = SHOWN, *, of: int | None = None) -> str:
    """Return the first few texts, and how many more there are; `of` is how many there are where some were cut off."""
    count = len(texts) if of is None else of
    return ", ".join(texts[:most]) + (f" and {count - most} more" if count > most else "")


def refuse_reserved(vocabulary: Vocabulary) -> Vocabulary:
    """Return a vocabulary that was asked for. Raises VocabularyError when a class is called as id 0 or no data is."""
    taken = [name for name in vocabulary.names if " ".join(name.casefold().split()) in RESERVED]
    if taken:
        raise VocabularyError(
            f"{some(taken)} is the name of what is none of the classes (id 0) or without data, and comes by itself: "
            "leave the class out, or give it another name"
        )
    return vocabulary


def parse(text: str) -> Vocabulary:
    """Read classes separated by `;`, synonyms by `,`; a class is named by its first synonym.

    >>> parse("building,house; road")
    Vocabulary(names=('building', 'road'), prompts=(('building', 'house'), ('road',)))
    """
    classes = [
        tuple(" ".join(p.split()) for p in part.split(",") if p.strip())
        for part in text.split(";")
        if part.strip()
    ]
    if not all(classes):
        raise VocabularyError(f"a class without a word in {shown(text)}; write 'building,house; road; water'")
    return refuse_reserved(Vocabulary(tuple(prompts[0] for prompts in classes), tuple(classes)))


def unlike_prompts(
    vocabulary: Vocabulary,
    known: Float32[np.ndarray, "k e"],
    encode: Callable[[Sequence[str]], Float32[np.ndarray, "n e"]],
) -> list[str]:
    """Return the prompts whose vector is near that of no known phrase."""
    prompts = [phrase for prompts in vocabulary.prompts for phrase in prompts]
    nearest = (encode(prompts) @ known.T).max(axis=1)
    return [phrase for phrase, cosine in zip(prompts, nearest, strict=True) if cosine < LEAST_LIKENESS]


def lean_on(
    known: Float32[np.ndarray, "k e"], vectors: Float32[np.ndarray, "p e"]
) -> Float32[np.ndarray, "p e"]:
    """Turn unit vectors half-way to a convex combination of known phrases' vectors, and make them unit vectors again.

    Images were compared with known phrases only: what a vector has beside them says nothing of an image. The weights
    are a softmax of cosines, as ConSE's of class probabilities (Norouzi et al. 2014, equation 4); a known phrase stays
    where it is, as far as no other is like it.
    """
    leant = leanings(known, vectors) @ known
    leant = vectors + leant / np.linalg.norm(leant, axis=1, keepdims=True)
    unit: Float32[np.ndarray, "p e"] = leant / np.linalg.norm(leant, axis=1, keepdims=True)
    return unit


def leanings(
    known: Float32[np.ndarray, "k e"], vectors: Float32[np.ndarray, "p e"]
) -> Float32[np.ndarray, "p k"]:
    """Return how much each vector leans on each known phrase: a softmax of cosines, in shares of 1."""
    cosines = vectors @ known.T
    weights = np.exp((cosines - cosines.max(axis=1, keepdims=True)) / SHARPNESS)
    shares: Float32[np.ndarray, "p k"] = weights / weights.sum(axis=1, keepdims=True)
    return shares


@dataclass(frozen=True, slots=True)
class EmbeddedVocabulary:
    """A vocabulary as the labelling sees it: plain arrays that travel to the actors.

    `vectors` are unit vectors of the prompts and `class_index[p]` is the class (0..k-1) of prompt p. `no_object` is
    the learned vector of a query that shows nothing, absent in the training-free mode. `scale` multiplies cosines.
    `untaught` are the classes that the head never saw masks of; they are told by the chip's patches. `background` are
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


def untaught_classes(
    vocabulary: EmbeddedVocabulary, known: Float32[np.ndarray, "k e"], taught: Bool[np.ndarray, " k"]
) -> tuple[int, ...]:
    """Return the classes that no taught phrase stands for, in the mean over their prompts.

    These lean on other known phrases for more than half, and have a cosine below LIKE_TAUGHT with every taught one.
    The vectors of `vocabulary` are those of its prompts as they are said, before they lean.
    """
    leant = leanings(known, vocabulary.vectors)[:, ~taught].sum(axis=1)
    like = (vocabulary.vectors @ known[taught].T).max(axis=1, initial=-1)
    of_class = [vocabulary.class_index == i for i in range(vocabulary.classes)]
    return tuple(
        i
        for i, own in enumerate(of_class)
        if own.any() and leant[own].mean() > 1 / 2 and like[own].mean() < LIKE_TAUGHT
    )


def embed(
    vocabulary: Vocabulary,
    encode: Callable[[Sequence[str]], Float32[np.ndarray, "n e"]],
    *,
    templates: Sequence[str],
    without: Collection[str] = (),
    no_object: Float32[np.ndarray, " e"] | None,
    scale: float,
) -> EmbeddedVocabulary:
    """Embed each prompt through the templates: unit vectors, averaged, and normalised again (Radford et al. 2021).

    Prompts in `without` are left out: a class without any other then wins no pixel.
    Raises VocabularyError when nothing is left.
    """
    kept = [(i, p) for i, prompts in enumerate(vocabulary.prompts) for p in prompts if p not in set(without)]
    if not kept:
        raise VocabularyError(f"the checkpoint knows none of the words of {listed(vocabulary.names)}")
    vectors = encode([template.format(phrase) for _, phrase in kept for template in templates])
    mean = vectors.reshape(len(kept), len(templates), -1).mean(axis=1)
    unit = (mean / np.linalg.norm(mean, axis=1, keepdims=True)).astype(np.float32)
    return EmbeddedVocabulary(unit, np.array([i for i, _ in kept]), len(vocabulary.names), no_object, scale)
