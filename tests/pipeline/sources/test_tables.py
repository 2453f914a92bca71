"""Lists in files: text, CSV, Parquet and stac-geoparquet, on disk and on S3."""

import csv
import io
import json
import subprocess
import sys
import tracemalloc
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import ConfigError
from pipeline.geometry.scene import Scene
from pipeline.sources import SceneList
from pipeline.sources.naming import Refusal, scene_of
from pipeline.storage import objects
from pipeline.storage.location import Location
from tests.pipeline.sources.stac.items import asset, item, write

URIS = ["a.tif", "../north/b c.tif", "s3://bucket/d.tif", "https://host/e.tif?sig=x", "/data/f.tif"]


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest) -> str:
    """A place for lists, on disk and on a real S3 server."""
    return f"{request.getfixturevalue({'local': 'tmp_path', 's3': 's3'}[request.param])}/lists"


def uris(spec: str) -> list[str]:
    return [each.uri if isinstance(each, Scene) else f"refused {each.reason}" for each in SceneList((spec,))]


def expected(root: str) -> list[str]:
    north = f"{root.removesuffix('/lists')}/north/b c.tif"
    bare = "/data/f.tif" if "://" not in root else f"{'/'.join(root.split('/')[:3])}/data/f.tif"
    return [f"{root}/a.tif", north, *URIS[2:4], bare]


def table(columns: dict[str, list[object]]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, row_group_size=2)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def test_a_text_is_a_uri_a_line(root: str) -> None:
    text = "# a list\n\n" + "\n".join(f"  {uri}" for uri in URIS) + "\n"
    objects.put_bytes(Location(f"{root}/list.txt"), b"\xef\xbb\xbf" + text.encode())
    assert uris(f"{root}/list.txt") == expected(root)


def test_a_csv_has_a_column_of_uris_and_may_name_them(root: str) -> None:
    file = io.StringIO()
    csv.writer(file).writerows(
        [["note", "id", "uri"], *(["x,y", f"../{n}", uri] for n, uri in enumerate(URIS))]
    )
    objects.put_bytes(Location(f"{root}/list.csv"), file.getvalue().encode())
    assert uris(f"{root}/list.csv") == expected(root)
    ids = [each.scene_id for each in SceneList((f"{root}/list.csv",)) if isinstance(each, Scene)]
    assert [each.split("-")[0] for each in ids] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("name", ["list.parquet", "list.geoparquet"])
def test_a_parquet_table_has_a_column_of_uris(root: str, name: str) -> None:
    objects.put_bytes(
        Location(f"{root}/{name}"), table({"uri": [*URIS], "scene_id": ["one", None, None, None, "five"]})
    )
    assert uris(f"{root}/{name}") == expected(root)
    first, *_ = SceneList((f"{root}/{name}",))
    assert isinstance(first, Scene)
    assert first.scene_id.startswith("one-")


def test_a_table_of_items_is_what_another_writer_makes_of_them(tmp_path: Path) -> None:
    found = [
        item("one", **{c: asset(f"https://host/1-{c}.tif", c) for c in ("red", "green", "blue")}),
        item("two", visual=asset("https://host/2.tif", roles=["visual"])),
    ]
    source = write(tmp_path / "items.json", {"type": "FeatureCollection", "features": found})
    target = f"{tmp_path}/items.parquet"
    subprocess.run([Path(sys.executable).parent / "rustac", "translate", source, target], check=True)
    assert list(SceneList((target,))) == list(SceneList((source,)))
    assert [len(each.files) for each in SceneList((target,)) if isinstance(each, Scene)] == [3, 1]


def test_items_in_a_table_may_be_json(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    path.write_bytes(table({"id": ["one"], "assets": [json.dumps({"a": asset("1.tif")})]}))
    assert uris(str(path)) == [f"{tmp_path}/1.tif"]


def test_an_id_with_a_way_out_stays_inside(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("id,uri\n../../../tmp/x,a.tif\n/etc/x,b.tif\n..,c.tif\n")
    for each in SceneList((f"{tmp_path}/list.csv",)):
        assert isinstance(each, Scene)
        assert (tmp_path / "out" / each.scene_id).resolve().parent == tmp_path / "out"


def test_scenes_of_one_name_and_one_id_stay_apart(tmp_path: Path) -> None:
    rows = "".join(f"same,{folder}/same.tif\n" for folder in range(2000))
    (tmp_path / "list.csv").write_text(f"id,uri\n{rows}")
    assert (
        len({each.scene_id for each in SceneList((f"{tmp_path}/list.csv",)) if isinstance(each, Scene)})
        == 2000
    )


def test_a_scene_in_two_lists_is_once_and_keeps_its_first_name(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("id,uri\nnamed,a.tif\n")
    (tmp_path / "list.txt").write_text("a.tif\nb.tif\n./x/../b.tif\n")
    found = list(SceneList((f"{tmp_path}/list.csv", f"{tmp_path}/list.txt", f"{tmp_path}/b.tif")))
    assert [each.uri for each in found] == [f"{tmp_path}/a.tif", f"{tmp_path}/b.tif"]
    assert found[1] == scene_of(f"{tmp_path}/b.tif")


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.txt", b"", "no scene at"),
        ("a.txt", b"Metadata:\nof something\n", "a uri or a path of .*'Metadata:'"),
        ("a.txt", b"\xfa\xfb", "a uri or a path of .* in line 1 of .*a.txt"),
        ("a.csv", b"", "needs a column uri, its columns are none"),
        ("a.csv", b"path,id\na.tif,1\n", "needs a column uri, its columns are path, id"),
        ("a.parquet", b"PAR1", "cannot read .*a.parquet"),
        ("a.parquet", table({"path": ["a.tif"]}), "needs a column uri or assets, its columns are path"),
        ("missing.txt", None, "does not exist"),
        ("missing.parquet", None, "does not exist"),
    ],
)
def test_a_list_that_is_none_starts_nothing(
    tmp_path: Path, name: str, data: bytes | None, reason: str
) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ConfigError, match=reason):
        SceneList((f"{tmp_path}/{name}",)).check()


def test_a_bad_row_is_refused_alone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,uri\n1,a.tif\n2,\n3,b.tif\n")
    (tmp_path / "a.txt").write_text("c.tif\nnot a uri\nd.tif\n")
    found = list(SceneList((f"{tmp_path}/a.csv", f"{tmp_path}/a.txt")))
    assert [isinstance(each, Refusal) for each in found] == [False, True, False, False, True, False]


def test_a_list_elsewhere_may_not_name_a_local_file(s3: str) -> None:
    objects.put_bytes(Location(f"{s3}/list.txt"), b"file:///etc/passwd\n")
    (only,) = SceneList((f"{s3}/list.txt",))
    assert isinstance(only, Refusal)
    assert "may not name the local file" in only.reason


def test_a_long_table_is_read_a_piece_at_a_time(tmp_path: Path) -> None:
    rows, path = 200_000, tmp_path / "long.parquet"
    pq.write_table(
        pa.table({"uri": [f"s3://bucket/{n}.tif" for n in range(rows)]}), path, row_group_size=10_000
    )
    tracemalloc.start()
    assert len(list(islice(SceneList((str(path),)), 1000))) == 1000
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 20 * 2**20
