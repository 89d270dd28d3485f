"""A model as a user draws it in the Model Designer: predict, then keep the tiles that got an expert."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterRasterLayer,
)

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


def _output(name: str, child: str, child_output: str) -> Any:
    output = QgsProcessingModelOutput(name, name)
    output.setChildId(child)
    output.setChildOutputName(child_output)
    return output


def save_model(job: dict[str, Any]) -> dict[str, Any]:
    """Scene: draw the model and save it as the .model3 file `job["model"]`."""
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
