"""Flags whose values may begin with a minus: `--aoi -122.4,37.7,-122.3,37.8`, `--nodata -9999`."""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

_NUMBER = re.compile(r"-(\.?\d|\.?inf\b|\.?nan\b)", re.IGNORECASE)


class FlagParser(argparse.ArgumentParser):
    """A parser that takes what begins as a negative number for the value of the flag before it.

    argparse itself does so of plain numbers alone, and takes `-122,37` or `-inf` for a flag.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - those of argparse
        self._with_value: set[str] = set()
        super().__init__(*args, **kwargs)

    def add_argument(self, *args: Any, **kwargs: Any) -> argparse.Action:  # noqa: ANN401 - those of argparse
        """Add an argument, and note the flags that have a value."""
        action = super().add_argument(*args, **kwargs)
        if action.nargs != 0:
            self._with_value.update(action.option_strings)
        return action

    # argparse's overloads tell namespaces apart, which pass through here as they are.
    def parse_known_args(self, args: Any = None, namespace: Any = None, **kwargs: Any) -> Any:  # noqa: ANN401
        """Parse, after each such value was joined to its flag."""
        given = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(list(self._joined(given)), namespace, **kwargs)

    def _joined(self, arguments: Sequence[str]) -> Iterator[str]:
        """Yield arguments, `--flag -1,2` as `--flag=-1,2`, up to `--`, behind which there are no flags."""
        place = 0
        while place < len(arguments) and arguments[place] != "--":
            flag, value = arguments[place], "".join(arguments[place + 1 : place + 2])
            joins = self._has_value(flag) and _NUMBER.match(value) is not None
            yield _together(flag, value) if joins else flag
            place += 1 + joins
        yield from arguments[place:]

    def _has_value(self, flag: str) -> bool:
        """Tell whether an argument is a flag with a value, also where its name is cut short."""
        return flag in self._with_value or (
            len(flag) > len("--")
            and any(name.startswith(flag) for name in self._with_value if flag[:2] == "--")
        )


def _together(flag: str, value: str) -> str:
    return f"{flag}={value}" if flag.startswith("--") else f"{flag}{value}"
