"""Take credentials out of what is written or said: a signed uri's parameters, and a user's name and password.

What is left of a uri is the same however it was signed, so that it can also name a scene.
"""

from __future__ import annotations

import re

_USER = re.compile(r"(?<=://)[^/\s@\"'<>?#]+@")
_QUERY = re.compile(r"\?[^\s\"'<>`\\]+")
_SIGNED = re.compile(
    r"x-(amz|goog|oss|cos|obs)-.+|awsaccesskeyid|googleaccessid|ossaccesskeyid|key-pair-id|signature|sig"
    r"|(.+[-_])?(token|secret|password|passwd|credentials?|api-?_?key|access-?_?key|subscription-key|auth)",
    re.IGNORECASE,
)
# Beside a signature these say until when and for what it holds; alone they may name a file.
_BESIDE = re.compile(
    r"expires|policy|s[vpret]|ss|srt|spr|sip|sdd|ses|scid|sk(oid|tid|t|e|s|v)|s[au]oid", re.IGNORECASE
)


def redacted(text: str) -> str:
    """Return ``text`` with the credentials of every uri in it left out.

    >>> redacted("cannot read https://me:pw@host/a.tif?id=5&X-Amz-Signature=b0b&X-Amz-Date=2: 403")
    'cannot read https://host/a.tif?id=5: 403'
    """
    return _QUERY.sub(_unsigned, _USER.sub("", text))


def _unsigned(query: re.Match[str]) -> str:
    """Return a query without what signs it; a colon or stop after it is the sentence's."""
    text = query[0][1:].rstrip(":.,;)]")
    after = query[0][1 + len(text) :]
    names = [part.partition("=")[0] for part in text.split("&")]
    if not any(map(_SIGNED.fullmatch, names)):
        return query[0]
    kept = [
        part
        for part, name in zip(text.split("&"), names, strict=True)
        if not _SIGNED.fullmatch(name) and not _BESIDE.fullmatch(name)
    ]
    return (f"?{'&'.join(kept)}" if kept else "") + after
