"""Take credentials out of what is written or said.

Of a uri's query only what is known to be harmless is shown. The rest is left out where it is known to sign the uri, and
else replaced by a mark, eight digits of its SHA-256, so that two uris stay apart.
"""

from pipeline.redact.texts import redacted
from pipeline.redact.uris import unsigned

__all__ = ["redacted", "unsigned"]
