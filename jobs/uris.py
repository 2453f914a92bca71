"""Paths and uris that a user names, checked before anything starts."""

from typing import Any

from pipeline import objects
from pipeline.errors import ConfigError, PipelineError


def path_or_uri(key: str, given: Any) -> Any:  # noqa: ANN401 - what a configuration holds
    """Return what was given, a file's uri as its path; what is no text is told by who checks that.

    Raises ConfigError for a uri of a scheme that is not known.
    """
    if not isinstance(given, str):
        return given
    try:
        objects.check_uri(given)
        return objects.local(given)
    except PipelineError as error:
        raise ConfigError(f"{key}: {error}") from error
