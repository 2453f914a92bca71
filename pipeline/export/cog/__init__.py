"""Cloud Optimized GeoTIFFs of class ids and scores, with colours and names, and one layer of all scenes."""

from pipeline.export.cog.exporter import Cog

__all__ = ["Cog"]
