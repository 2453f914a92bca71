"""Training on a cluster, by one worker or several. The door to Ray Train."""

import contextlib
import shutil
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError
from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError, get_context
from ray.train.torch import TorchTrainer, get_device
from ray.util.queue import Empty, Queue

from mrovseg.errors import ModelError
from mrovseg.history import Say
from mrovseg.worker import Worker
from pipeline.errors import ConfigError, PipelineError, ResourceError
from pipeline.flow import Node, cluster, nodes

ATTEMPTS = 4  # a worker that dies ends an attempt; the next goes on from what is saved
LISTEN_S = 0.5

# Read by the C library when a worker starts, where it is glibc: freed memory is kept, which the README gives the gain
# of.
ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": str(4 << 30), "MALLOC_TRIM_THRESHOLD_": str(8 << 30)}

Data = TypeVar("Data")
Task = Callable[[Data, Worker, Say], None]
"""What each worker does with the data; what it says reaches the user's terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """How many workers train, and what each of them claims of the cluster.

    Raises ConfigError for less than one worker.
    """

    workers: int
    cpus: int
    gpus: int

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
        held = [ray.put(read())]  # in a container, so that Ray does not resolve it in the controller
        trainer = TorchTrainer(
            _work,
            train_loop_config={"task": task, "data": held, "lines": lines},
            scaling_config=ScalingConfig(
                num_workers=group.workers, use_gpu=group.gpus > 0, resources_per_worker=group.resources
            ),
            run_config=RunConfig(
                storage_path=str(storage),
                failure_config=FailureConfig(max_failures=ATTEMPTS - 1),
                worker_runtime_env={"env_vars": ENVIRONMENT},  # type: ignore[call-arg]  # typed as of version 1
            ),
        )
        try:
            _follow(trainer, lines)
        finally:
            shutil.rmtree(storage, ignore_errors=True)


def _work(config: dict[str, Any]) -> None:
    """Do a worker's part. What is wrong with the input is told to the driver: another attempt would not help."""
    context = get_context()
    device = get_device()
    worker = Worker(rank=context.get_world_rank(), count=context.get_world_size(), device=device)
    try:
        config["task"](ray.get(config["data"][0]), worker, config["lines"].put)
    except ModelError as error:
        config["lines"].put(error)


def _follow(trainer: TorchTrainer, lines: Queue) -> None:
    """Run the trainer and repeat on stderr what its workers say.

    It runs in a thread, so that an interrupt is felt here, at once. The thread asks nothing of Ray when the trainer has
    ended: Ray, shut down meanwhile, would start again.
    """
    ended: Future[None] = Future()

    def fit() -> None:
        try:
            trainer.fit()
            ended.set_result(None)
        except Exception as error:  # noqa: BLE001 -- raised again below
            ended.set_exception(error)

    threading.Thread(target=fit, daemon=True).start()
    try:
        while not ended.done() or not lines.empty():
            with contextlib.suppress(Empty):
                _hear(lines.get(timeout=LISTEN_S))
        ended.result()
    except (TrainingFailedError, RayError) as error:
        raise PipelineError(
            f"the training cannot go on, what is saved stays; a group is started {ATTEMPTS} times: {error}"
        ) from error


def _hear(said: str | ModelError) -> None:
    if isinstance(said, ModelError):
        raise said
    sys.stderr.write(f"{said}\n")
    sys.stderr.flush()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
