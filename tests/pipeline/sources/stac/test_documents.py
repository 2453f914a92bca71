"""STAC documents: traversed lazily, cycles and all; what is broken or missing is refused alone."""

import json
import socket
from itertools import islice
from pathlib import Path
from typing import Any

import pystac
import pytest

from pipeline import raster
from pipeline.errors import ConfigError, RasterError
from pipeline.geometry.scene import Scene
from pipeline.sources import SceneList
from pipeline.sources.naming import Refusal
from pipeline.sources.stac.documents import kind_of
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.sources.stac.items import asset, item, links, write
from tests.servers.stac_server import running


@pytest.fixture
def unplugged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every name of a machine, so that no link of a document is followed out of this one."""

    def refuse(host: object, *_: object, **__: object) -> None:
        raise OSError(f"{host} is not asked for: these tests have no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def entries(*specs: str, **choice: Any) -> tuple[list[Scene], list[Refusal]]:  # noqa: ANN401 - a SceneList's
    found = list(SceneList(specs, **choice))
    return (
        [each for each in found if isinstance(each, Scene)],
        [each for each in found if isinstance(each, Refusal)],
    )


def tree(root: Path) -> str:
    """A catalog of a collection of two items and of a catalog that links back up."""
    write(root / "c/one/one.json", item("one", a=asset("../../data/1.tif")))
    write(root / "c/two.json", item("two", a=asset("https://host/2.tif")))
    write(root / "c/collection.json", links("Collection", ("item", "one/one.json"), ("item", "./two.json")))
    write(
        root / "sub/catalog.json", links("Catalog", ("child", "../catalog.json"), ("item", "../c/two.json"))
    )
    return write(
        root / "catalog.json",
        links("Catalog", ("self", "x"), ("child", "c/collection.json"), ("child", "sub/catalog.json")),
    )


def test_a_catalog_gives_each_item_once_though_it_links_in_a_circle(tmp_path: Path) -> None:
    scenes, refusals = entries(tree(tmp_path))
    assert [scene.uri for scene in scenes] == [f"{tmp_path}/data/1.tif", "https://host/2.tif"]
    assert [scene.scene_id[:4] for scene in scenes] == ["one-", "two-"]
    assert refusals == []


def test_a_catalog_on_s3_is_the_same(tmp_path: Path, s3: str) -> None:
    tree(tmp_path)
    for path in tmp_path.rglob("*.json"):
        objects.put_bytes(Location(f"{s3}/{path.relative_to(tmp_path)}"), path.read_bytes())
    scenes, refusals = entries(f"{s3}/catalog.json")
    assert ([scene.uri for scene in scenes], refusals) == ([f"{s3}/data/1.tif", "https://host/2.tif"], [])


def test_links_are_followed_when_their_turn_comes(tmp_path: Path) -> None:
    write(tmp_path / "1.json", item("one", a=asset("1.tif")))
    found = [("item", "1.json"), ("item", "https://never-asked.invalid/2.json")]
    first = next(iter(SceneList((write(tmp_path / "catalog.json", links("Catalog", *found)),))))
    assert isinstance(first, Scene)


def test_a_missing_or_broken_link_is_refused_and_the_others_are_not(tmp_path: Path) -> None:
    write(tmp_path / "good.json", item("good", a=asset("1.tif")))
    (tmp_path / "broken.json").write_text("{")
    write(tmp_path / "other.json", {"type": "Polygon"})
    found = [("item", f"{name}.json") for name in ("none", "broken", "other", "good")]
    scenes, refusals = entries(write(tmp_path / "catalog.json", links("Catalog", *found)))
    assert [Path(scene.uri).name for scene in scenes] == ["1.tif"]
    assert [each.uri for each in refusals] == ["none.json", "broken.json", "other.json"]
    for refusal, reason in zip(refusals, ("does not exist", "no JSON", "expected an Item"), strict=True):
        assert reason in refusal.reason


def test_an_item_collection_goes_on_at_its_next_page(tmp_path: Path) -> None:
    page = {"type": "FeatureCollection", "features": [item("two", a=asset("2.tif")), {"type": "Feature"}]}
    write(tmp_path / "page2.json", page)
    first = {"type": "FeatureCollection", "features": [item("one", a=asset("1.tif"))]}
    first["links"] = [{"rel": "next", "href": "page2.json"}]
    scenes, refusals = entries(write(tmp_path / "page1.json", first))
    assert [Path(scene.uri).name for scene in scenes] == ["1.tif", "2.tif"]
    assert ["no STAC item" in each.reason for each in refusals] == [True]


def test_a_collection_may_have_a_raster_of_its_own(tmp_path: Path) -> None:
    mosaic = {"mosaic": asset("m.tif"), "thumbnail": asset("t.png", type="image/png")}
    scenes, _ = entries(write(tmp_path / "collection.json", links("Collection", assets=mosaic)))
    assert [Path(scene.uri).name for scene in scenes] == ["m.tif"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "no JSON"),
        ("[]", "expected an Item"),
        ('{"type": "Feature"}', "expected an Item"),
        ("[" * 10**5, "JSON"),
    ],
)
def test_a_named_document_that_is_no_stac_starts_nothing(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ConfigError, match=reason):
        SceneList((f"{tmp_path}/a.json",)).check()


def test_lists_and_documents_of_the_web_are_known_by_name_or_beginning(tmp_path: Path) -> None:
    from http.server import SimpleHTTPRequestHandler  # noqa: PLC0415 - of this test alone

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path))  # type: ignore[arg-type]

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
            pass

    tree(tmp_path)
    (tmp_path / "root").write_bytes((tmp_path / "catalog.json").read_bytes())
    (tmp_path / "list.csv").write_text("id,uri\nx,data/1.tif\n")
    (tmp_path / "list.txt").write_text("data/2.tif\n")
    with running(Files) as address:
        scenes, refusals = entries(f"{address}/list.csv", f"{address}/list.txt")
        assert [scene.uri for scene in scenes] == [f"{address}/data/1.tif", f"{address}/data/2.tif"]
        for name in ("root", "catalog.json", "catalog.json?token=b0b"):
            scenes, refusals = entries(f"{address}/{name}")
            assert [scene.uri for scene in scenes] == [f"{address}/data/1.tif", "https://host/2.tif"]
            assert refusals == []
        scenes, _ = entries(f"{address}/data/1.tif?X-Amz-Signature=b0b")
        assert [scene.uri for scene in scenes] == [f"{address}/data/1.tif?X-Amz-Signature=b0b"]


@pytest.mark.usefixtures("unplugged")
def test_every_published_document_gives_scenes_or_says_why_not(shared_data: Path) -> None:
    files = sorted(path for path in (shared_data / "stac").rglob("*") if path.is_file())
    assert len(files) == 178
    outcomes = {"scenes": 0, "refused": 0, "no STAC": 0}
    for path in files:
        scenes, refusals = entries(str(path))
        assert scenes or refusals, path
        assert all(refusal.reason for refusal in refusals), path
        document = _json(path)
        if document is None:
            _assert_no_scene_can_be_read(scenes)
            outcomes["no STAC"] += 1
        else:
            _assert_rasters_are_accounted_for(document, scenes, refusals)
            outcomes["scenes" if scenes else "refused"] += 1
    assert outcomes == {"scenes": 95, "refused": 72, "no STAC": 11}


@pytest.mark.usefixtures("unplugged")
def test_scenes_read_the_files_and_bands_that_pystac_knows(shared_data: Path) -> None:
    compared = 0
    for path in sorted((shared_data / "stac").rglob("*.json")):
        document = _json(path)
        if document is None or kind_of(document) != "Feature" or str(document["stac_version"]) < "1":
            continue
        scenes, _ = entries(str(path))
        oracle = pystac.Item.from_dict(document, href=str(path))
        hrefs = {each.get_absolute_href(): (key, each) for key, each in oracle.assets.items()}
        for scene in scenes:
            assert set(scene.files) <= set(hrefs), path
            for band, colour in zip(scene.bands or (), ("red", "green", "blue"), strict=False):
                assert colour in _colours(*hrefs[band.uri], band.number), path
                compared += 1
    assert compared > 60


def _colours(key: str, oracle: pystac.Asset, number: int) -> tuple[object, ...]:
    """What pystac knows of a band: an asset of one band may name it without a list, or be called by its colour."""
    bands = oracle.extra_fields.get("bands") or oracle.extra_fields.get("eo:bands") or [oracle.extra_fields]
    band = bands[number - 1]
    return band.get("eo:common_name"), band.get("common_name"), band.get("name"), key


def _json(path: Path) -> dict[str, object] | None:
    try:
        document: dict[str, object] = json.loads(path.read_bytes())
    except ValueError:
        return None
    return document


def _assert_no_scene_can_be_read(scenes: list[Scene]) -> None:
    for scene in islice(scenes, 3):
        with pytest.raises(RasterError, match=r"text file|is not a GeoTIFF|does not exist"):
            raster.read_header(scene.uri)


def _assert_rasters_are_accounted_for(
    document: dict[str, object], scenes: list[Scene], refusals: list[Refusal]
) -> None:
    """An item with a TIFF or JPEG 2000 that is no preview gives a scene, or a refusal that names the asset."""
    if kind_of(document) != "Feature":
        return
    assets = document["assets"]
    assert isinstance(assets, dict)
    rasters = [
        key
        for key, each in assets.items()
        if "tif" in str(each.get("type")) or "jp2" in str(each.get("type"))
    ]
    if rasters and not scenes:
        (refusal,) = refusals
        assert all(key in refusal.reason for key in rasters)
