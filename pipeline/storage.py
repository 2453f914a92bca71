"""How storage is reached: the habits of S3, Google and Azure, from the environment, in fsspec's and GDAL's words.

Both read most variables themselves: profiles, keys and session tokens. Here is what one of them does not know.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any
from urllib.parse import urlsplit

_PROFILES = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)
_YES = ("YES", "TRUE", "ON", "1")
_WEB: dict[str, Any] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # do not list a prefix of a million objects
    "CPL_VSIL_CURL_USE_HEAD": False,  # a uri that is signed for GET is refused to HEAD
    "GDAL_HTTP_CONNECTTIMEOUT": 10,  # s; without it a machine that does not answer is waited for in vain
    "GDAL_HTTP_LOW_SPEED_TIME": 5,  # s below; curl looks back as long again
    "GDAL_HTTP_LOW_SPEED_LIMIT": 1000,  # bytes a second; one every few seconds is no answer either
    "GDAL_HTTP_TIMEOUT": 120,  # s for all of an answer, of 16 MB at most
    "GDAL_HTTP_MAX_RETRY": 4,  # of what passes: 429, 500, 502, 503, 504, resets; a refused key is none of these
    "GDAL_HTTP_RETRY_DELAY": 0.3,  # s, more than doubled each time
}


def fsspec_options(uri: str) -> dict[str, Any]:
    """Return the options of fsspec's file system for ``uri``: it does not know GDAL's variables.

    S3's endpoint is among them because fsspec keeps a file system under the options it was made with.
    """
    scheme = uri.partition("://")[0].lower()
    if scheme in ("s3", "s3a"):
        options = {
            "endpoint_url": s3_endpoint(),
            "use_listings_cache": False,
            "config_kwargs": _s3_client(),
            "max_concurrency": 1,  # with more, every object is asked for its size before it is read
        }
        # GDAL's and the newer clients' name; botocore's is AWS_DEFAULT_REGION.
        region = os.environ.get("AWS_REGION")
        return options | _said(
            anon=_set("AWS_NO_SIGN_REQUEST"),
            requester_pays=_requester_pays(),
            client_kwargs=region and {"region_name": region},
        )
    if scheme in ("gs", "gcs"):
        return {"token": "anon"} if _set("GS_NO_SIGN_REQUEST") else {}
    if scheme in ("az", "abfs", "abfss"):
        return _said(
            account_name=os.environ.get("AZURE_STORAGE_ACCOUNT"),
            account_key=os.environ.get("AZURE_STORAGE_ACCESS_KEY"),
            anon=_set("AZURE_NO_SIGN_REQUEST"),
        )
    return {}


def gdal_options() -> dict[str, Any]:
    """Return GDAL's options that the variables of other clients imply."""
    implied = {
        "CPL_AWS_CREDENTIALS_FILE": os.environ.get("AWS_SHARED_CREDENTIALS_FILE"),
        "AZURE_STORAGE_ACCOUNT": os.environ.get("AZURE_STORAGE_ACCOUNT_NAME"),
        "AZURE_STORAGE_ACCESS_KEY": os.environ.get("AZURE_STORAGE_ACCOUNT_KEY"),
    }
    return _WEB | _s3_server() | _said(AWS_NO_SIGN_REQUEST=_set("AWS_SKIP_SIGNATURE"), **implied)


def s3_endpoint() -> str | None:
    """Return the S3 server that the environment, else the profile names, None for Amazon's own."""
    named = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return named or _profiles_endpoint(*map(os.environ.get, _PROFILES)) or None


@cache
def _profiles_endpoint(*_: str | None) -> str | None:
    """Return what ``endpoint_url`` of the profile says, or that of its ``services``: GDAL knows neither.

    It is looked up once for the same values of ``_PROFILES``. A profile that does not exist is said by who connects.
    """
    import botocore.configprovider  # noqa: PLC0415 - half a second, of use with S3 only
    import botocore.exceptions  # noqa: PLC0415 - the same
    import botocore.session  # noqa: PLC0415 - the same

    session = botocore.session.Session()
    try:
        if session.get_config_variable("ignore_configured_endpoint_urls"):
            return None
        provider = botocore.configprovider.ConfiguredEndpointProvider(
            full_config=session.full_config, scoped_config=session.get_scoped_config(), client_name="s3"
        )
        found = provider.provide()
    except botocore.exceptions.BotoCoreError:
        return None
    return None if found is None else str(found)


def _s3_server() -> dict[str, Any]:
    """Say in GDAL's words which S3 server the environment names: it does not know AWS_ENDPOINT_URL."""
    endpoint = urlsplit(s3_endpoint() or "")
    if not endpoint.netloc or "AWS_S3_ENDPOINT" in os.environ:
        return {}
    return {
        "AWS_S3_ENDPOINT": endpoint.netloc + endpoint.path.rstrip("/"),
        "AWS_HTTPS": endpoint.scheme == "https",
        "AWS_VIRTUAL_HOSTING": False,
    }


def _s3_client() -> dict[str, Any]:
    """Return botocore's settings; in a dictionary of their own, because it writes into it."""
    return {
        "connect_timeout": 5,  # s
        "read_timeout": 5,  # s without a byte; the longest that one stall costs
        "retries": {"total_max_attempts": 1},  # what is tried again is said in one place, see ``retry``
    }


def _requester_pays() -> bool:
    return os.environ.get("AWS_REQUEST_PAYER", "").lower() == "requester"


def _set(name: str) -> bool:
    return os.environ.get(name, "").upper() in _YES


def _said(**options: Any) -> dict[str, Any]:  # noqa: ANN401 - each has a type of its own
    return {name: value for name, value in options.items() if value}
