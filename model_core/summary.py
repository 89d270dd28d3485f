"""run.json: what was asked, what was found, what was decided, what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import numpy as np
import rasterio

from . import events
from .model import Model
from .pixel_counts import pixel_warnings
from .plan import Plan
from .records import Tally
from .rundir import FORMAT
from .scene import Scene
from .writer import BlockWriter


def summarise(plan: Plan, tally: Tally, writers: Sequence[BlockWriter]) -> dict[str, Any]:
    """Everything run.json says but the total time, which is known last.

    Args:
        plan: what was asked and what it meant.
        tally: what was decided and what it cost.
        writers: one per expert, all blocks written.
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
    spent = tally.encoded * (model.macs.encoder + model.macs.switcher)
    spent += sum(int(n) * model.macs.experts[s.name] for n, s in zip(counts, model.experts, strict=True))
    dense = tally.encoded * model.macs.all_experts
    return {
        "format": FORMAT,
        "status": "complete",
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "request": request.to_json(),
        "command": request.command(),
        "scene": {
            "path": request.input,
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
        "band_mapping": _band_mapping(scene),
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
        "grid": {"tile": grid.size, "overlap": grid.overlap, "rows": grid.rows, "cols": grid.cols},
        "tiles": tiles,
        "experts": [
            _expert(writer, i, int(counts[i]), float(tally.decode_seconds[i]), plan)
            for i, writer in enumerate(writers)
        ],
        "macs": {
            "spent": spent,
            "all_experts": dense,
            "saved_fraction": round(1.0 - spent / dense, 4) if dense else 0.0,
        },
        "seconds": {name: round(value, 3) for name, value in tally.seconds.items()},
        "warnings": [
            *scene.warnings, *plan.notes, *pixel_warnings(tally.counts), *_late_notes(tiles, counts, model),
        ],
    }  # fmt: skip


def _band_mapping(scene: Scene) -> dict[str, Any]:
    """Which raster band fed which model band, with what the raster calls it."""
    found = scene.mapping.as_dict()
    for band in found["bands"].values():
        number = band["layer_band"]
        said = None if number is None else scene.descriptions[number - 1]
        if said:
            band["description"] = said
    return found


def _expert(writer: BlockWriter, number: int, tiles: int, seconds: float, plan: Plan) -> dict[str, Any]:
    spec, counts = writer.spec, writer.counts
    return {
        "name": spec.name,
        "title": spec.title,
        "kind": spec.kind,
        "unit": spec.unit,
        "classes": [{"value": c.value, "name": c.name, "color": c.color} for c in spec.classes],
        "threshold": float(plan.thresholds[number]),
        "simulated": spec.simulated,
        "tiles": tiles,
        "pixels": counts.pixels,
        "class_pixels": {
            str(c.value): counts.classes[c.value] if counts.classes else 0 for c in spec.classes
        },
        "seconds": round(seconds, 3),
        "output": f"{spec.name}.tif" if writer.used else None,
        "style": f"{spec.name}.qml" if writer.used else None,
        "macs_per_tile": plan.model.macs.experts[spec.name],
        "skipped": plan.eligible[number],
    }


def _late_notes(tiles: Mapping[str, int], counts: np.ndarray, model: Model) -> list[str]:
    """What is only known at the end and the user should read."""
    if tiles["empty"] == tiles["total"]:
        return ["The raster holds no valid pixel in this extent, so no expert was run and no raster written."]
    if tiles["routed"] == 0:
        return ["No tile was routed to any expert, so no raster was written; see the scores in routing.gpkg."]
    return [
        f"Expert '{spec.name}' was trained on simulated data only; check its result with care."
        for spec, count in zip(model.experts, counts, strict=True)
        if spec.simulated and count
    ]
