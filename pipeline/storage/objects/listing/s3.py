"""S3's listings, a page of at most a thousand objects at a time: fsspec's own hold them all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from pipeline.storage.retry import with_retries


def s3_pages(filesystem: Any, folder: str, **asked: str) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - fsspec has no types
    """Yield S3's answers on what is below ``folder`` (bucket and key), in the order of the keys.

    ``asked`` are further parameters of ListObjectsV2.
    """
    bucket, _, key = folder.partition("/")
    asked |= {"Bucket": bucket, "Prefix": f"{key}/" if key else "", **filesystem.req_kw}
    page: Mapping[str, Any] = {"NextContinuationToken": None}
    while "NextContinuationToken" in page:
        token = page["NextContinuationToken"]
        further = {"ContinuationToken": token} if token else {}
        page = with_retries(partial(filesystem.call_s3, "list_objects_v2", **asked, **further))
        yield page
