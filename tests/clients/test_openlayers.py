"""OpenLayers reads a store by its conventions, straight from a web server, and draws it in its colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.clients import browser
from tests.clients.oracle import Oracle
from tests.clients.scenes import KINDS

pytestmark = pytest.mark.slow

UPRIGHT = [kind for kind, (crs, transform) in KINDS.items() if crs is not None and transform[1] == 0]
AROUND_PX = 120  # of the middle: all of it is on one screen


@pytest.fixture(scope="module")
def pixels(oracles: dict[str, Oracle]) -> dict[str, dict[str, list[list[int]]]]:
    """Return rows and columns of some pixels of each level, by kind."""
    chance = np.random.default_rng(0)
    wanted = {}
    for kind in UPRIGHT:
        shapes = [level.shape for level in oracles[kind].levels]
        wanted[kind] = {
            str(level): (np.array(shape) // 2 + chance.integers(-AROUND_PX, AROUND_PX, (60, 2))).tolist()
            for level, shape in enumerate(shapes)
        }
    return {kind: wanted.get(kind, {}) for kind in KINDS}


@pytest.fixture(scope="module")
def told(
    pixels: dict[str, dict[str, list[list[int]]]],
    stores: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    return browser.ask(pixels, stores, tmp_path_factory.mktemp("openlayers"))


@pytest.mark.parametrize("kind", UPRIGHT)
def test_openlayers_sees_place_levels_classes_and_colours(
    kind: str, told: dict[str, Any], pixels: dict[str, dict[str, list[list[int]]]], oracles: dict[str, Oracle]
) -> None:
    found, oracle = told[kind], oracles[kind]
    assert found["crs"] == oracle.crs
    assert found["colors"] == list(oracle.colors)
    np.testing.assert_allclose(found["extent"], oracle.bounds, rtol=1e-12)
    assert found["levels"] == ["2", "1", "0"]
    seen = {
        level: [(each["class"], each["rgba"]) for each in places] for level, places in found["seen"].items()
    }
    assert seen == {
        level: [_drawn(oracle, int(oracle.levels[int(level)][row, col])) for row, col in places]
        for level, places in pixels[kind].items()
    }
    assert None in {class_id for class_id, _ in seen["0"]}, "no place without data was looked at"


def _drawn(oracle: Oracle, class_id: int) -> tuple[int | None, list[int]]:
    if class_id == oracle.nodata:
        return None, [0, 0, 0, 0]
    return class_id, [*bytes.fromhex(oracle.colors[class_id][1:]), 255]


@pytest.mark.parametrize("kind", UPRIGHT)
def test_openlayers_fits_a_level_into_the_scene(
    kind: str, told: dict[str, Any], oracles: dict[str, Oracle]
) -> None:
    """A level of an odd side ends beyond the scene: it is shrunk, by less than one of its pixels over all of it."""
    oracle = oracles[kind]
    xmin, _, xmax, _ = oracle.bounds
    for level, resolution in zip((2, 1, 0), told[kind]["resolutions"], strict=True):
        width = oracle.levels[level].shape[1]
        own = oracle.side * 2**level
        assert resolution == pytest.approx((xmax - xmin) / width, rel=1e-12)
        assert 0 <= own * width - resolution * width + 1e-9 * own < own


def test_openlayers_places_rotated_scenes_upright_without_a_word(
    told: dict[str, Any], oracles: dict[str, Oracle]
) -> None:
    """It fills the box around the four corners."""
    found, oracle = told["rotated"], oracles["rotated"]
    xmin, _, xmax, _ = oracle.bounds
    assert found["crs"] == oracle.crs
    np.testing.assert_allclose(found["extent"], oracle.bounds, rtol=1e-12)
    assert found["resolutions"][-1] == pytest.approx((xmax - xmin) / oracle.class_ids.shape[1])
    assert found["resolutions"][-1] > 1.3 * oracle.side


def test_openlayers_refuses_scenes_without_crs_and_says_so(told: dict[str, Any]) -> None:
    assert "Could not determine the projection" in told["no-crs"]["refused"]


def test_the_lock_of_the_page_names_no_host() -> None:
    locked = browser.PAGE.with_name("package-lock.json").read_text()
    assert '"integrity"' in locked
    assert '"resolved"' not in locked
