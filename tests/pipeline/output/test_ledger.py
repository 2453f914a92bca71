import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.geometry.window import Window
from pipeline.output import Output, ledger
from pipeline.output.ledger import LedgerEntry
from pipeline.storage import objects
from pipeline.storage.location import Location

DIGESTS = {"score": "b" * 64, "class": "a" * 64}
STATISTICS = [{"class_name": "road", "class_id": 1, "pixels": 7, "area_m2": 0.1 + 0.2, "mean_score": 1 / 3}]


def _commit(output: str, window: Window, scene_id: str = "scene") -> None:
    ledger.commit(Output(output).scene(scene_id), window=window, digests=DIGESTS, statistics=STATISTICS)


def test_a_window_is_done_once_it_is_committed_and_no_other_is(place: str) -> None:
    windows = [Window(0, 0, 8, 8), Window(0, 128, 8, 5), Window(8, 0, 2, 8), Window(16, 1024, 1, 1)]
    assert ledger.done(Output(place).scene("scene")) == set()
    assert list(ledger.entries(Output(place).scene("scene"))) == []
    for count, window in enumerate(windows, start=1):
        _commit(place, window)
        assert ledger.done(Output(place).scene("scene")) == {(w.row_off, w.col_off) for w in windows[:count]}
    assert ledger.done(Output(place).scene("scen")) == ledger.done(Output(place).scene("another")) == set()


def test_entries_come_back_as_committed_in_row_major_order(place: str) -> None:
    windows = [Window(row, col, 4, 4) for row in (0, 4, 100, 1000) for col in (0, 4, 12, 8000)]
    for window in reversed(windows):
        _commit(place, window)
    assert list(ledger.entries(Output(place).scene("scene"))) == [
        LedgerEntry(w, DIGESTS, STATISTICS) for w in windows
    ]


def test_committing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for output in ("one", "two", "two"):
        _commit(f"{tmp_path}/{output}", Window(3, 5, 8, 8))
    reordered = [dict(reversed(record.items())) for record in STATISTICS]
    ledger.commit(
        Output(f"{tmp_path}/three").scene("scene"),
        window=Window(3, 5, 8, 8),
        digests=dict(reversed(DIGESTS.items())),
        statistics=reordered,
    )
    held = {(tmp_path / name / "ledger/scene/3-5.json").read_bytes() for name in ("one", "two", "three")}
    assert len(held) == 1
    assert json.loads(held.pop())["window"] == {"row_off": 3, "col_off": 5, "height": 8, "width": 8}


@given(area_m2=st.floats(min_value=0, allow_infinity=False), pixels=st.integers(0, 2**62))
def test_numbers_survive_exactly(
    tmp_path_factory: pytest.TempPathFactory, area_m2: float, pixels: int
) -> None:
    output = str(tmp_path_factory.mktemp("out"))
    record = {"area_m2": area_m2, "pixels": pixels}
    ledger.commit(Output(output).scene("scene"), window=Window(0, 0, 1, 1), digests={}, statistics=[record])
    assert [entry.statistics for entry in ledger.entries(Output(output).scene("scene"))] == [[record]]


def test_what_is_no_number_is_refused_and_nothing_is_committed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        ledger.commit(
            Output(str(tmp_path)).scene("scene"),
            window=Window(0, 0, 1, 1),
            digests={},
            statistics=[{"area_m2": float("nan")}],
        )
    assert ledger.done(Output(str(tmp_path)).scene("scene")) == set()


def test_what_is_no_entry_is_not_done(tmp_path: Path) -> None:
    for name in ("0-0.json.tmp", "readme.txt", "-1-0.json", ".0-0.json.5f", "0-0.json/0-0.json"):
        objects.put_bytes(Location(f"{tmp_path}/ledger/scene/{name}"), b"{}")
    assert ledger.done(Output(str(tmp_path)).scene("scene")) == set()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"window": {"row_off": 0}}', b"\xff"])
def test_a_damaged_entry_is_named_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    objects.put_bytes(Location(f"{tmp_path}/ledger/scene/0-0.json"), content)
    with pytest.raises(PipelineError, match=r"ledger/scene/0-0\.json is not an entry .* Remove it"):
        list(ledger.entries(Output(str(tmp_path)).scene("scene")))
