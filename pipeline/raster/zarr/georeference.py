"""Where an array of Zarr lies and what of it is no data: by the conventions ``spatial`` and ``proj``, or by CF.

The conventions are those of github.com/zarr-conventions, v0.1; CF's are a grid mapping variable with the CRS as WKT,
and GDAL's ``GeoTransform`` in it or coordinates of pixel centres beside it (cfconventions.org, 5.6). A transform is
copied along when a part is taken of an array, so that coordinates go before it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.errors import RasterError
from pipeline.raster.gdal.door import CRS, Affine
from pipeline.raster.gdal.non_gdal import Georeference
from pipeline.raster.zarr.coordinates import axes_beside, by_coordinates
from pipeline.raster.zarr.nodes import Node, node_at


def georeference_of(node: Node, group: Node | None, pixel_m: tuple[float, float] | None) -> Georeference:
    """Return where an array lies by what it or the group of its image says, else how large its pixels are.

    Raises:
        RasterError: its coordinates are not evenly spaced, or its CRS is not known.
    """
    for each in (node,) if group is None else (node, group):
        transform = each.attributes.get("spatial:transform")
        if transform is not None:
            nodes = each.attributes.get("spatial:registration") == "node"
            shift = -0.5 if nodes else 0.0
            stated = Affine(*map(float, transform)) @ Affine.translation(shift, shift)
            placed, warnings = by_coordinates({} if group is not None else axes_beside(node), stated)
            return Georeference(_crs(each), placed, pixel_m, warnings)
    mapping = node.attributes.get("grid_mapping") or node.attributes.get("coordinates")
    if isinstance(mapping, str) and mapping.split():
        found = _by_mapping(node, mapping.split()[0].rstrip(":"))
        if found is not None:
            return found
    return Georeference(pixel_m=pixel_m)


def _crs(node: Node) -> Any:  # noqa: ANN401 - rasterio has no types
    for key in ("proj:code", "proj:wkt2"):
        if node.attributes.get(key):
            return CRS.from_user_input(str(node.attributes[key]))
    if node.attributes.get("proj:projjson"):
        raise RasterError(f"{node.uri} states its CRS as PROJJSON only: expected proj:code or proj:wkt2")
    return None


def _by_mapping(node: Node, name: str) -> Georeference | None:
    """Read CF's grid mapping variable, a neighbour of the array; None where there is none."""
    try:
        mapping = node_at(node.beside(name)).attributes
    except RasterError:
        return None
    wkt = mapping.get("crs_wkt") or mapping.get("spatial_ref")
    if not wkt:
        return None
    numbers = str(mapping.get("GeoTransform") or "").split()
    stated = Affine.from_gdal(*map(float, numbers)) if numbers else None
    transform, warnings = by_coordinates(axes_beside(node), stated)
    return None if transform is None else Georeference(CRS.from_wkt(str(wkt)), transform, None, warnings)


def nodata_of(node: Node) -> float | int | None:
    """Return the value without data that an array states.

    That is its attribute ``nodata``, or CF's ``_FillValue`` and ``missing_value``. A fill value is what is missing
    from the store reads as, and no such statement, but for xarray's v2 arrays, which keep ``_FillValue`` in it.
    """
    stated = [node.attributes.get(name) for name in ("nodata", "_FillValue", "missing_value")]
    if "_ARRAY_DIMENSIONS" in node.attributes:
        stated.append(node.v2_fill)
    value = next((each for each in stated if each is not None), None)
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[0] if value else None
    if value is None:
        return None
    if type(value) is int:
        return value  # a float does not hold all of them
    try:
        return float(value)
    except (TypeError, ValueError):
        return _packed(node, value)


def _packed(node: Node, value: object) -> float:
    """Read a value as xarray writes it into JSON: the base64 of its eight bytes, little end first."""
    try:
        return float(np.frombuffer(base64.b64decode(str(value), validate=True), "<f8")[0])
    except (ValueError, IndexError) as error:
        raise RasterError(
            f"{node.uri} states {value!r} as its value without data: expected a number"
        ) from error
