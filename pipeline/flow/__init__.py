"""The flow: scenes in, mask stores and statistics out, over a cluster. The door to Ray."""

import os

# Before Ray is imported: a thread of a chain that was ended would have Ray start anew, which was just shut down.
os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")

from pipeline.flow.by_scene.tasks import map_scenes
from pipeline.flow.progress.counter import Progress
from pipeline.flow.relabelling.kept_scenes import KeptScenes
from pipeline.flow.relabelling.planning import Relabelling
from pipeline.flow.relabelling.run import count_labellers_here, relabel
from pipeline.flow.resources.session import cluster
from pipeline.flow.resources.sizing import Node, WorkerCounts, count_workers_here, nodes
from pipeline.flow.running.terms import RunResult, Supervision
from pipeline.flow.segmenting.run import run

__all__ = [
    "KeptScenes",
    "Node",
    "Progress",
    "Relabelling",
    "RunResult",
    "Supervision",
    "WorkerCounts",
    "cluster",
    "count_labellers_here",
    "count_workers_here",
    "map_scenes",
    "nodes",
    "relabel",
    "run",
]
