"""The model of the runs as a STAC Item with the MLM extension.

Machine Learning Model extension: https://github.com/stac-extensions/mlm
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pystac import Asset, Item, MediaType
from pystac.extensions.classification import Classification, ClassificationExtension
from pystac.extensions.eo import Band, EOExtension
from pystac.extensions.file import FileExtension
from pystac.extensions.mlm import (
    InputStructure,
    MLMExtension,
    ModelInput,
    ModelOutput,
    ResultStructure,
    TaskType,
)
from pystac.extensions.raster import DataType

from .. import mlm
from ..bands import BAND_NAMES
from ..bundle import MODEL_FILE, WEIGHTS_FILE, BundleInfo, read_info
from ..errors import HydraNetError
from ..resources import default_bundle
from ..spec import ClassSpec, ExpertSpec
from .dates import time_of
from .layers import short
from .runs import Run
from .stac_assets import classes_of, href_of

_ARCHITECTURE = "Mixture of experts: a shared encoder, a switcher, one decoder for each task"
# As the extension's schema has them: the name of a model and a version.
_NAME = re.compile(r"[^a-zA-Z0-9_.\-\s]+")
_VERSION = re.compile(r"\d+\.\d+\.\d+\Z")
_SAFETENSORS = "application/octet-stream; application=safetensors"
_MULTIHASH = "1220"  # says: SHA-256, 32 bytes


def model_item(runs: Sequence[Run], catalog: Path) -> Item:
    """The Item of a model; of its bundle too, if that is still where a run found it, or comes along.

    Args:
        runs: all that were made with it, at least one.
        catalog: the catalogue's folder; the Item gets a folder in it that is called as itself.
    """
    run = runs[0]
    model = run.data["model"]
    info = _bundle(runs)
    data: dict[str, Any] = {} if info is None else info.data
    bands = [band["name"] for band in data["input"]["bands"]] if data else list(BAND_NAMES)
    created = time_of(data["created"]) if data else min(time_of(one.data["created"]) for one in runs)
    item = Item(
        id=f"{_plain(model['id'])}-{_plain(model['version'])}-{short(run.model)}", geometry=None, bbox=None,
        datetime=created,
        properties={
            "title": data.get("title", model["id"]),
            "description": data.get("description", "The model behind the runs of this catalogue."),
            "version": model["version"],
            "hydranet:model_sha256": run.model,
        },
    )  # fmt: skip
    EOExtension.ext(item, add_if_missing=True).bands = [_band_of(name, data) for name in bands]
    item.stac_extensions.append(ClassificationExtension.get_schema_uri())
    experts = run.experts if info is None else info.experts
    _describe(item, experts, bands, run, info)
    if info is not None:
        _add_files(item, info, catalog)
    return item


def _describe(
    item: Item, experts: Sequence[ExpertSpec], bands: list[str], run: Run, info: BundleInfo | None
) -> None:
    """Set the extension's fields."""
    data: dict[str, Any] = {} if info is None else info.data
    section = data.get("mlm", {})
    size = int(run.data["grid"]["tile"])
    name = _NAME.sub(" ", str(section.get("mlm:name", run.data["model"]["id"]))).strip(" ._-")
    version = str(section.get("mlm:framework_version", run.data.get("versions", {}).get("torch", "")))
    version = version.split("+")[0]
    tile = ModelInput.create(
        name="tile", bands=bands,
        input=InputStructure.create(
            [-1, len(bands), size, size], ["batch", "band", "height", "width"], DataType.FLOAT32
        ),
        description=_input_text(data),
    )  # fmt: skip
    given = mlm.outputs(
        experts,
        size,
        objects=None if info is None else info.objects,
        scene=None if info is None else info.scene,
    )
    specs = {spec.name: spec for spec in experts}
    outputs = [_output(told, specs.get(told["name"])) for told in given]
    total = section.get("mlm:total_parameters")
    MLMExtension.ext(item, add_if_missing=True).apply(
        name=name or "HydraNet", architecture=section.get("mlm:architecture", _ARCHITECTURE),
        tasks=[TaskType(task) for task in mlm.tasks(given)], input=[tile], output=outputs,
        framework=mlm.FRAMEWORK, framework_version=version if _VERSION.match(version) else None,
        total_parameters=total if isinstance(total, int) else None,
    )  # fmt: skip
    item.properties.pop("mlm:pretrained_source", None)  # None would say: trained from nothing


def _output(told: dict[str, Any], spec: ExpertSpec | None) -> ModelOutput:
    """What an expert gives for a tile, from its entry of `mlm.outputs`; None = the scene expert."""
    if spec is None:
        classes = [ClassSpec(one["value"], one["name"], None) for one in told["classification:classes"]]
        text = "The scene of the whole tile."
    else:
        classes, text = spec.classes, spec.description or spec.title
    if more := told.get("description"):
        text = f"{text.rstrip('.')}. {more}"
    result = told["result"]
    return ModelOutput.create(
        name=told["name"], tasks=[TaskType(task) for task in told["tasks"]],
        result=ResultStructure.create(result["shape"], result["dim_order"], DataType.FLOAT32),
        description=text, classes=_untitled(classes_of(classes)) or None,
    )  # fmt: skip


def _untitled(classes: Sequence[Classification]) -> list[Classification]:
    """Without titles, which the classification 1.1 that this extension refers to did not know."""
    for one in classes:
        one.title = None
    return list(classes)


def _input_text(data: dict[str, Any]) -> str:
    told = data.get("input")
    if not told:
        return "Reflectance."
    low, high = told["range"]
    return f"{str(told['quantity']).capitalize()}, {low:g} to {high:g}; scaled as {told['scaling']}."


def _band_of(name: str, data: dict[str, Any]) -> Band:
    """A band, to which the input refers by its name."""
    for band in data.get("input", {}).get("bands", ()):
        if band["name"] == name:
            return Band.create(name, center_wavelength=band["wavelength_nm"] / 1000)  # in micrometres
    return Band.create(name)


def _bundle(runs: Sequence[Run]) -> BundleInfo | None:
    """The bundle of exactly this model, if it is found."""
    told = dict.fromkeys(run.data.get("request", {}).get("bundle") for run in runs)
    for path in (*told, None):
        try:
            info = read_info(Path(path) if path else default_bundle())
        except (HydraNetError, OSError, ValueError):
            continue
        if info.sha256 == runs[0].model and (info.folder / WEIGHTS_FILE).is_file():
            return info
    return None


def _add_files(item: Item, info: BundleInfo, catalog: Path) -> None:
    """Weights and description, with their checksums as the bundle tells them, and the weights' size."""
    for key, file, kind, roles in (
        ("weights", WEIGHTS_FILE, _SAFETENSORS, ["mlm:model", "mlm:weights"]),
        ("description", MODEL_FILE, MediaType.JSON, ["metadata"]),
    ):
        path = (info.folder / file).resolve()
        # Beside the runs, as in the folder of a job, it moves with them; a bundle elsewhere stays there.
        around = catalog.parent.parent
        near = around != Path(around.anchor) and path.is_relative_to(around)
        href = href_of(path, catalog / item.id) if near else path.as_posix()
        asset = Asset(href, f"{info.data['title']}: {key}", None, kind, roles)
        item.add_asset(key, asset)
        if file == WEIGHTS_FILE:
            told = FileExtension.ext(asset, add_if_missing=True)
            told.size = path.stat().st_size
            told.checksum = _MULTIHASH + info.data["sha256"][WEIGHTS_FILE].removeprefix("sha256:")


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text)
