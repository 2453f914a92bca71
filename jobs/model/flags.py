"""What all trainings take."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from jobs.model.trainer import Group


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFlags:
    """Where a training's data are, where it writes, and who works at it."""

    data: Annotated[Path, Parameter(help="what the recipe's paths start from", metavar="DIR")]
    output: Annotated[
        Path,
        Parameter(
            name=("--output", "-o"), help="a folder of states, checkpoints and histories", metavar="FOLDER"
        ),
    ]
    workers: Annotated[int, Parameter(help="processes that share the work", metavar="N")] = 1
    gpus: Annotated[bool, Parameter(help="a GPU for each worker; without it they train on CPUs")] = False

    @property
    def folder(self) -> Path:
        """The output, for a process in any folder."""
        return self.output.resolve()

    def group(self, cpus: int) -> Group:
        """Return the workers, each of some CPUs. Raises ConfigError as Group does."""
        return Group(workers=self.workers, cpus=cpus, gpus=int(self.gpus))
