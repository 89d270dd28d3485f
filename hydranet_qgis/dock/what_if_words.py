"""The sentences of the what-if panel: how much would change, and what it would cost."""

from __future__ import annotations

import re
from pathlib import Path

from .. import paths
from ..i18n import tr
from ..run_folder import Run
from ..what_if import Change

_KEEP = "\u00a0"  # a space at which no line breaks
# Sources that GDAL opens and that are no plain file; whether they are there is found out when asked for.
# (One letter before the colon is a drive.)
_NO_FILE = re.compile(r"^(/vsi|[A-Za-z0-9_]{2,}:)")


def headline(change: Change, run: Run) -> str:
    """How many tiles would change, as rich text."""
    if not change.tiles:
        return tr("<b>No tile would change.</b>")
    if not run.decoded:
        text = tr("<b>{tiles} of {total} tiles</b> would be decoded; so far there are only scores.")
    elif len(change.tiles) == 1:
        text = tr("<b>1 of {total} tiles</b> would change")
    else:
        text = tr("<b>{tiles} of {total} tiles</b> would change")
    return text.format(tiles=len(change.tiles), total=run.total)


def cost(change: Change) -> str:
    """Cost of the whole run now and then, as rich text; "" if the run does not tell."""
    parts = []
    if change.macs_before is not None and change.macs_after is not None:
        parts.append(_from_to(macs_text(change.macs_before), macs_text(change.macs_after)))
    if change.seconds_before is not None and change.seconds_after is not None:
        times = _from_to(seconds_text(change.seconds_before), seconds_text(change.seconds_after))
        parts.append(tr("about {time}").format(time=times).replace(" ", _KEEP))
    return tr("Whole run: {cost}").format(cost=" · ".join(parts)) if parts else ""


def _from_to(before: str, after: str) -> str:
    """Both values with one unit if they share it, one value if they are alike."""
    if before == after:
        return before
    number, _, unit = before.rpartition(" ")
    return f"{number if after.endswith(f' {unit}') else before} → <b>{after}</b>".replace(" ", _KEEP)


def button_text(change: Change) -> str:
    """What the button does, with its numbers."""
    if change.added and change.dropped:
        return tr("Decode {added} missing, drop {dropped}").format(added=change.added, dropped=change.dropped)
    if change.dropped:
        return tr("Drop {dropped}").format(dropped=change.dropped)
    return tr("Decode {added} missing").format(added=change.added)


def price(change: Change) -> str:
    """What pressing the button costs."""
    if not change.tiles:
        return ""
    parts = []
    if change.seams:
        parts.append(tr("+ {count} again for the seams").format(count=change.seams))
    if change.encode == 1:
        parts.append(tr("1 tile encoded"))
    elif change.encode:
        parts.append(tr("{count} tiles encoded").format(count=change.encode))
    if change.macs:
        parts.append(macs_text(change.macs))
    if change.seconds:
        parts.append(tr("about {time} of computing").format(time=seconds_text(change.seconds)))
    return " · ".join(part.replace(" ", _KEEP) for part in parts)


def explanation(change: Change) -> str:
    """The same at length, for the button's tool tip."""
    lines = [
        tr(
            "Missing: pairs of a tile and an expert that this policy chooses and the run has not decoded. "
            "Only they are decoded, into the layers you see."
        )
    ]
    if change.seams:
        lines.append(
            tr(
                "Tiles overlap and are blended there, so decoded neighbours of a tile that comes or goes are "
                "decoded once more. The result is the same as that of a new run."
            )
        )
    if change.dropped:
        lines.append(tr("What is dropped leaves the layers; it can be decoded again at any time."))
    return "\n\n".join(lines)


def hindrance(run: Run) -> str:
    """Why the run cannot be given another policy, "" if it can."""
    scene = str(run.request.get("input") or run.scene)
    if scene and not _NO_FILE.match(scene) and not Path(scene).exists():
        return tr("The raster {path} is gone; bring it back to decode from it.").format(path=scene)
    bundle = run.bundle or paths.default_bundle()
    if not (bundle / "model.json").is_file():
        return tr("The model bundle {path} is gone; bring it back to decode with it.").format(path=bundle)
    return ""


def macs_text(macs: int) -> str:
    """Multiply-accumulates with a unit that keeps the number short."""
    for unit, size in (("PMACs", 1e15), ("TMACs", 1e12)):
        if macs >= size:
            return tr("{number} {unit}").format(number=_short(macs / size), unit=unit)
    return tr("{number} {unit}").format(number=_short(macs / 1e9), unit="GMACs")


def seconds_text(seconds: float) -> str:
    """A time in words, as exact as an estimate can be."""
    if seconds < 99.5:
        return tr("{number} s").format(number=_short(seconds))
    if seconds < 5970:
        return tr("{number} min").format(number=round(seconds / 60))
    return tr("{number} h").format(number=f"{seconds / 3600:.1f}")


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 99.5 else f"{number:.1f}"
