"""A STAC Collection of an output, an Item a scene, which links to every product of it; the door to pystac."""

from pipeline.export.stac.exporter import Stac

__all__ = ["Stac"]
