"""Settings of the flow: plain frozen values, checked once at the edge."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from pipeline.dates import DatetimePattern
from pipeline.errors import ConfigError
from pipeline.geometry.aoi import Aoi
from pipeline.setting import Setting
from pipeline.storage.access import FROM_ENVIRONMENT, SOURCE_STORAGE, Storage
from pipeline.storage.location import Location

SCORES = ("places", "full")
"""Of what a mask store has scores and margins: of the places that a network proposes for, or of every pixel."""

_STEP_S = 300.0  # for a step, and for each megapixel of its window: a ViT-L on one CPU takes 40 s for one


# Keys of every run over windows, whatever its steps are.
ActorCpus = Annotated[float | int, Setting(help="CPUs of each actor")]
WindowTimeout = Annotated[
    float | int | None,
    Setting(help="seconds that a step of a window may take", unset="by the size of windows"),
]
Stall = Annotated[
    float | int, Setting(help="seconds without progress after which a run says what is in flight")
]
Area = Annotated[
    Aoi | None,
    Setting(
        help="GeoJSON or WKT, its file, .gpkg, .shp, or xmin,ymin,xmax,ymax",
        metavar="AREA",
        unset="all of each scene",
        is_path=True,
        identity=True,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSettings:
    """How a run is cut up and what it may claim of the cluster.

    ``window_px`` is the side of a window and ``chunk_px`` that of a chunk of the mask store; a window holds whole
    chunks, so that two windows never write the same one. Neighbouring chips overlap by ``overlap_px`` (None: a quarter
    of a chip). ``scores`` and ``proposals`` say what the store holds beside class ids. ``actors`` is the number of
    segmenting actors (None: all that fit). An actor claims ``actor_cpus`` and ``actor_gpus`` (None: one GPU where the
    cluster has any, else none) and sees no other GPU, a read or write ``task_cpus``; reading and writing cost about
    half a percent of a network's time, so an actor leaves them a tenth of its core. With ``keep_valid`` a scene that
    has changed since its masks were made loses them and is done anew, and is no failure. A process that plans a scene,
    or reads, segments or stores a window for longer than ``window_timeout_s`` (None: ``limit_s`` by the size of
    windows) is ended. When nothing has come out of a run for ``stall_s``, it says what is in flight.

    Raises:
        ConfigError: a value is out of range; the message names the key.
    """

    window_px: Annotated[int, Setting(help="side of a window, the unit of work", identity=True)] = 2048
    chunk_px: Annotated[int, Setting(help="side of a chunk of the mask store", identity=True)] = 1024
    overlap_px: Annotated[
        int | None,
        Setting(
            help="how far neighbouring chips overlap, and are blended",
            unset="a quarter of a chip, in whole slices",
            identity=True,
        ),
    ] = None
    scores: Annotated[
        str,
        Setting(help="score and margin of places, or in full: of every pixel", choices=SCORES, identity=True),
    ] = "places"
    proposals: Annotated[
        bool,
        Setting(help="keep what labels are made of, by which other words need no network", identity=True),
    ] = True
    actors: Annotated[int | None, Setting(help="segmenting processes", unset="as many as fit")] = None
    actor_cpus: ActorCpus = 0.9
    task_cpus: Annotated[float | int, Setting(help="CPUs of each read and write")] = 0.1
    actor_gpus: Annotated[
        float | int | None,
        Setting(
            help="GPUs of each actor, a number or none",
            key="gpus",
            former=("actor_gpus",),
            metavar="N|none",
            words=(("none", 0.0), ("auto", None)),
            unset="one where Ray has GPUs",
        ),
    ] = None
    keep_valid: Annotated[bool, Setting(help="do scenes anew whose files have changed")] = False
    window_timeout_s: WindowTimeout = None
    stall_s: Stall = 120.0

    @property
    def limit_s(self) -> float | int:
        """The longest that a process may be at one scene's plan or at one step of a window."""
        if self.window_timeout_s is not None:
            return self.window_timeout_s
        return _STEP_S * (1 + self.window_px**2 / 1e6)

    def __post_init__(self) -> None:
        for key in ("window_px", "chunk_px"):
            _check_count(key, getattr(self, key))
        _check_count("overlap_px", self.overlap_px, zero=True, unset=True)
        _check_count("actors", self.actors, unset=True)
        for key in ("actor_cpus", "task_cpus"):
            _check_amount(key, getattr(self, key), zero=False)
        if self.actor_gpus is not None:
            _check_amount("gpus", self.actor_gpus, zero=True)
            if self.actor_gpus > 1 and self.actor_gpus != int(self.actor_gpus):
                raise ConfigError(
                    f"gpus must be whole above one, as Ray divides no two GPUs, got {self.actor_gpus:g}"
                )
        for key in ("keep_valid", "proposals"):
            _check_switch(key, getattr(self, key))
        if self.scores not in SCORES:
            raise ConfigError(f"scores must be {' or '.join(SCORES)}, got {self.scores!r}")
        _check_amount("stall_s", self.stall_s, zero=False)
        if self.window_timeout_s is not None:
            _check_amount("window_timeout_s", self.window_timeout_s, zero=False)
        if self.window_px % self.chunk_px:
            raise ConfigError(
                f"window_px must be a multiple of chunk_px ({self.chunk_px}), got {self.window_px}: "
                f"try {max(1, round(self.window_px / self.chunk_px)) * self.chunk_px}"
            )


