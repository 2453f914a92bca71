"""What a relabelling run is to do: one frozen value, whose fields are the keys of flags, of files and of `run.json`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from jobs.run.settings.keys import build
from jobs.run.settings.scenes import SceneChoice
from jobs.run.settings.segment import (
    MaxFailures,
    Overwrite,
    RetryFailed,
    Threshold,
    Words,
    check_probability,
)
from pipeline.config import SCORES, ActorCpus, Area, FlowSettings, Stall, WindowTimeout
from pipeline.errors import ConfigError
from pipeline.output import Output
from pipeline.setting import Setting
from pipeline.storage import objects
from pipeline.storage.access import FROM_ENVIRONMENT, SOURCE_STORAGE, Storage
from pipeline.storage.objects.scene_uris import absolute_uri


@dataclass(frozen=True, slots=True, kw_only=True)
class RelabelSettings:
    """One run: which output's proposals, which words, where to.

    Fields with a `Setting` are keys, and so are the fields of those without one. `checkpoint` is the one that made the
    proposals (None: the embedded one whose name the source has), and `scores` are what the source has where None.
    All others are as `SegmentSettings` and `FlowSettings` have them.

    Raises ConfigError when a value is missing or out of range; the message names the key.
    """

    source: Annotated[
        str,
        Setting(help="the output of segment whose proposals are labelled", metavar="SOURCE", is_path=True),
    ]
    vocabulary: Words
    output: Output
    source_storage: Annotated[
        Storage,
        Setting(
            help="how SOURCE is reached: endpoint, region, profile, anonymous, requester_pays, account",
            key=SOURCE_STORAGE.key,
            metavar="MAPPING",
            unset="as the environment says",
        ),
    ] = FROM_ENVIRONMENT
    scenes: Annotated[
        SceneChoice | None,
        Setting(
            help="some scenes of SOURCE: ids, or paths, globs, folders, lists",
            metavar="SCENES",
            unset="all of SOURCE",
            is_path=True,
        ),
    ] = None
    aoi: Area = None
    threshold: Threshold = None
    checkpoint: Annotated[
        str | None,
        Setting(
            help="the .safetensors file that made the proposals",
            metavar="FILE",
            unset="the embedded one that SOURCE names",
            is_path=True,
        ),
    ] = None
    scores: Annotated[
        str | None,
        Setting(
            help="score and margin of places, or in full: of every pixel",
            choices=SCORES,
            unset="as SOURCE has them",
        ),
    ] = None
    actors: Annotated[int | None, Setting(help="labelling processes", unset="as many as fit")] = None
    actor_cpus: ActorCpus = 0.9
    keep_valid: Annotated[bool, Setting(help="do scenes anew that were done anew in SOURCE")] = False
    window_timeout_s: WindowTimeout = None
    stall_s: Stall = 120.0
    max_failures: MaxFailures = None
    overwrite: Overwrite = False
    retry_failed: RetryFailed = False

    def __post_init__(self) -> None:
        if self.overwrite and (self.retry_failed or self.keep_valid):
            raise ConfigError("overwrite keeps nothing: give it without retry_failed and keep_valid")
        if self.threshold is not None:
            check_probability("threshold", self.threshold)
        if _place(self.source) == _place(self.output.uri):
            raise ConfigError(
                f"{self.output} is the output whose proposals are labelled: give another one, as masks of two "
                "vocabularies do not fit into one"
            )

    @property
    def source_output(self) -> Output:
        """The output whose proposals are labelled, for a process in any folder."""
        return Output(absolute_uri(self.source), self.source_storage)

    def flow(self, grid: Mapping[str, Any]) -> FlowSettings:
        """Return how the work is cut up, which is by the grid of the source, and what it claims.

        Raises ConfigError when a value is out of range.
        """
        return FlowSettings(
            window_px=grid["window_px"],
            chunk_px=grid["chunk_px"],
            scores=self.scores or grid["scores"],
            proposals=False,
            actors=self.actors,
            actor_cpus=self.actor_cpus,
            actor_gpus=0,
            keep_valid=self.keep_valid,
            window_timeout_s=self.window_timeout_s,
            stall_s=self.stall_s,
        )


def relabel_settings(values: Mapping[str, Any]) -> RelabelSettings:
    """Make settings of merged values, see `merged`. Raises ConfigError as they do."""
    missing = [key for key in ("source", "classes", "output") if values.get(key) in (None, [], "")]
    if missing:
        raise ConfigError(
            f"{' and '.join(missing)} must be given, as arguments and flags or in the --config file"
        )
    return build(RelabelSettings, values)


def _place(uri: str) -> str:
    """Return where an output is, by one name."""
    return uri.rstrip("/") if objects.is_remote(uri) else str(Path(objects.local_path(uri)).resolve())
