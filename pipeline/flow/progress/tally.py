"""How many windows of each scene are known to be done, in flat memory: a listing is compared with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from zlib import crc32

import numpy as np

_SLOTS = 1 << 20  # scenes of one slot are not told apart: of a million a third has one of its own


class Tally:
    """Counts windows by scene, as they are found done or become so."""

    def __init__(self) -> None:
        self._counts = np.zeros(_SLOTS, np.uint32)

    def add(self, scene_id: str, windows: int) -> None:
        """Count windows of a scene that are done."""
        self._counts[_slot(scene_id)] += windows

    def clear(self) -> None:
        """Count anew."""
        self._counts[:] = 0

    def least(self, scene_ids: Sequence[str]) -> Mapping[str, int]:
        """Return of each scene how many windows it has at least, 0 where it cannot be told from another of them."""
        alone = Counter(map(_slot, scene_ids))
        return {each: int(self._counts[_slot(each)]) if alone[_slot(each)] == 1 else 0 for each in scene_ids}

    def lacks(self, scene_ids: Iterable[str]) -> bool:
        """Tell whether a scene of which something is done is not among ``scene_ids``."""
        left = set(np.flatnonzero(self._counts).tolist())
        left.difference_update(map(_slot, scene_ids))
        return bool(left)


def _slot(scene_id: str) -> int:
    return crc32(scene_id.encode()) % _SLOTS
