"""Training on a cluster, by one worker or several. The door to Ray Train."""

import contextlib
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError
from ray.train import FailureConfig, RunConfig, ScalingConfig, get_context
from ray.train.torch import TorchTrainer, get_device
from ray.util.queue import Empty, Queue

from mrovseg.errors import ModelError
from mrovseg.training.history import LogLine
from mrovseg.training.worker import Worker
from pipeline.errors import ConfigError, PipelineError, ResourceError
from pipeline.flow import Node, cluster, nodes

POLL_S = 0.5

# Read by the C library when a worker starts, where it is glibc: freed memory is kept; mrovseg/DECISIONS.md
# gives the gain.
ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": str(4 << 30), "MALLOC_TRIM_THRESHOLD_": str(8 << 30)}

Data = TypeVar("Data")
Task = Callable[[Data, Worker, LogLine], None]
"""What each worker does with the data; what it says reaches the user's terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """How many workers train, and what each of them claims of the cluster.

    A worker that dies ends an attempt of the group; the next goes on from what is saved. Raises ConfigError for less
    than one worker.
    """

    workers: int
    cpus: int
    gpus: int
    attempts: int = 4

    def __post_init__(self) -> None:
        """Check that somebody works."""
        if self.workers < 1:
            raise ConfigError(f"--workers must be 1 or more, got {self.workers}")

    @property
    def resources(self) -> dict[str, float]:
        """What a worker claims, as Ray writes it."""
        return {"CPU": self.cpus, "GPU": self.gpus} if self.gpus else {"CPU": self.cpus}

    def check_fits(self, machines: list[Node]) -> None:
        """Raise ResourceError when the machines can never hold the group; Ray would wait for ever."""
        fitting = sum(
            min(int(machine.cpus) // self.cpus, int(machine.gpus) // self.gpus if self.gpus else sys.maxsize)
            for machine in machines
        )
        if fitting < self.workers:
            cpus, gpus = (sum(getattr(machine, of) for machine in machines) for of in ("cpus", "gpus"))
            each = _count(self.cpus, "CPU") + (f" and {_count(self.gpus, 'GPU')}" if self.gpus else "")
            raise ResourceError(
                f"{_count(self.workers, 'worker')} of {each} each do not fit the cluster, which has {cpus:g} CPUs and "
                f"{gpus:g} GPUs on {_count(len(machines), 'machine')}, room for {fitting}: change --workers or the "
                "recipe's threads, or give it more machines"
            )


def run(task: Task[Data], read: Callable[[], Data], *, group: Group, folder: Path) -> None:
    """Let a group of workers do a task with what `read` returns; `folder` must be one that all of them reach.

    Data are read here, when it is sure that the group fits, and travel once to each machine, where all workers share
    their arrays, which are read-only. The group starts again when a worker dies. Raises ResourceError before anything
    is read, what the task raises of ModelError, and PipelineError when it cannot go on.
    """
    storage = folder / ".ray"  # what Ray Train wants a place for, and leaves empty
    with cluster():
        group.check_fits(nodes())
        lines = Queue(actor_options={"num_cpus": 0})
        # In a container, so that Ray does not resolve it in its own processes, which need not import what a task does.
        config = {"work": [ray.put((task, read()))], "lines": lines}
        try:
            _follow(_fit.remote(config, group, str(storage)), lines)
        finally:
            shutil.rmtree(storage, ignore_errors=True)


@ray.remote(num_cpus=0, max_retries=0)
def _fit(config: dict[str, Any], group: Group, storage: str) -> None:
    """Run the trainer, which waits for its end and takes interrupts: the driver wants to do neither."""
    TorchTrainer(
        _work,
        train_loop_config=config,
        scaling_config=ScalingConfig(
            num_workers=group.workers, use_gpu=group.gpus > 0, resources_per_worker=group.resources
        ),
        run_config=RunConfig(
            storage_path=storage,
            failure_config=FailureConfig(  # type: ignore[call-arg]  # typed as of version 1
                max_failures=group.attempts - 1, controller_failure_limit=group.attempts - 1
            ),
            worker_runtime_env={"env_vars": ENVIRONMENT},
        ),
    ).fit()


def _work(config: dict[str, Any]) -> None:
    """Do a worker's part. What is wrong with the input is told to the driver: another attempt would not help."""
    context = get_context()
    device = get_device()
    worker = Worker(rank=context.get_world_rank(), count=context.get_world_size(), device=device)
    try:
        task, data = ray.get(config["work"][0])
        task(data, worker, config["lines"].put)
    except ModelError as error:
        config["lines"].put(error)


def _follow(fitting: "ray.ObjectRef[None]", lines: Queue) -> None:
    """Repeat on stderr what the workers say, until they have ended."""
    try:
        while not ray.wait([fitting], timeout=0)[0] or not lines.empty():
            with contextlib.suppress(Empty):
                _repeat(lines.get(timeout=POLL_S))
        ray.get(fitting)
    except RayError as error:
        raise PipelineError(
            f"the training cannot go on, what is saved stays and the same command goes on from there: {error}"
        ) from error


def _repeat(said: str | ModelError) -> None:
    if isinstance(said, ModelError):
        raise said
    sys.stderr.write(f"{said}\n")
    sys.stderr.flush()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
