"""Viewers of microscopes: a store is labels in their colours, with levels and a pixel's own size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients import environment
from tests.clients.oracle import Oracle
from tests.clients.readers.answering import Answer, Asked
from tests.clients.scenes import KINDS

pytestmark = pytest.mark.slow

UNITS = {"utm": "meter", "lon-lat": "degree", "no-crs": "micrometer"}
CLIENTS = ("by_ome_zarr", "by_napari")


@dataclass(frozen=True, slots=True)
class Told:
    """What each viewer tells of each store, and what the output holds before and after."""

    by: dict[str, dict[str, Answer]]
    before: list[Path]
    after: list[Path]


@pytest.fixture(scope="module")
def told(stores: dict[str, Path]) -> Told:
    before = _files(stores)
    found = environment.ask(CLIENTS, {kind: Asked(str(store)) for kind, store in stores.items()})
    return Told(found, before, _files(stores))


def _files(stores: dict[str, Path]) -> list[Path]:
    output = next(iter(stores.values())).parents[2]
    return sorted(output.rglob("*"))


def _facts(kind: str, oracle: Oracle) -> dict[str, Any]:
    facts = oracle.facts()
    side = oracle.side if oracle.pixel_m is None else oracle.pixel_m * 1e6
    opaque = [[*bytes.fromhex(color[1:]), 255] for color in oracle.colors]
    return {
        "name": kind,
        "axes": ["y", "x"],
        "units": [UNITS.get(kind, "meter")] * 2,
        "scale": [side, side],
        "shapes": facts["shapes"],
        "dtype": facts["dtype"],
        "digests": facts["digests"],
        "rgba": [
            [*opaque[0][:3], 0],
            *opaque[1:],
            [0, 0, 0, 0],
        ],  # neither `other` nor no data hides an image
        "class of label": [*oracle.names, "no data"],
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client", CLIENTS)
def test_viewers_see_labels_levels_names_and_colours(
    client: str, kind: str, told: Told, oracles: dict[str, Oracle]
) -> None:
    """Of a rotated scene too, without its rotation, for which OME has no words."""
    found, facts = dict(told.by[client][kind]), _facts(kind, oracles[kind])
    assert "refused" not in found, found
    if "scales" in found:
        scales = found["scales"]
        assert scales == [[side * 2**level for side in facts["scale"]] for level in range(len(scales))]
        found["scale"] = scales[0]
    assert {name: found[name] for name in facts} == facts


def test_viewers_write_nothing_into_an_output(told: Told) -> None:
    assert told.before
    assert told.after == told.before
