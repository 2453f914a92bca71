"""Painted scenes as files."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from pipeline.geometry.grid import plan_windows
from pipeline.geometry.window import Window
from pipeline.raster import create
from pipeline.testing.painted.scene import paint

_WINDOW_PX = 1024
_LINE_EVERY_S = 1.0
# Half-metre pixels from a corner near Berlin, in UTM zone 33 north.
_TRANSFORM = (0.5, 0.0, 391_000.0, 0.0, -0.5, 5_820_000.0)


def paint_scene(  # noqa: PLR0913 - a scene's size, seed and place, each by its name
    path: str | Path,
    *,
    height: int,
    width: int,
    seed: int,
    crs: str | None = "EPSG:32633",
    transform: tuple[float, float, float, float, float, float] | None = None,
    truth_path: str | Path | None = None,
) -> None:
    """Write the first `height` x `width` pixels of the scene of a seed as a tiled GeoTIFF.

    Memory stays flat whatever the size; progress goes to stderr.

    Args:
        path: where the picture goes: RGB, uint8.
        height: rows.
        width: columns.
        seed: which scene.
        crs: the reference system, as GDAL knows it; `None` for none.
        transform: (a, b, c, d, e, f) from (column, row) to the CRS; half-metre pixels when `None`.
        truth_path: where the class ids go, uint8 in the order of `CLASSES`, if anywhere.

    Raises:
        RasterError: a file cannot be written.
    """
    place = _TRANSFORM if transform is None else transform
    created = partial(create, height=height, width=width, crs=crs, transform=place)
    with ExitStack() as files:
        picture_file = files.enter_context(created(str(path), bands=3))
        truth_file = truth_path and files.enter_context(created(str(truth_path), bands=1))
        windows = plan_windows(height, width, window_px=_WINDOW_PX)
        for window in _told(windows, path=path, total_px=height * width):
            picture, truth = paint(window, seed=seed)
            picture_file.write(picture, window)
            if truth_file:
                truth_file.write(truth[..., None], window)


def _told(windows: Iterator[Window], *, path: str | Path, total_px: int) -> Iterator[Window]:
    """Pass windows on, with a progress line on stderr."""
    began, told, done_px = time.monotonic(), 0.0, 0
    for window in windows:
        yield window
        done_px += window.height * window.width
        now = time.monotonic()
        if now - told >= _LINE_EVERY_S or done_px == total_px:
            told, rate = now, done_px / 1e6 / max(now - began, 1e-9)
            end = "\n" if done_px == total_px else "\r"
            sys.stderr.write(f"painting {path}: {100 * done_px / total_px:.0f} % at {rate:.1f} Mpx/s{end}")
            sys.stderr.flush()
