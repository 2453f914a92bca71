"""The flow: scenes in, mask stores and statistics out, over a cluster. The door to Ray."""

from pipeline.flow.chain import RunResult, run

__all__ = ["RunResult", "run"]
