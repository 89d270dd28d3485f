"""What a layer says of itself in QGIS: title, abstract, licence, and how it came about.

Saved with the project, shown on the Information and Metadata pages of the layer's properties, and
exported with the layer. All of it is taken from the run folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from qgis.core import QgsBox3d, QgsLayerMetadata

from .i18n import tr
from .run_folder import RUN_FILE, Run, RunExpert
from .uncertainty import MODEL, TOTAL, meaning


def describe_layer(layer: Any, run: Run, expert: RunExpert | None) -> None:
    """Write a layer's metadata.

    Args:
        layer: raster or vector layer.
        run: its run.
        expert: whose layer it is, None for the routing layer.
    """
    data = _run_json(run)
    title = tr("{expert} of {scene}").format(
        expert=expert.label if expert else tr("Routing"), scene=run.scene_name
    )
    abstract = _expert_abstract(run, expert) if expert else _routing_abstract(run)
    attribution = _attribution(run, data)

    metadata = QgsLayerMetadata()
    metadata.setIdentifier(f"hydranet/{run.folder.name}/{expert.name if expert else 'routing'}")
    metadata.setType("dataset")
    metadata.setLanguage("en")
    metadata.setTitle(title)
    metadata.setAbstract(abstract)
    metadata.setKeywords(_keywords(run, expert))
    metadata.setLicenses(_licenses(run, expert, data))
    metadata.setRights([attribution])
    metadata.setHistory(_history(run, data))
    metadata.setCrs(layer.crs())
    metadata.setExtent(_extent(layer))
    layer.setMetadata(metadata)

    # The layer tree's tool tip and a map server read these; newer versions keep them apart.
    server = layer.serverProperties()
    properties = server if hasattr(server, "setAttribution") else layer
    properties.setTitle(title)
    properties.setAbstract(abstract)
    properties.setAttribution(attribution)


def _expert_abstract(run: Run, expert: RunExpert) -> str:
    parts = [expert.description or expert.title]
    if expert.finds_objects:
        return " ".join([*parts, *_objects(run, expert), *_simulated(expert)])
    if expert.classes:
        listed = ", ".join(f"{item.value} {item.name}" for item in expert.classes)
        parts.append(tr("Classes: {classes}.").format(classes=listed))
    elif expert.kind == "probability":
        parts.append(tr("Values: probability, 0 to 1."))
    else:
        parts.append(tr("Values: {kind} in {unit}.").format(kind=expert.kind, unit=expert.unit or "-"))
    parts.append(
        tr("Decoded in {tiles} of {total} tiles; no data elsewhere.").format(
            tiles=expert.tiles, total=run.total
        )
    )
    for kind, band in expert.uncertainty.present():
        parts.append(tr("Band {band}: {meaning}").format(band=band, meaning=meaning(kind)))
    return " ".join([*parts, *_simulated(expert)])


def _simulated(expert: RunExpert) -> list[str]:
    return [tr("Trained on simulated data only; check the result with care.")] if expert.simulated else []


def _objects(run: Run, expert: RunExpert) -> list[str]:
    """What a layer of objects holds, and from which score."""
    parts = [tr("Classes: {classes}.").format(classes=", ".join(item.name for item in expert.classes))]
    if expert.objects is not None:
        parts.append(
            tr("{count} objects in {tiles} of {total} tiles; elsewhere none was looked for.").format(
                count=expert.objects.count, tiles=expert.tiles, total=run.total
            )
        )
    score = run.request.get("object_score")
    if score is None:
        parts.append(tr("Objects below the score that the model sets for their class are left out."))
    else:
        parts.append(tr("Objects with a score below {score} are left out.").format(score=f"{score:g}"))
    parts.append(
        tr(
            "Outlines are oriented rectangles, lengths and widths theirs in metres on the ground. groups and "
            "experts tell, for each layer of the network, the groups of experts that suited the tile and the "
            "experts that served the object with their weights, counted from 1."
        )
    )
    return parts


def _routing_abstract(run: Run) -> str:
    counted = tr(
        "One polygon for each tile, with the score of every expert, the experts chosen and why. "
        "{routed} of {total} tiles went to an expert, {abstained} needed none."
    ).format(routed=run.routed, total=run.total, abstained=run.abstained)
    parts = [counted] if run.decoded else [counted, tr("Scores only: no expert was run.")]
    if run.scene_expert is not None:
        parts.append(
            tr(
                "scene and scene_score are the class that the expert {title} gives the tile and its "
                "probability, scene_branches the branches that served it, counted from 1."
            ).format(title=run.scene_expert.title)
        )
    told = {kind for kind in (TOTAL, MODEL) for expert in run.experts if expert.uncertainty.has_mean(kind)}
    if TOTAL in told:
        parts.append(tr("uncertainty_… is the mean uncertainty of an expert over the tile, 0 to 1."))
    if MODEL in told:
        parts.append(tr("model_uncertainty_… is the part of it about which the expert's heads disagree."))
    return " ".join(parts)


def _keywords(run: Run, expert: RunExpert | None) -> dict[str, list[str]]:
    words = ["HydraNet", "mixture of experts"]
    if expert is None:
        words += ["routing", *(item.name for item in run.experts)]
        words += run.scene_expert.classes if run.scene_expert else ()
    else:
        words += [expert.name, expert.title, expert.kind, *(item.name for item in expert.classes)]
        if expert.simulated:
            words.append("simulated training data")
    return {"gmd:topicCategory": ["imageryBaseMapsEarthCover"], "HydraNet": list(dict.fromkeys(words))}


def _licenses(run: Run, expert: RunExpert | None, data: Mapping[str, Any]) -> list[str]:
    """The model's licence if the run tells it, and the terms of what its experts were trained on."""
    model = str(_part(data, "model").get("license") or "")
    told = [item.license for item in ([expert] if expert else run.experts)]
    # A bundle says "training data: " even of an expert whose data carries no licence.
    return list(dict.fromkeys(text for text in (model, *told) if text and not text.rstrip().endswith(":")))


