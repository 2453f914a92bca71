"""Polygons of all scenes as vector tiles in one PMTiles archive."""

from pipeline.export.pmtiles.exporter import ARCHIVE, VectorTiles

__all__ = ["ARCHIVE", "VectorTiles"]
