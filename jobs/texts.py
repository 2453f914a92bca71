"""Lists of texts in a configuration."""

from pipeline.errors import ConfigError


def texts_of(key: str, given: object) -> tuple[str, ...]:
    """Read texts: a list, or one text with commas."""
    texts = given.split(",") if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(one, str) and one.strip() for one in texts):
        raise ConfigError(f"{key} must be texts, as a list or by commas, got {given!r}")
    return tuple(one.strip() for one in texts)
