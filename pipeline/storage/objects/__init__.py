"""Small whole objects at a local path or a uri of a listed scheme: the door to fsspec.

What reads or writes takes a ``Location``: the storage is reached as that says, see ``storage``. Credentials are never
put into a message. Nothing here is cached: a listing is as true as the storage's own.
"""

from pipeline.storage.objects.content import (
    ObjectInfo,
    exists,
    get_bytes,
    info,
    is_folder,
    opened_object,
    put_bytes,
    put_file,
    sweep,
)
from pipeline.storage.objects.creating import create_bytes
from pipeline.storage.objects.documents import OWN_BYTES, get_document
from pipeline.storage.objects.filesystems import (
    join,
    link_between,
    reporting_write_errors,
    resolve,
    with_lowercase_scheme,
)
from pipeline.storage.objects.listing.entries import glob, list_entries, list_folders, list_names, walk
from pipeline.storage.objects.listing.flat import Listed, folder_info, list_all, written_s
from pipeline.storage.objects.listing.tree import Refused
from pipeline.storage.objects.reading import MOST_REDIRECTS, REDIRECTS, Follow, check_regular, serves_ranges
from pipeline.storage.objects.removing import linked_folders, remove, remove_made
from pipeline.storage.objects.uris import (
    check_uri,
    is_remote,
    is_text,
    is_web,
    local_path,
    readable_path,
    scheme_of,
)

__all__ = [
    "MOST_REDIRECTS",
    "OWN_BYTES",
    "REDIRECTS",
    "Follow",
    "Listed",
    "ObjectInfo",
    "Refused",
    "check_regular",
    "check_uri",
    "create_bytes",
    "exists",
    "folder_info",
    "get_bytes",
    "get_document",
    "glob",
    "info",
    "is_folder",
    "is_remote",
    "is_text",
    "is_web",
    "join",
    "link_between",
    "linked_folders",
    "list_all",
    "list_entries",
    "list_folders",
    "list_names",
    "local_path",
    "opened_object",
    "put_bytes",
    "put_file",
    "readable_path",
    "remove",
    "remove_made",
    "reporting_write_errors",
    "resolve",
    "scheme_of",
    "serves_ranges",
    "sweep",
    "walk",
    "with_lowercase_scheme",
    "written_s",
]
