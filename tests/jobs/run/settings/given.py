"""Settings as a user gives them: by flags, as `mrovseg segment` reads them."""

from typing import Any

from jobs.run.commands import command, run
from jobs.run.resume import resumed
from jobs.run.settings.flags import takes_settings
from jobs.run.settings.segment import SegmentSettings, segment_settings


def values_of(*argv: str, cls: type[SegmentSettings] = SegmentSettings) -> dict[str, Any]:
    """The values that flags and their file give."""
    found: dict[str, Any] = {}
    app = command("segment", usage="", about="", examples=())

    @app.default
    @takes_settings(cls)
    def keep(values: dict[str, Any]) -> int:
        found.update(values)
        return 0

    assert run(app, argv) == 0
    return found


def settings_of(*argv: str, cls: type[SegmentSettings] = SegmentSettings) -> SegmentSettings:
    """The settings that flags, their file and the output that they name give."""
    return segment_settings(resumed(values_of(*argv, cls=cls), cls), cls)
