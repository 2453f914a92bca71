"""The figures of an evaluation: printed, as plain values, and as files."""

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any

from jobs.show import matrix, table
from mrovseg.evaluation.borders import BorderRates
from mrovseg.evaluation.evaluate import Agreement
from pipeline.storage import objects
from pipeline.storage.location import Location

HEADER = ("class", "IoU", "accuracy", "boundary IoU", "share of pixels")
MEANS = {
    "miou": "mIoU",
    "frequency_weighted_iou": "frequency-weighted IoU",
    "pixel_accuracy": "pixel accuracy",
    "mean_class_accuracy": "mean class accuracy",
    "mean_boundary_iou": "mean boundary IoU",
}


def describe(agreement: Agreement, borders: BorderRates, names: Sequence[str]) -> dict[str, Any]:
    """Describe an evaluation by plain values; None for what is not a number.

    `names` are those of classes 1..k. Means are over the classes that occur in the truth.
    A border rate is None where no mask has a line of the grid.
    """
    confusion, boundaries = agreement.confusion, agreement.boundaries
    by_class = {
        "iou": confusion.iou,
        "accuracy": confusion.accuracy,
        "boundary_iou": boundaries.iou,
        "share": confusion.share,
    }
    return {
        "classes": [
            {"class_id": class_id, "name": name, "true_pixels": int(confusion.true_pixels[class_id - 1])}
            | {key: _number(values[class_id - 1]) for key, values in by_class.items()}
            for class_id, name in enumerate(names, start=1)
        ],
        "pixels": int(confusion.counts.sum()),
        "miou": _number(confusion.miou),
        "frequency_weighted_iou": _number(confusion.frequency_weighted_iou),
        "pixel_accuracy": _number(confusion.pixel_accuracy),
        "mean_class_accuracy": _number(confusion.mean_accuracy),
        "mean_boundary_iou": _number(boundaries.miou),
        "border_rate": _number(borders.greatest),
        "border_rates": {name: _number(rate) for name, rate in borders.rates.items()},
    }


def report(agreement: Agreement, borders: BorderRates, names: Sequence[str]) -> str:
    """Lay out the figures for a terminal: a line a class, then the means, then the border rates."""
    figures = describe(agreement, borders, names)
    lines = [
        [
            c["name"],
            *(_text(c[key], ".3f") for key in ("iou", "accuracy", "boundary_iou")),
            _text(c["share"], ".1%"),
        ]
        for c in figures["classes"]
    ]
    means = [[title, _text(figures[key], ".3f")] for key, title in MEANS.items()]
    pixels = ["pixels counted", figures["pixels"]]
    rates = {"greatest": figures["border_rate"], **figures["border_rates"]}
    tables = [
        table.render(HEADER, lines),
        table.render(["all classes", "figure"], [*means, pixels]),
        table.render(["border rate", "figure"], [[name, _text(rate, ".2f")] for name, rate in rates.items()]),
    ]
    return "\n\n".join(tables)


def write(folder: str, agreement: Agreement, borders: BorderRates, names: Sequence[str]) -> None:
    """Write `metrics.json`, `confusion.csv` and `confusion.png`, each whole or not at all.

    The folder may exist, and may be an s3:// prefix; the same evaluation gives the same bytes.
    Raises PipelineError when the storage refuses.
    """
    counts, all_names = agreement.confusion.counts, ["other", *names]
    figures = json.dumps(describe(agreement, borders, names), indent=2, ensure_ascii=False, allow_nan=False)
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(["truth", *all_names])
    writer.writerows([name, *row] for name, row in zip(all_names, counts.tolist(), strict=True))
    for name, content in {
        "metrics.json": f"{figures}\n".encode(),
        "confusion.csv": rows.getvalue().encode(),
        "confusion.png": matrix.draw(counts, all_names),
    }.items():
        objects.put_bytes(Location(folder).join(name), content)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _text(value: float | None, how: str) -> str | None:
    return None if value is None else format(value, how)
