"""Which places a uri may name, and where the links of a document may lead."""

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest

from jobs.run.settings import segment as settings
from jobs.run.settings.areas import area_of
from pipeline import output, raster, store
from pipeline.errors import ConfigError, PipelineError
from pipeline.geometry.scene import Scene
from pipeline.sources import SceneList, Search
from pipeline.sources.naming import Refusal, scene_of
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.sources.stac.items import asset, item, links, write
from tests.servers.stac_server import running

UNLISTED = [
    "local:///etc/hostname.tif",
    "memory://a/b.tif",
    "reference://refs::http://host/a.tif",
    "reference:///x.tif",
    "simplecache::file:///etc/hostname.tif",
    "zip://a.tif::https://host/b.zip",
    "https://host/a.tif::file:///etc/hostname.tif",
    "s3://bucket/a::b.tif",
    "github://org:repo@main/a.tif",
    "ftp://host/a.tif",
    "LOCAL:///etc/hostname.tif",
    "file://otherhost/a.tif",
    "http://[::1/a.tif",
    "https:///a.tif",
]


def only(spec: str | Search, **choice: Any) -> Scene | Refusal:  # noqa: ANN401 - a SceneList's
    (entry,) = SceneList((spec,), **choice)
    return entry


@pytest.mark.parametrize("uri", UNLISTED)
def test_no_unlisted_uri_is_reached_wherever_it_stands(tmp_path: Path, uri: str) -> None:
    for use in (
        lambda one: objects.get_bytes(Location(one)),
        lambda one: objects.info(Location(one)),
        lambda one: objects.get_document(Location(one)),
        scene_of,
        output.open,
        lambda one: store.store_at(Location(one)),
        area_of,
        lambda one: objects.put_bytes(Location(one), b""),
        lambda one: next(objects.walk(Location(one))),
        lambda one: settings.segment_settings({"scenes": "a.tif", "classes": "a", "output": one}),
        raster.read_header,
    ):
        with pytest.raises(PipelineError, match=r"cannot be reached|of the machine|no address of the web"):
            use(uri)
    with pytest.raises(ConfigError):
        SceneList((uri,)).check()
    (tmp_path / "list.txt").write_text(f"{uri}\nb.tif\n")
    (tmp_path / "list.csv").write_text(f"uri\n{uri}\nb.tif\n")
    write(tmp_path / "item.json", item("it", a=asset(uri)))
    for name in ("list.txt", "list.csv", "item.json"):
        refusal, *others = SceneList((f"{tmp_path}/{name}",))
        assert isinstance(refusal, Refusal), name
        assert [isinstance(each, Scene) for each in others] == [True] * (name != "item.json")


@pytest.mark.parametrize(
    "uri",
    ["a::b.tif", "/data/a::b.tif", "s3://b/a.tif", "S3://b/a.tif", "http://[::1]:80/a.tif", "az://c/a.tif"],
)
def test_what_is_listed_is_named_as_it_is(uri: str) -> None:
    absolute = scene_of(uri).uri
    assert absolute.endswith(uri.partition("://")[2] or uri)
    assert absolute.partition("://")[0] in ("s3", "http", "az") or absolute.startswith("/")


class Documents(BaseHTTPRequestHandler):
    """Answers with what stands in ``answers`` by path: a document, or where to be sent; notes what is asked for."""

    answers: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(f"{self.command} {self.headers['Host']}{self.path}")
        answer = self.answers.get(self.path)
        if answer is None:
            self.send_response(404)
        else:
            self.send_response(302 if isinstance(answer, str) else 200)
        if isinstance(answer, str):
            self.send_header("Location", answer)
        body = b"" if answer is None or isinstance(answer, str) else json.dumps(answer).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    do_POST = do_HEAD = do_GET  # noqa: N815 - the base's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        pass


class Elsewhere(Documents):
    """Another host."""

    answers: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[str]] = []


@pytest.fixture(autouse=True)
def _nothing_asked() -> None:
    for handler in (Documents, Elsewhere):
        handler.answers.clear()
        handler.asked.clear()


