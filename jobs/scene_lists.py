"""What a configuration says of scenes, piece by piece: a path, a search."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from pipeline.errors import ConfigError, PipelineError
from pipeline.objects.names import absolute_uri
from pipeline.sources import Search


def absolute_spec(spec: str) -> str:
    """Return a spec for any process of the cluster; a slash at its end still says that it is a folder.

    What is no name of anything stays as it is: the list says what is wrong with it, when its turn comes.
    """
    try:
        absolute = absolute_uri(spec)
    except PipelineError:
        return spec
    return absolute if absolute.endswith("/") or not spec.endswith("/") else f"{absolute}/"


def search_of(given: Mapping[str, Any]) -> Search:
    """Read a search of a STAC API. Raises ConfigError when it names none, or a key that no API knows."""
    if "stac_api" not in given:
        raise ConfigError(f"a search among the scenes has the key stac_api, got {', '.join(map(str, given))}")
    asked = {
        key: each.isoformat() if isinstance(each, date) else each  # YAML makes one of 2026-01-31
        for key, each in given.items()
        if key != "stac_api"
    }
    return Search(str(given["stac_api"]), asked)
