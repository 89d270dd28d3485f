"""What went wrong during set-up, as one sentence with the likely cure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..i18n import tr

_MISSING = (
    r"(?:No matching distribution found for|Could not find a version that satisfies the requirement) (\S+)"
)


def explain(lines: Sequence[str], offline: bool = False) -> str:
    """The sentence for what pip (or venv) printed before it failed.

    Args:
        lines: what it printed, passwords taken out.
        offline: whether packages come from a folder of wheels.
    """
    text = "\n".join(lines)
    for pattern, sentence in _known():
        if re.search(pattern, text, re.IGNORECASE):
            return sentence
    missing = re.search(_MISSING, text)
    name = missing.group(1) if missing else ""
    if name and offline:
        return tr(
            "The folder of wheels has no {name} for this Python; add that wheel, or choose the Python "
            "the wheels were collected for."
        ).format(name=name)
    # After the offline case, before the plain one: unreachable indexes make pip say "no matching" in the end.
    if re.search(_NO_NETWORK, text, re.IGNORECASE):
        return tr(
            "The package index could not be reached; check the connection and QGIS' proxy settings, "
            "or name another package index or a folder of wheels under More options."
        )
    if name:
        return tr(
            "The package index has no {name} for this Python and machine; choose another Python "
            "(3.11 to 3.13 are the safest), or another package index under More options."
        ).format(name=name)
    return tr("Packages could not be installed: {why}; the log tells more.").format(why=_last_words(lines))


_NO_NETWORK = (
    r"NewConnectionError|ConnectTimeout|ReadTimeout|Failed to establish|Name or service not known|"
    r"name resolution|getaddrinfo|Connection refused|Connection reset|Network is unreachable|"
    r"RemoteDisconnected"
)


def _known() -> list[tuple[str, str]]:
    """Patterns and sentences, the most telling first. A function, because of `tr`."""
    return [
        (
            r"No space left on device|not enough space|disk quota|WinError 112",
            tr("The disk is full; free some space in the QGIS profile's disk and press Set up again."),
        ),
        (
            r"\b407\b.*Proxy|Proxy Authentication Required",
            tr("The proxy wants a user and a password; enter them in Settings > Options > Network."),
        ),
        (
            r"SOCKS support",
            tr(
                "pip cannot use a SOCKS proxy; set an HTTP proxy in Settings > Options > Network, "
                "or use a folder of wheels."
            ),
        ),
        (
            r"CERTIFICATE_VERIFY_FAILED|SSLError|SSL: ",
            tr(
                "The package index has a certificate that this Python does not trust, often because a "
                "company's proxy reads along; name the company's certificate in pip's configuration "
                "(pip config set global.cert FILE) and press Set up again."
            ),
        ),
        (
            r"ProxyError|Cannot connect to proxy|Tunnel connection failed",
            tr("The proxy could not be used; check its address in Settings > Options > Network."),
        ),
        (
            r"HTTP error 40[13]|\b40[13] Client Error|\b401 Error",
            tr("The package index refuses access; check its address, and the user and password in it."),
        ),
        (
            r"DO NOT MATCH THE HASHES|IncompleteRead|Wheel .* is invalid|BadZipFile|File is not a zip file",
            tr(
                "A package arrived damaged; press Set up again, and if that does not help, "
                "run pip cache purge."
            ),
        ),
        (
            r"Long Path support|WinError 206",
            tr(
                "The folder's name is too long for Windows; switch on long paths in Windows "
                "(LongPathsEnabled) and press Set up again."
            ),
        ),
        (
            r"Permission denied|WinError 5\b|Access is denied",
            tr(
                "A file could not be written; check who owns the QGIS profile, and whether a virus "
                "scanner holds the file, then press Set up again."
            ),
        ),
        (
            r"MemoryError",
            tr("There was not enough memory to unpack torch; close other programs and press Set up again."),
        ),
    ]


def _last_words(lines: Sequence[str]) -> str:
    errors = [line for line in lines if line.startswith("ERROR:")]
    said = errors or [line for line in lines if line.strip()]
    return (
        (said[0] if errors else said[-1]).replace("ERROR: ", "").rstrip(". ")
        if said
        else tr("nothing was said")
    )
