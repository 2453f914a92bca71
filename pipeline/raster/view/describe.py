"""What the header of a scene says, and what is made of it, before a pixel is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pipeline.config import Reading
from pipeline.errors import RasterError
from pipeline.geometry.scene import Band, Header, Scene
from pipeline.geometry.view import Base, Placed, Range, View
from pipeline.raster.gdal.environment import Source, faults_as
from pipeline.raster.gdal.oriented import oriented
from pipeline.raster.headers import header_of
from pipeline.raster.limits import check_directories, check_limits, check_pixels, files_of
from pipeline.raster.opening import opened
from pipeline.raster.view.colours import Choice, choose_bands, inverted_indices
from pipeline.raster.view.dates import stated_datetime
from pipeline.raster.view.orientation import orientation_of
from pipeline.raster.view.overviews import Overviews, smaller_pictures
from pipeline.raster.view.regrid import at_ground_size
from pipeline.raster.view.same_grid import check_same_grid
from pipeline.raster.view.validity import reasons
from pipeline.raster.view.warnings import grid_warnings, header_warnings
from pipeline.raster.view.warping import georeference_kind, warped

_LOOKED_INTO = 100  # files of a VRT: what all of them are


class _Grid(NamedTuple):
    """The grid that is read, what it is made of, how it is georeferenced, and how many overviews cannot be used."""

    header: Header
    base: Base | None
    placed: Placed
    orientation: int
    overviews: int


def describe(scene: Scene, reading: Reading) -> View:
    """Return how a scene is to be read; ranges that only its pixels can tell are left unmeasured.

    Raises:
        RasterError: it cannot be opened, asks for more than the limits, or its pixels are of no known kind.
    """
    if scene.bands is None:
        return _described(scene.uri, reading)
    views = [_described(band.uri, reading, number=band.number) for band in scene.bands]
    for view in views[1:]:
        check_same_grid(views[0], view)
    return View(
        header=views[0].header,
        bands=scene.bands,
        colours="rgb",
        ranges=tuple(view.ranges[0] for view in views),
        unmeasured=tuple(index for index, view in enumerate(views) if view.unmeasured),
        inverted=tuple(index for index, view in enumerate(views) if view.inverted),
        orientation=views[0].orientation,
        placed=views[0].placed,
        base=views[0].base,
        validity=tuple(dict.fromkeys(reason for view in views for reason in view.validity)),
        warnings=tuple(dict.fromkeys(text for view in views for text in view.warnings)),
        datetime=views[0].datetime,
    )


def _described(uri: str, reading: Reading, *, number: int | None = None) -> View:
    """Describe a file, of which the one band ``number`` is to be read or those that the policy chooses."""
    with opened(uri, reading) as source, faults_as(f"cannot read the header of {uri}"):
        files = files_of(uri, source, reading)
        for file in files:
            check_directories(file)
        _check_real(uri, source.dtypes)
        check_limits(uri, source, reading)
        choice = choose_bands(source, reading.bands if number is None else (number,), uri=uri)
        choice = choice if number is None else choice._replace(colours="grey")
        ranges = [_known_range(source, band, choice, reading) for band in choice.numbers]
        grid = _grid(uri, source, choice, reading)
        return View(
            header=grid.header,
            bands=tuple(Band(uri, band) for band in choice.numbers),
            colours=choice.colours,
            ranges=tuple(ranges),
            unmeasured=tuple(
                index
                for index, (band, limits) in enumerate(zip(choice.numbers, ranges, strict=True))
                if limits is None and choice.colours != "palette" and source.dtypes[band - 1] != "uint8"
            ),
            inverted=_inverted(uri, source, choice, files, reading),
            orientation=grid.orientation,
            placed=grid.placed,
            base=grid.base,
            validity=reasons(source, choice.numbers, reading),
            warnings=(
                *choice.warnings,
                *header_warnings(uri, source, grid.header, reading),
                *grid_warnings(
                    grid.header, grid.base, reading, orientation=grid.orientation, overviews=grid.overviews
                ),
            ),
            datetime=stated_datetime(source.tags()),
        )


def _inverted(
    uri: str, source: Source, choice: Choice, files: Sequence[str], reading: Reading
) -> tuple[int, ...]:
    """Return the indices of bands whose lowest value is white; a VRT does not say what its files do."""
    if source.driver != "VRT" or choice.colours == "palette":
        return inverted_indices(source, choice)
    found = set()
    for file in (each for each in files[:_LOOKED_INTO] if each != uri):
        with opened(file, reading) as part:
            found.add(inverted_indices(part, choice))
    if len(found) > 1:
        raise RasterError(
            f"{uri} joins files whose lowest value is white to others where it is black: write them alike"
        )
    return found.pop() if found else ()


def _grid(uri: str, source: Source, choice: Choice, reading: Reading) -> _Grid:
    """Return the grid that is read, what it is made of, and how it is georeferenced."""
    placed, orientation = georeference_kind(source), orientation_of(uri, source, reading)
    with warped(source, placed, reading) as flat:
        upright = header_of(oriented(flat, orientation))
    header = replace(upright, bands=source.count)  # without the alpha that warping may add
    overviews = Overviews([], 0)
    if placed == "transform" and reading.gsd_m:
        overviews = smaller_pictures(uri, source, choice.numbers, reading, orientation=orientation)
    header, base = at_ground_size(uri, header, reading, smaller=overviews.alike)
    check_pixels(uri, header.height * header.width, reading)
    return _Grid(header, base, placed, orientation, overviews.unlike)


def _known_range(source: Source, band: int, choice: Choice, reading: Reading) -> Range | None:
    """Return a band's range where header or user say it, else None: 8 bits are left alone, others measured."""
    dtype = source.dtypes[band - 1]
    if dtype == "uint8":
        bits = int(source.tags(band, ns="IMAGE_STRUCTURE").get("NBITS", 8))
        return (0.0, 2.0**bits - 1) if bits < 8 and choice.colours != "palette" else None  # noqa: PLR2004 - bits
    if choice.colours == "palette":
        return None
    if choice.colours == "cmyk":
        return 0.0, float(np.iinfo(dtype).max)  # fractions of ink, and no measurements
    return (
        None
        if reading.value_range is None
        else (float(reading.value_range[0]), float(reading.value_range[1]))
    )


def _check_real(uri: str, dtypes: Sequence[str]) -> None:
    for dtype in dtypes:
        if dtype.startswith("complex"):
            raise RasterError(
                f"{uri} has pixels of {dtype}, which have no brightness: give their amplitude instead"
            )
