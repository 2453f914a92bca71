"""Nothing on the driver grows with the blocks that have gone by."""

from typing import Any, ClassVar

import pytest
from ray.data import DataContext
from ray.data import range as numbers
from ray.data._internal.execution.execution_callback import ExecutionCallback

from pipeline.flow.links import quietly


class Looking(ExecutionCallback):
    """Looks, after each step, at how many blocks the operators have figures of."""

    seen: ClassVar[list[int]] = []

    def on_execution_step(self, executor: Any) -> None:  # noqa: ANN401 - its type cannot be checked at run time
        for operator in executor._topology:
            if hasattr(operator, "_output_blocks_stats"):
                self.seen.append(len(operator._output_blocks_stats))


@pytest.mark.usefixtures("ray_cluster")
def test_figures_of_blocks_are_let_go() -> None:
    Looking.seen.clear()
    with quietly(in_flight_bytes=2**20):
        DataContext.get_current().custom_execution_callback_classes.append(Looking)
        rows = numbers(60, override_num_blocks=60).map(lambda row: row, num_cpus=1).take_all()
    assert len(rows) == 60
    assert len(Looking.seen) > 10
    assert max(Looking.seen) == 0


def test_ray_does_not_end_a_run_whose_windows_take_long() -> None:
    """Ray Data gives up after half an hour without a block; how long a window may take is for the run to say."""
    with quietly(in_flight_bytes=2**20):
        assert DataContext.get_current().execution_no_progress_timeout_s == -1
