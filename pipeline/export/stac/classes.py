"""Classes as STAC's extension `classification` has them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pystac.extensions.classification import Classification

from pipeline.export.stac.facts import SceneFacts

_NOT_IN_NAMES = re.compile("[^0-9A-Za-z_-]+")


def classifications(scene: SceneFacts) -> list[Classification]:
    """Return the classes that are shown, and no data. Titles are the names; STAC's names are words made of them."""
    ids = sorted({0, *scene.shown})
    words = slugs([scene.names[class_id] for class_id in ids])
    found = [
        Classification.create(
            value=class_id, name=word, title=scene.names[class_id], color_hint=scene.colors[class_id][1:]
        )
        for class_id, word in zip(ids, words, strict=True)
    ]
    return [*found, Classification.create(value=scene.nodata, name="no-data", title="no data", nodata=True)]


def slugs(names: Sequence[str]) -> list[str]:
    """Return a word of letters, digits, - and _ for each name, no two alike, and none that is ``no-data``.

    >>> slugs(["paved road", "paved-road", "Straße", "水"])
    ['paved-road', 'paved-road-2', 'Stra-e', 'class']
    """
    taken = {"no-data"}
    found = []
    for name in names:
        stem = _NOT_IN_NAMES.sub("-", name).strip("-") or "class"
        word, number = stem, 1
        while word in taken:
            number += 1
            word = f"{stem}-{number}"
        taken.add(word)
        found.append(word)
    return found
