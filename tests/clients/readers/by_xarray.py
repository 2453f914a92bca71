"""xarray: a level as a dataset, and all of them as a tree, with names and colours."""

import xarray as xr

from tests.clients.readers.answering import Answer, Asked, digest


def read(asked: Asked) -> Answer:
    class_ids = xr.open_zarr(asked.store, group="0")["class"]
    with xr.open_datatree(asked.store, engine="zarr") as tree:
        levels = [tree[name]["class"] for name in sorted(tree.children)]
        return {
            "nodata": class_ids.attrs["nodata"],
            "names": class_ids.attrs["class_names"],
            "words": class_ids.attrs["flag_meanings"].split(),
            "colors": class_ids.attrs["flag_colors"].split(),
            "dtype": class_ids.dtype.name,
            "shapes": [list(level.shape) for level in levels],
            "digests": [digest(level.values) for level in levels],
        }
