"""Where the files of a data set lie, and which mask belongs to which image."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
from jaxtyping import Int32, UInt8

from mrovseg.errors import DataError

Segments = Mapping[str, Mapping[int, int]]
"""From the name of a panoptic mask to the category of each of its segments."""

VOID = 0  # the number of no segment, and of no category


@dataclass(frozen=True, slots=True)
class Layout:
    """Where images and masks of one split lie, as paths from the data set's root.

    `images` has a `*` wherever paths differ. A mask's path is `masks` with what each `*` matched in its image's path.
    `names` keeps only images whose last `*` matched one of them: a list, or a file with a name a line (a suffix is
    dropped). All of them must be there, unless the set is known to be `partial`. `segments` is the JSON file that
    tells the categories of panoptic masks. Raises DataError when the two paths have other than equally many `*`.
    """

    images: str
    masks: str
    names: str | tuple[str, ...] | None = None
    partial: bool = False
    segments: str | None = None

    def __post_init__(self) -> None:
        """Check that a mask's path follows from its image's."""
        if not self.images.count("*") == self.masks.count("*") > 0:
            raise DataError(
                f"images {self.images!r} and masks {self.masks!r} must have equally many '*', at least one"
            )

    def pairs(self, root: Path) -> list[tuple[Path, Path]]:
        """Find the images of the split, in the order of their paths, each with its mask.

        Raises DataError when the root does not look like this layout, when a listed image is not there, or when an
        image has no mask.
        """
        pattern = re.compile("([^/]*)".join(map(re.escape, self.images.split("*"))))
        paths = sorted(file.relative_to(root).as_posix() for file in root.glob(self.images))
        found = [(path, match.groups()) for path in paths if (match := pattern.fullmatch(path))]
        if not found:
            raise DataError(
                f"no {self.images} in {root}; the root must be the folder that this path starts from"
            )
        if self.names is not None:
            found = self._only_named(root, found)
        pairs = [(root / path, root / self._mask(wildcards)) for path, wildcards in found]
        missing = [mask for _, mask in pairs if not mask.is_file()]
        if missing:
            raise DataError(f"{len(missing)} of {len(pairs)} images have no mask, such as {_some(missing)}")
        return pairs

    def _only_named(
        self, root: Path, found: Sequence[tuple[str, tuple[str, ...]]]
    ) -> list[tuple[str, tuple[str, ...]]]:
        names = _read_names(root / self.names) if isinstance(self.names, str) else set(self.names or ())
        kept = [(path, wildcards) for path, wildcards in found if wildcards[-1] in names]
        absent = names - {wildcards[-1] for _, wildcards in kept}
        if not kept or (absent and not self.partial):
            raise DataError(
                f"{len(absent)} of {len(names)} images of the split are not among {root / self.images}, "
                f"such as {_some(sorted(absent))}"
            )
        return kept

    def _mask(self, wildcards: tuple[str, ...]) -> str:
        parts = zip_longest(self.masks.split("*"), wildcards, fillvalue="")
        return "".join(part for both in parts for part in both)


def _read_names(file: Path) -> set[str]:
    if not file.is_file():
        raise DataError(f"no {file}, which lists the images of the split")
    return {Path(line.strip()).stem for line in file.read_text().splitlines() if line.strip()}


def _some(things: Sequence[object], most: int = 3) -> str:
    return ", ".join(map(str, things[:most]))


def read_segments(file: Path) -> Segments:
    """Read the JSON file of COCO panoptic masks. Raises DataError when it is missing or not of that kind."""
    try:
        annotations = json.loads(file.read_bytes())["annotations"]
        return {
            one["file_name"]: {segment["id"]: segment["category_id"] for segment in one["segments_info"]}
            for one in annotations
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} must be a COCO panoptic JSON file, with segments_info: {error!r}") from error


def categories(colours: UInt8[np.ndarray, "y x 3"], segments: Mapping[int, int]) -> Int32[np.ndarray, "y x"]:
    """Return the category of every pixel of a panoptic mask, 0 where there is none.

    A segment's number is R + 256 G + 65536 B. Raises DataError for a number that is not among `segments`.
    """
    numbers = colours.astype(np.int32) @ np.array([1, 1 << 8, 1 << 16], np.int32)
    present, index = np.unique(numbers, return_inverse=True)
    unknown = sorted(set(present.tolist()) - {VOID, *segments})
    if unknown:
        raise DataError(f"segments {_some(unknown)} of the mask are not in segments_info")
    known = {VOID: VOID, **segments}
    of_present = np.array([known[number] for number in present.tolist()], np.int32)
    return of_present[index].reshape(numbers.shape)
