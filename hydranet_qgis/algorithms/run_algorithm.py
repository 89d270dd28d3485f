"""What `predict`, `route` and `objects` share: a raster goes in, a run folder comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingUtils,
)

from .. import bundles, paths, run_events
from ..bundle_info import BundleInfo, known_sensors
from ..errors import PluginError, WorkerCancelled, WorkerCrashed, WorkerError
from ..i18n import tr
from ..results import ROUTING_ROLE, plan
from ..run_folder import RUN_FILE, Run, read_run
from ..set_aside import SetAside
from . import inputs, values
from . import run_parameters as declare
from .layer_export import LayerExport, check_exportable, export_path
from .leftovers import Leftovers
from .loading import in_model, load_on_completion
from .mask_file import MaskFile, check_mask, resolve_mask
from .request import predict_command, predict_request
from .routing_sink import keeps_run_table, write_sink
from .sources import band_count, local_source
from .worker_algorithm import Steps, WorkerAlgorithm


class Routing(NamedTuple):
    """Which experts may be used, and how they are chosen for a tile; as in a request."""

    experts: list[str]
    policy: str
    top_k: int
    thresholds: dict[str, float] | None


class RunAlgorithm(WorkerAlgorithm):
    """Has the worker make a run, and loads its layers.

    Attributes:
        DECODE: whether experts are run, or tiles only scored.
    """

    METHOD = "predict"
    DECODE = True

    def __init__(self) -> None:
        super().__init__()
        self._request: dict[str, Any] = {}
        self._crs: Any = None
        self._mask: MaskFile | None = None
        self._export: LayerExport | None = None
        self._kept = True

    def declare_inputs(self, bundle: BundleInfo, sensors: list[str]) -> None:
        """Add the parameters that every run needs."""
        declare.declare_scene(self, sensors)
        declare.declare_experts(self, bundle)
        declare.declare_area(self)
        declare.declare_policy(self)
        declare.declare_tiling(self, bundle)
        if self.DECODE:
            declare.declare_uncertainty(self)
            declare.declare_object_score(self, bundle)
        declare.declare_reading(self)
        declare.declare_model(self)
        declare.declare_threads(self)
        declare.declare_memory(self)
        declare.declare_ways_on(self)

    def for_types(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Without experts and classes: `check` knows the bundle in use, the enumerations the default one."""
        return {name: value for name, value in parameters.items() if name not in ("EXPERTS", "CLASSES")}

    def open_input(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """See `WorkerAlgorithm.open_input`."""
        if parameters.get("INPUT"):
            values.raster_layer(self, parameters, context)

    def check(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """See `WorkerAlgorithm.check`."""
        layer = values.raster_layer(self, parameters, context)
        if local_source(layer) is None:
            check_exportable(layer)
        bands = self.parameterAsString(parameters, "BANDS", context)
        inputs.check_bands(bands, band_count(layer), known_sensors(paths.resources()))
        inputs.check_radiometry(self.parameterAsString(parameters, "RADIOMETRY", context))
        bundle = values.chosen_bundle(self, parameters, context)
        self.routing_of(parameters, context, bundle)
        inputs.check_overlap(self.parameterAsInt(parameters, "OVERLAP", context), bundle.tile_size)
        values.extent_of(self, parameters, context, layer)
        check_mask(self, parameters, "MASK", context, layer)
        overwrite = self.parameterAsBool(parameters, "OVERWRITE", context)
        resume = self.parameterAsBool(parameters, "RESUME", context)
        inputs.check_ways_on(overwrite, resume)
        output = parameters.get("OUTPUT_FOLDER")
        if isinstance(output, str) and output and output != QgsProcessing.TEMPORARY_OUTPUT:
            inputs.check_output(output, overwrite, resume)

    def resolve(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """See `WorkerAlgorithm.resolve`."""
        layer = values.raster_layer(self, parameters, context)
        folder = self.run_folder(parameters, context)
        # What lies in Processing's own folder goes with this QGIS, and so cannot be continued.
        self._kept = not folder.is_relative_to(QgsProcessingUtils.tempFolder())
        self._crs = layer.crs()
        resume = self.parameterAsBool(parameters, "RESUME", context)
        extent = values.extent_of(self, parameters, context, layer)
        source = local_source(layer)
        if source is None:
            self._export = LayerExport(layer, extent, export_path(folder, self._kept), resume)
            source, extent = str(self._export.path), None  # no more than the extent is exported
        bundle = values.chosen_bundle(self, parameters, context)
        routing = self.routing_of(parameters, context, bundle)
        self._mask = resolve_mask(self, parameters, "MASK", context)
        self._request = predict_request(
            source=source,
            output=str(folder),
            bundle=values.bundle_folder(self, parameters, context),
            bands=self.parameterAsString(parameters, "BANDS", context),
            radiometry=self.parameterAsString(parameters, "RADIOMETRY", context),
            experts=routing.experts,
            policy=routing.policy,
            top_k=routing.top_k,
            miss_rate=values.miss_rate(self, parameters, context),
            thresholds=routing.thresholds,
            overlap=self.parameterAsInt(parameters, "OVERLAP", context),
            extent=extent,
            mask=self._mask.path if self._mask is not None else None,
            uncertainty=self.DECODE and self.parameterAsBool(parameters, "UNCERTAINTY", context),
            object_score=values.optional_float(self, parameters, "OBJECT_SCORE", context),
            decode=self.DECODE,
            force_gsd=self.parameterAsBool(parameters, "FORCE_GSD", context),
            skip_damaged=self.parameterAsBool(parameters, "SKIP_DAMAGED", context),
            overwrite=self.parameterAsBool(parameters, "OVERWRITE", context),
            resume=resume,
            threads=values.optional_int(self, parameters, "THREADS", context),
            memory_mb=values.optional_int(self, parameters, "MEMORY_MB", context),
        )

    def run_folder(self, parameters: dict[str, Any], context: QgsProcessingContext) -> Path:
        """Where the run is to lie."""
        return Path(self.parameterAsFileOutput(parameters, "OUTPUT_FOLDER", context))

    def routing_of(
        self, parameters: dict[str, Any], context: QgsProcessingContext, bundle: BundleInfo
    ) -> Routing:
        """What is asked of the switcher.

        Raises:
            InputError: the thresholds are not understood, or fit neither policy nor model.
        """
        policy = self.parameterAsEnumString(parameters, "POLICY", context)
        thresholds = self.parameterAsString(parameters, "THRESHOLDS", context)
        return Routing(
            values.experts(self, parameters, context, bundle),
            policy,
            inputs.top_k_of(self.parameterAsInt(parameters, "TOP_K", context), len(bundle.experts)),
            inputs.read_thresholds(thresholds, policy, bundle.names),
        )

    def more_steps(self) -> int:
        """Steps of `after_run`."""
        return 0

    def after_run(
        self, run: Run, parameters: dict[str, Any], context: QgsProcessingContext, steps: Steps
    ) -> tuple[dict[str, Any], set[str]]:
        """Make what the algorithm gives besides the run; results, and roles that need not be loaded."""
        return {}, set()

    def work(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """See `WorkerAlgorithm.work`."""
        steps = Steps(feedback, 1 + (self._export is not None) + self.more_steps())
        if self._export is not None:
            feedback.pushInfo(self._export.notice(self._kept))
            self._export.write(steps.begin(tr("Exporting the layer")))
        # A run that is overwritten may be shown.
        with SetAside(Path(self._request["output"]), context.project(), feedback.isCanceled):
            run = self._run(feedback, steps.begin())
        if self._request["bundle"]:
            bundles.remember(self._request["bundle"])
        tell(run, feedback)
        return self.hand_over(run, parameters, context, steps)

    def hand_over(
        self, run: Run, parameters: dict[str, Any], context: QgsProcessingContext, steps: Steps
    ) -> dict[str, Any]:
        """Have a finished run's layers loaded; the algorithm's results."""
        results, spare = self.after_run(run, parameters, context, steps)
        if not in_model(context):
            roles = {planned.role for planned in plan(run)} - {ROUTING_ROLE} - spare
            load_on_completion(context, context.project(), run, roles, "OUTPUT_LAYERS", self._crs)
        return {
            **results,
            "OUTPUT_FOLDER": str(run.folder),
            "ROUTING": self._routing(run, parameters, context),
            **counts(run),
        }

    def clean(self) -> None:
        """See `WorkerAlgorithm.clean`."""
        if self._mask is not None:
            self._mask.remove()

    def postProcessAlgorithm(
        self, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Tell whoever shows runs that there is a new one."""
        run_events.announce(Path(self._request["output"]))
        return {}

    def _run(self, feedback: QgsProcessingFeedback, step: QgsProcessingFeedback) -> Run:
        if self._mask is not None and self._mask.copied:
            feedback.pushInfo(
                tr(
                    "The mask is not one plain file, so its polygons are copied while this run lasts; to "
                    "repeat it on the command line, save the mask as a GeoPackage."
                )
            )
        feedback.pushInfo(tr("The same run on the command line:"))
        feedback.pushCommandInfo(predict_command(self._request))
        folder = Path(self._request["output"])
        leftovers = Leftovers(folder, self._kept)
        try:
            self.job(self._request, step)
        except PluginError as error:
            # Not by way of a variable: the error would hold this frame, and it the error, until QGIS is gone.
            raise self._after(error, leftovers) from error
        return read_run(folder)

    def _after(self, error: PluginError, leftovers: Leftovers) -> PluginError:
        """Clear away what a failed job left; the error to be told."""
        told = error
        if isinstance(error, WorkerCancelled) and error.began:
            leftovers.remove()
        elif isinstance(error, WorkerCrashed):
            told = WorkerCrashed(leftovers.after_crash(str(error)))
        elif isinstance(error, WorkerError):
            told = WorkerError(leftovers.after_error(str(error)), error.kind)
        if self._export is not None and not leftovers.resumable:
            self._export.remove()
        return told

    def _routing(self, run: Run, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """Have the routing layer loaded; returns its identifier."""
        destination = parameters.get("ROUTING")
        if not destination or keeps_run_table(destination, context):
            project = getattr(destination, "destinationProject", None)
            load_on_completion(context, project, run, {ROUTING_ROLE}, "ROUTING", self._crs)
            return run.routing_uri
        return write_sink(self, parameters, "ROUTING", context, run, self._crs)


def counts(run: Run) -> dict[str, Any]:
    """A run's numbers, as results."""
    return {
        "TILES": run.total,
        "ROUTED_TILES": run.routed,
        "ABSTAINED_TILES": run.abstained,
        "RUN_JSON": str(run.folder / RUN_FILE),
    }


def tell(run: Run, feedback: QgsProcessingFeedback) -> None:
    """Write into the log what became of a run."""
    for expert in run.experts:
        if expert.tiles:
            feedback.pushInfo(
                tr("{expert}: {tiles} of {total} tiles").format(
                    expert=expert.label, tiles=expert.tiles, total=run.total
                )
            )
        if expert.objects is not None and expert.tiles:
            listed = ", ".join(f"{name} {count}" for name, count in expert.objects.by_class.items())
            feedback.pushInfo(
                tr("{expert}: {count} found ({classes})").format(
                    expert=expert.label, count=expert.objects.count, classes=listed or "-"
                )
            )
    if run.masked:
        feedback.pushInfo(
            tr("Left out by the mask: {tiles} of {total} tiles").format(tiles=run.masked, total=run.total)
        )
    for fact in run.facts:
        feedback.pushInfo(f"{fact.title}: {fact.text}")
