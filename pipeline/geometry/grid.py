"""A scene's extent into windows, on a grid anchored at the scene's origin."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.geometry.window import Window


def plan_windows(height: int, width: int, *, window_px: int) -> Iterator[Window]:
    """Yield the windows of a scene of ``height`` x ``width`` pixels lazily, row by row.

    They partition the extent: every pixel is in exactly one window. All have ``window_px`` a side but the
    last of a row or column, which ends with the scene.
    """
    for row_off in range(0, height, window_px):
        for col_off in range(0, width, window_px):
            yield Window(row_off, col_off, min(window_px, height - row_off), min(window_px, width - col_off))


def squares(window: Window, *, side_px: int) -> Iterator[Window]:
    """Yield the squares that ``window`` touches, row by row, of a lattice that begins at the scene's origin.

    What is computed by square does not depend on the window it is computed for. They may reach beyond the scene.
    """
    for row in range(window.row_off // side_px, -(-window.row_end // side_px)):
        for col in range(window.col_off // side_px, -(-window.col_end // side_px)):
            yield Window(row * side_px, col * side_px, side_px, side_px)


def count_windows(height: int, width: int, *, window_px: int) -> int:
    """Return how many windows ``plan_windows`` yields, without planning them."""
    return -(-height // window_px) * -(-width // window_px)
