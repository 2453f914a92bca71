"""Where something is: what is read, listed or written, with the storage that it is in."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.storage.access import FROM_ENVIRONMENT, Storage


@dataclass(frozen=True, slots=True)
class Location:
    """Where something is, and how the storage there is reached: a local path, or a uri of a listed scheme."""

    uri: str
    storage: Storage = FROM_ENVIRONMENT

    @property
    def name(self) -> str:
        """The last part of the uri."""
        return self.uri.rpartition("/")[2]

    def join(self, *parts: str) -> Location:
        """Return what is below: parts are set off by one slash each.

        >>> Location("s3://bucket/out/").join("ledger", "0-0.json").uri
        's3://bucket/out/ledger/0-0.json'
        """
        return Location("/".join([self.uri.rstrip("/"), *parts]), self.storage)

    def at(self, uri: str) -> Location:
        """Return another location in the same storage."""
        return Location(uri, self.storage)

    def __str__(self) -> str:
        """Return the uri, for a message."""
        return self.uri
