"""Read areas of interest: from a text, a GeoPackage or a Shapefile."""

from pipeline.aoi.geopackage import of_geopackage
from pipeline.aoi.shapefile import of_shapefile
from pipeline.aoi.texts import parse

__all__ = ["of_geopackage", "of_shapefile", "parse"]