DRIVERS = ("GTiff", "PNG", "JPEG", "JP2OpenJPEG", "VRT", "Zarr", "OpenSlide")
"""The kinds of file that are opened; of these it is known, by test, that a missing end is an error.

The names are GDAL's, but for the last two: images in Zarr, and slides, are read by libraries of their own.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How scenes are read: what the user says of their pixels, and what a file may ask of a worker.

    ``bands`` are the numbers (from 1) of red, green and blue, or one that is all three. ``value_range`` are
    the stored values that become 0 and 255, instead of the scene's own percentiles. ``nodata`` is the value
    without data instead of the file's; "none" says that every value is data. ``alpha`` "none" says that a band or
    a colour of the file's is no mask though it calls itself alpha. ``gsd_m`` is the side of a pixel on
    the ground, instead of the scene's own; outside ``aoi`` pixels are without data. ``datetime_pattern`` says
    where the name of a file tells when the scene was taken, see ``dates.DatetimePattern``.

    ``drivers`` are GDAL's; ``vrt`` "inside" has a virtual raster name files of its own folder only. A scene
    has at most ``max_pixels`` and ``max_bands``, a block at most ``max_block_bytes`` when decoded, and a
    scene of more than a gigabyte at most ``max_expansion`` times the bytes of its file. A call of GDAL takes
    at most ``read_timeout_s``. ``storage`` is how their storage is reached.

    Raises:
        ConfigError: a value is out of range; the message names the key.
    """

    bands: Annotated[
        tuple[int, ...] | None,
        Setting(
            help="numbers, from 1, of red, green and blue; or of one band",
            metavar="R,G,B",
            unset="by what the file says of its bands",
            identity=True,
        ),
    ] = None
    value_range: Annotated[
        tuple[float | int, ...] | None,
        Setting(
            help="stored values that become 0 and 255",
            key="range",
            metavar="LO,HI",
            unset="percentiles 2, 98",
            identity=True,
        ),
    ] = None
    nodata: Annotated[
        float | int | str | None,
        Setting(
            help="value without data; nan; none: all are data",
            metavar="VALUE",
            unset="the file's",
            identity=True,
        ),
    ] = None
    alpha: Annotated[
        str | None,
        Setting(
            help="none: a band that is flagged alpha is no mask, such as near infrared",
            choices=("none",),
            unset="it is a mask",
            identity=True,
        ),
    ] = None
    gsd_m: Annotated[
        float | int | None,
        Setting(
            help="side of a pixel on the ground",
            key="gsd",
            metavar="METRES",
            unset="the scene's own",
            identity=True,
        ),
    ] = None
    aoi: Area = None
    datetime_pattern: Annotated[
        str | None,
        Setting(
            help="date in the names of files, such as S2_%Y%m%dT%H%M%S; a list's own comes first",
            metavar="PATTERN",
            unset="by what lists and files say",
            as_written=True,
        ),
    ] = None
    drivers: Annotated[tuple[str, ...], Setting(help="kinds of file that are opened", metavar="NAMES")] = (
        DRIVERS
    )
    vrt: Annotated[
        str, Setting(help="where files of a virtual raster may lie", choices=("inside", "anywhere"))
    ] = "inside"
    max_pixels: Annotated[int, Setting(help="most pixels of a scene")] = 100_000_000_000
    max_bands: Annotated[int, Setting(help="most bands of a scene")] = 1000
    max_block_bytes: Annotated[int, Setting(help="most bytes of a decoded block")] = 512 * 2**20
    max_expansion: Annotated[int, Setting(help="most bytes that a byte of a large file may decode to")] = 200
    read_timeout_s: Annotated[float | int, Setting(help="seconds that a call of GDAL may take")] = 300.0
    storage: Annotated[Storage, SOURCE_STORAGE] = FROM_ENVIRONMENT

    def at(self, uri: str) -> Location:
        """Return where a file of a scene is."""
        return Location(uri, self.storage)

    def __post_init__(self) -> None:
        for key in ("max_pixels", "max_bands", "max_block_bytes", "max_expansion"):
            _check_count(key, getattr(self, key))
        _check_amount("read_timeout_s", self.read_timeout_s, zero=False)
        if self.gsd_m is not None:
            _check_amount("gsd", self.gsd_m, zero=False)
        if self.datetime_pattern is not None:
            DatetimePattern(self.datetime_pattern)
        _check_bands(self.bands)
        _check_range(self.value_range)
        if self.nodata != "none" and self.nodata is not None and not _is_number(self.nodata):
            raise ConfigError(f"nodata must be a number, nan or none, got {self.nodata!r}")
        if self.alpha not in {None, "none"}:
            raise ConfigError(f"alpha must be none, or left out where alpha is a mask, got {self.alpha!r}")
        if not self.drivers or not all(self.drivers):
            raise ConfigError(f"drivers must be GDAL's names of kinds of file, got {self.drivers!r}")
        if self.vrt not in {"inside", "anywhere"}:
            raise ConfigError(f"vrt must be inside or anywhere, got {self.vrt!r}")


