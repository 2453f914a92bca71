"""A cluster of three nodes on this machine, whose processes can be killed one by one."""

import contextlib
import random
import signal
from collections.abc import Iterator
from typing import Any

import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own
from ray.cluster_utils import Cluster

NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 128 * 2**20, "include_dashboard": False}
GONE_AFTER_S = 10  # a head that does not answer; by default a driver waits for it for a minute
HEAD = NODE | {"_system_config": {"gcs_rpc_server_reconnect_timeout_s": GONE_AFTER_S}}
OTHER_NODES = 2
ACTOR, WORKER = "ray::MapWorker", "ray::"
AGENTS = (
    "ray::DashboardAgent",
    "ray::RuntimeEnvAgent",
)  # a node ends with its agents, and the cluster with the head's


class Machines:
    """A head and two nodes; a node that is killed is replaced by a new one."""

    def __init__(self) -> None:
        self._cluster = Cluster(initialize_head=True, head_node_args=HEAD)
        self._others = [self._cluster.add_node(**NODE) for _ in range(OTHER_NODES)]

    @property
    def address(self) -> str:
        """Where drivers find the cluster."""
        return str(self._cluster.address)

    def kill_node(self, chance: random.Random) -> bool:
        """Kill a node that is not the head as a power cut would, and put another in its place."""
        node = self._others.pop(chance.randrange(len(self._others)))
        self._cluster.remove_node(node, allow_graceful=False)
        self._others.append(self._cluster.add_node(**NODE))
        return True

    def kill_head(self) -> None:
        """Kill the head, and with it the cluster."""
        head: Any = self._cluster.head_node
        self._cluster.remove_node(head, allow_graceful=False)

    def kill_process(self, title: str, chance: random.Random) -> bool:
        """Kill one of Ray's workers whose title begins so; tell whether there was one."""
        found = [process for process in _workers() if _title(process).startswith(title)]
        if not found:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            chance.choice(found).send_signal(signal.SIGKILL)
        return True

    def close(self) -> None:
        """End all of it."""
        self._cluster.shutdown()  # type: ignore[no-untyped-call]  # Ray says no types here


@contextlib.contextmanager
def machines() -> Iterator[Machines]:
    """Have a cluster."""
    cluster = Machines()
    try:
        yield cluster
    finally:
        cluster.close()


def _workers() -> list[psutil.Process]:
    """Return the workers below this process, by their number: a seed must mean the same kills."""
    below = psutil.Process().children(recursive=True)
    titles = {each: _title(each) for each in below}
    workers = [
        each for each, title in titles.items() if title.startswith(WORKER) and not title.startswith(AGENTS)
    ]
    return sorted(workers, key=lambda each: each.pid)


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has ended meanwhile
        return ""
