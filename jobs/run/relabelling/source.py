"""The output whose proposals are labelled: what made it, by which checkpoint, and which of its scenes are meant."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jobs.run import run_record
from jobs.run.settings.relabel import RelabelSettings
from jobs.run.settings.scenes import SceneChoice
from mrovseg.weights import checkpoint as checkpoints
from mrovseg.weights.checkpoint import Checkpoint
from pipeline import aoi
from pipeline.errors import ConfigError
from pipeline.flow import KeptScenes
from pipeline.geometry.aoi import Aoi
from pipeline.output import Output
from pipeline.sources import SceneList
from pipeline.sources.naming import Refusal
from pipeline.store import Contents, ProposalsLayout

LISTED = 5


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


def scene_list(choice: SceneChoice | None) -> SceneList | None:
    """Return what of the choice are no ids, None where that is nothing."""
    return SceneList(choice.specs) if choice is not None and choice.specs else None


def chosen_ids(source: Source, choice: SceneChoice | None) -> frozenset[str] | None:
    """Return the ids of the scenes that are meant, None for all; say which of them are not in the source.

    Raises ConfigError where none of them is.
    """
    if choice is None:
        return None
    named = {*choice.scene_ids, *_ids(scene_list(choice))}
    there = {scene.scene_id for scene in KeptScenes(source.output, frozenset(named))}
    missing = sorted(named - there)
    if not missing:
        return frozenset(there)
    shown = ", ".join(missing[:LISTED]) + (" ..." if len(missing) > LISTED else "")
    if not there:
        raise ConfigError(f"{source.output} has none of the scenes that are named ({shown}): see its scenes/")
    print(
        f"mrovseg: {source.output} lacks {len(missing)} of {len(named)} scenes that are named: {shown}",
        file=sys.stderr,
    )
    return frozenset(there)


def effective_area(settings: RelabelSettings, source: Source) -> Aoi | None:
    """Return the area outside of which there is no data."""
    return source.aoi if settings.aoi is None else settings.aoi


def _ids(scenes: SceneList | None) -> Iterator[str]:
    if scenes is None:
        return
    scenes.check()
    for entry in scenes:
        if isinstance(entry, Refusal):
            print(f"mrovseg: {entry.reason}; the other scenes are not touched by it", file=sys.stderr)
        else:
            yield entry.scene_id