def _check_bands(bands: tuple[object, ...] | None) -> None:
    if bands is None:
        return
    if len(bands) not in {1, 3} or any(
        not isinstance(band, int) or isinstance(band, bool) or band < 1 for band in bands
    ):
        raise ConfigError(
            f"bands must be the numbers (from 1) of red, green and blue, or of one band, got {bands!r}"
        )


def _check_range(value_range: tuple[float | int, ...] | None) -> None:
    if value_range is None:
        return
    whole = len(value_range) == 2 and all(map(_is_number, value_range))  # noqa: PLR2004 - lowest, highest
    if not whole or not -math.inf < value_range[0] < value_range[1] < math.inf:
        raise ConfigError(f"range must be two numbers, the lower one first, got {value_range!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_count(key: str, value: object, *, zero: bool = False, unset: bool = False) -> None:
    """Refuse what is no whole number above zero, or zero or None where these may be."""
    if value is None and unset:
        return
    if type(value) is not int or value < 0 or (value == 0 and not zero):
        least = "of at least" if zero else "above"
        raise ConfigError(f"{key} must be a whole number {least} zero, got {value!r}")


def _check_switch(key: str, value: object) -> None:
    if type(value) is not bool:
        raise ConfigError(f"{key} must be true or false, got {value!r}")


def _check_amount(key: str, value: object, *, zero: bool) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or value < 0 or (value == 0 and not zero):  # type: ignore[operator]  # a number, by the test before
        raise ConfigError(f"{key} must be a number {'of at least' if zero else 'above'} zero, got {value!r}")


PLAIN = Reading()
"""How scenes are read where the user says nothing."""
