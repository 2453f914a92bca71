"""The colours of classes: readable for the colour-blind, and the same for a name in whatever vocabulary it stands.

A name has a preferred colour of ``COLORS``: those of a few common things are expected, as that of water, all others
come of the name's digest. Where classes of one vocabulary prefer the same, the first by the alphabet has it, and the
others the next that is free; once all are taken, colours come of digests alone and may be hard to tell apart.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from types import MappingProxyType

OTHER_COLOR = "#bdbdbd"
"""Of class id 0: a neutral grey, which no class has by itself. No data has none: it is transparent."""

COLORS = (
    "#0077bb", "#e96030", "#116633", "#ffdd44", "#dd88cc", "#771155", "#3333bb", "#00ff88", "#ff4477",
    "#55ffff", "#cc66ff", "#aaaa55", "#773300", "#bbeebb", "#77ccff", "#ee9922", "#bb0099",
)  # fmt: skip
"""Any two, and the grey, differ by at least 15 in CIELAB, seen without the red or the green cones too, and by 30 else.

Found by adding, from a grid of colours, the one that differs most from all before it.
"""

_EXPECTED = {
    "#0077bb": ("water", "river", "lake", "sea"),
    "#116633": ("vegetation", "tree", "trees", "forest"),
    "#e96030": ("building", "house", "roof"),
    "#aaaa55": ("land", "soil", "bare soil"),
    "#bbeebb": ("grass", "meadow"),
    "#771155": ("road", "street"),
}
_PREFERRED = {name: color for color, names in _EXPECTED.items() for name in names}
_NONE_CHOSEN: Mapping[str, str] = MappingProxyType({})


def class_colors(names: Sequence[str], chosen: Mapping[str, str] = _NONE_CHOSEN) -> tuple[str, ...]:
    """Return the colour ("#rrggbb") of each class id: of ``other``, then of the classes ``names[i]`` with id i + 1.

    ``chosen`` are colours that were given, by name; nothing else gets one of these. No two classes without a given one
    are alike. The order of the names does not matter.

    >>> class_colors(["water", "wall"]), class_colors(["wall"], {"wall": "#ff0000"})
    (('#bdbdbd', '#0077bb', '#ffdd44'), ('#bdbdbd', '#ff0000'))

    Raises:
        ValueError: a chosen colour is none.
    """
    found = {name: checked_color(chosen[name]) for name in names if name in chosen}
    taken = {OTHER_COLOR, *found.values()}
    left = sorted(set(names) - found.keys(), key=lambda name: (_key(name), name))
    crowded = []
    for name in left:
        color = _preferred(name)
        if color in taken:
            crowded.append(name)
        else:
            found[name] = color
            taken.add(color)
    for name in crowded:
        found[name] = next(color for color in _others(name) if color not in taken)
        taken.add(found[name])
    return OTHER_COLOR, *(found[name] for name in names)


def checked_color(color: str) -> str:
    """Return a colour as it is stored, in small letters.

    Raises:
        ValueError: it is no "#rrggbb".
    """
    if not re.fullmatch("#[0-9a-fA-F]{6}", color):
        raise ValueError(f"a colour is '#' and six digits from 0 to f, such as '#0077bb', got {color!r}")
    return color.lower()


def rgba(color: str, *, alpha: int = 255) -> tuple[int, int, int, int]:
    """Return red, green, blue of a colour and its opacity, each 0 .. 255.

    >>> rgba("#0077bb")
    (0, 119, 187, 255)
    """
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return red, green, blue, alpha


def _preferred(name: str) -> str:
    return _PREFERRED.get(_key(name)) or COLORS[_number(name) % len(COLORS)]


def _others(name: str) -> Iterator[str]:
    """Yield the colours to have instead: the next ones of ``COLORS``, then any, without an end."""
    start = COLORS.index(_preferred(name))
    yield from COLORS[start:] + COLORS[:start]
    for attempt in count():
        yield f"#{_number(f'{name} {attempt}') % 2**24:06x}"


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(_key(name).encode()).digest()[:8], "big")
