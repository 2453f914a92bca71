"""What has become of what: transitions by class between two outputs, or two dates of one place."""

from pipeline.export.change.exporter import ChangeExporter
from pipeline.export.change.pairing import pair_scenes

__all__ = ["ChangeExporter", "pair_scenes"]
