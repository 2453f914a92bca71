"""The connection to a cluster, as long as a run lasts."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from pipeline.errors import PipelineError
from pipeline.flow.ray_quirks import own_sigterm
from pipeline.flow.resources.connecting import check_cluster, reason_of
from pipeline.flow.resources.permissions import make_session_private, make_token_private


@contextmanager
def cluster() -> Iterator[None]:
    """Be connected to a cluster: the one already joined, that of ``RAY_ADDRESS``, else one for this run.

    Raises:
        ConfigError: Ray can neither join nor start one by what its variables say.
        PipelineError: there is none where one should be.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if ray.is_initialized():
        yield
        return
    check_cluster()
    with own_sigterm():
        try:
            make_token_private()
            # A dashboard is for a cluster that lasts: who starts one has it.
            joined = ray.init(log_to_driver=False, logging_level=logging.WARNING, include_dashboard=False)
            make_session_private(getattr(joined, "address_info", {}))  # a client of ray:// has none
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            address = os.environ.get("RAY_ADDRESS", "")
            raise PipelineError(
                f"cannot join the cluster of RAY_ADDRESS={address}: {reason_of(error)}. Start it, or unset RAY_ADDRESS "
                "to run on this machine alone; what is done stays done"
                if address
                else f"Ray cannot be started here: {reason_of(error)}"
            ) from error
    try:
        yield
    finally:
        ray.shutdown()
