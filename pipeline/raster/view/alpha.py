"""Bands that are flagged alpha and hold a picture: many programs flag the fourth band whatever it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from pipeline.config import Reading
from pipeline.geometry.view import View
from pipeline.raster.gdal.environment import Source, faults_as
from pipeline.raster.gdal.non_gdal import NonGdalRaster
from pipeline.raster.opening import opened
from pipeline.raster.view.validity import alpha_bands
from pipeline.raster.view.value_ranges import sample_areas

_LATTICE = 4  # samples a side: a picture is one wherever it is sampled
_BETWEEN = 0.1  # of a mask's pixels, which feathered edges may be, are neither clear nor opaque


def with_alpha_warnings(view: View, reading: Reading) -> View:
    """Return the view with a warning for each band that is flagged alpha and is hardly a mask.

    Raises:
        RasterError: the scene cannot be read.
    """
    found = [text for uri in view.uris for text in _doubts(view, uri, reading)]
    return replace(view, warnings=(*view.warnings, *found)) if found else view


def _doubts(view: View, uri: str, reading: Reading) -> Iterator[str]:
    with opened(uri, reading) as source, faults_as(f"cannot read the alpha of {uri}"):
        numbers = {band.number for band in view.bands if band.uri == uri}
        for band in alpha_bands(source, reading):
            fraction = (
                _fraction_between(source, band)
                if band not in numbers and not isinstance(source, NonGdalRaster)
                else 0.0
            )
            if fraction > _BETWEEN:
                yield (
                    f"band {band} is flagged alpha and taken for a mask, but {fraction:.0%} of it is neither clear nor "
                    "opaque: if it shows something, such as near infrared, give alpha: none"
                )


def _fraction_between(source: Source, band: int) -> float:
    """Return the fraction of a band that is neither the least nor the most of alpha, by samples all over it."""
    bits = int(source.tags(band, ns="IMAGE_STRUCTURE").get("NBITS", 0))
    dtype = np.dtype(source.dtypes[band - 1])
    most = 2**bits - 1 if bits else np.iinfo(dtype).max if dtype.kind in "iu" else 1
    parts = [source.read([band], window=area).ravel() for area in sample_areas(source, per_side=_LATTICE)]
    return float((~np.isin(np.concatenate(parts), [0, 1, 255, most])).mean())
