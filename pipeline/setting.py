"""What a field of a frozen value is to whoever sets it: written once, beside the field's name, type and default."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key of a run, as the annotation of a field: ``Annotated[int, Setting(help="side of a window")] = 2048``.

    ``help`` is one line for a user. ``key`` is its name in files and flags where that is not the field's, ``former``
    the names that it had, ``short`` a flag of one letter. ``unset`` says what holds where the default is None.
    ``choices`` are all values it may have, ``words`` texts that stand for other values. ``is_path`` has ``~`` stand
    for the home folder. With ``as_written`` a file's ``no`` or ``7`` is the text that was written.

    With another value of a key that is part of the ``identity`` of a run, windows of two runs would not fit. A key that
    is not ``in_file`` is a flag alone, and one that is not ``kept`` does not count when a run is resumed.
    """

    help: str
    key: str = ""
    former: tuple[str, ...] = ()
    short: str = ""
    metavar: str = ""
    unset: str = ""
    choices: tuple[str, ...] = ()
    words: tuple[tuple[str, float | None], ...] = ()
    is_path: bool = False
    as_written: bool = False
    identity: bool = False
    in_file: bool = True
    kept: bool = True
