"""What colours the bands of a STAC asset have, in the words of 0.8 to 1.1, or of two versions at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.sources.stac.fields import list_of, text_of

RGB = ("red", "green", "blue")

_COLOURS = ("eo:common_name", "common_name")


def colours_of(key: str, asset: Mapping[str, Any], item: Mapping[str, Any]) -> tuple[str | None, ...]:
    """Return the common names of an asset's bands, in the order of its file; None where one has none.

    ``bands`` (1.1) and ``eo:bands`` say it together: of two that are both named the order is that of ``bands``.

    Raises:
        ValueError: a field is of another type than STAC has it.
    """
    properties = item.get("properties")  # of another type it costs no scene: it seldom says anything of bands
    table = list_of(properties, "eo:bands") if isinstance(properties, dict) else []
    newer = [_band(each, table) for each in list_of(asset, "bands")]
    older = [_band(each, table) for each in list_of(asset, "eo:bands")]
    if not newer and not older:
        only = text_of(asset, "eo:common_name") or (key if key.lower() in RGB else None)
        return (only.lower(),) if only else ()
    return tuple(_colour(*pair) for pair in _together(newer, older))


def _together(
    newer: Sequence[Mapping[str, Any]], older: Sequence[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return the two descriptions of each band, by name where all are named alike, else by their positions."""
    by_name = {str(band["name"]): band for band in older if band.get("name") is not None}
    names = [band.get("name") for band in newer]
    if names and len(set(map(str, names))) == len(names) and set(map(str, names)) == set(by_name):
        return [(band, by_name[str(band["name"])]) for band in newer]
    longest = max(len(newer), len(older))
    return [
        (newer[index] if index < len(newer) else {}, older[index] if index < len(older) else {})
        for index in range(longest)
    ]


def _band(band: object, table: Sequence[Any]) -> Mapping[str, Any]:
    """Return what is said of a band; up to 0.8 it is its index in the item's table, elsewhere its name there."""
    if isinstance(band, int) and not isinstance(band, bool):
        band = table[band] if 0 <= band < len(table) else None
    elif isinstance(band, str):
        named = (each for each in table if isinstance(each, dict) and each.get("name") == band)
        band = next(named, {"name": band})
    if band is not None and not isinstance(band, dict):
        raise ValueError(f"a band is an object, got {str(band)[:80]!r}")
    return band or {}


def _colour(newer: Mapping[str, Any], older: Mapping[str, Any]) -> str | None:
    """Return a band's common name by whoever says it, else what it is called."""
    for name in (*_COLOURS, "name"):
        for band in (newer, older):
            if said := text_of(band, name):
                return said.lower()
    return None
