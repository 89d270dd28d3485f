"""Scenes of the Model Designer: a model drawn by a user, and the one that comes with the plugin."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from inside import pump, take
from qgis.core import (
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterRasterLayer,
)
from qgis.gui import QgsModelComponentGraphicItem

Source = QgsProcessingModelChildParameterSource
# In a model an algorithm's defaults are not applied: the designer writes them all down.
SETTINGS = {
    "BANDS": "auto",
    "TOP_K": 2,
    "POLICY": "threshold",
    "OVERLAP": 64,
    "RADIOMETRY": "auto",
    "FORCE_GSD": False,
    "OVERWRITE": False,
}
DESIGNER = (0, 0, 1400, 1000)


def _output(name: str, child: str, child_output: str) -> Any:
    output = QgsProcessingModelOutput(name, name)
    output.setChildId(child)
    output.setChildOutputName(child_output)
    return output


def save_model(job: dict[str, Any]) -> dict[str, Any]:
    """Scene: draw a model, predict and then keep the routed tiles, and save it as `job["model"]`."""
    model = QgsProcessingModelAlgorithm("routed tiles", "tests")
    model.addModelParameter(
        QgsProcessingParameterRasterLayer("scene", "Scene"), QgsProcessingModelParameter("scene")
    )
    predict = QgsProcessingModelChildAlgorithm("hydranet:predict")
    predict.setChildId("predict")
    predict.addParameterSources("INPUT", [Source.fromModelParameter("scene")])
    for name, value in SETTINGS.items():
        predict.addParameterSources(name, [Source.fromStaticValue(value)])
    predict.setModelOutputs({"run": _output("run", "predict", "OUTPUT_FOLDER")})
    model.addChildAlgorithm(predict)
    extract = QgsProcessingModelChildAlgorithm("native:extractbyexpression")
    extract.setChildId("extract")
    extract.addParameterSources("INPUT", [Source.fromChildOutput("predict", "ROUTING")])
    extract.addParameterSources("EXPRESSION", [Source.fromStaticValue("k > 0")])
    extract.setModelOutputs({"routed": _output("routed", "extract", "OUTPUT")})
    model.addChildAlgorithm(extract)
    model.updateDestinationParameters()
    valid, problems = model.validate()
    if not valid or not model.toFile(job["model"]):
        raise ValueError(f"the model is not sound: {problems}")
    return {"parameters": [definition.name() for definition in model.parameterDefinitions()]}


def open_model(job: dict[str, Any]) -> dict[str, Any]:
    """Scene: open the model file `job["model"]` in the Model Designer and take its picture."""
    from processing.modeler.ModelerDialog import ModelerDialog

    model = QgsProcessingModelAlgorithm()
    if not model.fromFile(job["model"]):
        raise ValueError(f"{job['model']} cannot be read")
    designer = ModelerDialog.create(model)
    designer.setGeometry(*DESIGNER)
    designer.show()
    pump(1.0)
    scene = designer.modelScene() if hasattr(designer, "modelScene") else designer.view().scene()
    boxes = [item for item in scene.items() if isinstance(item, QgsModelComponentGraphicItem)]
    overlapping = [
        [first.component().description(), second.component().description()]
        for first, second in combinations(boxes, 2)
        if first.sceneBoundingRect().intersects(second.sceneBoundingRect())
    ]
    designer.findChild(type(scene.views()[0])).fitInView(scene.itemsBoundingRect(), 1)  # keeping the shape
    pump(0.5)
    valid, problems = designer.model().validate()
    seen = {
        "picture": take(designer, job["picture"]),
        "boxes": len(boxes),
        "overlapping": overlapping,
        "problems": [] if valid else problems,
    }
    designer.setDirty(False)
    designer.close()
    return seen
