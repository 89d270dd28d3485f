"""Parameters and outputs of `evaluate`, each beside its help."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputFile,
    QgsProcessingOutputHtml,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMatrix,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ..i18n import tr
from .base import HydraNetAlgorithm
from .tiles_parameters import declare_area, declare_share

_POLYGONS = [QgsProcessing.SourceType.TypeVectorPolygon]


def declare_judged(algorithm: HydraNetAlgorithm) -> None:
    """What is judged."""
    algorithm.add(
        QgsProcessingParameterRasterLayer("INPUT", tr("Class raster"), optional=True),
        tr(
            "Any raster of classes. One that lies in a run folder of HydraNet is judged with its run, so "
            "that the switcher is judged, too."
        ),
    )
    algorithm.add(
        QgsProcessingParameterFile(
            "RUN_FOLDER",
            tr("Run folder"),
            behavior=QgsProcessingParameterFile.Behavior.Folder,
            optional=True,
        ),
        tr("Folder of a finished run, in the place of a class raster."),
    )
    algorithm.add(
        QgsProcessingParameterString("EXPERT", tr("Expert of the run"), optional=True),
        tr("Whose raster of the run is judged, such as water. Empty: the only one that gave classes."),
    )


def declare_reference(algorithm: HydraNetAlgorithm) -> None:
    """What it is judged by."""
    algorithm.add(
        QgsProcessingParameterFeatureSource("REFERENCE", tr("Reference polygons"), _POLYGONS, optional=True),
        tr(
            "Polygons with the true class, in any coordinate system. Give these or a reference raster, not "
            "both."
        ),
    )
    algorithm.add(
        QgsProcessingParameterField(
            "FIELD", tr("Field of the true class"), parentLayerParameterName="REFERENCE", optional=True
        ),
        tr("The field that holds the class of a polygon, a number or text. Empty: all polygons are class 1."),
    )
    algorithm.add(
        QgsProcessingParameterRasterLayer("REFERENCE_RASTER", tr("Reference raster"), optional=True),
        tr(
            "A raster whose first band holds the true classes, in any coordinate system and pixel size; the "
            "nearest pixel counts."
        ),
    )
    algorithm.add(
        QgsProcessingParameterMatrix(
            "CLASSES",
            tr("Classes of the reference"),
            numberRows=1,
            hasFixedNumberRows=False,
            headers=[tr("Value in the reference"), tr("Class of the raster")],
            optional=True,
        ),
        tr(
            "A row for each value of the reference: which class of the judged raster it is, as its value or "
            "its name; unknown leaves it out. Empty: texts are names of classes and numbers their values, "
            "or, if the reference is drawn by categories that are called like classes, as its legend says."
        ),
    )
    declare_area(
        algorithm,
        tr("Polygons of the area that was looked at. Only what lies there is compared. Empty: all of it."),
    )
    algorithm.add(
        QgsProcessingParameterString("BACKGROUND", tr("Class outside the reference"), optional=True),
        tr(
            "Class, as value or name, of what lies in no polygon of the reference, inside the labelled area "
            "if there is one. Empty: it is not compared."
        ),
    )
    declare_share(algorithm)


def declare_report(algorithm: HydraNetAlgorithm) -> None:
    """What comes out."""
    algorithm.add(
        QgsProcessingParameterBoolean(
            "OVERWRITE", tr("Overwrite a report in the folder"), defaultValue=False
        ),
        tr("Allow a report that already lies in the folder to be replaced."),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterFolderDestination("OUTPUT_FOLDER", tr("Folder of the report")),
        tr("Where the report, its tables (CSV) and pictures are kept."),
    )
    algorithm.addOutput(QgsProcessingOutputHtml("REPORT", tr("Report")))
    algorithm.addOutput(QgsProcessingOutputNumber("OVERALL_ACCURACY", tr("Overall accuracy")))
    algorithm.addOutput(QgsProcessingOutputNumber("MEAN_IOU", tr("Mean IoU")))
    algorithm.addOutput(QgsProcessingOutputNumber("MEAN_F1", tr("Mean F1")))
    algorithm.addOutput(QgsProcessingOutputNumber("KAPPA", tr("Kappa")))
    algorithm.addOutput(QgsProcessingOutputNumber("PIXELS", tr("Compared pixels")))
    algorithm.addOutput(QgsProcessingOutputFile("CONFUSION", tr("Confusion matrix (CSV)")))