def test_links_keep_to_their_host_and_assets_need_not(tmp_path: Path) -> None:
    with running(Documents) as here, running(Elsewhere) as there:
        Elsewhere.answers["/far.json"] = item("far", a=asset("far.tif"))
        Documents.answers |= {
            "/c.json": links(
                "Catalog",
                ("item", "near.json"),
                ("item", f"{there}/far.json"),
                ("child", "sent.json"),
                ("item", "s3://bucket/x.json"),
                ("item", f"file://{tmp_path}/x.json"),
            ),
            "/near.json": item("near", a=asset("s3://bucket/near.tif")),
            "/sent.json": f"{there}/far.json",
        }
        write(tmp_path / "x.json", item("x", a=asset("x.tif")))
        found = list(SceneList((f"{here}/c.json",)))
        assert [isinstance(each, Scene) for each in found] == [True, False, False, False, False]
        assert isinstance(found[0], Scene)
        assert found[0].uri == "s3://bucket/near.tif"
        for refusal, said in zip(found[1:], (there, there, "s3://bucket", "local file"), strict=True):
            assert isinstance(refusal, Refusal)
            assert said in refusal.reason
            assert "link_hosts" in refusal.reason or said == "local file"
        assert Elsewhere.asked == []
        allowed = [
            each for each in SceneList((f"{here}/c.json",), link_hosts=(there,)) if isinstance(each, Scene)
        ]
        assert {each.uri for each in allowed} >= {"s3://bucket/near.tif", f"{there}/far.tif"}
        local = write(
            tmp_path / "c.json", links("Catalog", ("item", f"{there}/far.json"), ("item", "x.json"))
        )
        assert [isinstance(each, Scene) for each in SceneList((local,))] == [False, True]


def page(*found: dict[str, Any], **link: object) -> dict[str, Any]:
    further = {"links": [{"rel": "next", **link}]} if link else {}
    return {"type": "FeatureCollection", "features": list(found), **further}


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ({"href": "THERE/search"}, "link_hosts"),
        ({"href": "THERE/search", "method": "POST", "body": {"a": 1}}, "link_hosts"),
        ({"href": "sent"}, "link_hosts"),
        ({"href": "file:///etc/passwd"}, "local file"),
        ({"href": "two", "headers": {"Host": "internal"}}, "header 'Host'"),
        ({"href": "two", "headers": {"Authorization": "x"}}, "header 'Authorization'"),
        ({"href": "two", "headers": [5]}, "headers must be an object"),
        ({"href": "two", "method": "PUT"}, "'PUT'"),
        ({"href": "two", "method": 5}, "method must be a text"),
        ({"href": "two", "method": "POST", "body": "x"}, "body must be an object"),
        ({"href": "search", "method": "POST", "body": {"limit": 100}}, "read before"),
    ],
)
def test_a_next_page_is_of_the_same_api(link: dict[str, Any], said: str) -> None:
    with running(Documents) as here, running(Elsewhere) as there:
        link = link | {"href": link["href"].replace("THERE", there)}
        Documents.answers |= {"/search": page(item("one", a=asset("1.tif")), **link), "/sent": f"{there}/x"}
        scene, refusal = SceneList((Search(here),))
        assert isinstance(scene, Scene)
        assert isinstance(refusal, Refusal)
        assert said in refusal.reason
        assert Elsewhere.asked == []
        assert not any("two" in each for each in Documents.asked)


def test_pages_of_the_same_api_are_read_and_no_item_is_of_this_machine(tmp_path: Path) -> None:
    own = item("own", a=asset("x.tif")) | {"links": [{"rel": "self", "href": f"file://{tmp_path}/own.json"}]}
    with running(Documents) as here:
        Documents.answers |= {
            "/search": page(
                item("one", a=asset("1.tif")), href="?page=2", headers={"Accept": "application/json"}
            ),
            "/search?page=2": page(own, item("none", a=asset(f"file://{tmp_path}/x.tif"))),
        }
        one, two, refusal = SceneList((Search(here),))
        assert isinstance(one, Scene)
        assert isinstance(two, Scene)
        assert [each.uri for each in (one, two)] == [f"{here}/1.tif", f"{here}/x.tif"]
        assert isinstance(refusal, Refusal)


@pytest.mark.parametrize("host", ["host", "https://host/path", "local://x", "https://"])
def test_an_allowed_host_is_a_scheme_and_a_host(host: str) -> None:
    with pytest.raises(ConfigError, match="link_hosts must be"):
        SceneList(("a.tif",), link_hosts=(host,))
