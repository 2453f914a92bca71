"""No name that a library keeps for itself is used outside a file of quirks, and each such file has its test."""

import re
from pathlib import Path

import pytest

from tests.private_names import OWN, private_uses, uses_in

ROOT = Path(__file__).resolve().parents[1]

PLANTED = [
    ("import ray.data._internal.stats", ["1: ray.data._internal.stats"]),
    ("from zarr.core.buffer import Buffer", ["1: zarr.core.buffer.Buffer"]),
    ("from zarr import core", ["1: zarr.core"]),
    ("from fsspec.spec import _Cached", ["1: fsspec.spec._Cached"]),
    ("import torch\ntorch._dynamo.reset()", ["2: torch._dynamo"]),
    ("def f(file):\n    return file.cache._fetch_range", ["2: file.cache._fetch_range"]),
    ("def f(a):\n    return getattr(a, '_output', None)", ["2: getattr(a, '_output', None)"]),
    ("class A(B):\n    def f(self):\n        return self._store.get()", ["3: self._store"]),
    ("def f(other):\n    other._patched = 1", ["2: other._patched"]),
]


def test_no_private_name_of_a_library_is_used_outside_quirks() -> None:
    assert list(private_uses(ROOT)) == []


@pytest.mark.parametrize(("source", "expected"), PLANTED)
def test_a_planted_use_is_found(source: str, expected: list[str]) -> None:
    assert list(uses_in(source)) == expected


@pytest.mark.parametrize(
    "source",
    [
        "import _thread\nfrom zarr.abc.buffer import Buffer",
        "class A:\n    def __init__(self):\n        self._x = 1\n    def f(self, other):\n        return other._x",
        "import os\ndef f(pair):\n    os._exit(pair._replace(a=1).a)",
        "from pipeline.store._inner import x",
    ],
)
def test_what_is_ones_own_or_pythons_is_no_private_use(source: str) -> None:
    assert list(uses_in(source)) == []


def test_a_file_of_quirks_may_and_the_one_beside_it_may_not(tmp_path: Path) -> None:
    for wing in OWN:
        (tmp_path / wing).mkdir()
    (tmp_path / "pipeline/ray_quirks.py").write_text("import ray._private\n")
    (tmp_path / "pipeline/quirky.py").write_text("import ray._private\n")
    assert list(private_uses(tmp_path)) == ["pipeline/quirky.py:1: ray._private"]


def test_each_file_of_quirks_says_its_versions_and_has_a_test() -> None:
    quirks = [path for wing in OWN for path in (ROOT / wing).rglob("*_quirks.py")]
    assert quirks
    tests = {path.name for path in (ROOT / "tests").rglob("test_*_quirks.py")}
    for path in quirks:
        says = re.search(r"\b[A-Za-z]+ \d+\.\d+\b", path.read_text())
        assert says, f"{path} does not say which versions it is true of, such as GDAL 3.10"
        assert f"test_{path.name}" in tests, f"{path} has no test of its name"
