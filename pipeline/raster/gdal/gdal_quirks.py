"""What GDAL says only in words: that a file ends early, and that pixels it gives all the same are damaged.

Its errors have one number for all that goes wrong with a file. True of GDAL 3.9 to 3.12 with the libtiff, libjpeg,
libpng and openjpeg of rasterio's wheels.
"""

from __future__ import annotations

import re

VERSIONS = ("3.9", "3.10", "3.11", "3.12")
"""Those of GDAL that this is true of; another one is to be tried by the tests of this file first."""

_ENDS_EARLY = re.compile(
    r"read error|premature end|failed to read directory|cannot read offset/size|io error during reading"
    r"|inconsistent with stream length|segment too long",
    re.IGNORECASE,
)
_DAMAGED = re.compile(r"corrupt jpeg|premature end|discarding \d+ bytes", re.IGNORECASE)


def says_ends_early(message: str) -> bool:
    """Tell whether an error of GDAL's is that of a file that ends early, or of a storage that did not answer."""
    return _ENDS_EARLY.search(message) is not None


def says_damaged(message: str) -> bool:
    """Tell whether a warning of GDAL's is of damaged pixels."""
    return _DAMAGED.search(message) is not None
