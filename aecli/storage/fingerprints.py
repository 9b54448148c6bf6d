"""Fingerprints that identify the content of models and data sets."""

import hashlib
from collections.abc import Iterable


def fingerprint(chunks: Iterable[bytes | memoryview]) -> str:
    """Return `sha256:` and the hexadecimal digest of the concatenated chunks."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"


def short_fingerprint(fingerprint: str) -> str:
    """Return the first 12 hexadecimal digits of a fingerprint, for messages."""
    return fingerprint.removeprefix("sha256:")[:12]
