"""Read the windows of a view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, UInt8

from pipeline.config import PLAIN, Reading
from pipeline.geometry.chips import FILL, mirrored
from pipeline.geometry.scene import Scene
from pipeline.geometry.view import Base, View
from pipeline.geometry.window import Window
from pipeline.raster.deadline import within
from pipeline.raster.gdal.environment import Source, faults_as
from pipeline.raster.gdal.oriented import oriented
from pipeline.raster.opening import opened
from pipeline.raster.outline import Outline
from pipeline.raster.resampling import resample, taps
from pipeline.raster.retrying import read_with_retries
from pipeline.raster.view.alpha import with_alpha_warnings
from pipeline.raster.view.colours import palette_of, to_rgb
from pipeline.raster.view.describe import describe
from pipeline.raster.view.overviews import Smaller, smaller_pictures
from pipeline.raster.view.regrid import scaled_by
from pipeline.raster.view.validity import read_bands
from pipeline.raster.view.value_ranges import with_value_ranges
from pipeline.raster.view.warping import warped
from pipeline.sources.naming import scene_of

_AT_ONCE_PIXELS = 1 << 22  # of the scene, that are resampled


def view_of(scene: Scene, reading: Reading = PLAIN, *, etags: Mapping[str, str] | None = None) -> View:
    """Return how a scene is read: its bands, the values that become 0 and 255, its validity and its grid.

    ``etags`` are those of all its files, where they are known.

    Raises:
        RasterError: it cannot be opened or measured, or is not of a kind that is read.
    """
    return within(
        reading.read_timeout_s,
        lambda: read_with_retries(
            scene.files,
            lambda: with_alpha_warnings(with_value_ranges(describe(scene, reading), reading), reading),
            reading,
            etags=etags,
        ),
        doing=f"looking at {scene.uri}",
    )


def read_small(
    view: View, side_px: int, reading: Reading = PLAIN
) -> tuple[UInt8[np.ndarray, "y x 3"], Bool[np.ndarray, "y x"]]:
    """Read the whole view no more than ``side_px`` high and wide, from an overview where there is one.

    Raises:
        RasterError: the scene cannot be opened or read.
    """
    factor = max(view.header.height, view.header.width) / side_px
    if view.base is None and factor > 1:
        header, base = scaled_by(factor, view.header, smaller=_in_every_file(view, reading))
        view = replace(view, header=header, base=base)
    return read_view(view, Window(0, 0, view.header.height, view.header.width), reading)


def _in_every_file(view: View, reading: Reading) -> list[Smaller]:
    """Return the overviews that all files of a view have."""
    if view.placed != "transform":
        return []
    found: list[list[Smaller]] = []
    for uri in view.uris:
        numbers = [band.number for band in view.bands if band.uri == uri]
        with opened(uri, reading) as source:
            overviews = smaller_pictures(uri, source, numbers, reading, orientation=view.orientation)
            found.append(overviews.alike)
    return [each for each in found[0] if all(each in others for others in found)]


def read(uri: str, window: Window) -> tuple[UInt8[np.ndarray, "y x 3"], Bool[np.ndarray, "y x"]]:
    """Read a window of the raster at ``uri`` as the policy has it where the user says nothing, see ``read_view``."""
    return read_view(view_of(scene_of(uri)), window)


def read_image(
    uri: str, reading: Reading = PLAIN
) -> tuple[UInt8[np.ndarray, "y x 3"], Bool[np.ndarray, "y x"]]:
    """Read all of the raster at ``uri``, which memory is to hold, see ``read_view``.

    Raises:
        RasterError: it cannot be opened or read.
    """
    view = view_of(scene_of(uri), reading)
    return read_view(view, Window(0, 0, view.header.height, view.header.width), reading)


def read_view(
    view: View,
    window: Window,
    reading: Reading = PLAIN,
    outline: Outline | None = None,
    *,
    etags: Mapping[str, str] | None = None,
) -> tuple[UInt8[np.ndarray, "y x 3"], Bool[np.ndarray, "y x"]]:
    """Read a window as red, green, blue in 8 bits, and where it has data.

    A pixel is valid inside the scene where a band that is read has data, the file's mask is set, and its
    alpha is above zero; pixels without data are ``FILL``. ``window`` may reach outside the scene: nothing is
    valid there, and pixels are those of the scene reflected at its edges. Outside ``outline`` nothing is
    valid, but pixels are as they are: what is inside keeps its surroundings. ``etags`` are those of all files
    that are read, where they are known.

    Raises:
        RasterError: the scene cannot be opened, or the window cannot be read.
    """
    # GDAL is asked for what exists and no more: rasterio's boundless reads go through a virtual
    # raster, are slow, and are wrong beside masks and overviews.
    height, width = view.header.height, view.header.width
    rows = mirrored(window.row_off, window.row_end, length=height)
    cols = mirrored(window.col_off, window.col_end, length=width)
    needed = Window(int(rows.min()), int(cols.min()), int(np.ptp(rows)) + 1, int(np.ptp(cols)) + 1)
    inside = window.intersection(Window(0, 0, height, width))
    what = f"{_in_words(inside or needed)} of {' and '.join(view.uris)}"
    found, has_data = within(
        reading.read_timeout_s,
        lambda: read_with_retries(
            view.uris, lambda: _read_inside(view, needed, reading, what), reading, etags=etags
        ),
        doing=f"reading {what}",
    )
    found[~has_data] = FILL
    if inside == window:
        pixels, valid = found, has_data
    else:
        pixels = found[np.ix_(rows - needed.row_off, cols - needed.col_off)]
        valid = np.zeros(window.shape, np.bool_)
        if inside is not None:
            valid[inside.slices_in(window)] = has_data[inside.slices_in(needed)]
    if outline is not None:
        valid &= outline.inside(window)
    return pixels, valid


def _read_inside(
    view: View, window: Window, reading: Reading, what: str
) -> tuple[UInt8[np.ndarray, "y x 3"], Bool[np.ndarray, "y x"]]:
    with _opened(view, reading) as sources, faults_as(f"cannot read {what}"):
        if view.base is None:
            return _read_rgb(view, sources, window, reading)
        return _resampled(view, view.base, sources, window, reading)


def _resampled(
    view: View, base: Base, sources: Mapping[str, Source], window: Window, reading: Reading
) -> tuple[UInt8[np.ndarray, "y x 3"], Bool[np.ndarray, "y x"]]:
    """Make the pixels of a window of those of ``base``, so many at a time as memory stays flat at any step."""
    if base.step_rows == base.step_cols == 1:
        return _read_rgb(view, sources, window, reading)
    pixels = np.empty((*window.shape, 3), np.uint8)
    valid = np.empty(window.shape, np.bool_)
    for piece in _pieces(window, base):
        rows = taps(piece.row_off, piece.row_end, step=base.step_rows, length=base.height)
        cols = taps(piece.col_off, piece.col_end, step=base.step_cols, length=base.width)
        needed = Window(rows.start, cols.start, rows.end - rows.start, cols.end - cols.start)
        part = piece.slices_in(window)
        pixels[part], valid[part] = resample(*_read_rgb(view, sources, needed, reading), rows=rows, cols=cols)
    return pixels, valid


def _pieces(window: Window, base: Base) -> Iterator[Window]:
    """Cut a window into rows, and these where they are still too much, so that each needs few pixels of ``base``."""
    each = max(1.0, base.step_rows) * max(1.0, base.step_cols)
    width = min(window.width, max(1, int(_AT_ONCE_PIXELS / each)))
    height = max(1, int(_AT_ONCE_PIXELS / (each * width)))
    for row in range(window.row_off, window.row_end, height):
        for col in range(window.col_off, window.col_end, width):
            yield Window(row, col, min(height, window.row_end - row), min(width, window.col_end - col))


@contextmanager
def _opened(view: View, reading: Reading) -> Iterator[dict[str, Source]]:
    overview = None if view.base is None else view.base.overview
    with ExitStack() as stack:
        sources = {uri: stack.enter_context(opened(uri, reading, overview=overview)) for uri in view.uris}
        yield {
            uri: oriented(stack.enter_context(warped(source, view.placed, reading)), view.orientation)
            for uri, source in sources.items()
        }


def _read_rgb(
    view: View, sources: Mapping[str, Source], window: Window, reading: Reading
) -> tuple[UInt8[np.ndarray, "y x 3"], Bool[np.ndarray, "y x"]]:
    area = ((window.row_off, window.row_end), (window.col_off, window.col_end))
    stored: dict[int, np.ndarray] = {}
    valid = np.zeros(window.shape, np.bool_)
    for uri, source in sources.items():
        indices = [part for part, band in enumerate(view.bands) if band.uri == uri]
        numbers = [view.bands[part].number for part in indices]
        found, found_valid = read_bands(source, numbers, area=area, reading=reading)
        stored |= zip(indices, found, strict=True)
        valid |= found_valid.any(axis=0)
    first = view.bands[0]
    palette = palette_of(sources[first.uri], first.number) if view.colours == "palette" else None
    pixels, opaque = to_rgb([stored[part] for part in range(len(view.bands))], view, palette)
    return pixels, valid & opaque if reading.alpha is None else valid


def _in_words(window: Window) -> str:
    return f"rows {window.row_off}..{window.row_end} and columns {window.col_off}..{window.col_end}"
