"""Scenes for the jobs."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PaintScene = Callable[..., Path]


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A scene of 600 x 600 px, and the output of `segment` over it in four windows, which tests only read.

    A module's slow tests are of one process, which makes it once.
    """

    scene: Path
    output: Path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, ray_cluster: None) -> FinishedRun:
    """Segment a painted scene by `WORDS` and `FLAGS` of the tests of `segment`."""
    from pipeline.testing import painted  # noqa: PLC0415 - as below
    from tests.jobs.test_segment import WORDS, run  # noqa: PLC0415

    del ray_cluster
    folder = tmp_path_factory.mktemp("finished")
    made = FinishedRun(folder / "a.tif", folder / "out of here")
    painted.paint_scene(made.scene, height=600, width=600, seed=1001)
    assert run(made.scene, "--classes", WORDS, "-o", made.output) == 0
    return made


@pytest.fixture
def changeable(finished: FinishedRun) -> Iterator[FinishedRun]:
    """The finished run, to be changed where it is, as its record says where that is; it is put back afterwards."""
    kept = Path(shutil.copytree(finished.output, finished.output.with_name("kept")))
    yield finished
    shutil.rmtree(finished.output)
    kept.rename(finished.output)


@pytest.fixture
def paint_scene(tmp_path: Path) -> PaintScene:
    """Make a function that writes a painted, georeferenced scene into the test's folder."""
    from pipeline.testing import painted  # noqa: PLC0415 - no package of the project at top, see tests/conftest.py

    def write(name: str, *, height: int, width: int) -> Path:
        painted.paint_scene(tmp_path / name, height=height, width=width, seed=1001)
        return tmp_path / name

    return write
