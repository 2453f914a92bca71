"""OUT/overviews/SCENE_ID.json: of which ledger a scene's overviews are, and what their chunks are as they are stored.

It is written last, when they are whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pipeline.output import SceneOutput
from pipeline.storage import objects
from pipeline.storage.documents import json_of


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewsNote:
    """The digest of the listing of the ledger that a scene's overviews are of, and by path those of their arrays."""

    ledger: str
    chunks: Mapping[str, str]

    def content(self) -> bytes:
        """Return it as it is stored: equal values give equal bytes."""
        return (json.dumps(asdict(self), sort_keys=True, indent=1) + "\n").encode()


def read_overviews_note(scene: SceneOutput) -> OverviewsNote | None:
    """Return what is noted of a scene's overviews.

    Raises:
        FileNotFoundError: nothing is.
        PipelineError: the storage refused.

    It is None where the note is damaged.
    """
    content = objects.get_bytes(scene.overviews, limit_bytes=objects.OWN_BYTES)
    try:
        found = OverviewsNote(**json_of(content))
    except (ValueError, TypeError):
        return None
    return found if found.content() == content else None
