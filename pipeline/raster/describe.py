"""What the header of a scene says, and what is made of it, before a pixel is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from pipeline import objects
from pipeline.config import Reading
from pipeline.errors import PipelineError, RasterError
from pipeline.objects import ObjectInfo
from pipeline.raster.again import again
from pipeline.raster.colours import Choice, choose_bands
from pipeline.raster.dates import stated_datetime
from pipeline.raster.foreign import Foreign
from pipeline.raster.gdal import Source, faults_as
from pipeline.raster.limits import check_directories, check_limits, check_pixels, files_of
from pipeline.raster.opening import opened
from pipeline.raster.placing import laid_flat, placement
from pipeline.raster.regrid import at_ground_size, upsampling
from pipeline.raster.slides import is_slide, slide_info, stated_pixel_m
from pipeline.raster.validity import reasons
from pipeline.raster.zarr import zarr_info
from pipeline.scene import Band, Header, Scene, is_zarr
from pipeline.statistics import has_areas
from pipeline.view import Base, Placed, Range, View

_SAME_PX = 1e-3  # as far as the corners of two bands' files may be apart


def describe(scene: Scene, reading: Reading) -> View:
    """Return how a scene is to be read; ranges that only its pixels can tell are left unmeasured.

    Raises:
        RasterError: it cannot be opened, asks for more than the limits, or its pixels are of no known kind.
    """
    if scene.bands is None:
        return _described(scene.uri, reading)
    views = [_described(band.uri, reading, number=band.number) for band in scene.bands]
    for view in views[1:]:
        _check_same_grid(views[0], view)
    return View(
        header=views[0].header,
        bands=scene.bands,
        colours="rgb",
        ranges=tuple(view.ranges[0] for view in views),
        unmeasured=tuple(place for place, view in enumerate(views) if view.unmeasured),
        placed=views[0].placed,
        base=views[0].base,
        validity=tuple(dict.fromkeys(reason for view in views for reason in view.validity)),
        warnings=tuple(dict.fromkeys(text for view in views for text in view.warnings)),
        datetime=views[0].datetime,
    )


def read_header(uri: str) -> Header:
    """Return what the raster at ``uri`` says of itself.

    Raises:
        RasterError: it cannot be opened as a raster.
    """

    def read() -> Header:
        with opened(uri) as source, faults_as(f"cannot read the header of {uri}"):
            return _header(source)

    return again((uri,), read)


def read_input(uri: str) -> ObjectInfo:
    """Return the size and etag of the file at ``uri``, or of what a Zarr has there, without reading pixels.

    Raises:
        RasterError: there is none, or the storage refused.
    """
    try:
        if is_zarr(uri):
            return zarr_info(uri)
        return slide_info(uri) if is_slide(uri) else objects.info(uri)
    except FileNotFoundError as error:
        raise RasterError(f"{uri} does not exist") from error
    except PipelineError as error:
        raise RasterError(str(error)) from error


def _described(uri: str, reading: Reading, *, number: int | None = None) -> View:
    """Describe a file, of which the one band ``number`` is to be read or those that the policy chooses."""
    with opened(uri, reading) as source, faults_as(f"cannot read the header of {uri}"):
        for file in files_of(uri, source, reading):
            check_directories(file)
        _check_real(uri, source.dtypes)
        check_limits(uri, source, reading)
        choice = choose_bands(source, reading.bands if number is None else (number,), uri=uri)
        ranges = [_known_range(source, band, choice, reading) for band in choice.numbers]
        header, base, placed = _grid(uri, source, reading)
        return View(
            header=header,
            bands=tuple(Band(uri, band) for band in choice.numbers),
            colours=choice.colours,
            ranges=tuple(ranges),
            unmeasured=tuple(
                place
                for place, (band, limits) in enumerate(zip(choice.numbers, ranges, strict=True))
                if limits is None and choice.colours != "palette" and source.dtypes[band - 1] != "uint8"
            ),
            placed=placed,
            base=base,
            validity=reasons(source, choice.numbers, reading.nodata),
            warnings=(*choice.warnings, *_warnings(source, header, base, reading)),
            datetime=stated_datetime(source.tags()),
        )


def _warnings(source: Source, header: Header, base: Base | None, reading: Reading) -> Iterator[str]:
    if header.crs_wkt is None and source.crs:
        yield "a CRS is stated, and no transform to it: the scene has no place, so there are no areas"
    elif header.crs_wkt is None:
        points = "; its ground control points state none either" if source.gcps[0] else ""
        yield f"no CRS is stated, so there are no areas{points}"
    elif not has_areas(header):
        yield "its CRS has no place on earth, or PROJ cannot transform it, so there are no areas"
    if reading.value_range is not None and header.dtype == "uint8":
        yield "range is left out: 8 bits are read as they are"
    if (times := upsampling(base)) > 1:
        pixels = (
            f"{times:.3g} x {times:.3g} pixels are made of each, {header.height * header.width / 1e6:.1f} Mpx"
        )
        yield f"gsd {reading.gsd_m:g} m is finer than the scene: {pixels}, and they show no more"


def _grid(uri: str, source: Source, reading: Reading) -> tuple[Header, Base | None, Placed]:
    """Return the grid that is read, what it is made of, and how it came to its place."""
    placed = placement(source)
    with laid_flat(source, placed, reading.nodata) as flat:
        header = replace(_header(flat), bands=source.count)  # without the alpha that laying flat may add
    overviews = len(source.overviews(1)) if placed == "transform" and reading.gsd_m else 0
    header, base = at_ground_size(uri, header, reading, overviews=overviews)
    check_pixels(uri, header.height * header.width, reading)
    return header, base, placed


def _header(source: Source) -> Header:
    return Header(
        height=source.height,
        width=source.width,
        bands=source.count,
        dtype=source.dtypes[0],
        crs_wkt=source.crs.to_wkt() if source.crs and not source.transform.is_identity else None,
        transform=tuple(source.transform)[:6],
        nodata=None if source.nodata is None else float(source.nodata),
        pixel_m=_pixel_m(source),
    )


def _pixel_m(source: Source) -> tuple[float, float] | None:
    """Return a pixel's height and width in m by what the maker of a microscope's image says of it."""
    if isinstance(source, Foreign):
        return source.place().pixel_m
    return stated_pixel_m(source.tags().get("TIFFTAG_IMAGEDESCRIPTION", ""))


def _known_range(source: Source, band: int, choice: Choice, reading: Reading) -> Range | None:
    """Return a band's range where header or user say it, else None: 8 bits are left alone, others measured."""
    dtype = source.dtypes[band - 1]
    if dtype == "uint8":
        bits = int(source.tags(band, ns="IMAGE_STRUCTURE").get("NBITS", 8))
        return (0.0, 2.0**bits - 1) if bits < 8 and choice.colours != "palette" else None  # noqa: PLR2004 - bits
    if choice.colours == "palette":
        return None
    if choice.colours == "cmyk":
        return 0.0, float(np.iinfo(dtype).max)  # shares of ink, and no measurements
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


def _check_same_grid(first: View, other: View) -> None:
    """Refuse a band whose file is of another grid than that of red."""
    names = ("height", "width", "crs_wkt")
    differing = [name for name in names if getattr(first.header, name) != getattr(other.header, name)]
    if not differing and not _near(first.header, other.header):
        differing = ["transform"]
    differing += ["overviews"] if not differing and first.base != other.base else []
    if differing:
        raise RasterError(
            f"{other.bands[0].uri} has another {' and '.join(differing)} than {first.bands[0].uri}: bands of one "
            "scene share grid and CRS; resample one of them first"
        )


def _near(one: Header, other: Header) -> bool:
    corners = np.array([[0, 0, 1], [one.width, 0, 1], [0, one.height, 1]]).T
    apart = np.abs(_matrix(one.transform) @ corners - _matrix(other.transform) @ corners)
    a, b, _, d, e, _ = one.transform
    return bool(apart.max() <= _SAME_PX * max(np.hypot(a, d), np.hypot(b, e)))


def _matrix(transform: Sequence[float]) -> np.ndarray:
    return np.array(transform, np.float64).reshape(2, 3)
