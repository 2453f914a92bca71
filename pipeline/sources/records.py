"""Rows of a list: a uri each, and a name where the list has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.errors import PipelineError
from pipeline.geometry.scene import Scene
from pipeline.sources.naming import Refusal, scene_of
from pipeline.storage import objects
from pipeline.storage.objects.scene_uris import file_of

NAMES = ("scene_id", "id")
"""The columns that may name a scene."""

_URI_CHARS = 2**16


def check_columns(uri: str, columns: Sequence[str], *, wanted: Sequence[str]) -> None:
    """Refuse a list without any of the columns ``wanted``.

    Raises:
        PipelineError: it has none.
    """
    if not set(wanted) & set(columns):
        named = ", ".join(columns[:20]) or "none"
        raise PipelineError(f"the list {uri} needs a column {' or '.join(wanted)}, its columns are {named}")


def scene_of_row(record: Mapping[str, Any], position: str, *, origin: str) -> Scene | Refusal:
    """Return the scene of a row, which is at a ``position`` of the list at ``origin``."""
    found = record.get("uri")
    if not isinstance(found, str) or not found.strip():
        return Refusal(origin, f"{position} has no uri: {str(dict(record))[:500]}")
    name = next((str(record[key]) for key in NAMES if record.get(key)), None)
    return named_scene(found.strip(), position, origin=origin, name=name)


def named_scene(reference: str, position: str, *, origin: str, name: str | None = None) -> Scene | Refusal:
    """Return the scene of a reference, which stands at a ``position`` of the list at ``origin``."""
    if len(reference) > _URI_CHARS or "\n" in reference:
        return Refusal(
            origin, f"{position} has no uri but {reference[:80]!r} ...: is a quotation mark missing?"
        )
    file = file_of(reference)
    try:
        return scene_of(reference.removesuffix(file) + objects.resolve(file, origin=origin), name=name)
    except PipelineError as error:
        return Refusal(reference, f"{position} names what gives no scene: {error}")
