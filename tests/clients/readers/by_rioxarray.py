"""rioxarray: where the pixels of each level lie, and which have no data."""

import rioxarray  # noqa: F401 - it gives xarray its `.rio`
import xarray as xr

from tests.clients.readers.answering import Answer, Asked, digest


def read(asked: Asked) -> Answer:
    with xr.open_datatree(asked.store, engine="zarr", decode_coords="all") as tree:
        levels = [tree[name]["class"] for name in sorted(tree.children)]
        finest = levels[0]
        return {
            "crs": finest.rio.crs and f"EPSG:{finest.rio.crs.to_epsg()}",
            "transforms": [list(level.rio.transform())[:6] for level in levels],
            "nodata": finest.rio.nodata.item(),
            "dtype": finest.dtype.name,
            "shapes": [[level.rio.height, level.rio.width] for level in levels],
            "digests": [digest(level.values) for level in levels],
            "valid": digest(finest.values != finest.rio.nodata),
        }
