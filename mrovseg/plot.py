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
from matplotlib.lines import Line2D

WIDTH_IN, HEIGHT_IN, DOTS_PER_IN = 12.0, 3.6, 110
WINDOW = 15  # rows that the bold line is the mean of
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")  # Okabe and Ito 2008
MEASURED = "#332288"

Row = Mapping[str, Any]


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Draw the losses of each stage, and the mIoU of the stages that have one, into a PNG.

    `rows` are those of `mrovseg.history`. The file is written whole or not at all.
    """
    stages = list(dict.fromkeys(row["stage"] for row in rows))
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN * len(stages)), dpi=DOTS_PER_IN, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, stage in zip(figure.subplots(len(stages), squeeze=False)[:, 0], stages, strict=True):
        _draw_stage(axes, stage, [row for row in rows if row["stage"] == stage])
    part = path.with_suffix(".part")
    figure.savefig(part, format="png")
    part.replace(path)


def _draw_stage(axes: Axes, stage: str, rows: Sequence[Row]) -> None:
    steps = np.array([row["step"] for row in rows])
    names = sorted({name for row in rows for name in row["losses"]})
    for name, colour in zip(names, itertools.cycle(COLOURS)):
        losses = np.array([row["losses"].get(name) for row in rows], np.float64)
        axes.plot(steps, losses, color=colour, alpha=0.3, linewidth=0.8)
        axes.plot(steps, _smooth(losses), color=colour, linewidth=1.8, label=name)
    axes.set_title(stage, loc="left", fontweight="bold")
    axes.set(xlabel="step", ylabel="loss", xlim=(0, steps[-1]))
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    handles, _ = axes.get_legend_handles_labels()
    handles += _draw_measures(axes.twinx(), [row for row in rows if row["miou"] is not None])
    axes.legend(handles=handles, frameon=False, ncols=len(handles), loc="lower right", bbox_to_anchor=(1, 1))


def _draw_measures(axes: Axes, rows: Sequence[Row]) -> list[Line2D]:
    """Draw the mIoU over the steps, the highest with its figure, against an axis of its own."""
    axes.spines["top"].set_visible(False)
    if not rows:
        axes.set_axis_off()
        return []
    steps, mious = [row["step"] for row in rows], [row["miou"] for row in rows]
    lines = axes.plot(
        steps, mious, "o-", color=MEASURED, markersize=4, linewidth=1.2, label="mIoU", clip_on=False
    )
    best = int(np.argmax(mious))
    axes.annotate(
        f"{mious[best]:.3f}",
        (steps[best], mious[best]),
        xytext=(0, 7),
        textcoords="offset points",
        ha="center" if 0 < best < len(rows) - 1 else "right",
        fontweight="bold",
        color=MEASURED,
    )
    axes.set(ylabel="mIoU", ylim=(0, 1.25 * max(*mious, 0.01)))
    return lines


def _smooth(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Return the mean of each value and those before it, as far as they are numbers."""
    finite = np.isfinite(values)
    total = np.convolve(np.where(finite, values, 0), np.ones(WINDOW))[: len(values)]
    count = np.convolve(finite, np.ones(WINDOW))[: len(values)]
    return np.where(count, total / np.maximum(count, 1), np.nan)
