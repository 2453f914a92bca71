"""STAC items for the tests, small and of our own."""

import json
from pathlib import Path
from typing import Any

COG = "image/tiff; application=geotiff; profile=cloud-optimized"


def asset(href: str, *colours: str, **fields: object) -> dict[str, Any]:
    """An asset of a raster; ``colours`` are the common names of its bands."""
    bands = {"bands": [{"name": f"B{i}", "eo:common_name": c} for i, c in enumerate(colours)]}
    return {"href": href, "type": COG} | (bands if colours else {}) | fields


def item(name: str = "it", **assets: dict[str, Any]) -> dict[str, Any]:
    """An item of STAC 1.1."""
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": name,
        "collection": "c",
        "geometry": {"type": "Point", "coordinates": [1.0, 2.0]},
        "bbox": [1.0, 2.0, 1.0, 2.0],
        "properties": {"datetime": "2026-01-01T00:00:00Z"},
        "links": [],
        "assets": assets,
    }


def links(kind: str, *found: tuple[str, str], **fields: object) -> dict[str, Any]:
    """A catalog or collection of links, each a relation and a reference."""
    extent: dict[str, Any] = {"extent": {}} if kind == "Collection" else {}
    linked = [{"rel": relation, "href": href} for relation, href in found]
    return (
        {"type": kind, "stac_version": "1.1.0", "id": "c", "description": "", "links": linked}
        | extent
        | fields
    )


def write(path: Path, document: dict[str, Any]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return str(path)
