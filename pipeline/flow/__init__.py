"""The flow: scenes in, mask stores and statistics out, over a cluster. The door to Ray.

What it offers is imported when it is asked for: a worker that only watches has no use for Ray Data, and each run starts
one.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# Before Ray is imported: a thread of a chain that was ended would have Ray start anew, which was just shut down.
os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")

if TYPE_CHECKING:
    from pipeline.flow.by_scene.overviews import OverviewsMade, make_overviews
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
    "OverviewsMade",
    "Progress",
    "Relabelling",
    "RunResult",
    "Supervision",
    "WorkerCounts",
    "cluster",
    "count_labellers_here",
    "count_workers_here",
    "make_overviews",
    "map_scenes",
    "nodes",
    "relabel",
    "run",
]

_MODULES = {
    "OverviewsMade": "by_scene.overviews",
    "make_overviews": "by_scene.overviews",
    "KeptScenes": "relabelling.kept_scenes",
    "Node": "resources.sizing",
    "Progress": "progress.counter",
    "Relabelling": "relabelling.planning",
    "RunResult": "running.terms",
    "Supervision": "running.terms",
    "WorkerCounts": "resources.sizing",
    "cluster": "resources.session",
    "count_labellers_here": "relabelling.run",
    "count_workers_here": "resources.sizing",
    "map_scenes": "by_scene.tasks",
    "nodes": "resources.sizing",
    "relabel": "relabelling.run",
    "run": "segmenting.run",
}


if not TYPE_CHECKING:  # which would find every name in it

    def __getattr__(name: str) -> Any:  # noqa: ANN401 -- whatever has the name
        """Import what is asked for.

        Raises:
            AttributeError: nothing here has that name.
        """
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
