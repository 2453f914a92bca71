"""Background classes: unlike all that are asked for, they compete, so that a pixel may show none of these.

A softmax over one class gives it everything. Data sets divide what images show into classes; the classes beside the
asked ones, in the data set that separates these best, are what a pixel may show instead.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float32

from mrovseg.words.embedding import MIN_SIMILARITY, TAUGHT_SIMILARITY
from mrovseg.words.vocabulary import Vocabulary

Classes = tuple[tuple[str, ...], ...]
"""Classes that exclude each other, each by its phrases; the first is its name."""

Encode = Callable[[Sequence[str]], Float32[np.ndarray, "n e"]]

# For text encoders whose known phrases cannot be listed: the land cover common to aerial data sets, coarse and fine.
GENERIC: tuple[Classes, ...] = (
    (
        ("building", "buildings", "house", "roof"),
        ("road", "street", "asphalt", "pavement"),
        ("bare ground", "bare soil", "sand", "rock", "land"),
        ("vegetation", "trees", "grass", "bushes", "crops", "forest"),
        ("water", "river", "lake", "pond", "sea"),
    ),
    (
        ("building", "buildings", "house", "roof"),
        ("road", "street", "asphalt", "pavement"),
        ("bare ground", "bare soil", "sand", "rock"),
        ("tree", "trees", "forest", "bushes"),
        ("grass", "lawn", "meadow"),
        ("crops", "farmland", "field"),
        ("water", "river", "lake", "pond", "sea"),
    ),
)
# A class's name breaks ties between sets: "grass" is a class of one, a synonym in another.
NAME_WEIGHT = 0.01


def background_classes(asked: Vocabulary, sets: Sequence[Classes], encode: Encode) -> Classes:
    """Return the classes that compete with the asked ones: those of one set that are unlike all that is asked for.

    The set is the one that separates the asked classes best; of equally good sets the one with the most classes.

    A class is no other where an asked prompt is like one of its phrases. What is asked for and not in that set is
    looked up in the other ones, and no class with a phrase of what is found there competes.
    """
    prompts = [phrase for prompts in asked.prompts for phrase in prompts]
    cosines = [_cosines(one, prompts, encode) for one in sets]
    separation = [_separation(found, one, asked, encode) for found, one in zip(cosines, sets, strict=True)]
    best = max(range(len(sets)), key=lambda i: (round(separation[i], 3), len(sets[i])))
    unknown = cosines[best].max(axis=0) < MIN_SIMILARITY
    related = {
        phrase
        for one, found in zip(sets, cosines, strict=True)
        for phrases in _related(one, _is_like(found)[:, unknown])
        for phrase in phrases
    }
    others = _unrelated(sets[best], _is_like(cosines[best]))
    return tuple(phrases for phrases in others if related.isdisjoint(phrases))


def background_kinds(asked: Vocabulary, kinds: Classes, sets: Sequence[Classes], encode: Encode) -> Classes:
    """Return the kinds of whole images that are like nothing asked for, nor of a class with it in one of the sets."""
    prompts = [phrase for prompts in asked.prompts for phrase in prompts]
    related = {
        phrase
        for one in sets
        for phrases in _related(one, _is_like(_cosines(one, prompts, encode)))
        for phrase in phrases
    }
    others = _unrelated(kinds, _is_like(_cosines(kinds, prompts, encode))) if kinds else ()
    return tuple(phrases for phrases in others if related.isdisjoint(phrases))


def _related(classes: Classes, like: Bool[np.ndarray, "c p"]) -> Classes:
    """Return the classes that are like one of the prompts."""
    return tuple(phrases for phrases, prompts in zip(classes, like, strict=True) if prompts.any())


def _unrelated(classes: Classes, like: Bool[np.ndarray, "c p"]) -> Classes:
    """Return the classes that are like none of the prompts."""
    return tuple(phrases for phrases, prompts in zip(classes, like, strict=True) if not prompts.any())


def _cosines(classes: Classes, prompts: Sequence[str], encode: Encode) -> Float32[np.ndarray, "c p"]:
    """Return each class's cosine with each prompt: that of its nearest phrase."""
    vectors = encode([phrase for phrases in classes for phrase in phrases])
    begin = np.cumsum([0, *map(len, classes[:-1])])
    nearest: np.ndarray = np.maximum.reduceat(vectors @ encode(prompts).T, begin, axis=0)
    return nearest


def _is_like(cosines: Float32[np.ndarray, "c p"]) -> Bool[np.ndarray, "c p"]:
    """Return which classes are like a prompt: the nearest, if near enough, and all that are very near."""
    nearest = (cosines >= MIN_SIMILARITY) & (cosines == cosines.max(axis=0))
    like: np.ndarray = nearest | (cosines >= TAUGHT_SIMILARITY)
    return like


def _separation(
    cosines: Float32[np.ndarray, "c p"], classes: Classes, asked: Vocabulary, encode: Encode
) -> float:
    """Return how well a set separates the asked classes: their cosines with classes of it, each used once, in all."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - 0.4 s that no actor needs

    prompts = [phrase for prompts in asked.prompts for phrase in prompts]
    names = encode([phrases[0] for phrases in classes]) @ encode(prompts).T
    known = np.where(cosines >= MIN_SIMILARITY, cosines + NAME_WEIGHT * names, 0)
    begin = np.cumsum([0, *map(len, asked.prompts[:-1])])
    means = np.add.reduceat(known, begin, axis=1) / [len(prompts) for prompts in asked.prompts]
    return float(means[linear_sum_assignment(means, maximize=True)].sum())
