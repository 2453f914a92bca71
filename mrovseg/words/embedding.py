"""Prompts to vectors, and which of them a trained network can know."""

from collections.abc import Callable, Collection, Sequence

import numpy as np
from jaxtyping import Bool, Float32

from mrovseg.errors import VocabularyError
from mrovseg.words.embedded import EmbeddedVocabulary
from mrovseg.words.vocabulary import Vocabulary, shortened_list

# Prompts as a CLIP's text tower reads them. A prompt's vector is the mean over these.
TEMPLATES = ("{}", "a satellite image of {}", "an aerial photo of {}", "{} seen from above")
BARE_TEMPLATE = ("{}",)  # for an encoder of bare phrases
# Least cosine of a prompt with a known phrase. Of words that show none of the known things ("elephant", "democracy",
# "tennis court") the largest are 0.1 to 0.2, of words for known things 0.3 ("sand") to 0.6 ("highway").
MIN_SIMILARITY = 0.28
# Of the softmax over cosines with known phrases, by which a prompt's vector is blended with theirs. Unseen words score
# alike from 0.03 to 0.1.
BLEND_TEMPERATURE = 0.05
# A phrase known from whole images alone, with this cosine to a phrase that masks were shown of, is treated as that one
# is: "forest" has 0.66 with "trees", "water" 0.29 with the nearest phrase for anything else.
TAUGHT_SIMILARITY = 0.5


def unknown_prompts(
    vocabulary: Vocabulary,
    known: Float32[np.ndarray, "k e"],
    encode: Callable[[Sequence[str]], Float32[np.ndarray, "n e"]],
) -> list[str]:
    """Return the prompts whose vectors have a cosine of MIN_SIMILARITY with no known phrase.

    `known` are the unit vectors of the known phrases, in the same space as those that `encode` returns.
    """
    prompts = [phrase for prompts in vocabulary.prompts for phrase in prompts]
    nearest = (encode(prompts) @ known.T).max(axis=1)
    return [phrase for phrase, cosine in zip(prompts, nearest, strict=True) if cosine < MIN_SIMILARITY]


def blend_with_known(
    known: Float32[np.ndarray, "k e"], vectors: Float32[np.ndarray, "p e"]
) -> Float32[np.ndarray, "p e"]:
    """Average each unit vector with a convex combination of the known phrases' vectors, and normalise.

    Images were compared with known phrases only: what a vector has beside them says nothing of an image. The weights
    are a softmax of cosines, as ConSE's of class probabilities (Norouzi et al. 2014, equation 4); a known phrase stays
    where it is, as far as no other is like it.
    """
    blend = known_phrase_weights(known, vectors) @ known
    blend = vectors + blend / np.linalg.norm(blend, axis=1, keepdims=True)
    unit: Float32[np.ndarray, "p e"] = blend / np.linalg.norm(blend, axis=1, keepdims=True)
    return unit


def known_phrase_weights(
    known: Float32[np.ndarray, "k e"], vectors: Float32[np.ndarray, "p e"]
) -> Float32[np.ndarray, "p k"]:
    """Return the weight of each known phrase in the blend of each vector: a softmax of cosines, adding up to 1."""
    cosines = vectors @ known.T
    powers = np.exp((cosines - cosines.max(axis=1, keepdims=True)) / BLEND_TEMPERATURE)
    weights: Float32[np.ndarray, "p k"] = powers / powers.sum(axis=1, keepdims=True)
    return weights


def untaught_classes(
    vocabulary: EmbeddedVocabulary, known: Float32[np.ndarray, "k e"], taught: Bool[np.ndarray, " k"]
) -> tuple[int, ...]:
    """Return the classes that no taught phrase stands for, in the mean over their prompts.

    Phrases that were not taught have more than half of the weight in their blend, and their cosine with every taught
    one is below TAUGHT_SIMILARITY. The vectors of `vocabulary` are those of its prompts before they are blended.
    """
    not_taught = known_phrase_weights(known, vocabulary.vectors)[:, ~taught].sum(axis=1)
    similarity = (vocabulary.vectors @ known[taught].T).max(axis=1, initial=-1)
    of_class = [vocabulary.class_index == i for i in range(vocabulary.classes)]
    return tuple(
        i
        for i, own in enumerate(of_class)
        if own.any() and not_taught[own].mean() > 1 / 2 and similarity[own].mean() < TAUGHT_SIMILARITY
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
        raise VocabularyError(f"the checkpoint knows none of the words of {shortened_list(vocabulary.names)}")
    vectors = encode([template.format(phrase) for _, phrase in kept for template in templates])
    mean = vectors.reshape(len(kept), len(templates), -1).mean(axis=1)
    unit = (mean / np.linalg.norm(mean, axis=1, keepdims=True)).astype(np.float32)
    return EmbeddedVocabulary(unit, np.array([i for i, _ in kept]), len(vocabulary.names), no_object, scale)
