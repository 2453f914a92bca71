"""Zarr's stores at a location, on this machine or another."""

from __future__ import annotations

from zarr.storage import FsspecStore, LocalStore

from pipeline import objects
from pipeline.location import Location
from pipeline.storage import fsspec_options
from pipeline.store.patient import PatientStore


def store_at(location: Location, *, read_only: bool = False) -> LocalStore | FsspecStore:
    """Return Zarr's store at a location, which is not asked for anything yet.

    Raises:
        PipelineError: it is no uri of a listed scheme.
    """
    uri = location.uri
    objects.check_uri(uri)
    if objects.is_remote(uri):
        options = fsspec_options(uri, location.storage)
        return PatientStore.from_url(uri, storage_options=options, read_only=read_only)
    return LocalStore(objects.local(uri), read_only=read_only)
