"""Reads which client is asked of which stores from stdin, as JSON, and prints the answers so."""

import contextlib
import importlib
import json
import sys

from tests.clients.readers.answering import Asked, answers


def main() -> None:
    """Ask one client after the other; what they say themselves goes to stderr."""
    found = {}
    with contextlib.redirect_stdout(sys.stderr):
        for client, stores in json.load(sys.stdin).items():
            read = importlib.import_module(f"tests.clients.readers.{client}").read
            found[client] = answers(read, {kind: Asked(**asked) for kind, asked in stores.items()})
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
