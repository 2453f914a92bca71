"""How scenes are to be read: flags and keys of every verb that reads them."""

import argparse
import math
import re
from collections.abc import Mapping
from typing import Any

from jobs.areas import area_of
from jobs.storages import source_storage
from jobs.texts import texts_of
from pipeline.config import Reading
from pipeline.errors import ConfigError

LIMIT_KEYS = ("vrt", "max_pixels", "max_bands", "max_block_bytes", "max_expansion", "read_timeout_s")
READING_KEYS = ("bands", "range", "nodata", "alpha", "gsd", "aoi", "drivers", *LIMIT_KEYS)

_BEYOND_ALL = 2**64  # whole numbers of bands are below


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say what pixels mean; limits are keys of the configuration file only."""
    parser.add_argument(
        "--bands", metavar="R,G,B", help="numbers, from 1, of red, green and blue; or of one band"
    )
    parser.add_argument(
        "--range", metavar="LO,HI", help="stored values that become 0 and 255 (percentiles 2, 98)"
    )
    parser.add_argument("--nodata", help="value without data, instead of the file's; nan; none: all are data")
    parser.add_argument(
        "--alpha",
        choices=["none"],
        help="none: a band that is flagged alpha is no mask, such as near infrared",
    )
    parser.add_argument(
        "--gsd", type=float, metavar="METRES", help="side of a pixel on the ground (the scene's own)"
    )
    parser.add_argument(
        "--aoi",
        metavar="AREA",
        help="GeoJSON or WKT, its file, .gpkg, .shp, or xmin,ymin,xmax,ymax; see README",
    )


def reading_settings(values: Mapping[str, Any]) -> Reading:
    """Pick the keys of reading out of merged values; what is not given has its default.

    >>> reading_settings({"bands": "4,3,2", "range": [0, 3000], "nodata": "nan"}).bands
    (4, 3, 2)

    Raises ConfigError for a value of another kind or out of range; the message names the key.
    """
    given: dict[str, Any] = {key: values[key] for key in LIMIT_KEYS if key in values}
    if "bands" in values:
        given["bands"] = tuple(_whole(number) for number in _numbers("bands", values["bands"]))
    if "range" in values:
        given["value_range"] = tuple(_numbers("range", values["range"]))
    if "nodata" in values:
        given["nodata"] = _nodata(values["nodata"])
    if values.get("alpha") is not None:
        given["alpha"] = str(values["alpha"]).lower()
    if "gsd" in values:
        given["gsd_m"] = values["gsd"]
    if "aoi" in values:
        given["aoi"] = area_of(values["aoi"])
    if "drivers" in values:
        given["drivers"] = texts_of("drivers", values["drivers"])
    return Reading(**given, storage=source_storage(values))


def _numbers(key: str, value: object) -> list[float]:
    """Read numbers: one, a list of them, or their text with commas."""
    parts = value if isinstance(value, list) else re.split(r"[,\s]+", str(value).strip())
    try:
        return [float(part) for part in parts]
    except (TypeError, ValueError):
        raise ConfigError(f"{key} must be numbers such as 4,3,2, got {value!r}") from None


def _whole(number: float) -> float | int:
    return int(number) if math.isfinite(number) and number == int(number) else number


def _nodata(value: object) -> object:
    """Read one number, nan or none; a whole one that a float would round stays whole.

    >>> [_nodata(each) for each in ("-9999", "9223372036854775807", "none")]
    [-9999.0, 9223372036854775807, 'none']
    """
    text = str(value).strip().lower()
    if text == "none":
        return text
    if (
        re.fullmatch(r"[+-]?[0-9]{1,20}", text)
        and abs(int(text)) < _BEYOND_ALL
        and float(int(text)) != int(text)
    ):
        return int(text)
    numbers = _numbers("nodata", value)
    if len(set(numbers)) > 1:
        raise ConfigError(f"nodata must be one number, nan or none, got {value!r}")
    return numbers[0]
