"""The history of a training: what is written of it, said of it and drawn of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageColor

from mrovseg.errors import DataError
from mrovseg.training.history import History
from mrovseg.training.plot import COLOURS, MEASURED, plot_history


def history(folder: Path, said: list[str] | None = None) -> History:
    return History(folder, log=(said if said is not None else []).append)


def row(
    step: int, *, stage: str = "masks", miou: float | None = None, **losses: float | None
) -> dict[str, Any]:
    return {"stage": stage, "step": step, "losses": losses, "rate": 0.1, "miou": miou, "slices_per_s": 1.0}


def colours_of(path: Path) -> set[tuple[int, ...]]:
    with Image.open(path) as picture:
        return set(map(tuple, np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0).tolist()))


def test_a_row_holds_the_means_since_the_last_one(tmp_path: Path) -> None:
    said: list[str] = []
    one = history(tmp_path, said)
    one.begin_stage("contrast", step=0, steps=100, slices=8)
    for losses in ({"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}):
        one.add_losses(losses)
    one.write_row(2, rate=0.5, miou=None)
    one.add_losses({"a": 7.0, "b": float("nan")})
    one.write_row(3, rate=0.25, miou=0.125)
    rows = json.loads((tmp_path / "metrics.json").read_text())["rows"]
    assert [r["losses"] for r in rows] == [{"a": 2.0, "b": 3.0}, {"a": 7.0, "b": None}]
    assert [(r["step"], r["rate"], r["miou"]) for r in rows] == [(2, 0.5, None), (3, 0.25, 0.125)]
    assert all(r["slices_per_s"] > 0 for r in rows)
    assert said[0].startswith("contrast 2/100  a 2.000  b 3.000  ")
    assert "b not finite  mIoU 0.125" in said[1]


def test_a_folder_goes_on_with_the_training_that_it_holds_and_no_other(tmp_path: Path) -> None:
    one = history(tmp_path)
    one.require_same_training({"seed": 1, "sizes": (2, 4)})
    one.begin_stage("masks", step=0, steps=4, slices=1)
    one.add_losses({"a": 1.0})
    one.write_row(1, rate=0.1, miou=None)
    again = history(tmp_path)
    again.require_same_training({"seed": 1, "sizes": (2, 4)})
    with pytest.raises(
        DataError, match=r"another rate, seed \(rate: None there, 0\.5 now\); give it another folder"
    ):
        again.require_same_training({"seed": 2, "sizes": (2, 4), "rate": 0.5})


def test_what_a_stopped_training_wrote_past_its_state_is_forgotten(tmp_path: Path) -> None:
    one = history(tmp_path)
    for stage in ("contrast", "masks"):
        one.begin_stage(stage, step=0, steps=40, slices=1)
        for step in (20, 40):
            one.add_losses({"a": 1.0})
            one.write_row(step, rate=0.1, miou=step / 100 if stage == "masks" else None)
    again = history(tmp_path)
    assert again.best == 0.4
    again.begin_stage("contrast", step=40, steps=40, slices=1)
    again.begin_stage("masks", step=25, steps=40, slices=1)
    assert [(r["stage"], r["step"]) for r in again.rows] == [
        ("contrast", 20),
        ("contrast", 40),
        ("masks", 20),
    ]
    assert again.best == 0.2
    assert history(tmp_path / "new").best < 0


@pytest.mark.parametrize("count", [1, 2, 40])
def test_the_picture_has_a_line_for_each_loss_and_for_the_miou(tmp_path: Path, count: int) -> None:
    path = tmp_path / "training.png"
    drawn = [row(20 * i, stage="contrast", words=3.0 / i) for i in range(1, count + 1)]
    plot_history(path, drawn)
    first, second, measured = (ImageColor.getrgb(colour) for colour in (*COLOURS[:2], MEASURED))
    assert first in colours_of(path)
    assert not {second, measured} & colours_of(path)
    drawn += [
        row(20 * i, mask=2.0 / i, dice=None if i == 1 else 1.0, miou=i / 50) for i in range(1, count + 1)
    ]
    plot_history(path, drawn)
    assert {first, second, measured} <= colours_of(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_training_without_rows_has_no_picture(tmp_path: Path) -> None:
    history(tmp_path).plot()
    assert not list(tmp_path.iterdir())
