"""The report's sections on probabilities: scores of tiles, uncertainty of pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import markup
from .pictures import doubt_svg, reliability_svg

_ROUTER_NAMES = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "brier": "Brier score",
    "ece": "calibration error",
}


def router_part(router: Mapping[str, Any]) -> str:
    """Counts, figures and the reliability diagram of the routing."""
    told = router["needed"] + router["not_needed"]
    expert, share = markup.text(router["expert"]), 100 * router["share"]
    rule = (
        f"A tile needs the expert '{expert}' if at least {share:g} % of its valid pixels are content by the "
        "reference, and does not if there is less and the reference tells of enough of its pixels; a tile is "
        "all that the network saw, its overlaps included."
    )
    tiles, needed, decided = (markup.count(router[key]) for key in ("tiles", "needed", "decided"))
    counts = (
        f"{tiles} tiles have a score; the reference tells of {markup.count(told)}, of which {needed} need "
        f"the expert. Of those it tells of, {decided} went there."
    )
    if not told:
        return f"<p>{rule}</p><p>{counts}</p>"
    in_vain = router["in_vain"]
    rows = [
        ["needed", markup.count(router["hit"]), markup.count(router["missed"])],
        ["not needed", markup.count(in_vain), markup.count(router["not_needed"] - in_vain)],
    ]
    cards = "".join(markup.card(name, router[key]) for key, name in _ROUTER_NAMES.items())
    return (
        f"<p>{rule}</p><p>{counts}</p>"
        f'<div class="figures">{cards}</div>{markup.table(("tiles", "went there", "did not"), rows)}'
        f"<p>{reliability_svg(router['bins'], router['threshold'])}</p>"
        '<p class="small">A score that can be taken for a probability lies on the dashed diagonal; below it '
        "the number "
        "of tiles in each bin. Where few tiles are, little is known.</p>"
    )


def doubt_part(doubt: Mapping[str, Any]) -> str:
    """Errors by uncertainty."""
    bins: Sequence[Mapping[str, Any]] = doubt["bins"]
    some = [
        (f"{100 * one['error']:.2g} %", markup.share(one["count"], doubt["pixels"]))
        for one in (bins[0], bins[-1])
    ]
    told = f"{some[0][0]} of the surest {some[0][1]} of the pixels"
    if len(bins) > 1:
        told += f" and {some[1][0]} of the least sure {some[1][1]}"
    return (
        f"<p>{told} are wrong. A wrong pixel is less sure than a right one with a chance of "
        f"{markup.number(doubt['auroc'])} (0.5 would be no better than a coin).</p><p>{doubt_svg(bins)}</p>"
    )
