"""Zarr's stores at a uri, on this machine or another."""

from __future__ import annotations

from zarr.storage import FsspecStore, LocalStore

from pipeline import objects
from pipeline.storage import fsspec_options
from pipeline.store.patient import PatientStore


def store_at(uri: str, *, read_only: bool = False) -> LocalStore | FsspecStore:
    """Return Zarr's store at ``uri``, which is not asked for anything yet.

    Raises:
        PipelineError: it is no uri of a listed scheme.
    """
    objects.check_uri(uri)
    if objects.is_remote(uri):
        return PatientStore.from_url(uri, storage_options=fsspec_options(uri), read_only=read_only)
    return LocalStore(objects.local(uri), read_only=read_only)
