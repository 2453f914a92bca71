"""Searches of STAC APIs: of a server that others wrote, of one that knows GET alone, and of none."""

import pickle
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests

from pipeline.errors import ConfigError
from pipeline.geometry.scene import Scene
from pipeline.sources import SceneList, Search
from pipeline.sources.naming import Refusal
from pipeline.sources.stac import search
from pipeline.sources.stac.link_policy import LinkPolicy
from tests.pipeline.sources.stac.items import asset, item, write
from tests.servers.stac_server import GetOnly, running, running_stac_server

ITEMS = 250


def found(number: int) -> dict[str, Any]:
    """An item of a point at a longitude of its own, each at a day of its own."""
    place = {"geometry": {"type": "Point", "coordinates": [number / 10, 0.0]}, "bbox": [number / 10, 0.0] * 2}
    day = {"properties": {"datetime": f"2026-{number // 28 + 1:02}-{number % 28 + 1:02}T12:00:00Z"}}
    return item(f"item-{number}", visual=asset(f"https://host/{number}.tif", roles=["visual"])) | place | day


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("items")
    with running_stac_server([Path(write(folder / f"{n}.json", found(n))) for n in range(ITEMS)]) as address:
        yield address


def numbers(scenes: SceneList) -> list[int]:
    entries = list(scenes)
    assert all(isinstance(each, Scene) for each in entries), entries
    return [int(each.uri.rsplit("/", 1)[1].removesuffix(".tif")) for each in entries]


def test_all_pages_of_a_search_are_read_and_each_item_is_once(api: str) -> None:
    scenes = SceneList((Search(api, {"collections": ["c"]}),))
    assert sorted(numbers(scenes)) == list(range(ITEMS))
    first = next(iter(scenes))
    assert isinstance(first, Scene)
    assert first.scene_id.startswith("item-")


def test_a_search_is_by_place_and_by_days_and_its_copy_finds_the_same(api: str) -> None:
    asked = {"collections": ["c"], "bbox": [1.0, -1.0, 3.0, 1.0], "datetime": "2026-01-15/2026-01-20"}
    scenes = SceneList((Search(f"{api}/", asked),))
    assert sorted(numbers(scenes)) == [14, 15, 16, 17, 18, 19]
    assert list(pickle.loads(pickle.dumps(scenes))) == list(scenes)  # noqa: S301 - of our own making


def test_pages_are_asked_for_when_their_turn_comes(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = search._page

    def counted(
        session: requests.Session, request: dict[str, Any], wanted: dict[str, Any], links: LinkPolicy
    ) -> dict[str, Any]:
        asked.append(request)
        return real(session, request, wanted, links)

    monkeypatch.setattr(search, "_page", counted)
    entries = iter(SceneList((Search(api),)))
    next(entries)
    assert len(asked) == 1
    assert len(list(entries)) == ITEMS - 1
    assert len(asked) == 3


def test_an_api_that_knows_get_alone_is_asked_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GetOnly, "items", [found(n) for n in range(5)])
    monkeypatch.setattr(GetOnly, "asked", [])
    asked = {
        "collections": ["c", "d"],
        "bbox": [0, 0, 1, 1],
        "query": {"x": {"lt": 5}},
        "datetime": "2026-01-01",
    }
    with running(GetOnly) as address:
        assert numbers(SceneList((Search(f"{address}/search", asked),))) == [0, 1, 2, 3, 4]
    first = {key: value for key, (value,) in GetOnly.asked[0].items()}
    assert first == {
        "collections": "c,d",
        "bbox": "0,0,1,1",
        "query": '{"x": {"lt": 5}}',
        "datetime": "2026-01-01T00:00:00Z/2026-01-01T23:59:59Z",
        "limit": "100",
    }
    assert [each.get("skip") for each in GetOnly.asked] == [None, ["2"], ["4"]]


class Refusing(BaseHTTPRequestHandler):
    """Refuses every search, with a reason."""

    def do_POST(self) -> None:
        self.send_response(403)
        self.end_headers()
        self.wfile.write(b"this key is\nof no use")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        pass


def test_a_refused_search_is_one_clear_error_without_its_credentials() -> None:
    with running(Refusing) as address:
        scenes = SceneList((Search(address.replace("://", "://me:hunter2@")),))
        with pytest.raises(ConfigError, match=r"403.*this key is of no use") as raised:
            scenes.check()
    assert "hunter2" not in str(raised.value)
    (only,) = scenes  # there is no server any more
    assert isinstance(only, Refusal)


def test_a_page_that_is_no_api_is_named(api: str) -> None:
    with pytest.raises(ConfigError, match=r"collections/c/search|is it a STAC API"):
        SceneList((Search(f"{api}/collections/c"),)).check()


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("2026-01-01", "2026-01-01T00:00:00Z/2026-01-01T23:59:59Z"),
        ("2026-01-01/2026-02-01", "2026-01-01T00:00:00Z/2026-02-01T23:59:59Z"),
        ("2026-01-01/..", "2026-01-01T00:00:00Z/.."),
        ("2026-01-01T05:00:00Z", "2026-01-01T05:00:00Z"),
    ],
)
def test_a_day_is_whole(text: str, interval: str) -> None:
    assert search._whole_days(text) == interval


@pytest.mark.parametrize(("api", "asked"), [("ftp://host", {}), ("https://host", {"colections": []})])
def test_a_search_that_cannot_be_is_refused(api: str, asked: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Search(api, asked)
