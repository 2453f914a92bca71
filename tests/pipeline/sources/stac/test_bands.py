"""Bands that two versions of STAC describe at once."""

from typing import Any

import pytest

from pipeline.geometry.scene import Scene
from pipeline.sources.stac.assets import scene_of_item
from tests.pipeline.sources.stac.items import asset, item

COLOURS = ("blue", "green", "red", "nir")
OLDER = [{"name": f"B{n}", "common_name": colour} for n, colour in enumerate(COLOURS)]
NEWER = [{"name": f"B{n}", "eo:common_name": colour} for n, colour in enumerate(COLOURS)]


@pytest.mark.parametrize(
    "said",
    [
        {"bands": [{"data_type": "uint16"}] * 4, "eo:bands": OLDER},
        {"bands": [{"name": name} for name in ("b1", "b2", "b3", "b4")], "eo:bands": OLDER},
        {"bands": [{"name": f"B{n}"} for n in range(4)], "eo:bands": OLDER[::-1]},
        {"bands": NEWER, "eo:bands": [{"name": f"band {n}"} for n in range(4)]},
        {"bands": [*NEWER[:2], {}, {}], "eo:bands": [{}, {}, *OLDER[2:]]},
        {"bands": [], "eo:bands": OLDER},
        {"bands": None, "eo:bands": [{"name": colour.title()} for colour in COLOURS]},
        {"eo:bands": [3, 2, 1, 0]},
        {"eo:bands": ["B0", "B1", "B2", "B3"]},
    ],
)
def test_red_green_and_blue_are_the_bands_that_either_says(said: dict[str, Any]) -> None:
    found = item("it", a=asset("a.tif", **said))
    found["properties"]["eo:bands"] = OLDER[::-1]
    scene = scene_of_item(found, origin="/data/it.json")
    assert isinstance(scene, Scene), scene
    assert scene.bands is not None
    assert [band.number for band in scene.bands] == [3, 2, 1]
