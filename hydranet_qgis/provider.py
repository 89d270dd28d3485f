"""The Processing provider `hydranet`."""

from __future__ import annotations

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from . import paths
from .algorithms.evaluate import EvaluateAlgorithm
from .algorithms.export_tiles import ExportTilesAlgorithm
from .algorithms.objects import ObjectsAlgorithm
from .algorithms.predict import PredictAlgorithm
from .algorithms.prepare_bands import PrepareBandsAlgorithm
from .algorithms.reroute import RerouteAlgorithm
from .algorithms.route import RouteAlgorithm
from .algorithms.train import TrainAlgorithm
from .i18n import tr
from .models import shipped_models

PROVIDER_ID = "hydranet"
ALGORITHMS = (
    PredictAlgorithm,
    ObjectsAlgorithm,
    RouteAlgorithm,
    RerouteAlgorithm,
    PrepareBandsAlgorithm,
    ExportTilesAlgorithm,
    TrainAlgorithm,
    EvaluateAlgorithm,
)


class HydraNetProvider(QgsProcessingProvider):
    """Registers the algorithms; needs no worker, no bundle and no window for that."""

    def id(self) -> str:
        return PROVIDER_ID

    def name(self) -> str:
        return "HydraNet"

    def longName(self) -> str:
        return tr("HydraNet – mixture of experts for satellite imagery")

    def icon(self) -> QIcon:
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        return paths.icon_path("hydranet")

    def helpId(self) -> str:
        return PROVIDER_ID

    def loadAlgorithms(self) -> None:
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())
        for model in shipped_models():
            self.addAlgorithm(model)
