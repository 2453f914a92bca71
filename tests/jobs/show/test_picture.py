"""The picture shows what it is given."""

from pathlib import Path

import numpy as np
from PIL import Image

from jobs.show import picture


def test_a_picture_has_a_panel_each_and_the_colours_of_its_legend(tmp_path: Path) -> None:
    scene = np.full((300, 200, 3), 90, np.uint8)
    mask = np.zeros((300, 200), np.uint8)
    mask[:150] = 2
    picture.draw(tmp_path / "new" / "p.png", scene=scene, mask=mask, truth=mask, names=["house", "road"])
    drawn = np.asarray(Image.open(tmp_path / "new" / "p.png"))
    colours = {tuple(colour) for colour in drawn.reshape(-1, 3).tolist()}
    assert drawn.shape[1] > 3 * 200
    assert (90, 90, 90) in colours
    assert {picture.OTHER_COLOUR, *picture.CLASS_COLOURS[:2]} <= colours


def test_classes_differ_under_the_overlay_and_no_data_is_white() -> None:
    mask = np.array([[0, 1, 2, 3, 255]], np.uint8)
    shown = picture.overlay(np.zeros((1, 5, 3), np.uint8), mask)[0].tolist()
    assert len({tuple(colour) for colour in shown}) == 5
    assert shown[-1] == [255, 255, 255]


def test_ids_of_sixteen_bits_have_colours_too() -> None:
    mask = np.array([[300, 65535]], np.uint16)
    shown = picture.overlay(np.zeros((1, 2, 3), np.uint8), mask)[0].tolist()
    assert shown[0] != shown[1] == [255, 255, 255]
