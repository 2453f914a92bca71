"""A picture of a confusion matrix: where the pixels of each true class went."""

import io
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64, UInt8
from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

MATRIX_PX = 2000  # the side of a matrix of many classes: its cells shrink to fit
LARGEST_CELL_PX, SHARES_FROM_PX, NAMES_FROM_PX = 96, 40, 12  # smaller cells have no share, and then no name
MARGIN_PX, TITLE_PX, SMALLEST_TEXT_PX = 28, 24, 10
NAME_CHARACTERS = 28  # of a longer name the beginning is shown
TITLE = "share of each true class's pixels (grey: not in the truth)"
COLOURS = ((247, 250, 253), (150, 192, 224), (49, 119, 184), (8, 40, 96))  # of shares from 0 to 1
NONE_COLOUR, LINE_COLOUR, ZERO_COLOUR = (232, 232, 232), (255, 255, 255), (150, 150, 150)
DARK = 0.5  # the text on larger shares is white


def draw(counts: Int64[np.ndarray, "k k"], names: Sequence[str]) -> bytes:
    """Return a PNG: rows are true classes, columns predicted ones, each cell the share of its row.

    Up to 50 classes have the shares written in their cells, up to 166 their names beside them.
    """
    cell_px = max(1, min(LARGEST_CELL_PX, MATRIX_PX // len(names)))
    font = ImageFont.load_default(max(SMALLEST_TEXT_PX, cell_px * 0.32))
    row_names = _strip(names, cell_px, font, anchor="rm")
    column_names = _strip(names, cell_px, font, anchor="lm").transpose(Image.Transpose.ROTATE_90)
    matrix = _matrix(shares(counts), cell_px, font)
    left, top = (MARGIN_PX + 2 * TITLE_PX + row_names.width, MARGIN_PX + 4 * TITLE_PX + column_names.height)
    title = _line(TITLE)
    width = max(left + matrix.width, MARGIN_PX + title.width) + MARGIN_PX
    picture = Image.new("RGB", (width, top + matrix.height + MARGIN_PX), "white")
    picture.paste(matrix, (left, top))
    picture.paste(row_names, (left - row_names.width, top))
    picture.paste(column_names, (left, top - column_names.height))
    picture.paste(title, (MARGIN_PX, MARGIN_PX))
    picture.paste(_line("prediction"), (left, MARGIN_PX + 2 * TITLE_PX))
    truth = _line("truth").transpose(Image.Transpose.ROTATE_90)
    picture.paste(truth, (MARGIN_PX, top + max(0, matrix.height - truth.height) // 2))
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


def shares(counts: Int64[np.ndarray, "k k"]) -> Float64[np.ndarray, "k k"]:
    """Divide each row by its sum; rows of zeros are nan."""
    sums = counts.sum(axis=1, keepdims=True)
    divided: np.ndarray = np.divide(counts, sums, out=np.full(counts.shape, np.nan), where=sums > 0)
    return divided


def colours(rows: Float64[np.ndarray, "k k"]) -> UInt8[np.ndarray, "k k 3"]:
    """Colour shares from light to dark, each step as far as the last; nan is grey."""
    stops = np.linspace(0, 1, len(COLOURS))
    mixed = np.stack([np.interp(rows, stops, channel) for channel in np.transpose(COLOURS)], axis=-1)
    mixed[np.isnan(rows)] = NONE_COLOUR
    painted: np.ndarray = np.rint(mixed).astype(np.uint8)
    return painted


def _matrix(rows: Float64[np.ndarray, "k k"], cell_px: int, font: Font) -> Image.Image:
    """Draw the cells, with lines between them and their shares inside where there is room."""
    side_px = cell_px * len(rows)
    matrix = Image.fromarray(colours(rows)).resize((side_px, side_px), Image.Resampling.NEAREST)
    if cell_px < SHARES_FROM_PX:
        return matrix
    pen = ImageDraw.Draw(matrix)
    for at in range(0, side_px, cell_px):
        pen.line([(at, 0), (at, side_px)], LINE_COLOUR)
        pen.line([(0, at), (side_px, at)], LINE_COLOUR)
    for row, column in np.argwhere(~np.isnan(rows)).tolist():
        share = rows[row, column]
        middle = ((column + 0.5) * cell_px, (row + 0.5) * cell_px)
        colour = "white" if share > DARK else "black" if share else ZERO_COLOUR
        pen.text(middle, f"{share:.2f}" if share else "0", colour, font, "mm")
    return matrix


def _strip(names: Sequence[str], cell_px: int, font: Font, *, anchor: str) -> Image.Image:
    """Write the names below each other, one a cell, to the left ("lm") or to the right ("rm")."""
    if cell_px < NAMES_FROM_PX:
        return Image.new("RGB", (TITLE_PX, cell_px * len(names)), "white")
    shown = [name if len(name) <= NAME_CHARACTERS else f"{name[: NAME_CHARACTERS - 1]}…" for name in names]
    gap_px = TITLE_PX // 2
    width_px = int(max(font.getlength(name) for name in shown)) + 2 * gap_px
    strip = Image.new("RGB", (width_px, cell_px * len(names)), "white")
    pen, x = ImageDraw.Draw(strip), gap_px if anchor == "lm" else width_px - gap_px
    for at, name in enumerate(shown):
        pen.text((x, (at + 0.5) * cell_px), name, "black", font, anchor)
    return strip


def _line(text: str) -> Image.Image:
    font = ImageFont.load_default(TITLE_PX)
    line = Image.new("RGB", (int(font.getlength(text)) + 2, TITLE_PX * 3 // 2), "white")
    ImageDraw.Draw(line).text((0, 0), text, "black", font)
    return line
