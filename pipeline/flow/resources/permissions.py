"""What Ray writes for a cluster that a run starts is its user's alone: the token, and the session with its logs.

Ray makes folders that all may write to, and a token that all may read: who has it can run anything as this user.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_TOKEN = Path(".ray") / "auth_token"


def make_token_private() -> None:
    """Let nobody else read the token of this user's clusters, nor one that Ray is about to write."""
    if os.environ.get("RAY_ADDRESS") or os.environ.get("RAY_AUTH_MODE", "token").lower() != "token":
        return
    with suppress(OSError, RuntimeError):  # no home folder, or one that cannot be written: then Ray says so
        token = Path.home() / _TOKEN
        token.parent.mkdir(mode=0o700, exist_ok=True)
        token.parent.chmod(0o700)
        if token.is_file():
            token.chmod(0o600)


def make_session_private(joined: Mapping[str, object]) -> None:
    """Let nobody else into the folder of the session that was ``joined``, where this process has started it."""
    session = Path(str(joined.get("session_dir", "")))
    if session.name.endswith(f"_{os.getpid()}"):  # of a cluster that others started it is theirs to say
        with suppress(OSError):
            session.chmod(0o700)
    make_token_private()
