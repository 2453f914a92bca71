"""A picture of a confusion matrix by matplotlib: where the pixels of each true class went."""

import io
import warnings
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from jaxtyping import Float64, Int64
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

DOTS_PER_IN, POINTS_PER_IN = 100, 72
MATRIX_PX = 2000  # the side of a matrix of many classes: its cells shrink to fit
LARGEST_CELL_PX, PERCENT_FROM_PX, NAMES_FROM_PX = (
    96,
    40,
    12,
)  # smaller cells have no per cent, and then no name
MARGIN_PX, BAR_PX = (
    300,
    24,
)  # around the matrix, until it is cut to what is drawn; the width of the colour bar
TITLE_PX, BAR_TEXT_PX, LARGEST_TEXT_PX, SMALLEST_TEXT_PX = 24, 18, 22, 10
NAME_CHARACTERS = 28  # of a longer name the beginning is shown
TITLE = "Per cent of each true class's pixels"
NONE_SAID = "grey: no pixel of the truth"
SHADES = mpl.colormaps["Blues"].with_extremes(bad="0.88")
DARK = 0.55  # the text on larger shares is white


def draw(counts: Int64[np.ndarray, "k k"], names: Sequence[str]) -> bytes:
    """Return a PNG: rows are true classes, columns predicted ones, each cell the share of its row.

    Up to 50 classes have the per cent written in their cells, up to 166 their names beside them.
    """
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # drawn as a box
        figure_of(counts, names).savefig(content, format="png", bbox_inches="tight", pad_inches=0.3)
    return content.getvalue()


def figure_of(counts: Int64[np.ndarray, "k k"], names: Sequence[str]) -> Figure:
    """Return the figure that ``draw`` saves, whose cells are of whole pixels."""
    cell_px = max(1, min(LARGEST_CELL_PX, MATRIX_PX // len(names)))
    side_px = cell_px * len(names)
    whole_px = side_px + 2 * MARGIN_PX
    figure = Figure(figsize=(whole_px / DOTS_PER_IN, whole_px / DOTS_PER_IN), dpi=DOTS_PER_IN)
    FigureCanvasAgg(figure)
    axes = _axes(figure, left=MARGIN_PX, width=side_px)
    rows = shares(counts)
    image = axes.imshow(rows, cmap=SHADES, vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    _draw_bar(_axes(figure, left=MARGIN_PX + side_px + BAR_PX, width=BAR_PX), image)
    _write_names(axes, names, cell_px)
    _write_titles(axes, grey=bool(np.isnan(rows).any()))
    if cell_px >= PERCENT_FROM_PX:
        _write_percents(axes, rows, cell_px)
    return figure


def shares(counts: Int64[np.ndarray, "k k"]) -> Float64[np.ndarray, "k k"]:
    """Divide each row by its sum; rows of zeros are nan."""
    sums = counts.sum(axis=1, keepdims=True)
    divided: np.ndarray = np.divide(counts, sums, out=np.full(counts.shape, np.nan), where=sums > 0)
    return divided


def percent(share: float) -> str:
    """Return a share as whole per cent; nothing of none, and nothing that is not all or none is called so.

    >>> [percent(share) for share in (0, 0.001, 0.5, 0.999, 1)]
    ['', '<1', '50', '>99', '100']
    """
    if share == 0:
        return ""
    whole = round(100 * share)
    if whole == 0:
        return "<1"
    return ">99" if whole == 100 and share < 1 else str(whole)  # noqa: PLR2004 - per cent


def _axes(figure: Figure, *, left: int, width: int) -> Axes:
    """Return axes of so many pixels from the left, as high as the figure has room for."""
    whole_px = round(figure.get_figwidth() * DOTS_PER_IN)
    height = whole_px - 2 * MARGIN_PX
    return figure.add_axes((left / whole_px, MARGIN_PX / whole_px, width / whole_px, height / whole_px))


def _draw_bar(axes: Axes, image: AxesImage) -> None:
    bar = axes.figure.colorbar(image, cax=axes, ticks=[0, 0.5, 1])
    bar.ax.set_yticklabels(["0%", "50%", "100%"], fontsize=_points(BAR_TEXT_PX))
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)


def _write_names(axes: Axes, names: Sequence[str], cell_px: int) -> None:
    """Write the names of the classes to the left of the rows and above the columns, where there is room."""
    axes.tick_params(length=0, top=True, bottom=False, labeltop=True, labelbottom=False, pad=8)
    axes.spines[:].set_visible(False)
    axes.set(xticks=[], yticks=[])
    if cell_px < NAMES_FROM_PX:
        return
    shown = [name if len(name) <= NAME_CHARACTERS else f"{name[: NAME_CHARACTERS - 1]}…" for name in names]
    size, places = _points(_text_px(cell_px)), range(len(names))
    axes.set_xticks(places, shown, rotation=90, fontsize=size, parse_math=False)
    axes.set_yticks(places, shown, fontsize=size, parse_math=False)


def _write_titles(axes: Axes, *, grey: bool) -> None:
    size = _points(TITLE_PX)
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("prediction", fontsize=size, labelpad=12)
    axes.set_ylabel("truth", fontsize=size, labelpad=12)
    title = f"{TITLE} ({NONE_SAID})" if grey else TITLE
    axes.set_title(title, loc="left", fontsize=size, fontweight="bold", pad=24)


def _write_percents(axes: Axes, rows: Float64[np.ndarray, "k k"], cell_px: int) -> None:
    """Write each share into its cell, and draw lines between the cells."""
    edges = np.arange(1, len(rows)) - 0.5
    axes.vlines(edges, -0.5, len(rows) - 0.5, colors="white", linewidth=1)
    axes.hlines(edges, -0.5, len(rows) - 0.5, colors="white", linewidth=1)
    size = _points(_text_px(cell_px))
    for row, column in np.argwhere(~np.isnan(rows)).tolist():
        share = rows[row, column]
        colour = "white" if share > DARK else "black"
        axes.text(column, row, percent(share), color=colour, fontsize=size, ha="center", va="center")


def _text_px(cell_px: int) -> float:
    return min(LARGEST_TEXT_PX, max(SMALLEST_TEXT_PX, cell_px * 0.36))


def _points(px: float) -> float:
    return px * POINTS_PER_IN / DOTS_PER_IN
