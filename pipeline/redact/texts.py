"""Texts for people and programs: uris in them, headers, and what is a credential by its name or its shape."""

from __future__ import annotations

import re

from pipeline.redact.uris import shown, unsigned, without_user

_HIDDEN = r"\1\2***"
_URI = re.compile(r"[a-z][a-z0-9+.-]{0,30}://[^\s\"'<>`\\]+", re.IGNORECASE)
_WEB_PATH = re.compile(r"(?<=url: )/[^\s\"'<>`\\]+")  # as urllib3 says it
_QUERY = re.compile(r"\?[^\s\"'<>`\\]+")
_USER = re.compile(
    r"(?<![\w/.@:%+-])[\w.%+-]{1,200}:[^\s/@\"'<>\\:]{1,200}@(?=[\w-]{1,63}\.\w|localhost\b|\[)"
)

_NAMED = (
    r"[\w.-]{0,40}(?:token|secret|passw(?:or)?d|passphrase|pwd|credentials?|signature|jwt"
    r"|(?<![a-z])sig(?=[\"'\s:=]{1,9}[^\s,]{8})"  # files of fuzzers have it in their names, with two digits
    r"|(?:api|access|auth|secret|private|shared|account|subscription)[-_]?key(?:[-_]?id)?)"
)
_IS, _VALUE = r"[\"']?\s*=\s*[\"']?", r"[^\s\"'<>&;,)\]}\\]"
_COLON = r"[\"']?\s*:\s*[\"']?"
_HEADER = r"(?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]{0,40}(?:key|token|secret|auth)[\w-]{0,40}"
_BY_NAME = [
    rf"({_HEADER})([\"']?\s*[:=]\s*[\"']?)[^\"'\n\r,;}}\\]+",
    r"\b(bearer|basic|sharedkey|sharedkeylite)(\s+)(?=\S{0,200}[\d=._~+/-])[\w.~+/=:-]{8,}",
    rf"\b({_NAMED})({_IS}){_VALUE}+",
    rf"\b([\w.-]{0, 40}(?:passw(?:or)?d|passphrase|pwd|secret))({_COLON}){_VALUE}+",
    rf"\b({_NAMED})({_COLON})(?={_VALUE}{{0,200}}\d){_VALUE}{{6,}}",
    r"(<\w{0,40}(?:AccessKey|Token|Secret|Signature|StringToSign|CanonicalRequest|Credential)\w*)(>)[^<]+",
]
_BY_SHAPE = [  # keys of AWS, JSON web tokens, keys of Google, GitHub, Hugging Face and Slack, private keys
    r"()()(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}(?![A-Z0-9])",
    r"()()\beyJ[\w-]{8,4000}\.[\w-]{4,}(?:\.[\w-]*)*",
    r"()()\b(?:AIza[\w-]{35}|ya29\.[\w.-]+|gh[pousr]_\w{20,}|github_pat_\w{20,}|hf_\w{20,}|xox[abprs]-[\w-]{10,})",
    r"()()-----BEGIN [A-Z ]*PRIVATE KEY-----[^\"']*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
]
_NAMED_ONES = [re.compile(each, re.IGNORECASE) for each in _BY_NAME]
_MAY_NAME = re.compile(r"[=:<]|bearer|basic|sharedkey", re.IGNORECASE)  # most texts, and all paths, do not
_SHAPED_ONES = [re.compile(each) for each in _BY_SHAPE]


def redacted(text: str) -> str:
    """Return a text without credentials, and of the uris in it only what is known to be harmless.

    >>> redacted("cannot read https://me:pw@host/a.tif?id=5&X-Amz-Signature=b0b&X-Amz-Date=2: 403")
    'cannot read https://host/a.tif?id=5: 403'
    """
    text = _USER.sub("", without_user(text))
    text = _URI.sub(lambda found: shown(found[0]), text)
    text = _WEB_PATH.sub(lambda found: shown(found[0]), text)
    text = _QUERY.sub(lambda found: unsigned(found[0]), text)
    for credential in (*(_NAMED_ONES if _MAY_NAME.search(text) else ()), *_SHAPED_ONES):
        text = credential.sub(_HIDDEN, text)
    return text
