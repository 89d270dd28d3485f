"""Parameters and outputs that the algorithms share, each beside its help."""

from __future__ import annotations

from typing import Any

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
from ..i18n import tr
from .base import HydraNetAlgorithm

POLICIES = ["threshold", "top-k", "recall"]
MOST_EXPERTS = 64  # so many may be asked for; more than the bundle in use has stand for all
LEAST_MEMORY_MB = 64

_INTEGER = QgsProcessingParameterNumber.Type.Integer
_DOUBLE = QgsProcessingParameterNumber.Type.Double


def declare_scene(algorithm: HydraNetAlgorithm, sensors: list[str]) -> None:
    """The raster, and which of its bands is which."""
    algorithm.add(
        QgsProcessingParameterRasterLayer("INPUT", tr("Input raster")),
        tr(
            "A raster with any of the bands pan, blue, green, red, red edge 1 to 3 (re1, re2, re3) and near "
            "infrared (nir). A layer that is no file on this computer is exported first, only the extent if "
            "one is given."
        ),
    )
    declare_bands(algorithm, sensors)


def declare_bands(algorithm: HydraNetAlgorithm, sensors: list[str]) -> None:
    """Which band is which."""
    text = tr(
        "Which layer band is which. auto reads band descriptions and wavelengths, and refuses rather than "
        "guesses. blue=2,green=3,red=4,nir=8 says it band by band. The name of a sensor states a known order"
    )
    algorithm.add(
        QgsProcessingParameterString("BANDS", tr("Bands"), defaultValue="auto"),
        f"{text}: {', '.join(sensors)}." if sensors else f"{text}.",
    )


def declare_experts(algorithm: HydraNetAlgorithm, bundle: BundleInfo) -> None:
    """Which experts, and how many for a tile."""
    definition = QgsProcessingParameterEnum(
        "EXPERTS",
        tr("Experts"),
        options=bundle.names,
        allowMultiple=True,
        optional=True,
        usesStaticStrings=True,  # by name, so that a stored model or command survives another bundle
    )
    definition.setMetadata(widget("ExpertsWidget"))
    algorithm.add(definition, _experts_help(bundle))
    declare_top_k(algorithm, bundle)


def declare_top_k(algorithm: HydraNetAlgorithm, bundle: BundleInfo) -> None:
    """How many experts for a tile."""
    algorithm.add(
        QgsProcessingParameterNumber(
            "TOP_K",
            tr("Experts per tile, at most"),
            _INTEGER,
            defaultValue=min(2, len(bundle.experts) or 2),
            minValue=1,
            maxValue=MOST_EXPERTS,
        ),
        tr(
            "At most so many experts, the strongest, decode a tile. Fewer is faster; more than the model has "
            "stand for all. The policy recall knows no such limit and ignores it."
        ),
    )


def declare_area(algorithm: HydraNetAlgorithm) -> None:
    """Which part of the raster."""
    declare_extent(algorithm)
    algorithm.add(
        QgsProcessingParameterFeatureSource(
            "MASK", tr("Mask"), [QgsProcessing.SourceType.TypeVectorPolygon], optional=True
        ),
        tr(
            "Polygons in any coordinate system. Only tiles that touch one are read, and results outside the "
            "polygons are no data. Empty: no mask."
        ),
    )


def declare_extent(algorithm: HydraNetAlgorithm) -> None:
    """A rectangle of the raster."""
    algorithm.add(
        QgsProcessingParameterExtent("EXTENT", tr("Extent"), optional=True),
        tr("Only this part of the raster, widened to whole pixels. Empty: all of it."),
    )


def declare_policy(algorithm: HydraNetAlgorithm, advanced: bool = True) -> None:
    """How experts are chosen."""
    algorithm.add(
        QgsProcessingParameterEnum(
            "POLICY",
            tr("Routing policy"),
            options=POLICIES,
            defaultValue="threshold",
            usesStaticStrings=True,
        ),
        tr(
            "threshold: an expert decodes a tile if its score reaches the threshold calibrated for it, so a "
            "tile may need none. top-k: always the strongest experts, whatever their score. recall: every "
            "expert that is needed to miss no more than the share below; more are decoded, fewer missed."
        ),
        advanced,
    )
    algorithm.add(
        QgsProcessingParameterNumber(
            "MISS_RATE",
            tr("Missed at most (%, recall only)"),
            _DOUBLE,
            defaultValue=5.0,
            optional=True,  # so that a model made before there was this parameter stays sound
            minValue=0.1,
            maxValue=99.0,
        ),
        tr(
            "Of the tiles that need an expert, so many in a hundred may be missed; 5 stands for 0.05 on the "
            "command line. Only the policy recall uses it."
        ),
        advanced,
    )
    algorithm.add(
        QgsProcessingParameterString("THRESHOLDS", tr("Thresholds (threshold only)"), optional=True),
        tr(
            "Scores from which experts decode a tile, such as water=0.4,roads=0.6; 0 takes every tile, 1 "
            "hardly any. An expert that is not named keeps its calibrated threshold. Only the policy "
            "threshold knows them."
        ),
        advanced,
    )


