"""Flat memory of the driver: Ray Data keeps figures of every block that it ever moved, kilobytes a window."""

from __future__ import annotations

from typing import Any

from ray.data._internal.execution.execution_callback import ExecutionCallback


class ForgetBlocks(ExecutionCallback):
    """Lets go of the figures of blocks that are gone; nothing here asks for Ray's statistics of a run."""

    def on_execution_step(self, executor: Any) -> None:  # noqa: ANN401 - its type cannot be checked at run time
        """Clear what the steps of the chain have noted since the last time."""
        for operator in executor._topology or ():  # noqa: SLF001 - Ray has no door to it
            getattr(operator, "_output_blocks_stats", []).clear()
