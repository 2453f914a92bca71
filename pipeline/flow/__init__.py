"""The flow: scenes in, mask stores and statistics out, over a cluster. The door to Ray."""

from pipeline.flow.chain import RunResult, run
from pipeline.flow.progress import Progress
from pipeline.flow.resources import Node, cluster, nodes

__all__ = ["Node", "Progress", "RunResult", "cluster", "nodes", "run"]
