"""What a misspelt name was probably meant to be."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from pipeline.errors import ConfigError


def refuse_unknown(names: Iterable[object], known: Sequence[str], *, where: str) -> None:
    """Raise ConfigError for names that are not known, with the known ones that are most like them."""
    unknown = [str(name) for name in names if name not in known]
    if not unknown:
        return
    meant = [near[0] for name in unknown if (near := get_close_matches(name, known, n=1))]
    hint = f"; did you mean {' and '.join(meant)}?" if meant else ";"
    raise ConfigError(f"unknown key {', '.join(unknown)} in {where}{hint} known are {', '.join(known)}")
