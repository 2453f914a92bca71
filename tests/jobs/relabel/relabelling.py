"""The verb as the tests call it."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq

from jobs import relabel
from tests.jobs.conftest import FinishedRun

WORDS = "tree; airport; baseball field; water,lake"
"""A word that the run before did not have, two that the head was not taught, and background classes beside them."""


def run(*arguments: object) -> int:
    return relabel.main([*map(str, arguments), "--actors", "1"])


def copied(finished: FinishedRun, folder: Path) -> Path:
    """A copy of an output, to be changed."""
    return Path(shutil.copytree(finished.output, folder))


def chunks(output: Path) -> dict[str, bytes]:
    """All that an output holds but for what says of what, and when, it was made: roots of stores, items, its record."""
    return {
        str(path.relative_to(output)): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file()
        and path.name not in {"run.json", "items.parquet"}
        and not str(path).endswith("masks.zarr/zarr.json")
    }


def items(output: Path) -> list[dict[str, object]]:
    """The rows of an output's items, but for the run that made them."""
    found: list[dict[str, object]] = pq.read_table(output / "items.parquet").drop_columns("run").to_pylist()
    return found


def record(output: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((output / "run.json").read_text())
    return found
