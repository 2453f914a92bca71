"""Statistics that are of the ledger as it is are kept; all others are made anew."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import statistics
from pipeline.geometry.window import Window
from pipeline.output import Output, ledger
from pipeline.storage import objects

CLASSES = ("a", "b")
OFFSETS = st.lists(st.integers(0, 30), min_size=1, max_size=12, unique=True)


def commit(output: str, col_off: int, *, pixels: int = 16) -> None:
    record: dict[str, Any] = {
        "class_id": 1,
        "class_name": "a",
        "pixels": pixels,
        "unplaced_pixels": 0,
        "area_m2": 0.1,
        "mean_score": 0.5,
    }
    ledger.commit(
        Output(output).scene("scene"), window=Window(0, col_off, 4, 4), digests={}, statistics=[record]
    )


def pixels(output: str) -> int:
    return sum(each["pixels"] for each in summary_of(output))


def summary_of(output: object, scene_id: str = "scene", *, least: int = 0) -> list[Mapping[str, Any]]:
    """The records of a scene that is alone in its part of the statistics."""
    sums = statistics.summarize_scenes(Output(str(output)), {scene_id: least}, classes=CLASSES)
    return [record for each in sums for record in each.records]


def part_of(output: object, scene_id: str = "scene") -> Path:
    return Path(Output(str(output)).scene(scene_id).statistics.uri)


def state(output: Path) -> tuple[int, bytes]:
    return part_of(output).stat().st_ino, part_of(output).read_bytes()


def test_nothing_is_read_or_written_where_the_ledger_has_not_changed(tmp_path: Path) -> None:
    for col_off in range(5):
        commit(str(tmp_path), col_off)
    first = summary_of(tmp_path)
    before = state(tmp_path)
    for path in (tmp_path / "ledger/scene").iterdir():
        written = path.stat().st_mtime_ns
        path.write_bytes(path.read_bytes().replace(b"16", b"17"))  # what was read once is not read again
        os.utime(path, ns=(written, written))
    assert summary_of(tmp_path) == first
    assert state(tmp_path) == before


def test_a_window_more_or_less_or_done_again_is_seen(place: str) -> None:
    assert summary_of(place) == []
    commit(place, 0)
    assert pixels(place) == 16
    commit(place, 8)
    assert pixels(place) == 32
    objects.remove(Output(place).scene("scene").entry(0, 0))
    assert pixels(place) == 16
    if not objects.is_remote(place):  # S3 tells whole seconds
        commit(place, 8, pixels=12)
        assert pixels(place) == 12
    commit(place, 8, pixels=9)
    assert pixels(place) == 9


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(200) + b"PAR1"])
def test_a_damaged_table_is_made_anew(tmp_path: Path, content: bytes) -> None:
    commit(str(tmp_path), 0)
    assert pixels(str(tmp_path)) == 16
    whole = part_of(tmp_path).read_bytes()
    part_of(tmp_path).write_bytes(content)
    assert pixels(str(tmp_path)) == 16
    assert part_of(tmp_path).read_bytes() == whole


@pytest.mark.slow
@given(first=OFFSETS, then=OFFSETS)
def test_step_by_step_gives_the_bytes_of_all_at_once(
    tmp_path_factory: pytest.TempPathFactory, first: list[int], then: list[int]
) -> None:
    stepped, at_once = (tmp_path_factory.mktemp(name) for name in ("stepped", "once"))
    for offsets in (first, then):
        for col_off in offsets:
            commit(str(stepped), col_off)
        summary = summary_of(stepped)
    for col_off in {*first, *then}:
        commit(str(at_once), col_off)
    assert summary_of(at_once) == summary
    assert state(stepped)[1] == state(at_once)[1]
