"""A coordinate reference system in other words."""

from __future__ import annotations

from typing import Any

import pyproj

WGS84 = "OGC:CRS84"
"""Longitude and latitude, in this order."""


def projjson(crs: str) -> dict[str, Any]:
    """Return the PROJJSON of what PROJ knows a reference system by: WKT, or a code such as ``EPSG:32633``."""
    found: dict[str, Any] = pyproj.CRS.from_user_input(crs).to_json_dict()
    return found
