"""`hydranet:reroute`: a finished run gets another policy, and only what it lacks is decoded."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFolder,
    QgsProcessingOutputNumber,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterFile,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt import sip

from .. import bundles, main_thread, run_events
from ..bundle_info import read_bundle
from ..errors import InputError, RunFolderError
from ..i18n import tr
from ..layer_identity import own_layers
from ..results import loading_steps, plan
from ..run_folder import Run, read_run
from ..set_aside import SetAside
from . import inputs, values
from . import run_parameters as declare
from .loading import in_model, load_on_completion
from .request import reroute_command, reroute_request
from .run_algorithm import counts, tell
from .worker_algorithm import WorkerAlgorithm


class RerouteAlgorithm(WorkerAlgorithm):
    """Has the worker bring a run folder in line with another policy, and its layers with the folder."""

    NAME = METHOD = "reroute"

    def __init__(self) -> None:
        super().__init__()
        self._request: dict[str, Any] = {}
        self._shown = self._background = False
        self._reroutes = 0

    def displayName(self) -> str:
        return tr("Reroute a run")

    def tags(self) -> list[str]:
        return tr(
            "hydranet,mixture of experts,moe,routing,what if,policy,threshold,top-k,recall,decode"
        ).split(",")

    def summary(self) -> str:
        return tr(
            "<p>Gives a finished run another policy. The scores are there already, so only the tiles and "
            "experts that the new policy adds are decoded; what it drops is taken out. Afterwards the run "
            "folder is the same as that of a new run with this policy.</p>"
            "<p>A run of scores only is decoded by it.</p>"
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(
            QgsProcessingParameterFile(
                "RUN_FOLDER", tr("Run folder"), behavior=QgsProcessingParameterFile.Behavior.Folder
            ),
            tr(
                "Folder of a finished run, made by Predict or Route. It is changed; its raster must still be "
                "where it was."
            ),
        )
        declare.declare_top_k(self, read_bundle(bundles.default_folder()))
        declare.declare_policy(self, advanced=False)
        declare.declare_threads(self)
        declare.declare_memory(self)
        self.addOutput(QgsProcessingOutputFolder("OUTPUT_FOLDER", tr("Run folder")))
        declare.declare_layers(self)
        self.addOutput(QgsProcessingOutputVectorLayer("ROUTING", tr("Routing")))
        self.addOutput(QgsProcessingOutputNumber("ADDED", tr("Decodings added (tile and expert)")))
        self.addOutput(QgsProcessingOutputNumber("DROPPED", tr("Decodings dropped (tile and expert)")))
        declare.declare_counts(self)

    def progress_text(self) -> str:
        return tr("Decoding missing tiles {done} of {total}")

    def check(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        request = self._read(parameters, context)
        project = context.project()
        layers = own_layers(project, read_run(Path(request["run"]))) if project is not None else ()
        for layer in layers:
            if isinstance(layer, QgsVectorLayer) and layer.isModified():
                raise InputError(
                    tr(
                        "The layer '{name}' of this run has edits that are not saved, and its table is "
                        "written anew; save or discard them first."
                    ).format(name=layer.name())
                )

    def resolve(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        self._request = self._read(parameters, context)
        project = context.project()
        run = read_run(Path(self._request["run"]))
        self._shown = project is not None and bool(own_layers(project, run))
        self._reroutes = run.reroutes

    def work(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        feedback.pushInfo(tr("The same on the command line:"))
        feedback.pushCommandInfo(reroute_command(self._request))
        self._background = not main_thread.here()
        folder = Path(self._request["run"])
        with SetAside(folder, context.project(), feedback.isCanceled):
            finished = self.job(self._request, feedback)
        run = read_run(folder)
        tell(run, feedback)
        if not self._shown and not in_model(context):
            roles = {planned.role for planned in plan(run)}
            load_on_completion(context, context.project(), run, roles, "OUTPUT_LAYERS", None)
        done = (finished.get("summary") or {}).get("reroutes") or []
        last = done[-1] if len(done) > self._reroutes else {}  # none where it had this policy already
        return {
            "OUTPUT_FOLDER": str(run.folder),
            "OUTPUT_LAYERS": [item.source for item in plan(run) if item.is_raster],
            "ROUTING": run.routing_uri,
            "ADDED": int(last.get("added") or 0),
            "DROPPED": int(last.get("dropped") or 0),
            **counts(run),
        }

    def postProcessAlgorithm(
        self, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Have the project show what the folder now holds, and tell whoever shows runs."""
        # A step of a model may end in the background, where the project must not be touched.
        run = read_run(Path(self._request["run"]))
        follow = partial(_follow, run, context.project(), self._shown, self._background)
        main_thread.do(follow)
        return {}

    def _read(self, parameters: dict[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        """The request.

        Raises:
            InputError: the folder is no run, or the thresholds do not fit it.
        """
        folder = self.parameterAsFile(parameters, "RUN_FOLDER", context)
        run = _opened(Path(folder))
        policy = self.parameterAsEnumString(parameters, "POLICY", context)
        thresholds = self.parameterAsString(parameters, "THRESHOLDS", context)
        return reroute_request(
            run=folder,
            policy=policy,
            top_k=inputs.top_k_of(self.parameterAsInt(parameters, "TOP_K", context), len(run.experts)),
            miss_rate=values.miss_rate(self, parameters, context),
            thresholds=inputs.read_thresholds(thresholds, policy, [expert.name for expert in run.experts]),
            threads=values.optional_int(self, parameters, "THREADS", context),
            memory_mb=values.optional_int(self, parameters, "MEMORY_MB", context),
        )


def _follow(run: Run, project: QgsProject | None, shown: bool, by_and_by: bool) -> None:
    """Have a project show what a run folder now holds, if it shows that run, and announce the run.

    Args:
        run: the run as it is now.
        project: whose layers.
        shown: whether it showed that run when the work began.
        by_and_by: one layer after the other, so that the window does not stand still; else at once.
    """
    call = main_thread.soon if by_and_by else main_thread.do
    for step in loading_steps(run, project) if project is not None else ():
        call(partial(_if_shown, step, run, project))
    tell = partial(run_events.announce, run.folder)
    # A project that was closed meanwhile, or another in its place, must not get the run.
    call(partial(_if_shown, tell, run, project) if shown and project is not None else tell)


def _if_shown(step: Callable[[], Any], run: Run, project: QgsProject) -> None:
    if not sip.isdeleted(project) and own_layers(project, run):
        step()


def _opened(folder: Path) -> Run:
    try:
        return read_run(folder)
    except RunFolderError as error:
        raise InputError(str(error)) from error
