"""Parameters of `exporttiles`, and of its neighbours that read labels, each beside its help."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterMatrix,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ..i18n import tr
from .base import HydraNetAlgorithm
from .label_requests import LABEL_KINDS

LEAST_TILE, MOST_TILE = 32, 2048

_INTEGER = QgsProcessingParameterNumber.Type.Integer
_DOUBLE = QgsProcessingParameterNumber.Type.Double
_POLYGONS = [QgsProcessing.SourceType.TypeVectorPolygon]


def declare_labels(algorithm: HydraNetAlgorithm) -> None:
    """Where the labels are."""
    algorithm.add(
        QgsProcessingParameterFeatureSource("LABELS", tr("Label polygons"), _POLYGONS, optional=True),
        tr(
            "Polygons of what is to be learnt, in any coordinate system. Give these or a label raster, not "
            "both."
        ),
    )
    algorithm.add(
        QgsProcessingParameterField(
            "FIELD", tr("Field of the class"), parentLayerParameterName="LABELS", optional=True
        ),
        tr(
            "The field that holds the class of a polygon, a number or a text. Empty: all polygons are one "
            "class."
        ),
    )
    algorithm.add(
        QgsProcessingParameterRasterLayer("LABEL_RASTER", tr("Label raster"), optional=True),
        tr("A raster whose first band holds whole numbers, one for each class; its no data is unknown."),
    )


def declare_task(algorithm: HydraNetAlgorithm) -> None:
    """What the labels are of."""
    algorithm.add(
        QgsProcessingParameterString("TASK", tr("Task")),
        tr(
            "What is to be learnt, as a short name such as reed: small letters, numbers and _. The expert "
            "that learns it and its outputs are called so."
        ),
    )
    algorithm.add(
        QgsProcessingParameterMatrix(
            "CLASSES",
            tr("Classes"),
            numberRows=1,
            hasFixedNumberRows=False,
            headers=[tr("Value"), tr("Class"), tr("Colour")],
            optional=True,
        ),
        tr(
            "A row for each value of the field or the raster: what class it is, and its colour as #rrggbb or "
            "nothing. A class that is named twice joins values; the class unknown is not learnt. Empty: as "
            "the layer's legend has them if it is drawn by categories of that field, or by a palette, else "
            "the values themselves."
        ),
    )


def declare_area(algorithm: HydraNetAlgorithm, text: str) -> None:
    """What was looked at."""
    algorithm.add(
        QgsProcessingParameterFeatureSource("AREA", tr("Labelled area"), _POLYGONS, optional=True), text
    )


def declare_outside(algorithm: HydraNetAlgorithm) -> None:
    """What is known beside the polygons."""
    algorithm.add(
        QgsProcessingParameterString(
            "BACKGROUND", tr("Class outside the polygons"), defaultValue="none", optional=True
        ),
        tr(
            "Name of the class of what lies in no polygon, inside the labelled area if there is one. Empty: "
            "it is unknown there, as of polygons that are only examples."
        ),
    )


def declare_content(algorithm: HydraNetAlgorithm) -> None:
    """What else is known of the labels, and from how much content a tile needs the expert."""
    algorithm.add(
        QgsProcessingParameterString("TITLE", tr("Title of the task"), optional=True),
        tr("What users read for the task, such as Reed beds. Empty: its name."),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterString("PRESENT", tr("Classes that need the expert"), optional=True),
        tr(
            "A tile with enough of these classes needs the expert: names separated by commas, or by "
            "semicolons where a name has a comma. Empty: all but the background."
        ),
        advanced=True,
    )
    declare_share(algorithm)
    algorithm.add(
        QgsProcessingParameterEnum(
            "LABEL_KIND",
            tr("Origin of the labels"),
            options=LABEL_KINDS,
            defaultValue="hand",
            usesStaticStrings=True,
        ),
        tr(
            "Written into the catalogue. hand: drawn by people; derived: from other data, such as a map; "
            "algorithm: made by a program; perimeter: an outline around what is mixed; undocumented: not "
            "known."
        ),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterFile(
            "MORE_LABELS", tr("More tasks (JSON)"), optional=True, fileFilter=tr("JSON files (*.json)")
        ),
        tr(
            "A file with a list of further tasks, each with at least task and path; see the help page. Paths "
            "are those of plain files, seen from the folder of the list."
        ),
        advanced=True,
    )


def declare_share(algorithm: HydraNetAlgorithm) -> None:
    """From how much content a tile needs the expert."""
    algorithm.add(
        QgsProcessingParameterNumber(
            "SHARE",
            tr("Content from which a tile needs the expert (%)"),
            _DOUBLE,
            defaultValue=1.0,
            minValue=0.01,
            maxValue=100.0,
        ),
        tr("Share of a tile's valid pixels; 1 stands for 0.01 on the command line."),
        advanced=True,
    )


def declare_cutting(algorithm: HydraNetAlgorithm) -> None:
    """How tiles lie, and which are kept."""
    algorithm.add(
        QgsProcessingParameterNumber(
            "TILE_SIZE",
            tr("Tile size (pixels)"),
            _INTEGER,
            defaultValue=256,
            minValue=LEAST_TILE,
            maxValue=MOST_TILE,
        ),
        tr("Edge of a tile, a multiple of 32."),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterNumber(
            "STRIDE", tr("Step from tile to tile (pixels)"), _INTEGER, optional=True, minValue=16
        ),
        tr("Less than the tile size makes tiles overlap, and more of them. Empty: no overlap."),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterNumber(
            "LEAST_VALID",
            tr("Least share of valid pixels (%)"),
            _DOUBLE,
            defaultValue=20.0,
            minValue=0.1,
            maxValue=100.0,
        ),
        tr("Tiles with fewer are left out."),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterBoolean(
            "KEEP_UNLABELLED", tr("Keep tiles without any label"), defaultValue=False
        ),
        tr("Write tiles of which no label says anything, too."),
        advanced=True,
    )


def declare_splits(algorithm: HydraNetAlgorithm) -> None:
    """Which tiles are learnt from, and which judge what was learnt."""
    algorithm.add(
        QgsProcessingParameterString("SPLITS", tr("Shares of the splits (%)"), defaultValue="60,15,10,15"),
        tr(
            "Per cent of the tiles for train, val, cal and test, in this order: to learn from, to choose the "
            "best moment, to calibrate scores, and to judge the result by."
        ),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterNumber(
            "BLOCK", tr("Edge of a region (m)"), _DOUBLE, optional=True, minValue=0.001, maxValue=9999999.0
        ),
        tr(
            "Squares of this size go into one split whole, so that no tile is judged by its neighbour. "
            "Empty: four tiles."
        ),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterNumber(
            "SEED", tr("Seed of the splits"), _INTEGER, defaultValue=0, minValue=0, maxValue=2**31 - 1
        ),
        tr("Another number deals the regions out in another way."),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterString("LICENCE", tr("Licence"), optional=True),
        tr("Licence of imagery and labels, kept in the catalogue. Empty: not stated."),
        advanced=True,
    )


def declare_way_on(algorithm: HydraNetAlgorithm) -> None:
    """What is to happen to tiles that lie in the output folder."""
    algorithm.add(
        QgsProcessingParameterBoolean(
            "RESUME", tr("Resume an unfinished export in the folder"), defaultValue=False
        ),
        tr("Continue an export that stopped on the way, with the same settings and the same folder."),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterBoolean("OVERWRITE", tr("Overwrite tiles in the folder"), defaultValue=False),
        tr("Allow tiles that already lie in the folder to be replaced."),
        advanced=True,
    )
