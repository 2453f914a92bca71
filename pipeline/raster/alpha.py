"""Bands that are flagged alpha and hold a picture: many programs flag the fourth band whatever it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from pipeline.config import Reading
from pipeline.raster.foreign import Foreign
from pipeline.raster.gdal import Source, faults_as
from pipeline.raster.levels import areas
from pipeline.raster.opening import opened
from pipeline.raster.validity import alpha_bands
from pipeline.view import View

_LATTICE = 4  # samples a side: a picture is one wherever it is looked at
_BETWEEN = 0.1  # of a mask's pixels, which feathered edges may be, are neither clear nor opaque


def doubted(view: View, reading: Reading) -> View:
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
            share = _between(source, band) if band not in numbers and not isinstance(source, Foreign) else 0.0
            if share > _BETWEEN:
                yield (
                    f"band {band} is flagged alpha and taken for a mask, but {share:.0%} of it is neither clear nor "
                    "opaque: if it shows something, such as near infrared, give alpha: none"
                )


def _between(source: Source, band: int) -> float:
    """Return the share of a band that is neither the least nor the most of alpha, by samples all over it."""
    bits = int(source.tags(band, ns="IMAGE_STRUCTURE").get("NBITS", 0))
    dtype = np.dtype(source.dtypes[band - 1])
    most = 2**bits - 1 if bits else np.iinfo(dtype).max if dtype.kind in "iu" else 1
    parts = [source.read([band], window=area).ravel() for area in areas(source, per_side=_LATTICE)]
    return float((~np.isin(np.concatenate(parts), [0, 1, 255, most])).mean())
