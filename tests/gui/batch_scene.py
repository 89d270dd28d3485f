"""Scene: a user fills QGIS's batch dialog, one row for each raster, and starts it."""

from __future__ import annotations

from typing import Any

from inside import place_window, pump, take, wait_until
from qgis.core import QgsApplication, QgsLayerTreeGroup, QgsProject
from qgis.PyQt.QtWidgets import QTextEdit
from qgis.utils import iface

STARTED = "Starting the HydraNet worker"


def batch(job: dict[str, Any]) -> dict[str, Any]:
    """Run `job["rows"]`, each with INPUT and OUTPUT_FOLDER, and tell what became of them."""
    # Both lines of QGIS have this class; "Run as Batch Process…" opens it, `processing` has no function to.
    from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog

    from hydranet_qgis import run_events
    from hydranet_qgis.worker_client import shared_client

    place_window()
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("hydranet:predict")
    dialog = BatchAlgorithmDialog(algorithm, iface.mainWindow())
    dialog.setGeometry(80, 80, 1400, 800)
    dialog.show()
    panel = dialog.mainWidget()
    panel.addRow(len(job["rows"]) - panel.batchRowCount())
    panel.checkLoadLayersOnCompletion.setChecked(True)
    for number, row in enumerate(job["rows"]):
        _fill(panel, number, row)
    pump(0.3)
    seen = {"table": take(dialog, job["table_picture"])}

    done: list[str] = []
    workers: list[int | None] = []

    def note(folder: str) -> None:
        done.append(folder)
        workers.append(shared_client().pid)

    run_events.listen(note)
    try:
        dialog.runButton().click()  # 3.22 comes back when all is done, 3.40 at once
        wait_until(lambda: not dialog.cancelButton().isEnabled(), "the batch to end")
    finally:
        run_events.forget(note)
    pump(0.5)
    text = "\n".join(edit.toPlainText() for edit in dialog.findChildren(QTextEdit))
    if len(done) != len(job["rows"]):
        raise ValueError(f"only {done} finished:\n{text}")
    seen |= {
        "done": done,
        "workers": workers,
        "starts": text.count(STARTED),
        "log": text,
        "groups": _groups(),
        "log_picture": take(dialog, job["log_picture"]),
    }
    dialog.close()
    pump(0.3)
    return {**seen, "picture": take(iface.mainWindow(), job["picture"])}


def _fill(panel: Any, number: int, row: dict[str, str]) -> None:
    """Write a row's cells as the user would type them."""
    for name, value in row.items():
        column = panel.parameter_to_column[name]
        if panel.alg.parameterDefinition(name).isDestination():
            panel.tblParameters.cellWidget(number + 1, column).setValue(value)  # row 0 fills all others
        else:
            panel.wrappers[number][column].setParameterValue(value, panel.processing_context)


def _groups() -> dict[str, list[str]]:
    """Names of the layers in each group of the project."""
    groups = QgsProject.instance().layerTreeRoot().children()
    return {
        group.name(): [node.layer().source() for node in group.findLayers()]
        for group in groups
        if isinstance(group, QgsLayerTreeGroup)
    }
