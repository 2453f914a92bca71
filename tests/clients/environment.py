"""The environment of the clients that ours has no room for, and how they are asked there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.clients.readers.answering import Answer, Asked

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".venv-clients"
NOT_INSTALLED = "`make install-clients` has not been run, or found no Python 3.12 or no npm"


def installed() -> Path:
    """Return the folder of the environment; skip the test where there is none."""
    if not (FOLDER / "installed").exists():
        pytest.skip(NOT_INSTALLED)
    return FOLDER


def ask(clients: Sequence[str], asked: Mapping[str, Asked]) -> dict[str, dict[str, Answer]]:
    """Return what each client of that environment, `tests/clients/readers/CLIENT.py`, tells of each store."""
    stores = {kind: asdict(each) for kind, each in asked.items()}
    found = subprocess.run(
        [installed() / "bin" / "python", "-m", "tests.clients.readers"],
        input=json.dumps(dict.fromkeys(clients, stores)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert found.returncode == 0, found.stderr
    told: dict[str, dict[str, Answer]] = json.loads(found.stdout)
    return told
