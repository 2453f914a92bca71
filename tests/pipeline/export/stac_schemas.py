"""STAC's schemas without a network: those of its core are pystac's, those of extensions lie beside the checkout."""

import json
from pathlib import Path
from typing import Any

import pyproj.datadir
from pystac.stac_object import STACObjectType
from pystac.validation.stac_validator import JsonSchemaSTACValidator

_EXTENSIONS = "https://stac-extensions.github.io"


def validate(document: dict[str, Any], *, extensions: Path | None = None) -> list[str]:
    """Validate an Item or a Collection by the core, and by all its extensions where there is a folder of schemas.

    Returns the schemas. Raises STACValidationError where it is not valid.
    """
    validator, kind = JsonSchemaSTACValidator(), STACObjectType(document["type"])
    found = [validator.validate_core(document, kind, document["stac_version"])]
    if extensions is not None:
        validator.schema_cache.update(_schemas(extensions))
        found += [
            validator.validate_extension(document, kind, document["stac_version"], uri)
            for uri in document["stac_extensions"]
        ]
    return [str(each) for each in found]


def _schemas(folder: Path) -> dict[str, dict[str, Any]]:
    """Return schemas by uri; a file that names a version is an earlier one, which others refer to."""
    projjson = Path(pyproj.datadir.get_data_dir()) / "projjson.schema.json"
    found = {"https://proj.org/schemas/v0.7/projjson.schema.json": _json(projjson)}
    for path in sorted(folder.glob("*.json")):
        schema = _json(path)
        name, _, version = path.stem.partition("-v")
        found[f"{_EXTENSIONS}/{name}/v{version}/schema.json" if version else schema["$id"].rstrip("#")] = (
            schema
        )
    return found


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found
