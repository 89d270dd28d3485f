"""Parameters of `train`, each beside its help."""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from ..bundle_info import read_bundle
from ..i18n import tr
from .base import HydraNetAlgorithm
from .run_parameters import declare_bundle, declare_threads, widget
from .train_request import EXPERT, WHATS

_INTEGER = QgsProcessingParameterNumber.Type.Integer
_DOUBLE = QgsProcessingParameterNumber.Type.Double

USUAL_MINUTES = 5.0


def declare_training(algorithm: HydraNetAlgorithm, default: Path) -> None:
    """Add all of them.

    Args:
        algorithm: takes them.
        default: the bundle that is used where none is named.
    """
    _declare_what(algorithm, default)
    _declare_limits(algorithm)
    declare_bundle(algorithm)
    declare_threads(algorithm)
    algorithm.add(
        QgsProcessingParameterBoolean(
            "RESUME", tr("Resume an unfinished training"), defaultValue=False, optional=True
        ),
        tr(
            "Continue a training that stopped on the way, with the same settings and the same output folder; "
            "only limit and threads may differ. Without one there it starts from the beginning."
        ),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterBoolean(
            "OVERWRITE", tr("Overwrite a bundle in the output folder"), defaultValue=False, optional=True
        ),
        tr("Allow a bundle or a training that already lies in the output folder to be replaced."),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterFolderDestination("OUTPUT_FOLDER", tr("New bundle")),
        tr(
            "An empty or new folder for the new model bundle: all experts and the new one, with its curves "
            "and figures in the folder training. A temporary folder is gone when QGIS closes."
        ),
    )


def _declare_what(algorithm: HydraNetAlgorithm, default: Path) -> None:
    names = [expert.name for expert in read_bundle(default).experts if not expert.finds_objects]
    listed = tr("The default model has {experts}.").format(experts=", ".join(names)) if names else ""
    algorithm.add(
        QgsProcessingParameterEnum(
            "WHAT", tr("What to train"), options=WHATS, defaultValue=EXPERT, usesStaticStrings=True
        ),
        tr(
            "expert: a new expert on the encoder as it is, with a row of the switcher of its own. switcher: "
            "only the switcher's rows of the experts that the tiles tell about, in a minute or so. "
            "finetune: an expert of the bundle is trained further."
        ),
    )
    algorithm.add(
        QgsProcessingParameterFile(
            "TILES", tr("Training tiles"), behavior=QgsProcessingParameterFile.Behavior.Folder
        ),
        tr("Folder with routerset.json, as Export training tiles makes it."),
    )
    expert = QgsProcessingParameterString("EXPERT", tr("Expert"), optional=True)
    expert.setMetadata(widget("NameWidget", of="TILES"))
    algorithm.add(
        expert,
        tr(
            "Task of the tiles that the expert is trained for, by its name there. May be empty if the tiles "
            "have one task only, and is empty for the switcher."
        ),
    )
    tune = QgsProcessingParameterString("TUNE", tr("Expert to begin with (finetune only)"), optional=True)
    tune.setMetadata(widget("NameWidget", of="BUNDLE"))
    algorithm.add(
        tune,
        tr(
            "Expert of the bundle that is trained further, where its name is not that of the task; it then "
            "stays as it is, and the new one is added. Empty: the expert with the task's name."
        ),
        advanced=True,
    )
    like = QgsProcessingParameterString("LIKE", tr("Expert to start from (expert only)"), optional=True)
    like.setMetadata(widget("NameWidget", of="BUNDLE"))
    algorithm.add(
        like,
        " ".join(
            part
            for part in (
                tr(
                    "Expert of the bundle whose decoder the new one starts from; one that sees something "
                    "alike learns faster. Empty: from scratch."
                ),
                listed,
            )
            if part
        ),
        advanced=True,
    )


def _declare_limits(algorithm: HydraNetAlgorithm) -> None:
    algorithm.add(
        QgsProcessingParameterNumber(
            "MINUTES",
            tr("Train for at most (minutes)"),
            _DOUBLE,
            defaultValue=USUAL_MINUTES,
            optional=True,
            minValue=0.05,
            maxValue=100_000.0,
        ),
        tr(
            "The training ends then with the best so far, or earlier when it no longer becomes better. What "
            "is made ready before and measured after is not counted. Empty: no limit."
        ),
    )
    algorithm.add(
        QgsProcessingParameterNumber("EPOCHS", tr("Epochs, at most"), _INTEGER, optional=True, minValue=1),
        tr("Times that all tiles are seen. Empty: what suits what is trained."),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterNumber("SEED", tr("Seed"), _INTEGER, defaultValue=0, optional=True, minValue=0),
        tr("Of all that is random. Another one gives another training of the same kind."),
        advanced=True,
    )
