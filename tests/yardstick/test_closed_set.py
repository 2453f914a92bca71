"""The yardstick trains, is measured window by window, and writes what `mrovseg evaluate` writes."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.yardstick.closed_set import ClosedSet, main, unet

RECIPE = {
    "training": {},
    "sets": [],
    "painted": {"seeds": 1, "side_px": 320, "shares": {"land-cover": 1, "painted": 1}},
    "validation": {"every": 1, "painted": {"seeds": [1001], "side_px": 200}},
}


@pytest.mark.slow
def test_it_trains_for_the_time_it_is_given_and_is_measured(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    arguments = ["--data", str(tmp_path), "--recipe", str(tmp_path / "recipe.yaml"), "--minutes", "0.1"]
    assert main([*arguments, "--threads", "1", "-o", str(tmp_path / "out")]) == 0
    figures = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert [one["name"] for one in figures["classes"]] == ["building", "land", "road", "vegetation", "water"]
    assert 0 <= figures["miou"] <= 1


def test_its_labels_are_the_best_class_its_probability_and_its_lead() -> None:
    probabilities = np.array([[0.25, 0.75, 0.0], [0.5, 0.125, 0.375]], np.float32).T[None, :, None]
    class_id, score, margin = ClosedSet(unet(3, None)).label({"probabilities": probabilities})
    assert class_id.tolist() == [[[2, 1]]]
    assert score.tolist() == [[[190, 127]]]  # of 254, halves to even
    assert margin.tolist() == [[[127, 32]]]
