"""The output whose proposals are labelled: what made it, by which checkpoint, and which of its scenes are meant."""

from dataclasses import dataclass
from typing import Any

from jobs.run import run_record
from jobs.run.settings.relabel import RelabelSettings
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.checkpoint import Checkpoint
from pipeline import aoi
from pipeline.errors import ConfigError
from pipeline.geometry.aoi import Aoi
from pipeline.output import Output
from pipeline.store import Contents, ProposalsLayout


@dataclass(frozen=True, slots=True)
class Source:
    """An output that keeps proposals: its record, and how they are laid out."""

    output: Output
    record: dict[str, Any]
    proposals: ProposalsLayout

    @property
    def run(self) -> str:
        """The digest of all that decides what its masks are."""
        found: str = run_record.provenance(self.record)["run"]
        return found

    @property
    def aoi(self) -> Aoi | None:
        """Outside of which it has no data; None where it has all of each scene."""
        area = self.record["config"].get("aoi")
        return None if area is None else aoi.parse(area)


def opened_source(output: Output) -> Source:
    """Return what an output is, as a source of proposals.

    Raises ConfigError where it keeps none, and says what to do, PipelineError when it cannot be read.
    """
    record = run_record.earlier(output)
    if record is None:
        raise ConfigError(f"{output} holds no {output.run.name}: expected an output of `mrovseg segment`")
    anew = "segment its scenes into another output, then label that one"
    if run_record.is_upgradable(record):
        run_record.check_format(output, record)
    if record["format"] != run_record.FORMAT:
        raise ConfigError(
            f"{output} is of format {record['format']}, and this version of mrovseg labels proposals of format "
            f"{run_record.FORMAT}: {anew}"
        )
    if not run_record.is_whole(record):
        raise ConfigError(f"{output} holds a {output.run.name} that is not whole: {anew}")
    if run_record.SOURCE in record:
        source = record[run_record.SOURCE]["output"]
        raise ConfigError(f"{output} was itself labelled from {source}, which keeps the proposals: give that")
    proposals = Contents.of_attributes(record).proposals
    if proposals is None:
        raise ConfigError(f"{output} was made with --no-proposals, which other words need: {anew}")
    return Source(output, record, proposals)


def checkpoint_of(source: Source, given: str | None) -> Checkpoint:
    """Return the checkpoint that made the proposals, which alone knows what words are in their terms.

    Raises ConfigError where it is another one, or nobody knows which, CheckpointError when it cannot be loaded.
    """
    digest, name = source.proposals.checkpoint_digest, given or source.proposals.checkpoint
    remedy = "give the file by --checkpoint"
    if not name:
        raise ConfigError(
            f"the proposals of {source.output} were made by a checkpoint that is not embedded (SHA-256 {digest}): "
            f"{remedy}"
        )
    found = checkpoints.load(name)
    if found.digest != digest:
        raise ConfigError(
            f"the proposals of {source.output} were made by another checkpoint than {name}: by that of SHA-256 "
            f"{digest}, got {found.digest}; {remedy}"
        )
    return found


def effective_area(settings: RelabelSettings, source: Source) -> Aoi | None:
    """Return the area outside of which there is no data."""
    return source.aoi if settings.aoi is None else settings.aoi
