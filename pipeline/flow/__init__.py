"""The flow: scenes in, mask stores and statistics out, over a cluster. The door to Ray."""

import os

# Before Ray is imported: a thread of a chain that was ended would have Ray start anew, which was just shut down.
os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")

from pipeline.flow.chain import RunResult, run
from pipeline.flow.progress.counter import Progress
from pipeline.flow.resources.session import cluster
from pipeline.flow.resources.sizing import Node, WorkerCounts, count_workers_here, nodes

__all__ = ["Node", "Progress", "RunResult", "WorkerCounts", "cluster", "count_workers_here", "nodes", "run"]
