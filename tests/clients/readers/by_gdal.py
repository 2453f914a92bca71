"""GDAL 3.12, in the newest rasterio wheel: each level a subdataset."""

import rasterio

from tests.clients.readers.answering import Answer, Asked, digest


def read(asked: Asked) -> Answer:
    with rasterio.open(asked.store) as root:
        names = sorted(name for name in root.subdatasets if name.endswith("/class"))
    levels = [_level(name) for name in names]
    with rasterio.open(names[0]) as finest:
        said = finest.tags()
        return {
            "version": rasterio.__gdal_version__,
            "crs": finest.crs and f"EPSG:{finest.crs.to_epsg()}",
            "transforms": [level["transform"] for level in levels],
            "nodata": int(finest.nodata),
            "words": said["flag_meanings"].split(),
            "colors": said["flag_colors"].split(),
            "dtype": finest.dtypes[0],
            "shapes": [level["shape"] for level in levels],
            "digests": [level["digest"] for level in levels],
            "valid": digest(finest.read_masks(1) > 0),
            "overviews": finest.overviews(1),
        }


def _level(name: str) -> Answer:
    with rasterio.open(name) as level:
        return {
            "transform": list(level.transform)[:6],
            "shape": list(level.shape),
            "digest": digest(level.read(1)),
        }
