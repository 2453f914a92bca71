"""An area of interest: polygons in a coordinate reference system, from a text, a GeoPackage or a Shapefile."""

from pipeline.aoi.area import Aoi
from pipeline.aoi.geopackage import of_geopackage
from pipeline.aoi.shapefile import of_shapefile
from pipeline.aoi.texts import parse

__all__ = ["Aoi", "of_geopackage", "of_shapefile", "parse"]
