"""Splits: every scene in one, or all its windows in several, however long the list."""

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.flow.planning import splits
from pipeline.geometry.scene import Scene


def scenes(count: int) -> Iterator[Scene]:
    return (Scene(f"scene-{number}", f"{number}.tif") for number in range(count))


@given(st.integers(0, 3000), st.integers(1, 40))
def test_each_scene_is_in_one_share_or_in_all_parts_of_one(count: int, readers: int) -> None:
    found: dict[str, list[int]] = {}
    for share in splits(scenes(count), readers=readers):
        for scene in share.entries:
            assert isinstance(scene, Scene)
            found.setdefault(scene.scene_id, []).append(share.part)
            assert 0 <= share.part < share.parts
    assert list(found) == [scene.scene_id for scene in scenes(count)]
    parts = max(1, -(-readers // count)) if count else 1
    assert all(each == list(range(parts)) for each in found.values())


@pytest.mark.parametrize(("count", "readers", "least"), [(1, 8, 8), (3, 8, 8), (100, 8, 99), (1000, 8, 200)])
def test_a_short_list_is_spread_over_the_readers(count: int, readers: int, least: int) -> None:
    assert len(list(splits(scenes(count), readers=readers))) >= least


def test_a_long_list_costs_few_tasks_and_is_listed_as_it_is_asked_for() -> None:
    assert len(list(splits(scenes(100_000), readers=4))) < 2500
    endless = (Scene(f"scene-{number}", "a.tif") for number in itertools.count())
    assert len(list(itertools.islice(splits(endless, readers=4), 50))) == 50