def declare_tiling(algorithm: HydraNetAlgorithm, bundle: BundleInfo) -> None:
    """How tiles lie."""
    algorithm.add(
        QgsProcessingParameterNumber(
            "OVERLAP",
            tr("Overlap of tiles (pixels)"),
            _INTEGER,
            defaultValue=min(64, bundle.tile_size // 2),
            minValue=0,
            maxValue=max(bundle.tile_size // 2, 64),
        ),
        tr(
            "Neighbouring tiles share so many pixels and are blended there. More hides seams better and "
            "takes longer."
        ),
        advanced=True,
    )


def declare_uncertainty(algorithm: HydraNetAlgorithm) -> None:
    """More bands that say how sure the result is."""
    algorithm.add(
        QgsProcessingParameterBoolean("UNCERTAINTY", tr("Uncertainty"), defaultValue=False, optional=True),
        tr(
            "Adds bands to each expert's raster that say how unsure it is there, from 0 (sure) to 1, with "
            "styles that show them: for every expert of classes or probabilities its uncertainty (band 2), "
            "and for one whose decoder has several heads also the part that lies in the image (band 3, "
            "aleatoric) and the part about which the heads disagree (band 4, model), which is high where "
            "the training left the answer open. The routing table tells the mean of the uncertainty and of "
            "the model's part in every tile. Densities have no such bands. The rasters become larger."
        ),
        advanced=True,
    )


def declare_object_score(algorithm: HydraNetAlgorithm, bundle: BundleInfo) -> None:
    """From which score a detection counts as an object."""
    text = tr(
        "Objects with a lower score, from 0 to 1, are left out; a higher one finds fewer and surer objects. "
        "It does not change which tiles are searched. Empty: the scores that the model sets for its classes."
    )
    own = bundle.objects
    listed = [f"{name} {score:.2f}" for name, score in zip(own.classes, bundle.least_scores)] if own else []
    if listed:
        text += " " + tr("This model: {scores}.").format(scores=", ".join(listed))
    algorithm.add(
        QgsProcessingParameterNumber(
            "OBJECT_SCORE",
            tr("Least score of objects"),
            _DOUBLE,
            optional=True,
            minValue=0.0,
            maxValue=1.0,
        ),
        text,
        advanced=True,
    )


def declare_reading(algorithm: HydraNetAlgorithm) -> None:
    """How pixel values are read."""
    declare_radiometry(algorithm)
    declare_damaged(algorithm)


def declare_radiometry(algorithm: HydraNetAlgorithm) -> None:
    """How pixel values become reflectance."""
    algorithm.add(
        QgsProcessingParameterString("RADIOMETRY", tr("Radiometry"), defaultValue="auto"),
        tr(
            "How pixel values become reflectance. auto reads it from metadata or from the range of values; "
            "scale,offset such as 0.0001,0 states it."
        ),
        advanced=True,
    )


def declare_damaged(algorithm: HydraNetAlgorithm) -> None:
    """What is to happen to parts that cannot be read."""
    algorithm.add(
        QgsProcessingParameterBoolean(
            "SKIP_DAMAGED", tr("Skip damaged parts of the raster"), defaultValue=False, optional=True
        ),
        tr(
            "Take parts of the raster that cannot be read for no data, and count them in a warning, where it "
            "would otherwise stop."
        ),
        advanced=True,
    )


def declare_model(algorithm: HydraNetAlgorithm) -> None:
    """Which model, and where it may be used."""
    algorithm.add(
        QgsProcessingParameterBoolean(
            "FORCE_GSD", tr("Use experts outside their resolution"), defaultValue=False
        ),
        tr(
            "An expert is skipped where the pixel size is outside what it was trained for. Tick to use it "
            "all the same; its results may then mean little."
        ),
        advanced=True,
    )
    declare_bundle(algorithm)


def declare_bundle(algorithm: HydraNetAlgorithm) -> None:
    """Which model, of those known or any other."""
    definition = QgsProcessingParameterFile(
        "BUNDLE",
        tr("Model bundle"),
        behavior=QgsProcessingParameterFile.Behavior.Folder,
        optional=True,
    )
    definition.setMetadata(widget("BundleWidget"))
    algorithm.add(
        definition,
        tr(
            "Folder with another model.json and its weights, such as Train makes. Empty: the default one, "
            "which is chosen in Settings > Options > HydraNet; at first the model that comes with the "
            "plugin."
        ),
        advanced=True,
    )


def widget(name: str, **options: str) -> dict[str, Any]:
    """Metadata by which dialogs and batches take a widget of `parameter_widgets` for a parameter."""
    # By path: with a window alone it is imported, and only there is it needed.
    return {"widget_wrapper": {"class": f"{__package__}.parameter_widgets.{name}", **options}}


def declare_threads(algorithm: HydraNetAlgorithm) -> None:
    """How many threads."""
    algorithm.add(
        QgsProcessingParameterNumber("THREADS", tr("Threads"), _INTEGER, optional=True, minValue=1),
        tr("Processor threads to use. Empty: one for each core. The results are the same."),
        advanced=True,
    )


def declare_memory(algorithm: HydraNetAlgorithm) -> None:
    """How much memory."""
    algorithm.add(
        QgsProcessingParameterNumber(
            "MEMORY_MB", tr("Memory (MB)"), _INTEGER, optional=True, minValue=LEAST_MEMORY_MB
        ),
        tr(
            "What batches, queues and caches may take together, beside the model itself. Empty: chosen for "
            "this computer. The results are the same."
        ),
        advanced=True,
    )


def declare_ways_on(algorithm: HydraNetAlgorithm) -> None:
    """What is to happen to a run that lies in the run folder."""
    algorithm.add(
        QgsProcessingParameterBoolean(
            "RESUME", tr("Resume an unfinished run in the run folder"), defaultValue=False, optional=True
        ),
        tr(
            "Continue a run that stopped on the way, with the same settings and the same run folder. The "
            "result is the same as without the interruption. Without an unfinished run it starts from the "
            "beginning; a finished one of the same settings is taken as it is."
        ),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterBoolean(
            "OVERWRITE", tr("Overwrite a run in the run folder"), defaultValue=False
        ),
        tr("Allow a run that already lies in the run folder, finished or not, to be replaced."),
        advanced=True,
    )


def declare_run(algorithm: HydraNetAlgorithm) -> None:
    """The run folder, and the routing table as a layer."""
    algorithm.add(
        QgsProcessingParameterFeatureSink(
            "ROUTING",
            tr("Routing"),
            QgsProcessing.SourceType.TypeVectorPolygon,
            optional=True,
            createByDefault=True,
        ),
        tr(
            "One polygon per tile, with every expert's score and why it was chosen or not, the scene class "
            "if the model has a scene expert, and mean uncertainties if they were asked for. Left "
            "temporary, it is the table inside the run folder; a file name saves a copy."
        ),
    )
    algorithm.add(
        QgsProcessingParameterFolderDestination("OUTPUT_FOLDER", tr("Run folder")),
        tr(
            "Where the run is kept: rasters and objects with their styles, the routing table, and run.json, "
            "which holds all that is needed to repeat it. A temporary folder is gone when QGIS closes."
        ),
    )


def declare_counts(algorithm: HydraNetAlgorithm) -> None:
    """Numbers of the run, as outputs."""
    algorithm.addOutput(QgsProcessingOutputNumber("TILES", tr("Tiles")))
    algorithm.addOutput(QgsProcessingOutputNumber("ROUTED_TILES", tr("Tiles routed to an expert")))
    algorithm.addOutput(QgsProcessingOutputNumber("ABSTAINED_TILES", tr("Tiles that needed no expert")))
    algorithm.addOutput(QgsProcessingOutputString("RUN_JSON", tr("Description of the run (run.json)")))


def declare_layers(algorithm: HydraNetAlgorithm) -> None:
    """The experts' rasters, as an output."""
    algorithm.addOutput(
        QgsProcessingOutputMultipleLayers(
            "OUTPUT_LAYERS", tr("Rasters of the routed experts, with bands of uncertainty if asked for")
        )
    )


def _experts_help(bundle: BundleInfo) -> str:
    text = tr("Experts that may be chosen, written by name. None: all.")
    if not bundle.experts:
        return f"{text} " + tr("The model bundle could not be read, so none are listed.")
    simulated = tr(", simulated data only")
    listed = [f"{e.name} ({e.title}{simulated if e.simulated else ''})" for e in bundle.experts]
    return f"{text} " + tr("The default model has {experts}.").format(experts=", ".join(listed))
