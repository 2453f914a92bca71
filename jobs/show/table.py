"""Plain tables of text for a terminal."""

from collections.abc import Iterable, Sequence


def render(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay cells out in columns: the first to the left, the others, numbers, to the right.

    >>> print(render(["class", "pixels"], [["road", 12], ["water", 3]]))
    class  pixels
    road       12
    water       3
    """
    cells = [list(header), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in cells
    )


def duration(seconds: float) -> str:
    """Return a time span in its two largest units.

    >>> duration(42.0), duration(3700), duration(200_000)
    ('42 s', '1 h 1 min', '2 d 7 h')
    """
    whole = round(seconds)
    for unit_s, unit, part_s, part in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit_s:
            return f"{whole // unit_s} {unit} {whole % unit_s // part_s} {part}"
    return f"{whole} s"


def _text(cell: object) -> str:
    if cell is None:
        return "-"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
