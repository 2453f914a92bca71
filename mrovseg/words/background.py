"""Background classes: unlike all that are asked for, they compete, so that a pixel may show none of these.

A softmax over one class gives it everything. Data sets divide what images show into classes; the classes beside the
asked ones, in the data set that tells these apart best, are what a pixel may show instead.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float32
from scipy.optimize import linear_sum_assignment

from mrovseg.words.embedding import LEAST_LIKENESS, LIKE_TAUGHT
from mrovseg.words.vocabulary import Vocabulary

Classes = tuple[tuple[str, ...], ...]
"""Classes that exclude each other, each by its phrases; the first is its name."""

Encode = Callable[[Sequence[str]], Float32[np.ndarray, "n e"]]

# For encoders of which nobody can list the words: the land cover that aerial data sets share, in two finenesses.
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
NAME_SHARE = (
    0.01  # lets a class's name break ties between sets: "grass" is a class of one, a synonym in another
)


def background_classes(asked: Vocabulary, sets: Sequence[Classes], encode: Encode) -> Classes:
    """Return the classes that compete with the asked ones: the others of the set that tells the asked apart best.

    A class is no other where an asked prompt is like one of its phrases. What is asked for and not in that set is
    looked up in the other ones, and nothing that shares a phrase with what is found there competes. Of sets that tell
    equally much the finest is taken.
    """
    prompts = [phrase for prompts in asked.prompts for phrase in prompts]
    cosines = [_cosines(one, prompts, encode) for one in sets]
    told = [_told(found, one, asked, encode) for found, one in zip(cosines, sets, strict=True)]
    best = max(range(len(sets)), key=lambda i: (round(told[i], 3), len(sets[i])))
    unknown = cosines[best].max(axis=0) < LEAST_LIKENESS
    akin = {
        phrase
        for one, found in zip(sets, cosines, strict=True)
        for phrases in _akin(one, _like(found)[:, unknown])
        for phrase in phrases
    }
    others = _others(sets[best], _like(cosines[best]))
    return tuple(phrases for phrases in others if akin.isdisjoint(phrases))


def unlike_kinds(asked: Vocabulary, kinds: Classes, sets: Sequence[Classes], encode: Encode) -> Classes:
    """Return the kinds of whole images that are like nothing asked for, nor of a class with it in one of the sets."""
    prompts = [phrase for prompts in asked.prompts for phrase in prompts]
    akin = {
        phrase
        for one in sets
        for phrases in _akin(one, _like(_cosines(one, prompts, encode)))
        for phrase in phrases
    }
    others = _others(kinds, _like(_cosines(kinds, prompts, encode))) if kinds else ()
    return tuple(phrases for phrases in others if akin.isdisjoint(phrases))


def _akin(classes: Classes, like: Bool[np.ndarray, "c p"]) -> Classes:
    """Return the classes that are like one of the prompts."""
    return tuple(phrases for phrases, prompts in zip(classes, like, strict=True) if prompts.any())


def _others(classes: Classes, like: Bool[np.ndarray, "c p"]) -> Classes:
    """Return the classes that are like none of the prompts."""
    return tuple(phrases for phrases, prompts in zip(classes, like, strict=True) if not prompts.any())


def _cosines(classes: Classes, prompts: Sequence[str], encode: Encode) -> Float32[np.ndarray, "c p"]:
    """Return each class's cosine with each prompt: that of its nearest phrase."""
    vectors = encode([phrase for phrases in classes for phrase in phrases])
    begin = np.cumsum([0, *map(len, classes[:-1])])
    nearest: np.ndarray = np.maximum.reduceat(vectors @ encode(prompts).T, begin, axis=0)
    return nearest


def _like(cosines: Float32[np.ndarray, "c p"]) -> Bool[np.ndarray, "c p"]:
    """Return which classes are like a prompt: the nearest that is like it at all, and all that are much alike."""
    nearest = (cosines >= LEAST_LIKENESS) & (cosines == cosines.max(axis=0))
    like: np.ndarray = nearest | (cosines >= LIKE_TAUGHT)
    return like


def _told(cosines: Float32[np.ndarray, "c p"], classes: Classes, asked: Vocabulary, encode: Encode) -> float:
    """Return how much of the asked classes a set tells apart: their cosines with classes of it, each used once."""
    prompts = [phrase for prompts in asked.prompts for phrase in prompts]
    names = encode([phrases[0] for phrases in classes]) @ encode(prompts).T
    known = np.where(cosines >= LEAST_LIKENESS, cosines + NAME_SHARE * names, 0)
    begin = np.cumsum([0, *map(len, asked.prompts[:-1])])
    means = np.add.reduceat(known, begin, axis=1) / [len(prompts) for prompts in asked.prompts]
    return float(means[linear_sum_assignment(means, maximize=True)].sum())
