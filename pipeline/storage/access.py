"""How storage is reached: the habits of S3, Google and Azure, in fsspec's and GDAL's words.

What a ``Storage`` does not say is as the environment says. Both libraries read most variables themselves: profiles,
keys and session tokens. Here is what one of them does not know.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from pipeline.errors import ConfigError
from pipeline.setting import Setting
from pipeline.storage.profiles import profiles_endpoint

_YES = ("YES", "TRUE", "ON", "1")
S3_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""GDAL's options that are a key of S3's."""

_UNSIGNED = ("AWS_NO_SIGN_REQUEST", "GS_NO_SIGN_REQUEST", "AZURE_NO_SIGN_REQUEST")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """How one storage is reached; what is None is as the environment says.

    ``endpoint`` is the S3 server as a uri of http or https, ``region`` its region, and ``profile`` the name of a
    profile of the credentials file, whose keys and whose endpoint then count, and no keys of the environment.
    ``anonymous`` asks without a key (S3, Google, Azure), ``requester_pays`` has whoever reads pay (S3), and ``account``
    is Azure's storage account. No value is a secret: keys are in the environment or in the credentials file.

    Raises:
        ConfigError: a text is empty or no uri, or two values contradict each other; the message names the key.
    """

    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    anonymous: bool | None = None
    requester_pays: bool | None = None
    account: str | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) == "":
                raise ConfigError(f"{field.name} must be a text that is not empty, or left out")
        parts = urlsplit(self.endpoint or "https://host")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(f"endpoint must be a uri such as https://host:9000, got {self.endpoint}")
        if self.anonymous and self.profile is not None:
            raise ConfigError(
                f"a storage is read anonymously or with the keys of a profile, got both: profile {self.profile}"
            )


FROM_ENVIRONMENT = Storage()
"""The storage of which nothing is said."""

SOURCE_STORAGE, OUTPUT_STORAGE = (
    Setting(
        help=f"how {what} reached: endpoint, region, profile, anonymous, requester_pays, account",
        key=key,
        metavar="MAPPING",
        unset="as the environment says",
    )
    for key, what in (("source_storage", "scenes are"), ("output_storage", "the output is"))
)


def fsspec_options(uri: str, storage: Storage = FROM_ENVIRONMENT) -> dict[str, Any]:
    """Return the options of fsspec's file system for ``uri``: it does not know GDAL's variables.

    S3's endpoint is among them because fsspec keeps a file system under the options it was made with.
    """
    scheme = uri.partition("://")[0].lower()
    if scheme in ("s3", "s3a"):
        options = {
            "endpoint_url": s3_endpoint(storage),
            "use_listings_cache": False,
            "config_kwargs": _s3_client(),
            "max_concurrency": 1,  # with more, every object is asked for its size before it is read
        }
        # GDAL's and the newer clients' name; botocore's is AWS_DEFAULT_REGION.
        region = storage.region or os.environ.get("AWS_REGION")
        return options | _given(
            anon=_anonymous(storage, "AWS_NO_SIGN_REQUEST"),
            requester_pays=_requester_pays(storage),
            client_kwargs=region and {"region_name": region},
            profile=storage.profile,
        )
    if scheme in ("gs", "gcs"):
        return {"token": "anon"} if _anonymous(storage, "GS_NO_SIGN_REQUEST") else {}
    if scheme in ("az", "abfs", "abfss"):
        return _given(
            account_name=storage.account or os.environ.get("AZURE_STORAGE_ACCOUNT"),
            account_key=os.environ.get("AZURE_STORAGE_ACCESS_KEY"),
            anon=_anonymous(storage, "AZURE_NO_SIGN_REQUEST"),
        )
    return {}


def gdal_options(storage: Storage = FROM_ENVIRONMENT) -> dict[str, Any]:
    """Return GDAL's options of what ``storage`` says, and of what the variables of other clients imply.

    None of the latter is an option that the environment itself has: that one is GDAL's already.
    """
    stated = _s3_server(_own_endpoint(storage))
    hosting = {name: stated.pop(name) for name in ("AWS_VIRTUAL_HOSTING",) if name in stated}
    server = hosting if stated or "AWS_S3_ENDPOINT" in os.environ else _s3_server(s3_endpoint(storage))
    implied = _given(
        CPL_AWS_CREDENTIALS_FILE=os.environ.get("AWS_SHARED_CREDENTIALS_FILE"),
        AWS_NO_SIGN_REQUEST=_is_yes("AWS_SKIP_SIGNATURE"),
        AZURE_STORAGE_ACCOUNT=os.environ.get("AZURE_STORAGE_ACCOUNT_NAME"),
        AZURE_STORAGE_ACCESS_KEY=os.environ.get("AZURE_STORAGE_ACCOUNT_KEY"),
    )
    unsaid = {name: value for name, value in (_WEB | server | implied).items() if name not in os.environ}
    return unsaid | stated | _stated(storage)


def s3_endpoint(storage: Storage = FROM_ENVIRONMENT) -> str | None:
    """Return the S3 server of a storage or of the profile that it names, else the environment's; None for Amazon's."""
    named = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return _own_endpoint(storage) or named or profiles_endpoint(None) or None


def _own_endpoint(storage: Storage) -> str | None:
    """Return the S3 server that a storage itself says, or the profile that it names."""
    if storage.endpoint is not None or storage.profile is None:
        return storage.endpoint
    return profiles_endpoint(storage.profile)


def _stated(storage: Storage) -> dict[str, Any]:
    """Return GDAL's options of what a storage says itself, apart from its server: they go before the environment."""
    stated: dict[str, Any] = {}
    if storage.profile is not None:  # keys in the environment would go before its own
        stated |= {"AWS_PROFILE": storage.profile} | dict.fromkeys(S3_KEYS, "")
    if storage.region is not None:
        stated |= {"AWS_REGION": storage.region}
    if storage.anonymous is not None or storage.profile is not None:
        stated |= dict.fromkeys(_UNSIGNED, bool(storage.anonymous))
    if storage.requester_pays is not None:
        stated |= {"AWS_REQUEST_PAYER": "requester" if storage.requester_pays else ""}
    if storage.account is not None:
        stated |= {"AZURE_STORAGE_ACCOUNT": storage.account}
    return stated


def _s3_server(uri: str | None) -> dict[str, Any]:
    """Say in GDAL's words which S3 server a uri is: it does not know AWS_ENDPOINT_URL."""
    endpoint = urlsplit(uri or "")
    if not endpoint.netloc:
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
        "retries": {"total_max_attempts": 1},  # what is tried again is said once, see ``retry``
    }


def _requester_pays(storage: Storage) -> bool:
    if storage.requester_pays is not None:
        return storage.requester_pays
    return os.environ.get("AWS_REQUEST_PAYER", "").lower() == "requester"


def _anonymous(storage: Storage, variable: str) -> bool:
    if storage.anonymous is not None or storage.profile is not None:
        return bool(storage.anonymous)
    return _is_yes(variable)


def _is_yes(name: str) -> bool:
    return os.environ.get(name, "").upper() in _YES


def _given(**options: Any) -> dict[str, Any]:  # noqa: ANN401 - each has a type of its own
    return {name: value for name, value in options.items() if value}
