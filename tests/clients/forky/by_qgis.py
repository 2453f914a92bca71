"""Prints a line for each store: what QGIS sees of its class ids."""

import sys
from pathlib import Path

from qgis.core import Qgis, QgsApplication, QgsRasterLayer


def main(stores: list[str]) -> None:
    """Look at each store."""
    QgsApplication.setPrefixPath("/usr", True)  # noqa: FBT003 - its own signature
    application = QgsApplication([], False)  # noqa: FBT003 - as above
    application.initQgis()
    print(f"QGIS {Qgis.QGIS_VERSION}")
    for store in stores:
        print(_seen(store))
    application.exitQgis()


def _seen(store: str) -> str:
    layer = QgsRasterLayer(f'ZARR:"{store}":/0/class', Path(store).name)
    source = layer.dataProvider()
    pyramids = [(level.xDim, level.yDim) for level in source.buildPyramidList() if level.exists]
    return (
        f"{layer.name()}: valid {layer.isValid()}, {layer.crs().authid() or 'no CRS'} {layer.width()} x "
        f"{layer.height()}, extent {layer.extent().toString(4)}, no data {source.sourceNoDataValue(1):.0f}, "
        f"pyramids {pyramids}, drawn as {layer.renderer().type()}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