def _attribution(run: Run, data: Mapping[str, Any]) -> str:
    version = str(_part(data, "versions").get("hydranet") or "")
    return tr("Made by {program} with the model {model} from {scene}; the scene's own terms apply.").format(
        program=f"HydraNet {version}".strip(), model=run.model or "?", scene=run.scene_name
    )


def _history(run: Run, data: Mapping[str, Any]) -> list[str]:
    """How the layer came about, oldest first."""
    model = _part(data, "model")
    versions = ", ".join(f"{name} {value}" for name, value in _part(data, "versions").items())
    lines = [
        tr("{time}: made by HydraNet ({versions}).").format(time=run.created, versions=versions or "?"),
        tr("Scene: {path}").format(path=run.scene),
        tr("Model: {model}, {sha}").format(model=run.model, sha=model.get("sha256") or "?"),
    ]
    lines += [f"{fact.title}: {fact.text}" for fact in run.facts]
    if run.command:
        lines.append(tr("Command: {command}").format(command=run.command))
    reroutes = data.get("reroutes")
    for item in reroutes if isinstance(reroutes, list) else ():
        if isinstance(item, Mapping):
            lines.append(
                tr("{time}: given another policy; {added} decoded in addition, {dropped} dropped.").format(
                    time=item.get("at") or "?",
                    added=_pairs(item.get("added")),
                    dropped=_pairs(item.get("dropped")),
                )
            )
    return lines


def _pairs(value: Any) -> str:
    """Number of (tile, expert) pairs, also where they are listed or counted by expert."""
    if isinstance(value, Mapping):
        value = sum(int(number) for number in value.values())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        value = len(value)
    return str(value or 0)


def _extent(layer: Any) -> QgsLayerMetadata.Extent:
    spatial = QgsLayerMetadata.SpatialExtent()
    spatial.extentCrs = layer.crs()
    box = layer.extent()
    spatial.bounds = QgsBox3d(box.xMinimum(), box.yMinimum(), 0.0, box.xMaximum(), box.yMaximum(), 0.0)
    extent = QgsLayerMetadata.Extent()
    extent.setSpatialExtents([spatial])
    return extent


def _part(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name)
    return value if isinstance(value, Mapping) else {}


def _run_json(run: Run) -> Mapping[str, Any]:
    """What `Run` leaves out, such as versions; nothing if the file has gone since."""
    try:
        data = json.loads((run.folder / RUN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, Mapping) else {}
