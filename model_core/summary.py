"""run.json: what was asked, what was found, what was decided, what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Protocol

import numpy as np
import rasterio

from . import events
from .pixel_counts import pixel_warnings
from .plan import Plan
from .records import Tally
from .routing import OUTSIDE_RESOLUTION
from .rundir import FORMAT, output_names
from .scene import Scene
from .scene_tiles import SceneTiles
from .spec import ExpertSpec
from .uncertainty import TOTAL
from .writer import Counts


class Raster(Protocol):
    """What an expert leaves, as run.json tells of it; a `BlockWriter` is one.

    Attributes:
        spec: the expert.
        counts: what it holds.
        used: whether there is a file.
        uncertainty_bands: number of the band of each uncertainty, see `uncertainty.band_names`.
        found: number of objects by class; None = the expert's output is a raster.
    """

    spec: ExpertSpec
    counts: Counts
    uncertainty_bands: dict[str, int]
    found: dict[str, int] | None

    @property
    def used(self) -> bool: ...


def summarise(plan: Plan, tally: Tally, rasters: Sequence[Raster]) -> dict[str, Any]:
    """Everything run.json says but the total time, which is known last.

    Args:
        plan: what was asked and what it meant.
        tally: what was decided and what it cost.
        rasters: one for each expert, all written; of an objects expert an `objects.layer.ObjectsOutput`.
    """
    request, scene, grid, model = plan.request, plan.scene, plan.grid, plan.model
    served = tally.routing.rank > 0  # (N, E)
    masked = int((~plan.wanted).sum())
    empty = int((plan.wanted & (tally.valid == 0)).sum())
    routed = int(served.any(axis=1).sum())
    total = len(grid.tiles)
    tiles = {
        "total": total,
        "masked": masked,
        "empty": empty,
        "abstained": total - masked - empty - routed,
        "routed": routed,
    }
    counts = served.sum(axis=0)  # (E,)
    # It looks at every tile that is encoded, in a run that uses every expert too.
    looking = 0 if plan.scene_expert is None else model.macs.scene
    spent = tally.encoded * (model.macs.encoder + model.macs.switcher + looking)
    if request.decode:
        spent += sum(int(n) * model.macs.experts[s.name] for n, s in zip(counts, model.experts, strict=True))
    dense = tally.encoded * (model.macs.all_experts + looking)
    return {
        "format": FORMAT,
        "status": "complete",
        "decoded": request.decode,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "request": request.to_json(),
        "command": request.command(),
        **place(plan),
        "band_mapping": band_record(scene),
        "radiometry": scene.radiometry.as_dict(),
        "model": {
            "id": model.id,
            "version": model.version,
            "sha256": model.sha256,
            "device": model.device,
            "precision": model.precision,
        },
        "versions": {**events.versions(), "gdal": rasterio.__gdal_version__},
        "policy": {
            "kind": plan.policy.kind,
            "k": None if plan.policy.kind == "recall" else plan.policy.k,
            "miss_rate": plan.policy.miss_rate if plan.policy.kind == "recall" else None,
            "thresholds": {
                spec.name: float(value) for spec, value in zip(model.experts, plan.thresholds, strict=True)
            },
        },
        "tiles": tiles,
        "uncertainty": request.uncertainty,
        "experts": [
            _expert(raster, i, int(counts[i]), float(tally.decode_seconds[i]), plan)
            for i, raster in enumerate(rasters)
        ],
        "scene_expert": _scene_expert(plan, tally.scenes),
        "macs": {
            "encoder": model.macs.encoder,
            "switcher": model.macs.switcher,
            "scene": looking,
            "spent": spent,
            "all_experts": dense,
            "saved_fraction": round(1.0 - spent / dense, 4) if dense else 0.0,
        },
        "seconds": {name: round(value, 3) for name, value in tally.seconds.items()},
        "pixel_counts": tally.counts.as_dict(),
        "warnings": [
            *scene.warnings, *plan.notes, *pixel_warnings(tally.counts), *_late_notes(tiles, counts, plan),
        ],
        "reroutes": [],
    }  # fmt: skip


def place(plan: Plan) -> dict[str, Any]:
    """Which pixels of which raster the run covers, and in which tiles."""
    scene, grid = plan.scene, plan.grid
    return {
        "scene": {
            "path": plan.request.input,
            "width": scene.width,
            "height": scene.height,
            "crs": None if scene.crs is None else scene.crs.to_wkt(),
            "transform": list(scene.transform)[:6],
            "gsd_m": scene.gsd_m,
        },
        "window": {
            "col_off": int(plan.window.col_off), "row_off": int(plan.window.row_off),
            "width": grid.width, "height": grid.height,
        },
        "grid": {"tile": grid.size, "overlap": grid.overlap, "rows": grid.rows, "cols": grid.cols},
    }  # fmt: skip


def band_record(scene: Scene) -> dict[str, Any]:
    """Which raster band feeds which model band, with what the raster calls it."""
    found = scene.mapping.as_dict()
    for band in found["bands"].values():
        number = band["layer_band"]
        said = None if number is None else scene.descriptions[number - 1]
        if said:
            band["description"] = said
    return found


def _expert(raster: Raster, number: int, tiles: int, seconds: float, plan: Plan) -> dict[str, Any]:
    spec, counts = raster.spec, raster.counts
    bands = dict(raster.uncertainty_bands) if raster.used else {}
    output, style = output_names(spec)
    found = raster.found
    objects = {} if found is None else {"objects": {"count": sum(found.values()), "by_class": dict(found)}}
    return {
        "name": spec.name,
        "title": spec.title,
        "kind": spec.kind,
        "unit": spec.unit,
        "classes": [{"value": c.value, "name": c.name, "color": c.color} for c in spec.classes],
        "description": spec.description,
        "license": spec.license,
        "threshold": float(plan.thresholds[number]),
        "bundle_threshold": spec.threshold,
        "needed_scores": list(spec.needed_scores),
        "simulated": spec.simulated,
        "tiles": tiles,
        "pixels": counts.pixels,
        "class_pixels": {
            str(c.value): counts.classes[c.value] if counts.classes else 0
            for c in (spec.classes if found is None else ())
        },
        **objects,
        "seconds": round(seconds, 3),
        "output": output if raster.used else None,
        "style": style if raster.used else None,
        "heads": spec.heads,
        "uncertainty_bands": bands,
        "uncertainty_band": bands.get(TOTAL),  # for readers that know of one only
        "macs_per_tile": plan.model.macs.experts[spec.name],
        "skipped": plan.eligible[number],
    }


def _scene_expert(plan: Plan, scenes: SceneTiles | None) -> dict[str, Any] | None:
    """The model's scene expert, and how many tiles it found of each class."""
    spec = plan.model.scene
    if spec is None:
        return None
    found = np.bincount(scenes.label[scenes.label >= 0], minlength=len(spec.classes))
    return {
        "title": spec.title,
        "classes": list(spec.classes),
        "branches": [[spec.classes[number] for number in group] for group in spec.branches],
        "k": spec.k,
        "description": spec.description,
        "license": spec.license,
        "tiles": {name: int(n) for name, n in zip(spec.classes, found, strict=True)},
        "macs_per_tile": plan.model.macs.scene,
        "skipped": None if plan.scene_expert is not None else OUTSIDE_RESOLUTION,
    }


def _late_notes(tiles: Mapping[str, int], counts: np.ndarray, plan: Plan) -> list[str]:
    """What is only known at the end and the user should read."""
    if tiles["empty"] == tiles["total"]:
        return ["The raster holds no valid pixel in this extent, so no expert was run and no raster written."]
    if tiles["routed"] == 0:
        return ["No tile was routed to any expert, so no raster was written; see the scores in routing.gpkg."]
    return [
        f"Expert '{spec.name}' was trained on simulated data only; check its result with care."
        for spec, count in zip(plan.model.experts, counts, strict=True)
        if spec.simulated and count and plan.request.decode
    ]
