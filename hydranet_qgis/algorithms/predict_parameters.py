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
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ..bundle_info import BundleInfo
from .base import HydraNetAlgorithm

POLICIES = ["threshold", "top-k", "recall"]
LEAST_MEMORY_MB = 64

_INTEGER = QgsProcessingParameterNumber.Type.Integer
_DOUBLE = QgsProcessingParameterNumber.Type.Double


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
        "At most so many experts, the strongest, decode a tile. Fewer is faster. The policy recall knows no "
        "such limit and ignores it.",
    )
    algorithm.add(
        QgsProcessingParameterExtent("EXTENT", "Extent", optional=True),
        "Only this part of the raster, widened to whole pixels. Empty: all of it.",
    )
    algorithm.add(
        QgsProcessingParameterFeatureSource(
            "MASK", "Mask", [QgsProcessing.SourceType.TypeVectorPolygon], optional=True
        ),
        "Polygons in any coordinate system. Only tiles that touch one are read, and results outside the "
        "polygons are no data. Empty: no mask.",
    )


def _declare_advanced(algorithm: HydraNetAlgorithm, bundle: BundleInfo) -> None:
    _declare_routing(algorithm)
    _declare_reading(algorithm, bundle)
    _declare_resources(algorithm)
    _declare_folder(algorithm)


def _declare_routing(algorithm: HydraNetAlgorithm) -> None:
    algorithm.add(
        QgsProcessingParameterEnum(
            "POLICY", "Routing policy", options=POLICIES, defaultValue="threshold", usesStaticStrings=True
        ),
        "threshold: an expert decodes a tile if its score reaches the threshold calibrated for it, so a "
        "tile may need none. top-k: always the strongest experts, whatever their score. recall: every "
        "expert that is needed to miss no more than the share below; more tiles are decoded, fewer missed.",
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterNumber(
            "MISS_RATE",
            "Missed at most (%, recall only)",
            _DOUBLE,
            defaultValue=5.0,
            optional=True,  # so that a model made before there was this parameter stays sound
            minValue=0.1,
            maxValue=99.0,
        ),
        "Of the tiles that need an expert, so many in a hundred may be missed; 5 stands for 0.05 on the "
        "command line. Only the policy recall uses it.",
        advanced=True,
    )


def _declare_reading(algorithm: HydraNetAlgorithm, bundle: BundleInfo) -> None:
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
        QgsProcessingParameterBoolean(
            "SKIP_DAMAGED", "Skip damaged parts of the raster", defaultValue=False, optional=True
        ),
        "Take parts of the raster that cannot be read for no data, and count them in a warning, where the "
        "run would otherwise stop.",
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterFile(
            "BUNDLE", "Model bundle", behavior=QgsProcessingParameterFile.Behavior.Folder, optional=True
        ),
        "Folder with another model.json and its weights. Empty: the model that comes with the plugin.",
        advanced=True,
    )


def _declare_resources(algorithm: HydraNetAlgorithm) -> None:
    algorithm.add(
        QgsProcessingParameterNumber("THREADS", "Threads", _INTEGER, optional=True, minValue=1),
        "Processor threads for the network. Empty: one for each core. The results are the same.",
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterNumber(
            "MEMORY_MB", "Memory (MB)", _INTEGER, optional=True, minValue=LEAST_MEMORY_MB
        ),
        "What batches, queues and caches may take together, beside the model itself. Empty: chosen for this "
        "computer. The results are the same.",
        advanced=True,
    )


def _declare_folder(algorithm: HydraNetAlgorithm) -> None:
    algorithm.add(
        QgsProcessingParameterBoolean(
            "RESUME", "Resume an unfinished run in the run folder", defaultValue=False, optional=True
        ),
        "Continue a run that stopped on the way, with the same settings and the same run folder. The result "
        "is the same as without the interruption. Without an unfinished run it starts from the beginning; a "
        "finished one of the same settings is taken as it is.",
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterBoolean("OVERWRITE", "Overwrite a run in the run folder", defaultValue=False),
        "Allow a run that already lies in the run folder, finished or not, to be replaced.",
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
