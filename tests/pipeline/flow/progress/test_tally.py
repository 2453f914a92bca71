"""A listing is held against what is known to be done: one that is too short is asked for again, then said."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.flow import summaries
from pipeline.flow.progress.tally import Tally
from pipeline.geometry.window import Window
from pipeline.output import Output, Plan, ledger
from pipeline.storage import objects
from pipeline.storage.location import Location
from pipeline.storage.objects import Listed
from tests.pipeline.statistics.test_fresh_statistics import commit, summary_of

SCENES = st.dictionaries(
    st.text("abcdef-0123456789", min_size=1, max_size=20), st.integers(1, 9), max_size=40
)


@given(SCENES)
def test_no_scene_is_said_to_have_more_windows_than_were_counted(windows: dict[str, int]) -> None:
    tally = Tally()
    for scene_id, count in windows.items():
        for _ in range(count):
            tally.add(scene_id, 1)
    least = tally.least(list(windows))
    assert all(least[scene_id] in {0, count} for scene_id, count in windows.items())
    assert sum(least.values()) >= 0.9 * sum(windows.values())
    assert not tally.lacks(windows)
    assert not tally.lacks([*windows, "another"])
    for scene_id in windows:
        assert tally.lacks(windows.keys() - {scene_id}) == (least[scene_id] > 0)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Listings that lack the last object so often as the list's one number says, as an older one would."""
    short = [0]
    whole = objects.list_all

    def listed(prefix: Location) -> Iterator[Listed]:
        found = list(whole(prefix))
        short[0] -= 1
        yield from found[:-1] if short[0] >= 0 else found

    monkeypatch.setattr(objects, "list_all", listed)
    monkeypatch.setattr(ledger, "_LIST_AGAIN_S", (0.01, 0.01))
    monkeypatch.setattr(summaries, "_LIST_AGAIN_S", (0.01, 0.01))
    return short


def pixels(output: Path, least: int) -> int:
    return sum(each["pixels"] for each in summary_of(output, least=least))


def test_a_listing_that_is_too_short_is_asked_for_again(tmp_path: Path, late: list[int]) -> None:
    for col_off in (0, 4, 8):
        commit(str(tmp_path), col_off)
    late[0] = 1
    assert pixels(tmp_path, 0) == 32  # nothing to hold against it
    late[0] = 2
    assert pixels(tmp_path, 3) == 48
    late[0] = 100
    with pytest.raises(PipelineError, match="lists 2 windows, and 3 are known to be done"):
        pixels(tmp_path, 3)


def test_a_scene_that_has_all_windows_of_its_plan_lacks_none(tmp_path: Path) -> None:
    commit(str(tmp_path), 0)
    plan = Plan(1, "0" * 32)
    ledger.note_plan(Output(str(tmp_path)).scene("scene"), plan=plan, inputs=b"{}", instead_of=None)
    assert len(ledger.list_objects(Output(str(tmp_path)).scene("scene"), least=2)) == 2


def test_a_scene_that_no_listing_has_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summaries, "_LIST_AGAIN_S", (0.01,))
    ledger.commit(Output(str(tmp_path)).scene("here"), window=Window(0, 0, 4, 4), digests={}, statistics=[])
    tally = Tally()
    tally.add("here", 1)
    assert summaries._listed(Output(str(tmp_path)), tally) == ["here"]
    tally.add("gone", 1)
    with pytest.raises(PipelineError, match="fewer scenes than were done"):
        summaries._listed(Output(str(tmp_path)), tally)
