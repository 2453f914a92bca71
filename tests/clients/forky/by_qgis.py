"""Prints a line for each store: what QGIS sees of its class ids, and the colour of some pixels as it draws them."""

import sys
from pathlib import Path

from qgis.core import Qgis, QgsApplication, QgsProviderRegistry, QgsRasterLayer


def main(stores: list[str]) -> None:
    """Look at each store."""
    QgsApplication.setPrefixPath("/usr", True)  # noqa: FBT003 - its own signature
    application = QgsApplication([], False)  # noqa: FBT003 - as above
    application.initQgis()
    print(f"QGIS {Qgis.QGIS_VERSION}, providers {QgsProviderRegistry.instance().providerList()[:3]}")
    for store in stores:
        layer = QgsRasterLayer(f'ZARR:"{store}":/0/class', Path(store).name)
        source = layer.dataProvider()
        pyramids = [(level.xDim, level.yDim) for level in source.buildPyramidList() if level.exists]
        print(
            f"{layer.name()}: valid {layer.isValid()}, {layer.crs().authid() or 'no CRS'} {layer.width()} x "
            f"{layer.height()}, extent {layer.extent().toString(4)}, no data {source.sourceNoDataValue(1):.0f}, "
            f"pyramids {pyramids}, drawn as {layer.renderer().type()}"
        )
    application.exitQgis()


if __name__ == "__main__":
    main(sys.argv[1:])
