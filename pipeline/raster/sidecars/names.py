"""The files beside a raster that GDAL opens with it, by names that it makes of the raster's.

Of GTiff, PNG, JPEG, JP2OpenJPEG and VRT these are all, as `strace` shows them:

- `NAME.ovr`, `NAME.msk` (and these of each other): rasters, opened by any driver whatsoever
- `NAME.aux`, `STEM.aux`: ERDAS Imagine, which names files with overviews of its own
- `NAME.aux.xml`: CRS, transform, points, no data values and any metadata, so also the name of a file with overviews
- world files and MapInfo's `STEM.tab`: where it lies
- `STEM.rpb`, `STEM_rpc.txt` and other makers' metadata: where a camera saw it; texts that name no file that is opened

Inside a file only the metadata `OVERVIEW_FILE` and `X_DATASET`, `Y_DATASET` are names that GDAL follows. On another
machine nothing is looked for beside a raster, unless the user's GDAL_DISABLE_READDIR_ON_OPEN has it so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from pipeline.storage import objects
from pipeline.storage.access import Storage
from pipeline.storage.location import Location

_READDIR = "GDAL_DISABLE_READDIR_ON_OPEN"
_OF_NAME = (".ovr", ".msk", ".aux.xml", ".aux")
_OF_STEM = (".aux", ".tab", ".wld", ".jpw", ".rpb", ".rpc", ".imd", ".pvl", "_rpc.txt")
_DEPTH = 3  # of an overview of a mask of ...


@dataclass(slots=True)
class Sidecars:
    """Looks for files beside rasters of a storage.

    A folder of no more than ``limit`` names is listed once, and in any case.

    GDAL's own limit is 1000: in larger folders it asks for each name in small and in capital letters.
    """

    storage: Storage
    limit: int = 1000
    _listed: dict[Path, dict[str, list[str]] | None] = field(default_factory=dict)

    def of(self, uri: str, *, depth: int = 0) -> list[str]:
        """Return what is beside a raster, and beside its overviews and masks, sorted by name."""
        direct = self.directly(uri)
        further = [file for file in direct if is_raster(file)] if depth < _DEPTH else []
        return sorted({*direct, *(each for file in further for each in self.of(file, depth=depth + 1))})

    def directly(self, uri: str) -> list[str]:
        """Return what is beside a raster by its own name."""
        said = os.environ.get(_READDIR, "").upper()
        if objects.is_remote(uri):
            return (
                [f"{uri}{end}" for end in _OF_NAME if self._exists(f"{uri}{end}")]
                if _is_asked_for(said)
                else []
            )
        if said == "EMPTY_DIR":
            return []
        path = Path(objects.local_path(uri)).absolute()
        return [str(path.parent / name) for name in self._found(path.parent, _names(path))]

    def _exists(self, uri: str) -> bool:
        return objects.exists(Location(uri, self.storage))

    def _found(self, folder: Path, names: tuple[str, ...]) -> list[str]:
        """Return the names of those that are there."""
        if folder not in self._listed:
            self._listed[folder] = _listing(folder, self.limit)
        listed = self._listed[folder]
        if listed is not None:
            return sorted({each for name in names for each in listed.get(name.lower(), ())})
        either = {each for name in names for each in (name, _capital(name))}
        return sorted(name for name in either if os.path.lexists(folder / name))


def is_raster(name: str) -> bool:
    """Tell whether a file beside a raster is an overview or a mask."""
    return name.lower().endswith((".ovr", ".msk"))


def _is_asked_for(said: str) -> bool:
    return said not in {"", "EMPTY_DIR"}


def _names(path: Path) -> tuple[str, ...]:
    end = path.suffix[1:].lower()
    world = (f".{end}w", f".{end[0]}{end[-1]}w") if end else (".w",)
    return (
        *(f"{path.name}{each}" for each in _OF_NAME),
        *(f"{path.stem}{each}" for each in (*_OF_STEM, *world)),
    )


def _capital(name: str) -> str:
    """Return a name whose own end, with or without a point, is in capital letters."""
    stem, mark, end = name.rpartition("_" if name.endswith("_rpc.txt") else ".")
    return f"{stem}{mark}{end.upper()}"


def _listing(folder: Path, limit: int) -> dict[str, list[str]] | None:
    """Return a folder's names by what they are in small letters; None where there are too many, or none can be had."""
    found: dict[str, list[str]] = {}
    try:
        with os.scandir(folder) as entries:
            names = [each.name for each in islice(entries, limit + 1)]
    except OSError:
        return None
    if len(names) > limit:
        return None
    for name in names:
        found.setdefault(name.lower(), []).append(name)
    return found
