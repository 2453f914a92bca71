"""A rectangle of pixels of a scene: the unit of work, and the grammar of every read and write."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Rows ``row_off .. row_end`` and columns ``col_off .. col_end`` (ends excluded), in pixels.

    The origin is the scene's upper left corner. A window that was planned lies inside its scene;
    one that was grown may begin before the origin, so offsets may be negative.

    Raises:
        TypeError: a field is not a plain int (a numpy integer would not survive JSON).
        ValueError: height or width is not positive.
    """

    row_off: int
    col_off: int
    height: int
    width: int

    def __post_init__(self) -> None:
        if any(type(field) is not int for field in (self.row_off, self.col_off, self.height, self.width)):
            raise TypeError(f"a window's fields are plain ints, got {self!r}")
        if self.height <= 0 or self.width <= 0:
            raise ValueError(f"a window has at least one row and one column, got {self!r}")

    @property
    def row_end(self) -> int:
        """The first row below the window."""
        return self.row_off + self.height

    @property
    def col_end(self) -> int:
        """The first column right of the window."""
        return self.col_off + self.width

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns: the shape of an array of the window's pixels."""
        return self.height, self.width

    def expand(self, px: int) -> Window:
        """Return the window grown by ``px`` on all four sides (shrunk where negative)."""
        return Window(self.row_off - px, self.col_off - px, self.height + 2 * px, self.width + 2 * px)

    def intersection(self, other: Window) -> Window | None:
        """Return the pixels both windows have, or None where they have none in common."""
        row_off, row_end = max(self.row_off, other.row_off), min(self.row_end, other.row_end)
        col_off, col_end = max(self.col_off, other.col_off), min(self.col_end, other.col_end)
        if row_off >= row_end or col_off >= col_end:
            return None
        return Window(row_off, col_off, row_end - row_off, col_end - col_off)

    def slices_in(self, outer: Window) -> tuple[slice, slice]:
        """Return the row and column slices that take this window out of an array of ``outer``.

        Raises:
            ValueError: the window does not lie inside ``outer``.
        """
        if self.intersection(outer) != self:
            raise ValueError(f"{self!r} does not lie inside {outer!r}")
        row, col = self.row_off - outer.row_off, self.col_off - outer.col_off
        return slice(row, row + self.height), slice(col, col + self.width)
