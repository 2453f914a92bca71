import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.servers.s3_server import S3Server


def test_what_was_put_is_read_back(place: str) -> None:
    uri = objects.join(place, "ledger", "scene a", "0-0.json")
    assert not objects.exists(Location(uri))
    objects.put_bytes(Location(uri), b"first")
    objects.put_bytes(Location(uri), b"a second and longer one")
    assert objects.get_bytes(Location(uri)) == b"a second and longer one"
    assert objects.get_bytes(Location(uri), limit_bytes=8) == b"a second"
    assert objects.exists(Location(uri))
    assert not objects.exists(Location(objects.join(place, "ledger")))
    objects.put_bytes(Location(uri), b"")
    assert objects.get_bytes(Location(uri)) == objects.get_bytes(Location(uri), limit_bytes=8) == b""


def test_a_listing_is_never_stale(place: str) -> None:
    assert list(objects.list_names(Location(place))) == []
    for count, name in enumerate(["b.json", "a.json", "c.json"], start=1):
        objects.put_bytes(Location(objects.join(place, name)), b"")
        assert len(list(objects.list_names(Location(place)))) == count
    objects.put_bytes(Location(objects.join(place, "below", "d.json")), b"")
    assert list(objects.list_names(Location(place))) == ["a.json", "b.json", "c.json"]
    assert list(objects.list_names(Location(place + "/"))) == ["a.json", "b.json", "c.json"]


def test_walking_and_globbing_name_what_can_be_read(place: str) -> None:
    for name in ("b.tif", "a/2.tif", "a/1.json", ".hidden"):
        objects.put_bytes(Location(objects.join(place, name)), name.encode())
    walked = [each.uri for each in objects.walk(Location(place))]
    assert walked == [f"{place}/{name}" for name in ("b.tif", "a/1.json", "a/2.tif")]
    assert [objects.get_bytes(Location(uri)) for uri in walked] == [b"b.tif", b"a/1.json", b"a/2.tif"]
    assert [each.uri for each in objects.glob(Location(f"{place}/**/*.tif"))] == [
        f"{place}/b.tif",
        f"{place}/a/2.tif",
    ]
    assert objects.is_folder(Location(place))
    assert not objects.is_folder(Location(objects.join(place, "b.tif")))


def test_one_listing_tells_of_all_objects_hidden_ones_too(place: str) -> None:
    assert list(objects.list_all(Location(place))) == []
    sizes = {"b.json": 1, "a/2.json": 2, "a/.hidden": 3, "a/b/1.json": 0}
    for name, size in sizes.items():
        objects.put_bytes(Location(objects.join(place, name)), b"x" * size)
    listed = list(objects.list_all(Location(f"{place}/")))
    assert {each.path: each.size_bytes for each in listed} == sizes
    assert {each.path: each.written_s for each in listed} == {
        name: pytest.approx(objects.written_s(Location(objects.join(place, name))), abs=1) for name in sizes
    }
    assert list(objects.list_all(Location(place))) == listed
    before = objects.folder_info(Location(place))
    assert before.size_bytes == sum(sizes.values())
    objects.put_bytes(Location(objects.join(place, "a/2.json")), b"yy")
    assert objects.folder_info(Location(place)).etag != before.etag


def test_a_link_to_a_folder_is_followed_and_one_that_leads_back_is_not(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.tif").touch()
    (tmp_path / "walked/deep").mkdir(parents=True)
    (tmp_path / "walked/deep/up").symlink_to(tmp_path / "walked")
    (tmp_path / "walked/deep/data").symlink_to(tmp_path / "data")
    assert [each.uri for each in objects.walk(Location(f"{tmp_path}/walked"))] == [
        f"{tmp_path}/walked/deep/data/a.tif"
    ]


def test_a_prefix_of_more_objects_than_a_page_is_walked_whole(s3_server: S3Server, s3: str) -> None:
    bucket, _, prefix = s3.removeprefix("s3://").partition("/")
    client = s3_server.client()
    names = [f"{number:04}.tif" for number in range(1050)] + ["0500/below.tif"]
    for name in names:
        client.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=b"")
    client.close()
    assert [each.uri for each in objects.walk(Location(s3))] == [f"{s3}/{name}" for name in names]
    assert sorted(each.path for each in objects.list_all(Location(s3))) == sorted(names)
    assert len(list(objects.glob(Location(f"{s3}/1*.tif")))) == 50
    assert list(objects.glob(Location(f"{s3}/*/*.tif"))) == [Location(f"{s3}/0500/below.tif")]
    assert [each.uri for each in islice(objects.walk(Location(s3)), 2)] == [
        f"{s3}/0000.tif",
        f"{s3}/0001.tif",
    ]


