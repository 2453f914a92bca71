"""rio-tiler: its readers of an xarray, of an array of Zarr and of a group with levels."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import rioxarray  # noqa: F401 - it gives xarray its `.rio`
import xarray as xr
import zarr
from rio_tiler.errors import TileOutsideBounds
from rio_tiler.experimental.zarr import ArrayReader, GroupReader
from rio_tiler.io.xarray import XarrayReader

from tests.clients.readers.answering import Answer, Asked, answers, digest


def read(asked: Asked) -> Answer:
    readers = {"xarray": _xarray, "array": _array, "group": _group}
    return {name: answers(each, {"": asked})[""] for name, each in readers.items()}


def _xarray(asked: Asked) -> Answer:
    class_ids = xr.open_zarr(asked.store, group="0", decode_coords="all")["class"]
    with XarrayReader(class_ids) as reader:
        info = reader.info()
        return _told(reader, asked) | {
            "names": info.attrs["class_names"],
            "colors": info.attrs["flag_colors"].split(),
            "nodata": class_ids.rio.nodata.item(),
        }


def _array(asked: Asked) -> Answer:
    with ArrayReader(zarr.open_array(asked.store, path="0/class", mode="r")) as reader:
        return _told(reader, asked) | {"nodata": int(reader.info().nodata_value)}


def _group(asked: Asked) -> Answer:
    with GroupReader(zarr.open_group(asked.store, mode="r")) as reader:
        coarse = reader.preview(variables="class", max_size=400)  # what the coarsest level holds
        return _told(reader, asked, variables="class") | {
            "coarsest": digest(coarse.array.data[0]),
            "zooms": reader.maxzoom - reader.minzoom,
        }


def _told(reader: Any, asked: Asked, **which: str) -> Answer:  # noqa: ANN401 - the readers have no common type
    whole = reader.preview(max_size=None, **which)
    values = whole.array.data[0]
    return {
        "crs": f"EPSG:{reader.crs.to_epsg()}",
        "transform": list(reader.transform)[:6],
        "digest": digest(values),
        "valid": digest(~np.ma.getmaskarray(whole.array)[0]),
        "at places": [_at(reader, lon, lat, **which) for lon, lat in asked.places],
        "tile": _tile(reader, asked, **which),
    }


def _at(reader: Any, lon: float, lat: float, **which: str) -> int | str:  # noqa: ANN401 - as above
    try:
        return int(reader.point(lon, lat, **which).array.data.item())
    except Exception as error:  # noqa: BLE001 - whatever it raises is its refusal
        return type(error).__name__


def _tile(reader: Any, asked: Asked, **which: str) -> list[list[int]] | None:  # noqa: ANN401 - as above
    if asked.tile is not None:
        z, x, y = asked.tile
        with suppress(TileOutsideBounds):
            return reader.tile(x, y, z, **which).array.data[0].tolist()  # type: ignore[no-any-return]
    return None
