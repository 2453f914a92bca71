"""How many failures a run bears: `--max-failures N|P%`."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, TooManyFailuresError

if TYPE_CHECKING:  # Ray takes longer to import than most verbs to run
    from pipeline.flow import Progress

TRIED_AT_LEAST = 20  # before a share of them says anything


@dataclass(frozen=True, slots=True)
class FailureLimit:
    """The most scenes and windows that may fail: a number of them, or percent of those that were tried."""

    most: float
    percent: bool

    @classmethod
    def parse(cls, given: object) -> "FailureLimit":
        """Read a number, or a number and %.

        >>> FailureLimit.parse("2.5%")
        FailureLimit(most=2.5, percent=True)

        Raises ConfigError for anything else.
        """
        found = re.fullmatch(r"(\d+)|(\d+(?:\.\d+)?)\s*%", str(given).strip())
        if found is None or (found[2] and float(found[2]) > 100):  # noqa: PLR2004 - percent
            raise ConfigError(
                f"max_failures must be a number such as 100, or percent such as 5%, got {given!r}"
            )
        return cls(float(found[1] or found[2]), percent=found[2] is not None)

    def check(self, progress: "Progress") -> None:
        """Raise TooManyFailuresError when more has failed than may."""
        failed, tried = progress.failures_in_all, progress.done + progress.failures_in_all
        if self.percent and (tried < TRIED_AT_LEAST or failed * 100 <= self.most * tried):
            return
        if not self.percent and failed <= self.most:
            return
        raise TooManyFailuresError(
            f"{failed} of {tried} scenes and windows failed, max_failures is {self}; the run stops. What is done stays "
            "done: see failures.parquet, and give the same command again to go on"
        )

    def __str__(self) -> str:
        """Return a text that is parsed to the same."""
        number = f"{self.most:.12f}".rstrip("0").rstrip(".")
        return f"{number}{'%' if self.percent else ''}"
