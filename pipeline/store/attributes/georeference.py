"""Say where a scene lies, in all the dialects that readers of Zarr understand.

CF (a ``spatial_ref`` variable and coordinates) for xarray, rioxarray and GDAL up to 3.12; the conventions
``proj`` and ``spatial`` (v0.1) for rio-tiler, GDAL 3.13 and OpenLayers. Nothing is said of a CRS where the
scene states none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyproj
from jaxtyping import Float64

from pipeline.geometry.scene import Header
from pipeline.geometry.transform import bounds, to_crs, with_pixels

_UUIDS = {
    "multiscales": "d35379db-88df-4056-af3a-620245f8e347",
    "proj": "f17cb550-5864-4468-aeb7-f3180cfb622f",
    "spatial": "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4",
}
RESAMPLING = "mode"
"""How a level's class ids come of those of the level before."""

LEVEL_PX = 512
"""The coarsest level has no longer side: a picture of the whole scene is one chunk."""

_DESCRIPTIONS = {
    "multiscales": "Multiscale layout of zarr datasets",
    "proj": "Coordinate reference system information for geospatial data",
    "spatial": "Spatial coordinate information",
}


def coarser(header: Header, stride_px: int) -> Header:
    """Return the header of a grid of squares of ``stride_px`` from the scene's origin on, as many as it touches."""
    return replace(
        header,
        height=-(-header.height // stride_px),
        width=-(-header.width // stride_px),
        transform=with_pixels(header.transform, rows=float(stride_px), cols=float(stride_px)),
    )


def count_levels(header: Header) -> int:
    """Return how many coarser levels a scene has: each half as high and wide, until one fits into 512 px a side."""
    longest = -(-max(header.height, header.width) // LEVEL_PX)
    return (longest - 1).bit_length()


def scene_attributes(header: Header) -> dict[str, Any]:
    """Return the attributes by which the conventions georeference an array, or a group of such arrays."""
    conventions = ["proj", "spatial"] if header.crs_wkt else ["spatial"]
    return {
        "zarr_conventions": [_convention(name) for name in conventions],
        **_crs_attributes(header),
        "spatial:dimensions": ["y", "x"],
        "spatial:transform": list(header.transform),
        "spatial:shape": [header.height, header.width],
        "spatial:bbox": list(bounds(header.transform, height=header.height, width=header.width)),
        "spatial:registration": "pixel",
    }


def root_attributes(header: Header, *, levels: int = 0) -> dict[str, Any]:
    """Return the attributes of the root: the same, and its resolution levels: its own, and so many coarser ones."""
    attributes = scene_attributes(header)
    return {
        **attributes,
        "zarr_conventions": [_convention("multiscales"), *attributes["zarr_conventions"]],
        "multiscales": {
            "resampling_method": RESAMPLING,
            "layout": [_level(header, level) for level in range(levels + 1)],
        },
    }


def _level(header: Header, level: int) -> dict[str, Any]:
    """Return what is said of a level: of each but the first, how it lies in the one before."""
    own = coarser(header, 2**level)
    made = {"derived_from": str(level - 1), "resampling_method": RESAMPLING} if level else {}
    scale = 2.0 if level else 1.0
    return {
        "asset": str(level),
        **made,
        "transform": {"scale": [scale, scale], "translation": [0.0, 0.0]},
        "spatial:shape": [own.height, own.width],
        "spatial:transform": list(own.transform),
    }


def cf_attributes(header: Header) -> dict[str, Any]:
    """Return the attributes of CF's grid mapping variable, with GDAL's own beside them."""
    a, b, c, d, e, f = header.transform
    attributes: dict[str, Any] = {"GeoTransform": " ".join(map(repr, map(float, (c, a, b, f, d, e))))}
    if header.crs_wkt:
        cf = pyproj.CRS.from_wkt(header.crs_wkt).to_cf()
        attributes |= {**cf, "spatial_ref": cf["crs_wkt"]}
    return attributes


def coordinates(header: Header) -> dict[str, tuple[Float64[np.ndarray, "length"], dict[str, Any]]]:
    """Return values and attributes of the coordinates ``y`` and ``x`` of pixel centres, in the CRS's unit.

    A rotated or sheared scene has none: no vector holds them.
    """
    _, b, _, d, _, _ = header.transform
    if b or d:
        return {}
    described = _axes(header)
    rows, cols = np.arange(header.height) + 0.5, np.arange(header.width) + 0.5
    x, _ = to_crs(header.transform, rows=0.0, cols=cols)
    _, y = to_crs(header.transform, rows=rows, cols=0.0)
    return {
        "y": (y, described["y"]),
        "x": (x, described["x"]),
    }


def _convention(name: str) -> dict[str, str]:
    return {
        "uuid": _UUIDS[name],
        "schema_url": f"https://raw.githubusercontent.com/zarr-conventions/{name}/refs/tags/v0.1/schema.json",
        "spec_url": f"https://github.com/zarr-conventions/{name}/blob/v0.1/README.md",
        "name": name,
        "description": _DESCRIPTIONS[name],
    }


def _crs_attributes(header: Header) -> dict[str, str]:
    """Return the authority's code where it says the same as the WKT, else the WKT itself."""
    if not header.crs_wkt:
        return {}
    crs = pyproj.CRS.from_wkt(header.crs_wkt)
    authority = crs.to_authority(min_confidence=100)
    if authority and authority[1].isdigit():
        code = ":".join(authority)
        if pyproj.CRS.from_user_input(code).equals(crs, ignore_axis_order=True):
            return {"proj:code": code}
    return {"proj:wkt2": crs.to_wkt(version="WKT2_2019")}


def _axes(header: Header) -> dict[str, dict[str, Any]]:
    """Return CF's attributes (standard name, unit) of the two axes; empty without a CRS."""
    described: dict[str, dict[str, Any]] = {"y": {}, "x": {}}
    if header.crs_wkt:
        for axis in pyproj.CRS.from_wkt(header.crs_wkt).cs_to_cf():
            if axis["axis"].lower() in described:
                described[axis["axis"].lower()] = dict(axis)
    return described
