"""Prints a line for each store: what GDAL 3.13 sees of its class ids, and whether its overviews are the levels."""

import sys
import warnings
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning


def main(stores: list[str]) -> None:
    """Look at each store."""
    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    for store in stores:
        with rasterio.open(f'ZARR:"{store}":/0/class') as seen:
            factors = seen.overviews(1)
            same = [_is_level(store, level) for level, _ in enumerate(factors, 1)]
            said = seen.tags()
            print(
                f"{Path(store).name}: {seen.crs} {seen.width} x {seen.height} {seen.dtypes[0]}, transform "
                f"{[float(f'{each:.9g}') for each in tuple(seen.transform)[:6]]}, no data {seen.nodata:.0f} "
                f"({np.mean(seen.read_masks(1) == 0):.1%}), overviews {factors} equal to the levels {same}, names "
                f"{said['flag_meanings'][:40]}, colours {said['flag_colors'][:40]}"
            )


def _is_level(store: str, level: int) -> bool:
    with (
        rasterio.open(f'ZARR:"{store}":/0/class', overview_level=level - 1) as overview,
        rasterio.open(f'ZARR:"{store}":/{level}/class') as itself,
    ):
        return np.array_equal(overview.read(1), itself.read(1))


if __name__ == "__main__":
    main(sys.argv[1:])
