"""`hydranet:predict`: the main job. A raster goes in, a run folder and its layers come out."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingContext

from .. import bundles, paths
from ..bundle_info import known_sensors, read_bundle
from ..i18n import tr
from ..results import plan
from ..run_folder import Run
from . import run_parameters as declare
from . import values
from .expert_outputs import check_wanted, declare_outputs, wanted_experts, write_wanted
from .run_algorithm import RunAlgorithm
from .sources import local_source
from .worker_algorithm import Steps


class PredictAlgorithm(RunAlgorithm):
    """Tiles a raster, has each tile routed to experts by the worker, and loads what they found."""

    NAME = "predict"

    def __init__(self) -> None:
        super().__init__()
        self._wanted: dict[str, str] = {}

    def displayName(self) -> str:
        return tr("Predict with routed experts")

    def tags(self) -> list[str]:
        return tr(
            "hydranet,mixture of experts,moe,deep learning,segmentation,classification,satellite,phisat-2,"
            "sentinel-2,tiles,routing,clouds,water,land cover,objects"
        ).split(",")

    def summary(self) -> str:
        return tr(
            "<p>Runs the HydraNet mixture-of-experts network over a multi-band satellite raster. The raster "
            "is cut into tiles; each tile is encoded once, a switcher scores every expert, and only the "
            "experts a tile needs decode it. Every expert that was used gives one layer, with bands of "
            "uncertainty if asked for; one that finds objects gives polygons. The routing layer keeps all "
            "scores, and the scene class of each tile if the model tells one.</p>"
            "<p>A worker process with its own Python environment does the work, so running out of memory "
            "there does not take QGIS down.</p>"
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        bundle = read_bundle(bundles.default_folder())
        self.declare_inputs(bundle, known_sensors(paths.resources()))
        declare.declare_run(self)
        declare_outputs(self, bundle)
        declare.declare_layers(self)
        declare.declare_counts(self)

    def progress_text(self) -> str:
        return tr("Reading, routing and decoding tiles {done} of {total}")

    def check(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        super().check(parameters, context)
        self._checked(parameters, context, str(parameters.get("OUTPUT_FOLDER") or ""))

    def resolve(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        super().resolve(parameters, context)
        # Again: nobody checks the parameters of a model's step.
        self._wanted = self._checked(parameters, context, self._request["output"])

    def more_steps(self) -> int:
        return 1 if self._wanted else 0

    def after_run(
        self, run: Run, parameters: dict[str, Any], context: QgsProcessingContext, steps: Steps
    ) -> tuple[dict[str, Any], set[str]]:
        results: dict[str, Any] = {"OUTPUT_LAYERS": [item.source for item in plan(run) if item.is_raster]}
        if not self._wanted:
            return results, set()
        written, roles = write_wanted(self, parameters, context, self._wanted, run, self._crs, steps.begin())
        return {**results, **written}, roles

    def _checked(
        self, parameters: dict[str, Any], context: QgsProcessingContext, folder: str
    ) -> dict[str, str]:
        """Experts whose results are wanted as outputs, with the parameter of each.

        Raises:
            InputError: one cannot be had.
        """
        wanted = wanted_experts(parameters, read_bundle(bundles.default_folder()))
        bundle = values.chosen_bundle(self, parameters, context)
        experts = values.experts(self, parameters, context, bundle)
        source = local_source(values.raster_layer(self, parameters, context)) or ""
        check_wanted(parameters, wanted, bundle, experts, folder, source)
        return wanted
