"""The picture of a training. The door to matplotlib."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

WIDTH_IN, HEIGHT_IN, DOTS_PER_IN = 11.0, 3.2, 110
SMOOTHED = 20  # the bold line is the mean over this part of all rows
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")  # Okabe and Ito 2008
MEASURED = "#332288"

Row = Mapping[str, Any]


def plot_history(path: Path, rows: Sequence[Row]) -> None:
    """Plot the losses of each stage, and the mIoU where it was measured, below each other into a PNG.

    `rows` are those of `mrovseg.training.history`. The file is written whole or not at all.
    """
    stages = list(dict.fromkeys(row["stage"] for row in rows))
    of_each = {stage: [row for row in rows if row["stage"] == stage] for stage in stages}
    measured = [stage for stage in stages if any(row["miou"] is not None for row in of_each[stage])]
    panels = len(stages) + len(measured)
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN * panels), dpi=DOTS_PER_IN, layout="constrained")
    FigureCanvasAgg(figure)
    left = iter(figure.subplots(panels, squeeze=False)[:, 0])
    for stage in stages:
        _plot_losses(_panel(next(left), of_each[stage], f"{stage}: losses"), of_each[stage])
        if stage in measured:
            _plot_miou(_panel(next(left), of_each[stage], f"{stage}: mIoU"), of_each[stage])
    part = path.with_suffix(".part")
    figure.savefig(part, format="png")
    part.replace(path)


def _panel(axes: Axes, rows: Sequence[Row], title: str) -> Axes:
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set(xlabel="step", xlim=(0, rows[-1]["step"]))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _plot_losses(axes: Axes, rows: Sequence[Row]) -> None:
    steps = np.array([row["step"] for row in rows])
    names = sorted({name for row in rows for name in row["losses"]})
    for name, colour in zip(names, itertools.cycle(COLOURS)):
        losses = np.array([row["losses"].get(name) for row in rows], np.float64)
        axes.plot(steps, losses, color=colour, alpha=0.3, linewidth=0.8)
        axes.plot(steps, _smooth(losses), color=colour, linewidth=1.8, label=name)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, ncols=len(names), loc="lower right", bbox_to_anchor=(1, 1))


def _plot_miou(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw the mIoU over the steps, the highest with its figure."""
    at = [(row["step"], row["miou"]) for row in rows if row["miou"] is not None]
    steps, mious = zip(*at, strict=True)
    axes.plot(steps, mious, "o-", color=MEASURED, markersize=5, linewidth=1.8, clip_on=False)
    axes.set_ylim(0, 1.2 * max(*mious, 0.01))
    best = int(np.argmax(mious))
    axes.annotate(
        f"best {mious[best]:.3f}",
        at[best],
        xytext=(0, 8),
        textcoords="offset points",
        ha="right" if steps[best] == rows[-1]["step"] else "center",
        color=MEASURED,
        fontweight="bold",
    )


def _smooth(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Return the mean of each value and those around it, as far as they are numbers."""
    finite = np.isfinite(values)
    window = np.ones(2 * (len(values) // (2 * SMOOTHED)) + 1)
    total = np.convolve(np.where(finite, values, 0), window, mode="same")
    count = np.convolve(finite, window, mode="same")
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
