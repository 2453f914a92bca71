"""The parts of the statistics: few, each of some scenes, and each scene in one of them."""

import json
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import statistics
from pipeline.flow import summaries
from pipeline.geometry.window import Window
from pipeline.output import Output, is_made, ledger
from pipeline.statistics import SceneSum
from pipeline.statistics.facts import NOTHING
from pipeline.storage import objects

CLASSES = ("a", "b")
IDS = st.sets(st.text("abcxyz0123456789-", min_size=1, max_size=12), min_size=1, max_size=12)


def commit(output: Output, scene_id: str, col_off: int, *, pixels: int = 16) -> None:
    record = {"class_id": 1, "class_name": "a", "pixels": pixels, "unplaced_pixels": 0}
    ledger.commit(
        output.scene(scene_id),
        window=Window(0, col_off, 4, 4),
        digests={},
        statistics=[{**record, "area_m2": 0.1, "mean_score": 0.5}],
    )


def of_one_part(output: Output, count: int) -> list[str]:
    """Ids of scenes that are in one part."""
    wanted = output.scene("scene-0").statistics
    every = (f"scene-{number}" for number in range(100_000))
    found = [each for each in every if output.scene(each).statistics == wanted]
    return sorted(found[:count])


def summed(output: Output, ids: list[str]) -> dict[str, int]:
    """How many pixels of each scene are valid, by the sums of a part."""
    sums = statistics.summarize_scenes(output, dict.fromkeys(ids, 0), classes=CLASSES)
    assert [each.scene_id for each in sums] == sorted(each.scene_id for each in sums)
    return {each.scene_id: each.records[0]["valid_pixels"] for each in sums}


def test_scenes_of_a_part_are_kept_and_made_anew_one_by_one(tmp_path: Path) -> None:
    output = Output(str(tmp_path / "out"))
    first, second, third = ids = of_one_part(output, 3)
    for scene_id in ids:
        commit(output, scene_id, 0)
    assert summed(output, ids) == {first: 16, second: 16, third: 16}
    noted = Path(output.scene(first).entry(0, 0).uri)
    stamp = noted.stat().st_mtime_ns
    noted.write_bytes(noted.read_bytes().replace(b"16", b"15"))  # what was read once is not read again
    os.utime(noted, ns=(stamp, stamp))
    commit(output, second, 4, pixels=7)
    assert summed(output, ids) == {first: 16, second: 23, third: 16}
    part = Path(output.scene(first).statistics.uri)
    rows = [(row["scene_id"], row["col_off"], row["pixels"]) for row in pq.read_table(part).to_pylist()]
    assert rows == [(first, 0, 16), (second, 0, 16), (second, 4, 7), (third, 0, 16)]
    before = part.stat().st_mtime_ns
    assert summed(output, ids)[second] == 23
    assert part.stat().st_mtime_ns == before
    assert summed(output, [first, third]) == {first: 16, third: 16}  # of a scene that was removed
    assert {*pq.read_table(part)["scene_id"].to_pylist()} == {first, third}
    for scene_id in ids:
        objects.remove(output.scene(scene_id).entry(0, 0))
    objects.remove(output.scene(second).entry(0, 4))
    assert summed(output, ids) == {}
    assert not part.exists()


def test_a_part_says_of_which_entries_its_scenes_are(tmp_path: Path) -> None:
    output = Output(str(tmp_path / "out"))
    ids = of_one_part(output, 2)
    for scene_id in ids:
        commit(output, scene_id, 0)
    summed(output, ids)
    content = objects.get_bytes(output.scene(ids[0]).statistics)
    entries = {each: objects.list_all(output.scene(each).ledger) for each in ids}
    assert statistics.listings_of(content) == {
        each: statistics.listing_digest(listed) for each, listed in entries.items()
    }
    assert statistics.listings_of(content[:100]) is None
    noted = json.loads(pq.read_metadata(output.scene(ids[0]).statistics.uri).metadata[b"scenes"])
    assert set(noted) == set(ids)


def test_a_reader_finds_each_window_once_while_parts_are_written(tmp_path: Path) -> None:
    output = Output(str(tmp_path / "out"))
    first, second = ids = of_one_part(output, 2)
    commit(output, first, 0)
    summed(output, ids)

    def write() -> None:
        for number in range(1, 20):
            commit(output, first if number % 2 else second, 4 * number)
            summed(output, ids)

    with ThreadPoolExecutor(1) as writer:
        written = writer.submit(write)
        seen = 0
        while not written.done():
            table = pq.read_table(output.statistics.uri)
            offsets = sorted(table["col_off"].to_pylist())
            assert offsets == list(range(0, 4 * len(offsets), 4))
            assert len(offsets) >= seen
            seen = len(offsets)
        written.result()
    assert len(pq.read_table(output.statistics.uri)) == 20


def test_scenes_are_spread_over_parts_and_a_run_removes_what_is_none_of_them(tmp_path: Path) -> None:
    output = Output(str(tmp_path / "out"))
    ids = [f"scene-{number}" for number in range(10_000)]
    sizes = Counter(output.path_of(output.scene(each).statistics) for each in ids)
    assert len(sizes) == 256
    assert max(sizes.values()) < 80
    assert all(map(is_made, sizes))
    keep, stale, *_ = sorted(sizes)
    others = ["statistics/mine.parquet", "statistics/notes.txt"]
    earlier = "statistics/scene-0123456789abcdef.parquet"
    for name in (keep, stale, earlier, *others):
        objects.put_bytes(output.at(name), b"x")
    summaries._remove_others(output, keep={keep})
    assert sorted(each.path for each in objects.list_all(output.location)) == sorted([keep, *others])


@settings(max_examples=30)
@given(IDS, st.sets(st.text("abcxyz", min_size=1, max_size=3), max_size=5))
def test_sums_of_parts_are_merged_by_id_with_those_that_failed_in_between(
    ids: set[str], failed: set[str]
) -> None:
    records = statistics.scene_summary(
        "", (), classes=CLASSES, about={"uri": "x", "datetime": None, "bbox": None}, windows=(1, 0)
    )
    parts: dict[str, list[SceneSum]] = {}
    for each in sorted(ids):
        mine = tuple({**record, "scene_id": each} for record in records)
        parts.setdefault(Output("o").scene(each).statistics.uri, []).append(SceneSum(each, NOTHING, mine))
    merged = statistics.merged([statistics.packed(part) for part in parts.values()])
    found = list(statistics.with_failed(merged, {each: f"{each}.tif" for each in failed}, classes=CLASSES))
    assert [each.scene_id for each in found] == sorted(ids | failed)
    assert {each.scene_id for each in found if not each.is_begun} == failed - ids
    assert {each for part in parts.values() for each in map(_plain, part)} <= set(map(_plain, found))


def _plain(scene: SceneSum) -> str:
    return json.dumps([scene.scene_id, dict(scene.facts), *map(dict, scene.records)], sort_keys=True)
