"""rio-tiler and titiler: pixels, places on earth and tiles of a web map, in the store's colours."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.clients import environment, tiles
from tests.clients.oracle import Oracle
from tests.clients.readers.answering import Answer, Asked
from tests.clients.scenes import HEIGHT, KINDS, WIDTH

pytestmark = pytest.mark.slow

UPRIGHT = [kind for kind, (crs, transform) in KINDS.items() if crs is not None and transform[1] == 0]
READERS = ("xarray", "array", "group")
PLACES = [(40 + 61 * number, (97 * number) % WIDTH) for number in range((HEIGHT - 40) // 61)]


@pytest.fixture(scope="module")
def asked(stores: dict[str, Path], oracles: dict[str, Oracle]) -> dict[str, Asked]:
    """Some places of each scene, and the tile of its middle; of scenes without CRS nothing but their pixels."""
    return {
        kind: Asked(str(stores[kind]))
        if oracle.crs is None
        else Asked(
            str(stores[kind]), [oracle.lonlat(*place) for place in PLACES], tiles.tile_of_middle(oracle)
        )
        for kind, oracle in oracles.items()
    }


@pytest.fixture(scope="module")
def told(asked: dict[str, Asked]) -> dict[str, dict[str, Answer]]:
    return environment.ask(("by_rio_tiler", "by_titiler"), asked)


@pytest.fixture(scope="module")
def rio_tiler(told: dict[str, dict[str, Answer]]) -> dict[str, Answer]:
    return told["by_rio_tiler"]


@pytest.fixture(scope="module")
def titiler(told: dict[str, dict[str, Answer]]) -> dict[str, Answer]:
    return told["by_titiler"]


def _classes_at(oracle: Oracle) -> list[int]:
    return [int(oracle.class_ids[place]) for place in PLACES]


def _agreement(found: np.ndarray, asked: Asked, shown: Any, oracle: Oracle) -> float:  # noqa: ANN401 - a function
    """Return the share of a tile's pixels, away from borders of classes, that are what ``shown`` makes of class ids."""
    assert asked.tile is not None
    class_ids, even = oracle.seen_at(*tiles.pixels_of(asked.tile), tiles.CRS)
    assert even.mean() > 0.3  # else nothing is compared
    same = found == shown(class_ids)
    return float((same if same.ndim == 2 else same.all(axis=2))[even].mean())


@pytest.mark.parametrize("kind", [kind for kind, (crs, _) in KINDS.items() if crs is not None])
@pytest.mark.parametrize("reader", READERS)
def test_rio_tiler_sees_pixels_place_and_no_data(
    reader: str, kind: str, rio_tiler: dict[str, Answer], oracles: dict[str, Oracle]
) -> None:
    found, facts = rio_tiler[kind][reader], oracles[kind].facts()
    assert found["crs"] == facts["crs"]
    np.testing.assert_allclose(found["transform"], facts["transforms"][0], rtol=1e-12)
    assert (found["digest"], found["valid"]) == (facts["digests"][0], facts["valid"])
    told = {name: found[name] for name in ("nodata", "names", "colors") if name in found}
    assert told == {name: facts[name] for name in told}


@pytest.mark.parametrize("kind", UPRIGHT)
@pytest.mark.parametrize("reader", READERS)
def test_rio_tiler_finds_places_and_draws_tiles(
    reader: str, kind: str, rio_tiler: dict[str, Answer], asked: dict[str, Asked], oracles: dict[str, Oracle]
) -> None:
    found = rio_tiler[kind][reader]
    assert found["at places"] == _classes_at(oracles[kind])
    assert _agreement(np.array(found["tile"]), asked[kind], lambda ids: ids, oracles[kind]) == 1.0


@pytest.mark.parametrize("kind", [*UPRIGHT, "rotated"])
def test_rio_tiler_reads_a_small_picture_from_the_coarsest_level(
    kind: str, rio_tiler: dict[str, Answer], oracles: dict[str, Oracle]
) -> None:
    assert rio_tiler[kind]["group"]["coarsest"] == oracles[kind].facts()["digests"][-1]


def test_rio_tiler_refuses_scenes_without_crs_and_says_so(rio_tiler: dict[str, Answer]) -> None:
    said = {reader: rio_tiler["no-crs"][reader]["refused"] for reader in READERS}
    assert "doesn't have CRS information" in said["xarray"]
    assert "CRS is required" in said["array"]
    assert "`proj:code` missing" in said["group"]


def test_rio_tiler_finds_places_of_rotated_scenes_and_cannot_draw_them(
    rio_tiler: dict[str, Answer], asked: dict[str, Asked], oracles: dict[str, Oracle]
) -> None:
    """Its reader of an xarray takes the scene for upright, and refuses; the others draw tiles that are wrong."""
    oracle, found = oracles["rotated"], rio_tiler["rotated"]
    right = _classes_at(oracle)
    for reader in ("array", "group"):
        assert found[reader]["at places"] == right
        tile = np.array(found[reader]["tile"])
        assert _agreement(tile, asked["rotated"], lambda ids: ids, oracle) < 0.5
    beyond = "PointOutsideBounds"
    assert beyond in found["xarray"]["at places"]
    assert all(
        class_id in (own, beyond) for class_id, own in zip(found["xarray"]["at places"], right, strict=True)
    )
    assert found["xarray"]["tile"] is None


@pytest.mark.parametrize("kind", UPRIGHT)
def test_titiler_serves_what_was_put_in(
    kind: str, titiler: dict[str, Answer], asked: dict[str, Asked], oracles: dict[str, Oracle]
) -> None:
    found, oracle = titiler[kind], oracles[kind]
    assert "refused" not in found, found
    facts = oracle.facts()
    np.testing.assert_allclose(found["bounds"], oracle.bounds, rtol=1e-12)
    told = {name: found[name] for name in ("crs", "dtype", "nodata", "names", "colors")}
    assert told == {name: facts[name] for name in told}
    assert found["shape"] == facts["shapes"][0]
    right = [None if class_id == oracle.nodata else class_id for class_id in _classes_at(oracle)]
    assert found["at places"] == right
    assert None in right
    tile = np.asarray(Image.open(io.BytesIO(base64.b64decode(found["tile"]))).convert("RGBA"))
    assert _agreement(tile, asked[kind], lambda ids: _drawn(ids, oracle), oracle) == 1.0


def _drawn(class_ids: np.ndarray, oracle: Oracle) -> np.ndarray:
    """Return the colour of each class id, nothing where there is no data."""
    palette = np.zeros((oracle.nodata + 1, 4), np.uint8)
    for class_id, color in enumerate(oracle.colors):
        palette[class_id] = (*bytes.fromhex(color[1:]), 255)
    return np.asarray(palette[class_ids])


def test_titiler_refuses_scenes_without_crs(titiler: dict[str, Answer]) -> None:
    assert "Invalid geographic bounds" in titiler["no-crs"]["refused"]


def test_titiler_takes_rotated_scenes_for_upright_and_draws_nothing(
    titiler: dict[str, Answer], oracles: dict[str, Oracle]
) -> None:
    oracle, found = oracles["rotated"], titiler["rotated"]
    assert "refused" not in found, found
    assert found["crs"] == oracle.crs
    assert not np.allclose(found["bounds"], oracle.bounds)
    assert any("outside dataset bounds" in str(each) for each in found["at places"])
    assert found["tile"] is None
