"""Which assets make a scene: one of true colour, one with the three bands, three of a band, or the only one."""

from typing import Any

import pytest

from pipeline.geometry.scene import Band, Scene
from pipeline.sources.naming import Refusal
from pipeline.sources.stac.assets import scene_of_item
from tests.pipeline.sources.stac.items import asset, item

ORIGIN = "s3://bucket/items/it.json"
AT = "s3://bucket/items"


def bands_of(**assets: dict[str, Any]) -> list[tuple[str, int]] | None:
    scene = scene_of_item(item("it", **assets), origin=ORIGIN)
    assert isinstance(scene, Scene), scene
    return scene.bands and [(band.uri.removeprefix(f"{AT}/"), band.number) for band in scene.bands]


def test_three_assets_of_a_colour_each_are_a_scene() -> None:
    assets = {
        name: asset(f"{name}.tif", colour)
        for name, colour in (("B2", "blue"), ("B4", "red"), ("B3", "green"))
    }
    assert bands_of(**assets) == [("B4.tif", 1), ("B3.tif", 1), ("B2.tif", 1)]


def test_one_asset_with_the_three_bands_goes_before_three_assets() -> None:
    assets = {colour: asset(f"{colour}.tif", colour) for colour in ("red", "green", "blue")}
    assert bands_of(**assets, all=asset("all.tif", "nir", "blue", "green", "red")) == [
        ("all.tif", 4), ("all.tif", 3), ("all.tif", 2),
    ]  # fmt: skip


def test_the_visual_asset_goes_before_the_analytic_one_and_the_finest_first() -> None:
    scene = scene_of_item(
        item(
            analytic=asset("analytic.tif", "blue", "green", "red", "nir", roles=["data"]),
            visual_60m=asset("60.tif", roles=["visual"], gsd=60),
            visual_10m=asset("10.tif", roles=["visual"], gsd=10),
        ),
        origin=ORIGIN,
    )
    assert isinstance(scene, Scene)
    assert (scene.uri, scene.bands) == (f"{AT}/10.tif", None)


def test_bands_of_one_name_are_taken_from_the_finest_geotiff() -> None:
    assets = {
        f"{colour}{gsd}{kind}": asset(f"{colour}{gsd}.{kind}", colour, gsd=gsd, type=f"image/{kind}")
        for colour in ("red", "green", "blue")
        for gsd in (60, 10)
        for kind in ("jp2", "tiff")
    }
    assert bands_of(**assets) == [("red10.tiff", 1), ("green10.tiff", 1), ("blue10.tiff", 1)]


@pytest.mark.parametrize(
    "bands",
    [
        {"eo:bands": [{"common_name": "green"}, {"common_name": "red"}, {"common_name": "blue"}]},
        {"eo:bands": [{"name": "Green"}, {"name": "Red"}, {"name": "Blue"}]},
        {"eo:bands": [1, 0, 2]},
        {"bands": [{"eo:common_name": "green"}, {"eo:common_name": "red"}, {"eo:common_name": "blue"}]},
    ],
)
def test_bands_are_found_in_the_words_of_each_version(bands: dict[str, Any]) -> None:
    found = item(data=asset("a.tif", **bands), other=asset("b.tif"))
    found["properties"]["eo:bands"] = [{"common_name": name} for name in ("red", "green", "blue")]
    scene = scene_of_item(found, origin=ORIGIN)
    assert isinstance(scene, Scene)
    assert scene.bands == (Band(f"{AT}/a.tif", 2), Band(f"{AT}/a.tif", 1), Band(f"{AT}/a.tif", 3))


def test_the_only_raster_with_data_is_the_scene_and_previews_are_not() -> None:
    scene = scene_of_item(
        item(
            it=asset("a.tif"),
            thumbnail=asset("t.png", type="image/png"),
            small=asset("o.tif", roles=["overview"]),
            about=asset("m.xml", type="application/xml"),
        ),
        origin=ORIGIN,
    )
    assert isinstance(scene, Scene)
    assert (scene.uri, scene.bands) == (f"{AT}/a.tif", None)


def test_a_refusal_names_the_assets_and_the_reason() -> None:
    refusal = scene_of_item(item("radar", vv=asset("vv.tif"), vh=asset("vh.tif")), origin=ORIGIN)
    assert isinstance(refusal, Refusal)
    assert all(part in refusal.reason for part in ("radar", "vv, vh", "several", "--assets"))
    refusal = scene_of_item(item(meta=asset("m.json", type="application/json")), origin=ORIGIN)
    assert isinstance(refusal, Refusal)
    assert "none of its assets is a raster" in refusal.reason


@pytest.mark.parametrize(
    ("wanted", "uri"),
    [(["vh"], "vh.tif"), (["radar"], "vv.tif"), (["thumbnail"], "t.png")],
)
def test_an_asset_is_asked_for_by_key_or_role(wanted: list[str], uri: str) -> None:
    found = item(
        vv=asset("vv.tif", roles=["radar"]), vh=asset("vh.tif"), thumbnail=asset("t.png", type="image/png")
    )
    scene = scene_of_item(found, origin=ORIGIN, wanted=wanted)
    assert isinstance(scene, Scene)
    assert scene.uri == f"{AT}/{uri}"


def test_three_keys_are_red_green_and_blue_in_their_order() -> None:
    found = item(B8=asset("8.tif", "nir"), B4=asset("4.tif", "red"), B3=asset("3.tif", "green"))
    scene = scene_of_item(found, origin=ORIGIN, wanted=["B8", "B4", "B3"])
    assert isinstance(scene, Scene)
    assert scene.bands == (Band(f"{AT}/8.tif", 1), Band(f"{AT}/4.tif", 1), Band(f"{AT}/3.tif", 1))


@pytest.mark.parametrize("wanted", [["nothing"], ["B8", "B4"]])
def test_what_is_asked_for_and_not_there_is_refused(wanted: list[str]) -> None:
    found = item(B8=asset("8.tif", "nir"), B4=asset("4.tif", "red"))
    assert isinstance(scene_of_item(found, origin=ORIGIN, wanted=wanted), Refusal)


@pytest.mark.parametrize(
    "assets", [["a.tif"], {"a": "a.tif"}, {"a": {"href": 5}}, {"a": {"href": "file:///etc/passwd.tif"}}]
)
def test_broken_and_hostile_assets_are_refused(assets: object) -> None:
    assert isinstance(scene_of_item({"id": "x", "assets": assets}, origin=ORIGIN), Refusal)


def test_an_id_with_a_way_out_is_made_safe_and_stays_its_own() -> None:
    ids: set[str] = set()
    for name in ("../../etc/x", "..", "a/b", "a b", ""):
        scene = scene_of_item(item(name, a=asset(f"{len(ids)}.tif")), origin=ORIGIN)
        assert isinstance(scene, Scene)
        assert "/" not in scene.scene_id
        assert ".." not in scene.scene_id
        ids.add(scene.scene_id)
    assert len(ids) == 5
