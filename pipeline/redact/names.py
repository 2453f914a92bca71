"""Names of a query's parameters: those that may be shown, and those that sign."""

from __future__ import annotations

import re
from urllib.parse import unquote

_HARMLESS_NAMES = """
asset assets band bands bbox bidx col collection collections crs data dataset date datetime day f
file filename format height id ids index item items layer layers level limit month n name page part
path row rows scene scenes scale service size srs tile time type url uri variable version versionid
width x y year z zoom
"""
_SHOWN = frozenset(_HARMLESS_NAMES.split())
_HARMLESS = re.compile(r"[\w.,:/+*-]{0,200}", re.ASCII)
_SIGNED = re.compile(
    r"x-(amz|goog|oss|cos|obs)-.+|awsaccesskeyid|googleaccessid|ossaccesskeyid|key-pair-id|signature|sig"
    r"|(.+[-_])?(token|secret|password|passwd|credentials?|api-?_?key|access-?_?key|subscription-key|auth)"
)
_SIGNED_JOINED = re.compile(
    r".*(token|secret|passw(or)?d|passphrase|credentials?|signature|jwt|jws|bearer|authorization|sessionid"
    r"|(api|access|auth|secret|private|shared|account|storage|signing|subscription|functions?)key(id)?)"
    r"|x(amz|goog|oss|cos|obs).+|pwd|sas|hmac|otp|oauth"
)
# Beside a signature these say until when and for what it holds; alone they may name a file.
_BESIDE = re.compile(
    r"expires|policy|s[vpret]|ss|srt|spr|sip|sdd|ses|scid|sk(oid|tid|t|e|s|v)|s[au]oid", re.IGNORECASE
)
_DECODED_TIMES = 4


def may_be_shown(name: str, value: str) -> bool:
    """Tell whether a parameter is known to be harmless, and its value looks so."""
    return name.lower() in _SHOWN and _HARMLESS.fullmatch(value) is not None


def signs(name: str) -> bool:
    """Tell whether a parameter is known to hold a credential, however its name is cased, joined or encoded."""
    for _ in range(_DECODED_TIMES):
        name = unquote(name)
    name = name.strip().lower()
    joined = re.sub(r"[\W_]", "", name)
    return _SIGNED.fullmatch(name) is not None or _SIGNED_JOINED.fullmatch(joined) is not None


def goes_with_a_signature(name: str) -> bool:
    """Tell whether a parameter is of a signature where there is one beside it."""
    return signs(name) or _BESIDE.fullmatch(name) is not None
