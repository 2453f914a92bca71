"""Kernels are compiled where nothing can be kept, and by several processes at once."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mrovseg.labels.compiled import kernel

ROOT = Path(__file__).resolve().parents[3]
LABEL = """
import hashlib
from mrovseg.labels import pixel_labels
from tests.mrovseg.labels.test_chunk_labels import Case

labels = Case(untaught=frozenset({1}), classes=9).labels()
print(hashlib.sha256(b"".join(array.tobytes() for array in labels)).hexdigest())
print(sum(pixel_labels.label_rows.stats.cache_hits.values()))
"""


def test_a_kernel_is_compiled_where_there_is_nowhere_to_keep_it() -> None:
    """As in a read-only installation whose user has no home: numba finds no directory for such a source either."""
    found: dict[str, object] = {}
    exec(compile("def twice(x):\n    return x + x\n", "<nowhere>", "exec"), found)  # noqa: S102
    twice = found["twice"]
    assert callable(twice)
    np.testing.assert_array_equal(kernel(twice)(np.arange(3)), [0, 2, 4])


@pytest.mark.slow
def test_processes_that_compile_at_once_get_the_same_bits_and_the_next_reads_what_they_kept(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", LABEL]
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    begun = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    first = [process.communicate()[0].split() for process in begun]
    last = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    digest, hits = last.stdout.split()
    assert [found[0] for found in first] == [digest] * 3
    assert hits == "1"
