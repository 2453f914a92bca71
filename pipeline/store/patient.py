"""Zarr's store on another machine, with the patience that all storage has here."""

from __future__ import annotations

from zarr.abc.buffer import Buffer, BufferPrototype
from zarr.abc.store import ByteRequest
from zarr.storage import FsspecStore

from pipeline.retry import patiently_awaited


class PatientStore(FsspecStore):
    """Reads and writes whole objects, and does so again while what goes wrong passes."""

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return an object, None where there is none."""
        ask = super().get
        return await patiently_awaited(lambda: ask(key, prototype, byte_range))

    async def set(self, key: str, value: Buffer, byte_range: tuple[int, int] | None = None) -> None:
        """Write an object whole."""
        ask = super().set
        await patiently_awaited(lambda: ask(key, value, byte_range))
