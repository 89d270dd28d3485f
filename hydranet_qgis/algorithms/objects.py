"""`hydranet:objects`: objects such as ships and buildings in a raster, as a layer of polygons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFolderDestination,
    QgsProcessingUtils,
)

from .. import bundles, paths, run_events
from ..bundle_info import BundleInfo, ExpertTitle, known_sensors, read_bundle
from ..errors import InputError
from ..i18n import tr
from ..run_folder import Run
from . import inputs, values
from . import run_parameters as declare
from .objects_sink import check_target, write_objects
from .run_algorithm import Routing, RunAlgorithm
from .values import destination, is_given
from .worker_algorithm import Steps


class ObjectsAlgorithm(RunAlgorithm):
    """Has the worker run the objects expert alone, and gives what it found."""

    NAME = "objects"

    def __init__(self) -> None:
        super().__init__()
        self._classes: list[str] = []
        self._shown = False

    def displayName(self) -> str:
        return tr("Find objects")

    def tags(self) -> list[str]:
        return tr(
            "hydranet,mixture of experts,moe,object detection,instances,ships,vessels,boats,buildings,"
            "satellite,phisat-2,sentinel-2,count"
        ).split(",")

    def summary(self) -> str:
        return tr(
            "<p>Finds objects in a multi-band satellite raster and gives each one as a polygon with its "
            "class, score, length and area, and the experts of the network that served it. An object that "
            "lies across tiles is found once.</p>"
            "<p>Only the model's objects expert is run, on the tiles that the switcher sends to it or on "
            "every tile. <i>Predict with routed experts</i> runs it together with the others.</p>"
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        bundle = read_bundle(bundles.default_folder())
        declare.declare_scene(self, known_sensors(paths.resources()))
        self._declare_choice(bundle)
        declare.declare_area(self)
        declare.declare_object_score(self, bundle)
        declare.declare_policy(self)
        declare.declare_tiling(self, bundle)
        declare.declare_reading(self)
        declare.declare_model(self)
        declare.declare_threads(self)
        declare.declare_memory(self)
        declare.declare_ways_on(self)
        self._declare_outputs()

    def _declare_choice(self, bundle: BundleInfo) -> None:
        names = list(bundle.objects.classes) if bundle.objects is not None else []
        self.add(
            QgsProcessingParameterEnum(
                "CLASSES",
                tr("Classes"),
                options=names,
                allowMultiple=True,
                optional=True,
                usesStaticStrings=True,  # by name, as experts are
            ),
            tr("Only objects of these classes, written by name. None: all."),
        )
        self.add(
            QgsProcessingParameterBoolean(
                "EVERY_TILE", tr("Search every tile"), defaultValue=False, optional=True
            ),
            tr(
                "Search also the tiles where the switcher expects no objects. That takes longer, and finds "
                "those that it would have missed, and more that are none. The routing policy does not "
                "matter then."
            ),
        )

    def _declare_outputs(self) -> None:
        self.add(
            QgsProcessingParameterFeatureSink(
                "OUTPUT", tr("Objects"), QgsProcessing.SourceType.TypeVectorPolygon
            ),
            tr(
                "One polygon for each object, with class, score, area, length and width, the tiles that "
                "found it, and the groups and experts of the network that served it."
            ),
        )
        self.add(
            QgsProcessingParameterFolderDestination(
                "OUTPUT_FOLDER", tr("Run folder"), optional=True, createByDefault=False
            ),
            tr(
                "Keep the run there, with the objects of all classes, the routing table and run.json. Needed "
                "to see the run in the HydraNet panel, to resume or to reroute it. Empty: it is gone when "
                "QGIS closes."
            ),
        )
        self.addOutput(QgsProcessingOutputNumber("COUNT", tr("Number of objects")))

    def progress_text(self) -> str:
        return tr("Searching tiles {done} of {total}")

    def check(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        super().check(parameters, context)
        self._checked(parameters, context, str(parameters.get("OUTPUT_FOLDER") or ""))

    def resolve(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        self._shown = is_given(parameters.get("OUTPUT_FOLDER"))
        super().resolve(parameters, context)
        # Again: nobody checks the parameters of a model's step.
        self._classes = self._checked(parameters, context, self._request["output"])

    def run_folder(self, parameters: dict[str, Any], context: QgsProcessingContext) -> Path:
        if self._shown:
            return super().run_folder(parameters, context)
        return Path(QgsProcessingUtils.generateTempFilename("objects"))

    def routing_of(
        self, parameters: dict[str, Any], context: QgsProcessingContext, bundle: BundleInfo
    ) -> Routing:
        name = _expert(bundle, self.parameterAsString(parameters, "BUNDLE", context)).name
        thresholds = self.parameterAsString(parameters, "THRESHOLDS", context)
        if self.parameterAsBool(parameters, "EVERY_TILE", context):
            if thresholds.strip():
                raise InputError(
                    tr(
                        "Every tile is to be searched, so the thresholds '{text}' decide nothing; leave them "
                        "empty, or do not search every tile."
                    ).format(text=thresholds)
                )
            # The strongest of one expert is that expert, whatever its score.
            return Routing([name], "top-k", 1, None)
        policy = self.parameterAsEnumString(parameters, "POLICY", context)
        return Routing([name], policy, 1, inputs.read_thresholds(thresholds, policy, [name]))

    def more_steps(self) -> int:
        return 1

    def hand_over(
        self, run: Run, parameters: dict[str, Any], context: QgsProcessingContext, steps: Steps
    ) -> dict[str, Any]:
        step = steps.begin(tr("Writing the objects"))
        expert = next(expert for expert in run.experts if expert.finds_objects)
        written = write_objects(
            self, parameters, "OUTPUT", context, run, expert, self._crs, step, self._classes
        )
        results = {"OUTPUT": written.layer, "COUNT": written.count}
        return {**results, "OUTPUT_FOLDER": str(run.folder)} if self._shown else results

    def postProcessAlgorithm(
        self, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Tell whoever shows runs that there is a new one, if it was asked for."""
        if self._shown:
            run_events.announce(Path(self._request["output"]))
        return {}

    def _checked(self, parameters: dict[str, Any], context: QgsProcessingContext, folder: str) -> list[str]:
        """Classes that are wanted, empty for all.

        Raises:
            InputError: the model does not know one, or the objects cannot be saved where they are to.
        """
        bundle = values.chosen_bundle(self, parameters, context)
        known = _expert(bundle, self.parameterAsString(parameters, "BUNDLE", context)).classes
        wanted = values.names(self, parameters, "CLASSES", context)
        strange = [name for name in wanted if name not in known]
        if strange:
            raise InputError(
                tr("The chosen model bundle finds {known}, and no {names}; choose other CLASSES.").format(
                    known=", ".join(known), names=", ".join(strange)
                )
            )
        check_target(destination(parameters.get("OUTPUT")), folder)
        return wanted


def _expert(bundle: BundleInfo, folder: str) -> ExpertTitle:
    """The bundle's objects expert.

    Raises:
        InputError: it has none.
    """
    if bundle.objects is not None:
        return bundle.objects
    if bundle.problem:
        raise InputError(tr("{problem}; choose another model bundle.").format(problem=bundle.problem))
    if folder:
        raise InputError(
            tr(
                "The model bundle {folder} has no expert that finds objects; choose one that has, or leave "
                "the model bundle empty."
            ).format(folder=folder)
        )
    if bundles.chosen():
        raise InputError(
            tr(
                "The default model bundle {folder} has no expert that finds objects; choose a model bundle "
                "that has one."
            ).format(folder=bundles.chosen())
        )
    raise InputError(
        tr(
            "The model that comes with the plugin has no expert that finds objects; choose a model bundle "
            "that has one."
        )
    )
