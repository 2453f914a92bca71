"""The stores of which every client is asked, written once."""

from pathlib import Path

import pytest

from tests.clients import scenes
from tests.clients.oracle import Oracle

collect_ignore = ["forky", "readers"]  # of libraries that this environment does not have


@pytest.fixture(scope="session")
def oracles() -> dict[str, Oracle]:
    """What a client should find, by the kind of scene."""
    return {kind: scenes.oracle_of(kind) for kind in scenes.KINDS}


@pytest.fixture(scope="session")
def stores(oracles: dict[str, Oracle], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Where the stores are, by the kind of scene: all of one output."""
    folder = tmp_path_factory.mktemp("clients")
    return {kind: scenes.write(folder, kind, oracle) for kind, oracle in oracles.items()}
