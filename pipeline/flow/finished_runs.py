"""A run with nothing left to do is told by the ledger, before an actor is started."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from pipeline.flow.records import Planned
from pipeline.geometry.scene import Scene
from pipeline.output import Output
from pipeline.sources.naming import Refusal
from pipeline.storage import objects
from pipeline.storage.deadline import within

_SCENES = 1000  # to check from the driver; longer lists are left to the planning tasks
_TIMEOUT_S = 20.0  # less than actors take to start
_AT_ONCE = 16  # a check is a few round trips to the storage and almost no work

CountIfDone = Callable[[Scene], int | None]
"""Tells how many windows a scene has, if all of them are done; else None."""


def all_done(
    scenes: Iterable[Scene | Refusal], output: Output, count_if_done: CountIfDone
) -> list[Planned] | None:
    """Return what there is of each scene where all windows are done; None where some are left, or nobody knows."""
    try:
        if next(objects.list_all(output.ledger), None) is None:
            return None
        return within(_TIMEOUT_S, lambda: _counted(scenes, count_if_done), late=TimeoutError())
    except Exception:  # noqa: BLE001 - whatever it is, it comes again where it is some scene's failure, or the list's
        return None


def _counted(scenes: Iterable[Scene | Refusal], count_if_done: CountIfDone) -> list[Planned] | None:
    found: list[Planned] = []
    ahead = iter(scenes)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        some = list(islice(ahead, 1))  # of a run with something to do most often the first one tells
        while some:
            listed = [each for each in some if isinstance(each, Scene)]
            if len(listed) < len(some) or len(found) >= _SCENES:
                return None
            for scene, windows in zip(listed, pool.map(count_if_done, listed), strict=True):
                if windows is None:
                    return None
                found.append(Planned(scene.scene_id, windows, windows))
            some = list(islice(ahead, _AT_ONCE))
    return found or None
