"""What clients tell of each kind of scene, beside what was put in; where they tell less or otherwise, what exactly."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.clients import environment
from tests.clients.oracle import Oracle
from tests.clients.readers.answering import Answer, Asked, answers
from tests.clients.scenes import CHUNK_PX, KINDS

pytestmark = pytest.mark.slow

PIXELS = {"dtype", "shapes", "digests"}
SAID = {"nodata", "names", "words", "colors"}


@dataclass(frozen=True, slots=True)
class Client:
    """Which of the oracle's facts a client tells, and what it says otherwise of some kinds of scene."""

    facts: frozenset[str]
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    here: bool = True
    """Whether this environment has it too; the other one has the versions of a newer Python."""


IDENTITY = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
CLIENTS = {
    "by_zarr": Client(frozenset(PIXELS | SAID | {"crs", "transforms"})),
    "by_xarray": Client(frozenset(PIXELS | SAID)),
    "by_rioxarray": Client(frozenset(PIXELS | {"crs", "transforms", "nodata", "valid"})),
    "by_dask": Client(frozenset(PIXELS)),
    "by_gdal": Client(
        frozenset(PIXELS | {"crs", "transforms", "nodata", "valid", "words", "colors"}),
        # Only coordinates place pixels there, and a rotated scene has none.
        {"rotated": {"transforms": [IDENTITY] * 3}},
        here=False,
    ),
}
HERE = [client for client, each in CLIENTS.items() if each.here]
Told = dict[str, dict[str, Answer]]


@pytest.fixture(scope="module")
def asked(stores: dict[str, Path]) -> dict[str, Asked]:
    return {kind: Asked(store=str(store)) for kind, store in stores.items()}


@pytest.fixture(scope="module")
def told_here(asked: dict[str, Asked]) -> Told:
    return {
        client: answers(importlib.import_module(f"tests.clients.readers.{client}").read, asked)
        for client in HERE
    }


@pytest.fixture(scope="module")
def told_there(asked: dict[str, Asked]) -> Told:
    """What the versions for a newer Python tell."""
    return environment.ask(tuple(CLIENTS), asked)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client", HERE)
def test_clients_see_what_was_put_in(
    client: str, kind: str, told_here: Told, oracles: dict[str, Oracle]
) -> None:
    _check(client, kind, told_here, oracles[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client", CLIENTS)
def test_newest_clients_see_what_was_put_in(
    client: str, kind: str, told_there: Told, oracles: dict[str, Oracle]
) -> None:
    _check(client, kind, told_there, oracles[kind])


def _check(client: str, kind: str, told: Told, oracle: Oracle) -> None:
    found, expected = dict(told[client][kind]), CLIENTS[client]
    facts = {name: fact for name, fact in oracle.facts().items() if name in expected.facts}
    facts |= expected.limits.get(kind, {})
    assert "refused" not in found, found
    if "transforms" in facts:
        np.testing.assert_allclose(found.pop("transforms"), facts.pop("transforms"), rtol=1e-12, atol=1e-12)
    assert {name: found[name] for name in facts} == facts


def test_dask_reads_the_stores_own_chunks(told_here: Told) -> None:
    assert {tuple(found["chunks"]) for found in told_here["by_dask"].values()} == {(CHUNK_PX, CHUNK_PX)}


def test_gdal_has_levels_as_subdatasets_alone(told_there: Told) -> None:
    """3.12 knows nothing of `multiscales`; of 3.13, which does, see `forky`."""
    found = told_there["by_gdal"]
    assert {each["version"].rpartition(".")[0] for each in found.values()} == {"3.12"}
    assert all(each["overviews"] == [] and len(each["shapes"]) == 3 for each in found.values())
