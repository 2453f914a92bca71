"""Zarr's stores at a location, on this machine or another."""

from __future__ import annotations

from zarr.abc.buffer import Buffer, BufferPrototype
from zarr.abc.store import ByteRequest
from zarr.storage import FsspecStore, LocalStore

from pipeline.storage import objects
from pipeline.storage.access import fsspec_options
from pipeline.storage.location import Location
from pipeline.storage.retry import with_retries_async


def store_at(location: Location, *, read_only: bool = False) -> LocalStore | FsspecStore:
    """Return Zarr's store at a location, which is not asked for anything yet.

    Raises:
        PipelineError: it is no uri of a listed scheme.
    """
    uri = location.uri
    objects.check_uri(uri)
    if objects.is_remote(uri):
        options = fsspec_options(uri, location.storage)
        return RetryingStore.from_url(uri, storage_options=options, read_only=read_only)
    return LocalStore(objects.local_path(uri), read_only=read_only)


class RetryingStore(FsspecStore):
    """Reads, writes and removes whole objects, and does so again while what goes wrong passes."""

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return an object, None where there is none."""
        ask = super().get
        return await with_retries_async(lambda: ask(key, prototype, byte_range))

    async def set(self, key: str, value: Buffer, byte_range: tuple[int, int] | None = None) -> None:
        """Write an object whole."""
        ask = super().set
        await with_retries_async(lambda: ask(key, value, byte_range))

    async def delete(self, key: str) -> None:
        """Remove an object, if there is one."""
        ask = super().delete
        await with_retries_async(lambda: ask(key))
