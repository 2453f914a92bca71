"""The flow: scenes in, mask stores and statistics out, over a cluster. The door to Ray."""

import os

# Before Ray is imported: a thread of a chain that was ended would have Ray start anew, which was just shut down.
os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")

from pipeline.flow.chain import RunResult, run
from pipeline.flow.progress import Progress
from pipeline.flow.resources import Node, Places, cluster, nodes, room

__all__ = ["Node", "Places", "Progress", "RunResult", "cluster", "nodes", "room", "run"]
