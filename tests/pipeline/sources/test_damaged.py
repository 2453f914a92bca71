"""Documents and lists of any shape: one failure for what is wrong, with its place, and the rest goes on."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.run.settings import segment as settings
from jobs.run.settings.areas import area_of
from pipeline import raster
from pipeline.errors import ConfigError, PipelineError, RasterError
from pipeline.geometry.scene import Scene
from pipeline.output import Output, lease
from pipeline.output.failure import Failure
from pipeline.sources import SceneList
from pipeline.sources.naming import Refusal
from pipeline.sources.stac.assets import scene_of_item
from pipeline.sources.stac.documents import features_of
from tests.pipeline.sources.stac.items import asset, item, links, write

ORIGIN = "s3://bucket/items/it.json"
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=5)
    | st.sampled_from(
        ["\ud800.tif", "\0", "visual", "red", "a.tif", "file:///a", "local://a", "http://[", "x" * 9999]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=6,
)
FIELDS = [
    *([key] for key in ("id", "assets", "properties", "links", "type", "stac_version")),
    ["properties", "eo:bands"],
    *(
        ["assets", "a", key]
        for key in ("href", "type", "roles", "gsd", "bands", "eo:bands", "eo:common_name")
    ),
    *(["assets", "a", "bands", 0, key] for key in ("eo:common_name", "common_name", "name")),
    ["assets", "a", "bands", 1],
    ["assets", "a", "eo:bands", 0, "common_name"],
    ["assets", "b"],
]


def whole_item() -> dict[str, Any]:
    older = [{"name": f"B{i}", "common_name": name} for i, name in enumerate(("red", "green", "blue"))]
    found = item("it", a=asset("a.tif", "red", "green", "blue", roles=["data"], **{"eo:bands": older}))
    found["assets"]["b"] = asset("b.tif", roles=["overview"])
    return found


def put(document: Any, place: list[Any], value: object) -> None:  # noqa: ANN401 - what JSON holds
    for key in place[:-1]:
        document = document[key]
    document[place[-1]] = value


@hypothesis.settings(max_examples=60)
@given(st.sampled_from(FIELDS), JSON, st.sampled_from([(), ("a",), ("data",)]))
def test_any_value_in_any_field_gives_a_scene_or_one_failure(
    place: list[Any], value: object, wanted: tuple[str, ...]
) -> None:
    found = whole_item()
    put(found, place, value)
    entries = [scene_of_item(found, origin=ORIGIN, wanted=wanted)]
    entries += list(features_of({"features": [found, value]}, ORIGIN, wanted))
    assert len(entries) == 3
    for entry in entries:
        if isinstance(entry, Refusal):
            assert entry.reason.encode()
            failed = Failure(scene_id=entry.scene_id, uri=entry.uri, error="Refusal", message=entry.reason)
            assert failed.uri.encode()
        else:
            assert all(uri.encode() for uri in entry.files)


@hypothesis.settings(max_examples=30)
@given(
    st.sampled_from([["links"], ["links", 0], ["links", 0, "href"], ["links", 0, "rel"], ["type"], ["id"]]),
    JSON,
)
def test_any_value_in_a_catalog_ends_nothing(place: list[Any], value: object) -> None:
    document = links("Catalog", ("item", "no-such-item.json"))
    put(document, place, value)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "catalog.json").write_text(json.dumps(document))
        assert all(isinstance(each, Refusal) for each in SceneList((f"{folder}/catalog.json",)))


def test_each_damaged_item_of_a_page_is_one_failure(tmp_path: Path) -> None:
    damaged: list[Any] = [None, 5, "x", [], {}, item("a") | {"assets": 5}]
    for place, value in (
        (["assets", "a", "roles"], 5),
        (["assets", "a", "eo:bands"], 5),
        (["id"], {}),
        (["assets", "a"], 3),
    ):
        found = whole_item()
        put(found, place, value)
        damaged.append(found)
    features = [
        each
        for pair in zip(damaged, [item(f"{n}", a=asset(f"{n}.tif")) for n in range(10)], strict=True)
        for each in pair
    ]
    path = write(tmp_path / "page.json", {"type": "FeatureCollection", "features": features})
    entries = list(SceneList((path,)))
    assert [isinstance(each, Scene) for each in entries] == [False, True] * 10
    assert "roles must be a list of texts" in str(entries[12]) or "roles must be a list" in str(entries[12])


def test_a_name_that_is_no_utf_8_is_one_failure(tmp_path: Path) -> None:
    (tmp_path / "good.tif").touch()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/S\xfcd.tif")).touch()
    for spec in (str(tmp_path), f"{tmp_path}/*.tif"):
        refusal, scene = sorted(SceneList((spec,)), key=lambda each: isinstance(each, Scene))
        assert isinstance(refusal, Refusal)
        assert refusal.uri.endswith("S\\udcfcd.tif")
        assert isinstance(scene, Scene)
    named = SceneList((os.fsdecode(os.fsencode(tmp_path) + b"/S\xfcd.tif"), f"{tmp_path}/good.tif"))
    named.check()
    assert [isinstance(each, Scene) for each in named] == [False, True]


CSV = {
    "utf-8": ("id,uri\n1,a.tif\n2,S\u00fcd.tif\n", "utf-8", ["a.tif", "S\u00fcd.tif"]),
    "bom": ("id,uri\n1,a.tif\n2,S\u00fcd.tif\n", "utf-8-sig", ["a.tif", "S\u00fcd.tif"]),
    "utf-16": ("id,uri\n1,a.tif\n2,S\u00fcd.tif\n", "utf-16", ["a.tif", "S\u00fcd.tif"]),
    "latin-1": (
        "id,uri,note\n1,a.tif,\u00fc\n2,S\u00fcd.tif,\n3,b.tif,\n",
        "latin-1",
        ["a.tif", "line 3", "b.tif"],
    ),
    "semicolons": ('id;"uri"\r\n1;a.tif\r\n2;"b;c,d.tif"\r\n', "utf-8", ["a.tif", "b;c,d.tif"]),
    "tabs": ("uri\tid\na.tif\t1\n", "utf-8", ["a.tif"]),
    "of a spreadsheet": ("sep=;\nid;uri\n1;a.tif\n", "utf-8-sig", ["a.tif"]),
    "empty": (
        "id,uri\n1,a.tif\n\n2,\n3\n,\n4,b.tif\n",
        "utf-8",
        ["a.tif", "line 4", "line 5", "line 6", "b.tif"],
    ),
    "a large field": (
        f"uri,note\na.tif,\nb.tif,{'x' * 200_000}\nc.tif,\n",
        "utf-8",
        ["a.tif", "line 3", "c.tif"],
    ),
    "a long line": (f"uri,note\na.tif,\n{'x' * 3_000_000}\nc.tif,\n", "utf-8", ["a.tif", "line 3", "c.tif"]),
    "no end of a quotation": ('uri,note\na.tif,\n"b.tif,\nc.tif,\n', "utf-8", ["a.tif", "line 4"]),
    "a byte of zero": ("uri\na.tif\nb\0.tif\nc.tif\n", "utf-8", ["a.tif", "line 3", "c.tif"]),
}


@pytest.mark.parametrize("name", CSV)
def test_a_csv_is_read_as_it_was_saved(tmp_path: Path, name: str) -> None:
    text, encoding, expected = CSV[name]
    (tmp_path / "list.csv").write_bytes(text.encode(encoding))
    assert_listed(f"{tmp_path}/list.csv", expected)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_is_read_as_it_was_saved(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "list.txt").write_bytes("a.tif\r\nS\u00fcd.tif\r\n".encode(encoding))
    assert_listed(f"{tmp_path}/list.txt", ["a.tif", "S\u00fcd.tif"])
    (tmp_path / "list.txt").write_bytes(b"a.tif\nS\xfcd.tif\n" + b"x" * 3_000_000 + b"\nb.tif")
    assert_listed(f"{tmp_path}/list.txt", ["a.tif", "line 2", "line 3", "b.tif"])


def assert_listed(spec: str, expected: list[str]) -> None:
    """Scenes are by the names of their files, failures by their lines."""
    entries = list(SceneList((spec,)))
    assert len(entries) == len(expected), entries
    for entry, name in zip(entries, expected, strict=True):
        if name.startswith("line"):
            assert isinstance(entry, Refusal)
            assert f"{name} of" in entry.reason or f"{name} " in entry.reason
        else:
            assert isinstance(entry, Scene), entry
            assert Path(entry.uri).name == name


def table(path: Path, columns: dict[str, Any], **options: Any) -> str:  # noqa: ANN401 - pyarrow's
    pq.write_table(pa.table(columns), path, **options)
    return str(path)


def test_a_bad_row_of_a_table_is_one_failure(tmp_path: Path) -> None:
    rows = ["a.tif", None, "", "\0.tif", "x" * 100_000, "y" * 2_000_000, "b.tif"]
    path = table(tmp_path / "list.parquet", {"uri": rows, "id": list(range(len(rows)))})
    assert [isinstance(each, Scene) for each in SceneList((path,))] == [True] + [False] * 5 + [True]
    found = [json.dumps({"a": asset("1.tif")}), None, "{", "5", json.dumps({"a": 5}), "[" * 10**5]
    path = table(tmp_path / "rows.parquet", {"id": [str(n) for n in range(6)], "assets": found})
    assert [isinstance(each, Scene) for each in SceneList((path,))] == [True] + [False] * 5


@pytest.mark.parametrize(
    "name", ["items.parquet", "items.json", "items", "items.dat", "parts.parquet/part-0.parquet"]
)
def test_items_in_a_table_are_known_by_what_it_holds(tmp_path: Path, name: str) -> None:
    found = {"v": asset("1.tif")}
    columns = {
        "type": ["Feature"],
        "stac_version": ["1.1.0"],
        "id": ["one"],
        "uri": ["of something else"],
        "assets": [found],
    }
    (tmp_path / name).parent.mkdir(exist_ok=True)
    path = Path(table(tmp_path / name, columns))
    (scene,) = SceneList((str(path.parent if path.parent != tmp_path else path),))
    assert isinstance(scene, Scene)
    assert scene.uri == f"{path.parent}/1.tif"


BOUNDED = """
import resource, sys
from pipeline.sources import SceneList
from pipeline.sources.naming import Refusal
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
print(sum(isinstance(each, Refusal) for each in SceneList((sys.argv[1],))))
(line,) = [each for each in open("/proc/self/status") if each.startswith("VmHWM")]  # since it began, unlike getrusage
print(int(line.split()[1]) // 1024)
"""


def bombs(folder: Path) -> dict[str, str]:
    """Tables of some kilobytes that are gigabytes when all is laid out: by reference, by compression, by prefixes."""
    text, rows = "x" * 2**20, 10_000
    once = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([f"{text}.tif"]))
    nested = pa.array([{"v": {"href": f"{text}.tif"}}] * 300)
    return {
        "reference": table(folder / "a.parquet", {"uri": once}),
        "nested": table(folder / "b.parquet", {"id": ["x"] * 300, "assets": nested}),
        "compressed": table(
            folder / "c.parquet", {"uri": pa.array([text] * 300)}, use_dictionary=False, compression="zstd"
        ),
        "prefixes": table(
            folder / "d.parquet",
            {"uri": pa.array([text] * 600)},
            use_dictionary=False,
            column_encoding={"uri": "DELTA_BYTE_ARRAY"},
        ),
        "rows": table(folder / "e.parquet", {"uri": pa.nulls(30_000_000, pa.string())}),
    }


@pytest.mark.slow
def test_a_small_table_takes_no_memory(tmp_path: Path) -> None:
    for name, path in bombs(tmp_path).items():
        assert Path(path).stat().st_size < 2_000_000
        done = subprocess.run(
            [sys.executable, "-c", BOUNDED, path], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, (name, done.stderr[-500:])
        refused, peak_mib = map(int, done.stdout.split())
        assert refused >= 1, name
        assert peak_mib < 1000, (name, peak_mib)


@pytest.mark.parametrize("name", ["pipe.csv", "pipe.txt", "pipe.parquet", "pipe.json", "pipe.tif", "pipe"])
def test_what_has_no_end_is_refused_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    (tmp_path / f"link-{name}").symlink_to("/dev/zero")
    for spec in (f"{tmp_path}/{name}", f"{tmp_path}/link-{name}"):
        for entry in SceneList((spec,)):
            if isinstance(entry, Scene):
                with pytest.raises(RasterError, match="expected a regular file"):
                    raster.read_header(entry.uri)
            else:
                assert "expected a regular file" in entry.reason
        with pytest.raises(ConfigError, match="expected a regular file"):
            area_of(spec)
        with pytest.raises(ConfigError, match="expected a regular file"):
            settings.read_file(spec)


@pytest.mark.parametrize(
    "text", ["[" * 500_000, '{"a":' * 5000 + "1" + "}" * 5000, "[" + "[]," * 9_000_000 + "1]"]
)
def test_json_of_no_end_of_levels_or_values_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ConfigError, match=r"levels|values|no STAC document"):
        SceneList((f"{tmp_path}/a.json",)).check()


def test_a_document_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    for name in ("lease.json", "a.json"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(2**40)  # of a terabyte nothing is stored
    with pytest.raises(PipelineError, match="has more than 16 MiB"):
        lease.holder(Output(str(tmp_path)))
    with pytest.raises(ConfigError, match="has more than 128 MiB"):
        area_of(f"{tmp_path}/a.json")
    with pytest.raises(ConfigError, match="has more than 4 MiB"):
        settings.read_file(tmp_path / "a.json")
