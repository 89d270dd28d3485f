"""QGIS' proxy settings as the variables that pip reads.

As variables and never as arguments: arguments can be read by every user of the machine, and end in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True)
class Proxy:
    """A proxy to reach the package index through.

    Attributes:
        url: with user and password where it wants them; never to be shown.
        exceptions: hosts reached without it.
    """

    url: str = field(repr=False)
    exceptions: tuple[str, ...] = ()


def from_settings(value: Callable[[str], Any], login: tuple[str, str] = ("", "")) -> Proxy | None:
    """The proxy QGIS is set to use; None where QGIS has none or leaves it to the system.

    Args:
        value: reads a QGIS setting, such as `QgsSettings().value`.
        login: user and password to use where the settings hold none (from QGIS' password store).
    """
    host, kind = str(value("proxy/proxyHost") or "").strip(), str(value("proxy/proxyType") or "")
    if str(value("proxy/proxyEnabled") or "").lower() != "true" or kind == "DefaultProxy" or not host:
        return None
    user, password = str(value("proxy/proxyUser") or ""), str(value("proxy/proxyPassword") or "")
    if not user:
        user, password = login
    credentials = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    port = str(value("proxy/proxyPort") or "").strip()
    scheme = "socks5h" if kind == "Socks5Proxy" else "http"
    address = f"{credentials}@{host}" if user else host
    excluded = [*_listed(value("proxy/noProxyUrls")), *_listed(value("proxy/proxyExcludedUrls"))]
    hosts = dict.fromkeys(name for name in map(_host, excluded) if name)
    return Proxy(f"{scheme}://{address}{f':{port}' if port else ''}", tuple(hosts))


def of_qgis() -> Proxy | None:
    """The proxy of this QGIS. In the main thread."""
    from qgis.core import QgsNetworkAccessManager, QgsSettings

    # QGIS has put the login of its password store, if one is chosen, into its own proxy at the start.
    own = QgsNetworkAccessManager.instance().fallbackProxy()
    return from_settings(QgsSettings().value, (own.user(), own.password()))


def variables(proxy: Proxy | None) -> dict[str, str]:
    """What to add to pip's environment; empty where the environment's own proxy variables count."""
    if proxy is None:
        return {}
    found = dict.fromkeys(NAMES, proxy.url)
    found["NO_PROXY"] = ",".join(proxy.exceptions)
    # Programs look for either spelling, and some prefer the small one.
    return {**found, **{name.lower(): value for name, value in found.items()}}


def _listed(value: Any) -> Iterable[str]:
    """A QGIS setting that is a list, one text, or missing."""
    if value is None:
        return []
    texts = value if isinstance(value, (list, tuple)) else [value]
    return [part.strip() for text in texts for part in str(text).split("|") if part.strip()]


def _host(url: str) -> str:
    """The host in what QGIS takes as the beginning of a URL."""
    try:
        return urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""
