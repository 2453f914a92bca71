"""Areas and shares by class of a user's own polygons: parcels, districts."""

from pipeline.export.zones.exporter import ZonesExporter, zones_exporter

__all__ = ["ZonesExporter", "zones_exporter"]
