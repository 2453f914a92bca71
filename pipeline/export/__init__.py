"""Exports: what other programs open, one file a format here, each made of an ``Output`` and of nothing else."""

from pipeline.export.exporting import Exported, Exporter, NotExported, begin, export_scene, finish
from pipeline.export.scenes import ExportScene, Selection, open_scene
from pipeline.export.staging import staged

__all__ = [
    "ExportScene",
    "Exported",
    "Exporter",
    "NotExported",
    "Selection",
    "begin",
    "export_scene",
    "finish",
    "open_scene",
    "staged",
]