@pytest.mark.parametrize(
    ("reference", "origin", "uri"),
    [
        ("a.tif", "/data/lists/l.txt", "/data/lists/a.tif"),
        ("../a.tif", "file:///data/lists/l.txt", "/data/a.tif"),
        ("/x/a.tif", "/data/lists/l.txt", "/x/a.tif"),
        ("./b/../a.tif", "https://host/p/l.txt?sig=1", "https://host/p/a.tif"),
        ("/a.tif", "https://host/p/l.txt", "https://host/a.tif"),
        ("../../../a.tif", "s3://bucket/p/l.txt", "s3://bucket/a.tif"),
        ("s3://other/a.tif", "/data/l.txt", "s3://other/a.tif"),
    ],
)
def test_a_reference_is_relative_to_where_it_stands(reference: str, origin: str, uri: str) -> None:
    assert objects.resolve(reference, origin=origin) == uri


def test_an_etag_tells_a_changed_object(place: str) -> None:
    uri = objects.join(place, "a.tif")
    objects.put_bytes(Location(uri), b"one")
    before = objects.info(Location(uri))
    assert objects.info(Location(uri)) == before
    assert before.size_bytes == 3
    time.sleep(0.02)  # of a local file it is the time of change, which ticks
    objects.put_bytes(Location(uri), b"two")
    assert objects.info(Location(uri)).etag != before.etag


@pytest.mark.parametrize("ask", [objects.get_bytes, objects.info])
def test_a_missing_object_is_file_not_found(place: str, ask: Callable[[Location], object]) -> None:
    with pytest.raises(FileNotFoundError):
        ask(Location(objects.join(place, "none.json")))


def test_a_file_uri_is_a_path(tmp_path: Path) -> None:
    objects.put_bytes(Location(f"file://{tmp_path}/a"), b"x")
    assert (tmp_path / "a").read_bytes() == b"x"
    assert list(objects.list_names(Location(f"file://{tmp_path}"))) == ["a"]


def test_a_reader_sees_all_of_an_object_or_the_one_before(tmp_path: Path) -> None:
    uri, versions = str(tmp_path / "object"), [bytes([value]) * 200_000 for value in range(50)]
    objects.put_bytes(Location(uri), versions[0])

    def write() -> None:
        for version in versions:
            objects.put_bytes(Location(uri), version)

    writer = threading.Thread(target=write)
    writer.start()
    seen = [objects.get_bytes(Location(uri)) for _ in range(300)]
    writer.join()
    assert set(seen) <= set(versions)


WRITE_FOR_EVER = """
import sys
from pipeline.storage import objects
from pipeline.storage.location import Location
location = Location(sys.argv[1])
value = 0
while True:
    objects.put_bytes(location, bytes([value]) * 3_000_000)
    value = (value + 1) % 256
    print("put", flush=True)
"""


def test_a_killed_writer_leaves_no_half_object(tmp_path: Path) -> None:
    uri = str(tmp_path / "object")
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITE_FOR_EVER, uri], stdout=subprocess.PIPE, cwd=Path.cwd()
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.05)
            os.kill(writer.pid, signal.SIGKILL)
        found = objects.get_bytes(Location(uri))
        assert found == found[:1] * 3_000_000
    assert list(objects.list_names(Location(str(tmp_path)))) == ["object"]


def test_a_refusal_names_the_object_and_no_credential(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    objects.put_bytes(Location(objects.join(s3, "a")), b"x")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wrongkeyid")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrongsecret")
    # By another name the server is not the one whose session with the right credentials fsspec keeps.
    monkeypatch.setenv("AWS_ENDPOINT_URL", os.environ["AWS_ENDPOINT_URL"].replace("127.0.0.1", "localhost"))
    with pytest.raises(PipelineError) as refusal:
        objects.put_bytes(Location(objects.join(s3, "b")), b"x")
    assert f"cannot write {s3}/b" in str(refusal.value)
    assert "wrong" not in str(refusal.value)


def test_a_disk_that_refuses_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PipelineError, match=r"cannot write .*file/below"):
        objects.put_bytes(Location(str(tmp_path / "file" / "below")), b"x")
