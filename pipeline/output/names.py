"""The names below an output that a run writes, and no others."""

from __future__ import annotations

import hashlib
import re

RUN, LEASE = "run.json", "lease.json"
SUMMARY, ITEMS, FAILURES = "summary.parquet", "items.parquet", "failures.parquet"
FILES = (LEASE, RUN, SUMMARY, ITEMS, FAILURES)
LEDGER, FAILURE_NOTES, STATISTICS, INPUTS, SCENES = "ledger", "failures", "statistics", "inputs", "scenes"
OVERVIEWS = "overviews"
FOLDERS = (LEDGER, FAILURE_NOTES, STATISTICS, OVERVIEWS, INPUTS, SCENES)
"""What is done goes first when all is removed: masks without a ledger are computed again, a ledger without is a lie."""

MASKS = "masks.zarr"
"""The name of a scene's mask store."""

GROUP = "zarr.json"
"""The metadata of a group of Zarr, as which all scenes are one hierarchy."""

_SCENE = r"[A-Za-z0-9_][A-Za-z0-9._-]*-[0-9a-f]{16}"  # see ``scene_of``
_MADE = (
    r"ledger/{0}/([0-9]+-[0-9]+|plan-[0-9]+-[0-9a-f]{{32}})\.json|((inputs|overviews)/{0}|scenes/zarr)\.json"
    r"|failures/{0}/([0-9]+-[0-9]+|scene(-[1-9][0-9]*)?|refused-[0-9a-f]{{16}})\.json"
    r"|statistics/(part-[0-9a-f]{{2}}|{0})\.parquet|scenes/{0}/masks\.zarr/(([a-z_]+|[0-9]+)/)*(zarr\.json|c(/[0-9]+)*)"
)
_HALF_WRITTEN = re.compile(
    r"(?P<folder>.*/)(\.(?P<object>.+)\.[0-9a-f]{32}|(?P<chunk>[0-9]+|c)\..*\.partial|(?P<zarr>zarr)\..*\.partial)"
)


def is_made(path: str, scene_id: str | None = None) -> bool:
    """Tell whether a run writes ``path``, which is below an output's folders, or leaves it there half-written.

    It is of any scene that ``scene_of`` names, or of the one with ``scene_id``.

    >>> [is_made(path, "a") for path in ("ledger/a/0-512.json", "ledger/a/notes.json", "ledger/b/0-512.json")]
    [True, False, False]
    """
    half = _HALF_WRITTEN.fullmatch(path)
    if half is not None:
        path = half["folder"] + (half["object"] or half["chunk"] or "zarr.json")
    scene = _SCENE if scene_id is None else re.escape(scene_id)
    return re.fullmatch(_MADE.format(scene), path) is not None


def statistics_name(scene_id: str) -> str:
    """Return the name of the table that has a scene's statistics: one of 256, which depends on the id alone.

    >>> statistics_name("a-0123456789abcdef")
    'part-e0.parquet'
    """
    return f"part-{hashlib.sha256(scene_id.encode()).hexdigest()[:2]}.parquet"


def is_scene_id(text: str) -> bool:
    """Tell whether a text has the form of the ids that ``scene_of`` gives.

    >>> [is_scene_id(text) for text in ("a-0123456789abcdef", "a.tif", "scenes/a-0123456789abcdef")]
    [True, False, False]
    """
    return re.fullmatch(_SCENE, text) is not None


def is_output_folder(path: str) -> bool:
    """Tell whether ``path`` is a folder of an output, of one of its scenes, or one inside of that."""
    folder, _, inner = path.partition("/")
    return folder in FOLDERS and (not inner or re.fullmatch(rf"{_SCENE}(/.*)?", inner) is not None)
