"""`hydranet:route`: scores only. Which tiles would go to which experts, without running one of them."""

from __future__ import annotations

from typing import Any

from .. import bundles, paths
from ..bundle_info import known_sensors, read_bundle
from ..i18n import tr
from . import run_parameters as declare
from .run_algorithm import RunAlgorithm


class RouteAlgorithm(RunAlgorithm):
    """Has the worker score every tile and decode none."""

    NAME = "route"
    DECODE = False

    def displayName(self) -> str:
        return tr("Route tiles (scores only)")

    def tags(self) -> list[str]:
        return tr(
            "hydranet,mixture of experts,moe,routing,switcher,scores,heatmap,triage,satellite,phisat-2,"
            "sentinel-2,tiles"
        ).split(",")

    def summary(self) -> str:
        return tr(
            "<p>Scores every tile of a multi-band satellite raster for every expert, and decides which would "
            "decode it, but runs none of them: a fast map of what is where.</p>"
            "<p>The run folder can be given to <i>Reroute a run</i>, or to <i>What if</i> in the HydraNet "
            "panel, which decode what is then chosen.</p>"
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.declare_inputs(read_bundle(bundles.default_folder()), known_sensors(paths.resources()))
        declare.declare_run(self)
        declare.declare_counts(self)

    def progress_text(self) -> str:
        return tr("Reading and routing tiles {done} of {total}")
