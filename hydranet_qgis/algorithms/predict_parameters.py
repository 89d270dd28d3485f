"""The parameters and outputs of `hydranet:predict`, each beside its help."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ..bundle_info import BundleInfo
from .base import HydraNetAlgorithm

POLICIES = ["threshold", "top-k"]

_INTEGER = QgsProcessingParameterNumber.Type.Integer


def declare(algorithm: HydraNetAlgorithm, bundle: BundleInfo, sensors: list[str]) -> None:
    """Add all parameters and outputs to the algorithm.

    Args:
        algorithm: gets them.
        bundle: the plugin's own bundle, whose experts can be chosen.
        sensors: known sensors, for the help.
    """
    _declare_inputs(algorithm, bundle, sensors)
    _declare_advanced(algorithm, bundle)
    _declare_outputs(algorithm)


def _declare_inputs(algorithm: HydraNetAlgorithm, bundle: BundleInfo, sensors: list[str]) -> None:
    algorithm.add(
        QgsProcessingParameterRasterLayer("INPUT", "Input raster"),
        "A raster in a local file with any of the bands pan, blue, green, red, red edge 1 to 3 (re1, re2, "
        "re3) and near infrared (nir).",
    )
    algorithm.add(
        QgsProcessingParameterString("BANDS", "Bands", defaultValue="auto"),
        "Which layer band is which. auto reads band descriptions and wavelengths, and refuses rather "
        "than guesses. blue=2,green=3,red=4,nir=8 says it band by band. The name of a sensor states a known "
        "order" + (f": {', '.join(sensors)}." if sensors else "."),
    )
    algorithm.add(
        QgsProcessingParameterEnum(
            "EXPERTS",
            "Experts",
            options=bundle.names,
            allowMultiple=True,
            optional=True,
            usesStaticStrings=True,  # by name, so that a stored model or command survives another bundle
        ),
        _experts_help(bundle),
    )
    algorithm.add(
        QgsProcessingParameterNumber(
            "TOP_K",
            "Experts per tile, at most",
            _INTEGER,
            defaultValue=min(2, len(bundle.experts) or 2),
            minValue=1,
            maxValue=len(bundle.experts) or 64,
        ),
        "At most so many experts, the strongest, decode a tile. Fewer is faster.",
    )
    algorithm.add(
        QgsProcessingParameterExtent("EXTENT", "Extent", optional=True),
        "Only this part of the raster, widened to whole pixels. Empty: all of it.",
    )


def _declare_advanced(algorithm: HydraNetAlgorithm, bundle: BundleInfo) -> None:
    algorithm.add(
        QgsProcessingParameterEnum(
            "POLICY", "Routing policy", options=POLICIES, defaultValue="threshold", usesStaticStrings=True
        ),
        "threshold: an expert decodes a tile if its score reaches the threshold calibrated for it, so a "
        "tile may need none. top-k: always the strongest experts, whatever their score.",
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterNumber(
            "OVERLAP",
            "Overlap of tiles (pixels)",
            _INTEGER,
            defaultValue=min(64, bundle.tile_size // 2),
            minValue=0,
            maxValue=max(bundle.tile_size // 2, 64),
        ),
        "Neighbouring tiles share so many pixels and are blended there. More hides seams better and takes "
        "longer.",
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterString("RADIOMETRY", "Radiometry", defaultValue="auto"),
        "How pixel values become reflectance. auto reads it from metadata or from the range of values; "
        "scale,offset such as 0.0001,0 states it.",
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterBoolean(
            "FORCE_GSD", "Use experts outside their resolution", defaultValue=False
        ),
        "An expert is skipped where the pixel size is outside what it was trained for. Tick to use it all "
        "the same; its results may then mean little.",
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterFile(
            "BUNDLE", "Model bundle", behavior=QgsProcessingParameterFile.Behavior.Folder, optional=True
        ),
        "Folder with another model.json and its weights. Empty: the model that comes with the plugin.",
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterBoolean("OVERWRITE", "Overwrite a run in the run folder", defaultValue=False),
        "Allow a run that already lies in the run folder to be replaced.",
        advanced=True,
    )


def _declare_outputs(algorithm: HydraNetAlgorithm) -> None:
    algorithm.add(
        QgsProcessingParameterFeatureSink(
            "ROUTING",
            "Routing",
            QgsProcessing.SourceType.TypeVectorPolygon,
            optional=True,
            createByDefault=True,
        ),
        "One polygon per tile, with every expert's score and why it was chosen or not. Left temporary, it is "
        "the table inside the run folder; a file name saves a copy.",
    )
    algorithm.add(
        QgsProcessingParameterFolderDestination("OUTPUT_FOLDER", "Run folder"),
        "Where the run is kept: rasters with their styles, the routing table, and run.json, which holds all "
        "that is needed to repeat it. A temporary folder is gone when QGIS closes.",
    )
    algorithm.addOutput(QgsProcessingOutputMultipleLayers("OUTPUT_LAYERS", "Layers of the routed experts"))
    algorithm.addOutput(QgsProcessingOutputNumber("TILES", "Tiles"))
    algorithm.addOutput(QgsProcessingOutputNumber("ROUTED_TILES", "Tiles routed to an expert"))
    algorithm.addOutput(QgsProcessingOutputNumber("ABSTAINED_TILES", "Tiles that needed no expert"))
    algorithm.addOutput(QgsProcessingOutputString("RUN_JSON", "Description of the run (run.json)"))


def _experts_help(bundle: BundleInfo) -> str:
    text = "Experts that may be chosen, written by name. None: all."
    if bundle.experts:
        listed = [
            f"{e.name} ({e.title}{', simulated data only' if e.simulated else ''})" for e in bundle.experts
        ]
        return f"{text} This model has {', '.join(listed)}."
    return f"{text} The plugin's model bundle could not be read, so none are listed."
