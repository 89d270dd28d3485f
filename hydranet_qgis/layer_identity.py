"""Which run a layer of a project belongs to, and what it is there.

A layer is tied to its run twice: by the file it shows, whose path QGIS keeps right when a project moves,
and by custom properties, which are saved with the project and serve a copy that lies elsewhere.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from qgis.core import QgsProject

from .layer_files import file_of, own_source
from .run_folder import OBJECTS_LAYER, ROUTING_FILE, ROUTING_LAYER, Run, is_run

PROPERTY_RUN = "hydranet/run_folder"
PROPERTY_ROLE = "hydranet/role"
ROUTING_ROLE = "routing"
_EXPERT = "expert:"
_LAYER_NAME = re.compile(r"\|layername=([^|]*)")


def expert_role(name: str) -> str:
    """Role of an expert's layer."""
    return _EXPERT + name


def tie(layer: Any, run: Run, role: str) -> None:
    """Remember run and role with the layer."""
    layer.setCustomProperty(PROPERTY_RUN, str(run.folder))
    layer.setCustomProperty(PROPERTY_ROLE, role)


def layer_role(layer: Any) -> str:
    """Role of a layer in its run, "" if it is none of ours."""
    role = str(layer.customProperty(PROPERTY_ROLE, "") or "")
    if role:
        return role
    path = layer_file(layer)
    if path is None:
        return ""
    routing = path.name == ROUTING_FILE
    if path.suffix == ".gpkg":
        # A user may have opened any of its tables.
        named = _LAYER_NAME.search(own_source(layer))
        if named and named[1] != (ROUTING_LAYER if routing else OBJECTS_LAYER):
            return ""
    return ROUTING_ROLE if routing else expert_role(path.stem)


def run_folder_of(layer: Any) -> Path | None:
    """Run folder a layer belongs to, None if it belongs to none.

    The layer's own file is looked at first: QGIS keeps its path right when a project moves.
    """
    path = layer_file(layer)
    if path is not None and is_run(path.parent):
        return path.parent
    told = str(layer.customProperty(PROPERTY_RUN, "") or "")
    return Path(told) if told and is_run(Path(told)) else None


def find_layer(project: QgsProject, run: Run, role: str) -> Any | None:
    """The project's layer of a run in a role, None if it is not loaded.

    A layer of the run folder itself comes before a copy that an algorithm was asked to save elsewhere.
    """
    found = [
        layer
        for layer in project.mapLayers().values()
        if layer_role(layer) == role and _leads_to(run_folder_of(layer), run.folder)
    ]
    return next((layer for layer in found if is_own(layer, run)), found[0] if found else None)


def own_layers(project: QgsProject, run: Run) -> list[Any]:
    """The project's layers that show files of this run folder."""
    return layers_in(project, run.folder)


def layers_in(project: QgsProject, folder: Path) -> list[Any]:
    """The project's layers that show files of a folder."""
    return [layer for layer in project.mapLayers().values() if _lies_in(layer, folder)]


def is_own(layer: Any, run: Run) -> bool:
    """Whether a layer shows a file of this run folder, rather than a copy or something else."""
    return _lies_in(layer, run.folder)


def is_tied(layer: Any) -> bool:
    """Whether it was loaded as a layer of a run, rather than opened as any other file."""
    return bool(str(layer.customProperty(PROPERTY_ROLE, "") or ""))


def same_folder(first: Path, second: Path) -> bool:
    """Whether two paths lead to one folder."""
    return _norm(first) == _norm(second)


def layer_file(layer: Any) -> Path | None:
    """File of a local raster or vector layer."""
    if layer.providerType() not in ("gdal", "ogr"):
        return None
    path, _ = file_of(own_source(layer))
    return Path(path) if path and not path.startswith("/vsi") else None


def _lies_in(layer: Any, folder: Path) -> bool:
    path = layer_file(layer)
    return path is not None and same_folder(path.parent, folder)


def _leads_to(folder: Path | None, wanted: Path) -> bool:
    return folder is not None and same_folder(folder, wanted)


def _norm(folder: Path) -> str:
    return os.path.normcase(os.path.realpath(folder))
