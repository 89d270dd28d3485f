"""How a run read its raster and chose its experts, in words: from `run.json`, for the log and the dock.

Runs of older versions lack some of it; what is not there is not told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .i18n import tr


@dataclass(frozen=True)
class Fact:
    """One thing worth knowing about a run.

    Attributes:
        title: what it is about, such as "Bands".
        text: all of it.
        brief: the gist, a few words.
    """

    title: str
    text: str
    brief: str


def facts_of(data: Mapping[str, Any]) -> tuple[Fact, ...]:
    """What `run.json` tells of bands, radiometry and policy, in this order."""
    found = (
        _bands(data.get("band_mapping") or {}),
        _radiometry(data.get("radiometry") or {}),
        _policy(data.get("policy") or {}, data.get("experts") or ()),
    )
    return tuple(fact for fact in found if fact is not None)


def _bands(mapping: Mapping[str, Any]) -> Fact | None:
    bands = mapping.get("bands") or {}
    given, made, missing = [], [], []
    for name, band in bands.items():
        number, status = band.get("layer_band"), band.get("status")
        if status == "missing":
            missing.append(name)
        elif status == "synthesised":
            made.append(name)
        else:
            told = band.get("description")
            given.append(f"{name} ← {number}" + (f" ({told})" if told and told != name else ""))
    if not bands:
        return None
    rest = []
    if made:
        rest.append(tr("{bands} synthesised").format(bands=", ".join(made)))
    if missing:
        rest.append(tr("{bands} missing").format(bands=", ".join(missing)))
    how = _how(mapping.get("method"))
    text = "; ".join([", ".join(given) or tr("none"), *rest])
    count = tr("1 band") if len(given) == 1 else tr("{count} bands").format(count=len(given))
    return Fact(tr("Bands"), f"{text}{f' ({how})' if how else ''}", ", ".join([count, *rest]))


def _how(method: Any) -> str:
    """Where a band mapping comes from, in words; a method this version does not know as it is."""
    text = str(method or "")
    if text.startswith("sensor:"):
        return tr("in the order of {sensor}").format(sensor=text.partition(":")[2])
    return {
        "explicit": tr("as chosen"),
        "descriptions": tr("by description"),
        "wavelengths": tr("by wavelength"),
        "colours": tr("by colour interpretation"),
    }.get(text, text)


def _radiometry(found: Mapping[str, Any]) -> Fact | None:
    scale, offset = found.get("scale"), found.get("offset")
    if scale is None:
        return None
    source = {
        "explicit": tr("as chosen"),
        "metadata": tr("from metadata"),
        "range": tr("guessed from the values"),
        "sentinel2": tr("from the Sentinel-2 product"),
    }
    method = str(found.get("method") or "")
    how = source.get(method) or (tr("from {source}").format(source=method) if method else "")
    if isinstance(scale, list) or isinstance(offset, list):
        text = brief = tr("scale and offset of each band")
    elif offset:
        sign = "−" if offset < 0 else "+"
        text = brief = tr("(value {sign} {offset}) × {scale}").format(
            sign=sign, offset=f"{abs(offset):g}", scale=f"{scale:g}"
        )
    else:
        text, brief = tr("value × {scale}").format(scale=f"{scale:g}"), f"× {scale:g}"
    return Fact(tr("Reflectance"), f"{text}{f' ({how})' if how else ''}", brief)


def _policy(policy: Mapping[str, Any], experts: Any) -> Fact | None:
    kind, k = policy.get("kind"), policy.get("k")
    if not kind:
        return None
    if kind == "top-k":
        strongest = (
            tr("top-k, the strongest of every tile")
            if k == 1
            else tr("top-k, the {k} strongest of every tile").format(k=k)
        )
        return Fact(tr("Policy"), strongest, f"top-k, k = {k}")
    used = policy.get("thresholds") or {}
    thresholds = {
        expert["name"]: used.get(expert["name"], expert.get("threshold"))
        for expert in experts
        if not expert.get("skipped")
    }
    listed = ", ".join(f"{n} {float(t):.2f}" for n, t in thresholds.items() if t is not None)
    if kind == "recall":
        rate = f"{100 * float(policy.get('miss_rate') or 0.0):g}"
        text = tr("recall, at most {rate} % missed").format(rate=rate)
        brief = tr("recall, ≤ {rate} % missed").format(rate=rate)
    else:
        text, brief = tr("{policy}, at most {k} per tile").format(policy=kind, k=k), f"{kind}, k ≤ {k}"
    return Fact(tr("Policy"), tr("{policy}; thresholds {listed}").format(policy=text, listed=listed), brief)
