"""Profiles of the files of AWS's clients, which name keys and may name a server: the door to botocore."""

from __future__ import annotations

import os
from functools import cache

_VARIABLES = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)


def profiles_endpoint(profile: str | None) -> str | None:
    """Return the S3 server that a profile names by ``endpoint_url`` or by its ``services``: GDAL knows neither.

    None is the profile that the environment names. One that does not exist is said by who connects.
    """
    return _looked_up(profile, *map(os.environ.get, _VARIABLES))


@cache
def _looked_up(profile: str | None, *_: str | None) -> str | None:
    """Look once for the same values of ``_VARIABLES``."""
    import botocore.configprovider  # noqa: PLC0415 - half a second, of use with S3 only
    import botocore.exceptions  # noqa: PLC0415 - the same
    import botocore.session  # noqa: PLC0415 - the same

    session = botocore.session.Session(profile=profile)
    try:
        if session.get_config_variable("ignore_configured_endpoint_urls"):
            return None
        provider = botocore.configprovider.ConfiguredEndpointProvider(
            full_config=session.full_config,
            scoped_config=session.get_scoped_config(),
            client_name="s3",
            environ={},  # what the environment names is asked for before
        )
        found = provider.provide()
    except botocore.exceptions.BotoCoreError:
        return None
    return None if found is None else str(found)
