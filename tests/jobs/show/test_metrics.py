"""What is printed and written of an evaluation are its own figures."""

import csv
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from jobs.show import metrics
from mrovseg.evaluation.borders import BorderRates, Grid
from mrovseg.evaluation.boundaries import BoundaryIoU
from mrovseg.evaluation.evaluate import Agreement
from mrovseg.evaluation.metrics import Confusion

NAMES = ["house", "road, paved", "snow"]


def agreement() -> Agreement:
    """Two rows of houses above a road that is half found; no snow, and a pixel of something else."""
    truth = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [2, 2, 2, 0]], np.uint8)
    mask = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [2, 2, 0, 0]], np.uint8)
    both = Agreement(Confusion(3), BoundaryIoU(3))
    both.confusion.add(mask, truth)
    both.boundaries.add(mask, truth)
    return both


def borders() -> BorderRates:
    """Bands of four rows: 2, 6 and 2 of 8 neighbours differ across their lines, of which the second is of the chips."""
    bands = ["00000000", "11000000", "22111100", "22111111"]
    rates = BorderRates({"chips": Grid(8), "edges": Grid(8, (4,)), "windows": Grid(64)}, stride_px=4)
    rates.add(np.repeat(np.array([list(band) for band in bands], np.uint8), 4, axis=0))
    return rates


def written(folder: Path) -> dict[str, bytes]:
    metrics.write(str(folder), agreement(), borders(), NAMES)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_figures_by_hand(tmp_path: Path) -> None:
    held = json.loads(written(tmp_path)["metrics.json"])
    house, road, snow = held.pop("classes")
    assert house == {
        "class_id": 1, "name": "house", "true_pixels": 8,
        "iou": 1, "accuracy": 1, "boundary_iou": 1, "share": 8 / 12,
    }  # fmt: skip
    assert road["iou"] == road["accuracy"] == road["boundary_iou"] == 2 / 3
    assert snow == {
        "class_id": 3, "name": "snow", "true_pixels": 0,
        "iou": None, "accuracy": None, "boundary_iou": None, "share": 0,
    }  # fmt: skip
    assert held == {
        "pixels": 12,
        "miou": (1 + 2 / 3) / 2,
        "frequency_weighted_iou": (8 + 3 * 2 / 3) / 11,
        "pixel_accuracy": 11 / 12,
        "mean_class_accuracy": (1 + 2 / 3) / 2,
        "mean_boundary_iou": (1 + 2 / 3) / 2,
        "border_rate": 3,
        "border_rates": {"chips": 3, "edges": 1, "windows": None},
    }


def test_nothing_counted_is_null_and_not_a_word_that_json_does_not_know(tmp_path: Path) -> None:
    none = Agreement(Confusion(1), BoundaryIoU(1)), BorderRates({"chips": Grid(8)}, stride_px=4)
    metrics.write(str(tmp_path), *none, ["house"])
    held = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=lambda word: f"no JSON: {word}")
    assert held.pop("pixels") == 0
    assert held.pop("classes")[0]["share"] is None
    assert held.pop("border_rates") == {"chips": None}
    assert set(held.values()) == {None}


def test_the_table_of_counts_reads_back(tmp_path: Path) -> None:
    (corner, *columns), *rows = csv.reader(io.StringIO(written(tmp_path)["confusion.csv"].decode()))
    assert corner == "truth"
    assert columns == [row[0] for row in rows] == ["other", *NAMES]
    counts = np.array([row[1:] for row in rows], np.int64)
    np.testing.assert_array_equal(counts, agreement().confusion.counts)


def test_the_picture_is_one(tmp_path: Path) -> None:
    picture = Image.open(io.BytesIO(written(tmp_path)["confusion.png"]))
    assert picture.format == "PNG"
    assert min(picture.size) > 4 * 40


def test_the_report_has_a_line_a_class_a_line_a_mean_and_a_line_a_border_rate() -> None:
    by_class, means, rates = metrics.report(agreement(), borders(), NAMES).split("\n\n")
    header, house, road, snow = (line.split("  ") for line in by_class.splitlines())
    assert [title.strip() for title in header if title] == list(metrics.HEADER)
    assert [cell.strip() for cell in house if cell] == ["house", "1.000", "1.000", "1.000", "66.7%"]
    assert [cell.strip() for cell in road if cell] == ["road, paved", "0.667", "0.667", "0.667", "25.0%"]
    assert [cell.strip() for cell in snow if cell] == ["snow", "-", "-", "-", "0.0%"]
    for title, figure in [
        ("mIoU", "0.833"),
        ("frequency-weighted IoU", "0.909"),
        ("pixel accuracy", "0.917"),
    ]:
        assert any(line.startswith(title) and line.endswith(f" {figure}") for line in means.splitlines())
    assert [line.split() for line in rates.splitlines()[1:]] == [
        ["greatest", "3.00"],
        ["chips", "3.00"],
        ["edges", "1.00"],
        ["windows", "-"],
    ]
