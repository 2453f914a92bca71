"""A worker's notes of what failed: in the output before anybody hears of it, they outlive whatever comes next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pipeline.errors import OutputError, PipelineError
from pipeline.output import Output, failures
from pipeline.output.failure import Failure
from pipeline.storage import objects


@dataclass(frozen=True, slots=True)
class Notes:
    """Where the failures of a run are noted."""

    output: Output
    run_id: str

    def noted(self, failure: Failure, *, part: int = 0) -> Failure:
        """Note a failure and return it; where that cannot be done return why, which is an OutputError and ends the run.

        ``part`` is that of the scene's plan, where it is a plan that failed.
        """
        if failure.error == OutputError.__name__:
            return failure  # it is the whole run's, and nothing may be written any more
        now = datetime.now(UTC).isoformat(timespec="seconds")
        failure = replace(failure, run_id=self.run_id, failed_at=now)
        try:
            if not objects.exists(self.output.scenes_group):  # not to be made anew
                raise OutputError(f"{self.output} was removed while the run was at it")
            failures.note(self.output, failure, part=part)
        except PipelineError as error:
            return replace(failure, error=OutputError.__name__, message=str(error))
        return failure
