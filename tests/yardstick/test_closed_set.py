"""The yardstick trains, is measured window by window, and writes what `mrovseg evaluate` writes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from pipeline.segment import Segmenter
from tests.yardstick.closed_set import ClosedSet, main, normalised, unet

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
    """Of two places side by side: what their queries' weights say, which are 15ths."""
    network = ClosedSet(unet(3, None), classes=3)
    weight = np.array([[4, 11, 0], [8, 2, 5]], np.uint8)
    index = np.array([[0, 1, 0], [0, 1, 2]], np.uint16)
    ring = ((1, 1), (1, 1), (0, 0))
    arrays: dict[str, np.ndarray] = {
        "embeddings": 127 * np.eye(3, dtype=np.int8),
        "index": np.pad(index[None], ring, mode="edge"),
        "weight": np.pad(weight[None], ring, mode="edge"),
    }
    class_id, score, margin = network.label(arrays, size_px=(4, 8), every_pixel=False)
    assert (class_id[:, :2] == 2).all()
    assert (class_id[:, 6:] == 1).all()
    assert score.tolist() == [[186, 135]]  # of 254
    assert margin.tolist() == [[119, 51]]


def test_its_proposals_are_probabilities_of_places() -> None:
    torch.manual_seed(0)
    network = ClosedSet(unet(3, None), classes=3)
    chips = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    found = network.propose(chips)
    with torch.inference_mode():
        pixels = network.network(normalised(chips)).softmax(1).numpy()[0]
    of_places = pixels.reshape(3, 16, 4, 16, 4).mean(axis=(2, 4))
    assert isinstance(network, Segmenter)
    assert (found["index"][0] == np.arange(3)[:, None, None]).all()
    np.testing.assert_allclose(found["weight"][0], 255 * of_places, atol=0.51)
    assert (found["embeddings"][0] == np.eye(3)).all()
