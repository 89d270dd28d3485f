"""`hydranet:train`: tiles with labels become a new expert, a better one, or a better switcher."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputHtml,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
)

from .. import bundles
from ..errors import PluginError, WorkerCancelled
from ..i18n import tr
from ..training import sessions
from ..training.state import CANCELLED, FAILED, FINISHED, Training
from . import train_inputs, train_summary, values
from .train_feedback import TrainFeedback
from .train_parameters import USUAL_MINUTES, declare_training
from .train_request import FINETUNE, SWITCHER, train_command, train_request
from .worker_algorithm import WorkerAlgorithm


class TrainAlgorithm(WorkerAlgorithm):
    """Has the worker train, tells the panel of it, and keeps the new bundle in the list of known ones."""

    NAME = METHOD = "train"

    def __init__(self) -> None:
        super().__init__()
        self._request: dict[str, Any] = {}
        self._training: Training | None = None
        self._kept = True

    def displayName(self) -> str:
        return tr("Train an expert")

    def tags(self) -> list[str]:
        return tr(
            "hydranet,mixture of experts,moe,deep learning,training,fine-tuning,transfer learning,"
            "segmentation,switcher,routing,own data,learning curves"
        ).split(",")

    def summary(self) -> str:
        return tr(
            "<p>Learns from training tiles with labels of your own, and writes a new model bundle: with one "
            "more expert on the encoder as it is, with an expert that was trained further, or with a "
            "switcher that knows your tiles better. What is not trained stays the same to the "
            "bit.</p><p>The learning curves appear in the panel <i>HydraNet training</i> while it learns; "
            "there it can be ended early with the best so far. Cancel stops without a bundle.</p>"
        )

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        declare_training(self, bundles.default_folder())
        self.addOutput(QgsProcessingOutputString("BUNDLE_ID", tr("Identifier of the new bundle")))
        self.addOutput(QgsProcessingOutputNumber("VAL_FIGURE", tr("Validation figure that decided")))
        self.addOutput(QgsProcessingOutputNumber("TEST_FIGURE", tr("The same figure on the test tiles")))
        self.addOutput(QgsProcessingOutputNumber("EPOCHS", tr("Epochs done")))
        self.addOutput(QgsProcessingOutputNumber("BEST_EPOCH", tr("Best epoch")))
        self.addOutput(QgsProcessingOutputFile("CURVES", tr("Picture of the learning curves")))
        self.addOutput(QgsProcessingOutputHtml("SUMMARY", tr("Summary of the training")))

    def progress_text(self) -> str:
        return tr("Training")

    def check(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        target = parameters.get("OUTPUT_FOLDER")
        named = isinstance(target, str) and target and target != QgsProcessing.TEMPORARY_OUTPUT
        self._checked(parameters, context, str(target) if named else "")

    def resolve(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        folder = self.parameterAsFileOutput(parameters, "OUTPUT_FOLDER", context)
        self._kept = not bundles.is_passing(Path(folder))
        self._request = self._checked(parameters, context, folder)

    def work(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        feedback.pushInfo(tr("The same training on the command line:"))
        feedback.pushCommandInfo(train_command(self._request))
        training = Training(_title(self._request), self._request["what"], self._request["seconds"])
        self._training = training
        sessions.begin(training)
        try:
            summary = self.job(self._request, feedback).get("summary") or {}
            return self._finish(training, summary, feedback)
        except WorkerCancelled as error:
            text = str(error)
            if error.began:
                text = tr(
                    "The training was stopped without a bundle; tick Resume with the same settings and "
                    "output folder to go on where it was."
                )
            training.end(CANCELLED, text)
            raise WorkerCancelled(text, error.began) from error
        except PluginError as error:
            training.end(FAILED, str(error))
            raise
        finally:
            if training.running:
                training.end(FAILED, tr("The training failed; see the log of the algorithm."))
            sessions.changed(training)

    def listener(self, feedback: QgsProcessingFeedback) -> Callable[[dict[str, Any]], None]:
        """See `WorkerAlgorithm.listener`."""
        return TrainFeedback(feedback, self._training) if self._training else super().listener(feedback)

    def is_enough(self) -> bool:
        """See `WorkerAlgorithm.is_enough`: the panel's button was pressed."""
        return self._training is not None and self._training.concluded

    def _finish(
        self, training: Training, summary: dict[str, Any], feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        folder = Path(self._request["output"])
        for line in train_summary.log_lines(summary):
            feedback.pushInfo(line)
        for warning in summary.get("warnings") or ():
            feedback.pushWarning(str(warning))
        page = train_summary.write_page(summary, folder)
        bundles.remember(str(folder))
        if self._kept:
            text = tr(
                "The new bundle {folder} can be chosen as Model bundle in Predict, or as the default one in "
                "Settings > Options > HydraNet."
            ).format(folder=folder)
        else:
            text = tr(
                "The new bundle {folder} is temporary and gone when QGIS closes; until then it can be "
                "chosen as Model bundle in Predict. Copy the folder to keep it."
            ).format(folder=folder)
        feedback.pushInfo(text)
        training.end(FINISHED, train_summary.sentence(summary), str(folder))
        results = {"OUTPUT_FOLDER": str(folder), **train_summary.results(summary, folder)}
        return {**results, "SUMMARY": str(page)} if page is not None else results

    def _checked(
        self, parameters: dict[str, Any], context: QgsProcessingContext, folder: str
    ) -> dict[str, Any]:
        """The request; `folder` is "" while QGIS has not chosen one.

        Raises:
            InputError: something cannot work.
        """

        def text(name: str) -> str | None:
            return self.parameterAsString(parameters, name, context).strip() or None

        what = self.parameterAsEnumString(parameters, "WHAT", context)
        tiles = self.parameterAsString(parameters, "TILES", context)
        bundle = values.chosen_bundle(self, parameters, context)
        base = values.bundle_folder(self, parameters, context)
        overwrite = self.parameterAsBool(parameters, "OVERWRITE", context)
        resume = self.parameterAsBool(parameters, "RESUME", context)
        chosen = train_inputs.Choice(what, text("EXPERT"), text("TUNE"), text("LIKE"))
        chosen = train_inputs.check_choice(chosen, Path(tiles), bundle)
        if folder:
            train_inputs.check_output(
                Path(folder), Path(base) if base else None, Path(tiles), overwrite, resume
            )
        # Left out it is the usual limit; without one only where that is said.
        minutes = values.optional_float(self, {"MINUTES": USUAL_MINUTES, **parameters}, "MINUTES", context)
        return train_request(
            what=what,
            tiles=tiles,
            output=folder,
            expert=chosen.expert,
            tune=chosen.tune,
            like=chosen.like,
            bundle=base,
            seconds=None if minutes is None else round(60.0 * minutes, 3),
            epochs=values.optional_int(self, parameters, "EPOCHS", context),
            seed=self.parameterAsInt(parameters, "SEED", context),
            overwrite=overwrite,
            resume=resume,
            threads=values.optional_int(self, parameters, "THREADS", context),
        )


def _title(request: dict[str, Any]) -> str:
    """What is trained, with the bundle's name, which tells one attempt from another."""
    if request["what"] == SWITCHER:
        text = tr("Switcher")
    elif request["what"] == FINETUNE:
        text = tr("{expert}, fine-tuned")
    else:
        text = tr("{expert}, new")
    return f"{Path(request['output']).name}: " + text.format(expert=request["expert"])
