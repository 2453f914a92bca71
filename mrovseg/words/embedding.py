"""From phrases to vectors, and how well a trained network can know them."""

from collections.abc import Callable, Collection, Sequence

import numpy as np
from jaxtyping import Bool, Float32

from mrovseg.errors import VocabularyError
from mrovseg.words.embedded import EmbeddedVocabulary
from mrovseg.words.vocabulary import Vocabulary, listed

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
