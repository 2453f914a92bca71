"""Painted scenes are local, deterministic, varied, true to their truth, and of any size."""

import hashlib
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jaxtyping import Int, UInt8

from pipeline.geometry.window import Window
from pipeline.raster import read, read_header
from pipeline.testing.painted import CLASSES, LAND_COVER, paint, paint_scene

Painted = tuple[UInt8[np.ndarray, "y x 3"], UInt8[np.ndarray, "y x"]]

SIDE = 700
CORNERS = {"at the origin": (0, 0), "far away": (1_234_567, 3_000_001)}
# Large enough for every class to appear.
TOWN = Window(1_500, 2_500, 1536, 1536)


@pytest.fixture(scope="module", params=CORNERS)
def whole(request: pytest.FixtureRequest) -> tuple[Window, Painted]:
    row_off, col_off = CORNERS[request.param]
    window = Window(row_off, col_off, SIDE, SIDE)
    return window, paint(window, seed=3)


@pytest.fixture(scope="module")
def towns() -> list[Painted]:
    return [paint(TOWN, seed=seed) for seed in (101, 102, 103)]


@st.composite
def inner_windows(draw: st.DrawFn) -> Window:
    row, col = draw(st.integers(0, SIDE - 1)), draw(st.integers(0, SIDE - 1))
    height, width = draw(st.integers(1, SIDE - row)), draw(st.integers(1, SIDE - col))
    return Window(row, col, height, width)


@settings(max_examples=25)
@given(part=inner_windows())
@example(part=Window(SIDE - 1, SIDE - 1, 1, 1))
@example(part=Window(0, 0, 1, SIDE))
@example(part=Window(511, 0, 2, 513))
def test_a_part_has_the_bytes_of_the_whole(whole: tuple[Window, Painted], part: Window) -> None:
    around, (picture, truth) = whole
    moved = Window(around.row_off + part.row_off, around.col_off + part.col_off, part.height, part.width)
    part_picture, part_truth = paint(moved, seed=3)
    place = moved.slices_in(around)
    np.testing.assert_array_equal(part_picture, picture[place])
    np.testing.assert_array_equal(part_truth, truth[place])


def test_another_process_paints_the_same_bytes(whole: tuple[Window, Painted]) -> None:
    window, (picture, truth) = whole
    program = (
        "import hashlib; from pipeline.testing.painted import paint; from pipeline.geometry.window import Window\n"
        f"picture, truth = paint({window!r}, seed=3)\n"
        "print(hashlib.sha256(picture.tobytes() + truth.tobytes()).hexdigest())"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == hashlib.sha256(picture.tobytes() + truth.tobytes()).hexdigest()


def test_seeds_differ(towns: list[Painted]) -> None:
    (first, first_truth), (second, second_truth) = towns[:2]
    assert (first_truth != second_truth).mean() > 0.5
    assert (first != second).any(axis=-1).mean() > 0.9


def test_every_class_appears_and_every_pixel_has_one(towns: list[Painted]) -> None:
    for _, truth in towns:
        assert set(np.unique(truth)) == set(range(1, len(CLASSES) + 1))


def test_land_cover_is_balanced(towns: list[Painted]) -> None:
    cover = LAND_COVER[np.stack([truth for _, truth in towns])]
    share = np.bincount(cover.ravel(), minlength=256) / cover.size
    assert share[[1, 2, 3, 4, 5, 255]].sum() == pytest.approx(1)
    assert (share[1:6] > 0.03).all()
    assert (share[1:6] < 0.65).all()


def test_every_fine_class_has_its_land_cover() -> None:
    fine = {name: int(LAND_COVER[number]) for number, name in enumerate(CLASSES, start=1)}
    assert fine == {
        "street": 3, "roof": 1, "tree": 4, "grass": 4, "field": 4, "water": 5, "bare ground": 2,
        "car": 255, "pool": 5, "solar panel": 1,
    }  # fmt: skip


def test_colour_alone_does_not_decide(towns: list[Painted]) -> None:
    """A table of the majority class of every colour, fitted on one scene, does poorly on another."""
    fine, coarse = [], []
    for (picture, truth), (other_picture, other_truth) in permutations(towns, 2):
        votes = np.zeros((16**3, len(CLASSES) + 1), dtype=np.int64)
        np.add.at(votes, (_colour(picture), truth.ravel()), 1)
        guess, known = votes.argmax(axis=1)[_colour(other_picture)], other_truth.ravel()
        fine.append(_mean_iou(guess, known, n_classes=len(CLASSES)))
        land_cover, target = LAND_COVER[guess], LAND_COVER[known]
        coarse.append(_mean_iou(land_cover[target != 255], target[target != 255], n_classes=5))
    assert np.mean(fine) < 0.4
    assert np.mean(coarse) < 0.5


def test_truth_lies_where_the_picture_has_its_borders(towns: list[Painted]) -> None:
    """Colours step more across the truth's borders than across the same borders moved by 3 px."""
    for picture, truth in towns:
        step = np.abs(np.diff(picture.astype(np.int16), axis=1)).sum(axis=2)
        border = np.diff(truth, axis=1) != 0
        there = step[border].mean()
        for shift in (-3, 3):
            assert there > 1.3 * step[np.roll(border, shift, axis=1)].mean()


def test_a_scene_is_written_as_painted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, truth_path = tmp_path / "scene.tif", tmp_path / "truth.tif"
    paint_scene(path, height=1100, width=300, seed=5, truth_path=truth_path)
    window = Window(0, 0, 1100, 300)
    picture, truth = paint(window, seed=5)
    written, valid = read(str(path), window)
    written_truth, _ = read(str(truth_path), window)
    np.testing.assert_array_equal(written, picture)
    np.testing.assert_array_equal(written_truth[..., 0], truth)
    assert valid.all()
    header, truth_header = read_header(str(path)), read_header(str(truth_path))
    assert "33N" in str(header.crs_wkt)
    assert (header.transform, header.crs_wkt) == (truth_header.transform, truth_header.crs_wkt)
    assert truth_header.nodata is None
    assert "100 %" in capsys.readouterr().err


@pytest.mark.slow
def test_memory_does_not_grow_with_the_scene(tmp_path: Path) -> None:
    small, large = (_peak_bytes(tmp_path, side_px) for side_px in (2048, 4096))
    assert large / small < 1.15


def _peak_bytes(folder: Path, side_px: int) -> int:
    program = (
        "import resource; from pipeline.testing.painted import paint_scene\n"
        f"paint_scene({str(folder / 'scene.tif')!r}, height={side_px}, width={side_px}, seed=1)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return int(told.stdout)


def _colour(picture: UInt8[np.ndarray, "y x 3"]) -> Int[np.ndarray, "n"]:
    red, green, blue = (picture[..., band].ravel().astype(np.int64) // 16 for band in range(3))
    number: Int[np.ndarray, "n"] = (red * 16 + green) * 16 + blue
    return number


def _mean_iou(guess: np.ndarray, known: np.ndarray, *, n_classes: int) -> float:
    hits = [((guess == c) & (known == c)).sum() for c in range(1, n_classes + 1)]
    either = [((guess == c) | (known == c)).sum() for c in range(1, n_classes + 1)]
    return float(np.mean(np.array(hits) / np.maximum(either, 1)))
