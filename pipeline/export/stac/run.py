"""What made an output, as its ``run.json`` says: what of it is the same for all of its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pipeline.output import Output
from pipeline.storage import objects
from pipeline.storage.documents import json_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """The checkpoint by its name and digest, the threshold, and the version of mrovseg; None where it is not known."""

    checkpoint: str | None = None
    digest: str | None = None
    threshold: float | None = None
    version: str | None = None

    def sentence(self) -> str:
        """Return in words what made the masks."""
        model = f"the model {self.checkpoint}" if self.checkpoint else "a model"
        digest = f" (digest {self.digest})" if self.digest else ""
        threshold = "" if self.threshold is None else f", threshold {self.threshold:g}"
        return f"segmented by words with {model}{digest}{threshold}"


def run_facts(output: Output) -> RunFacts:
    """Return what made an output.

    Raises:
        PipelineError: the storage refused.
    """
    try:
        record = json_of(objects.get_document(output.run))
    except (FileNotFoundError, ValueError):
        return RunFacts()
    model, config, versions = (_part(record, name) for name in ("model", "config", "versions"))
    checkpoint = config.get("checkpoint")
    return RunFacts(
        checkpoint=None if checkpoint is None else PurePosixPath(str(checkpoint)).stem,
        digest=model.get("digest"),
        threshold=model.get("threshold"),
        version=versions.get("mrovseg"),
    )


def _part(record: Any, name: str) -> Mapping[str, Any]:  # noqa: ANN401 - what JSON holds
    found = record.get(name) if isinstance(record, dict) else None
    return found if isinstance(found, dict) else {}
