"""What a run's results depend on, so that only the same run is continued."""

from __future__ import annotations

import os
from typing import Any

import rasterio

from . import events
from .errors import RequestError
from .plan import Plan
from .request import PredictRequest

# They change how a run is done, and not what comes out.
_MANNERS = ("overwrite", "resume", "threads", "memory_mb")


def same_request(request: PredictRequest, other: Any) -> bool:
    """Whether a request asks for the same results as the `request` of a run.json."""
    try:
        theirs = PredictRequest.from_json(other).to_json()  # what an older version did not know is as ever
    except RequestError:
        return False
    mine = request.to_json()
    return all(mine[key] == theirs[key] for key in mine if key not in _MANNERS)


def fingerprint(plan: Plan) -> dict[str, Any]:
    """Everything that must be equal for a run to go on where another stopped, by a name users understand."""
    request, scene, model = plan.request, plan.scene, plan.model
    asked = {key: value for key, value in request.to_json().items() if key not in (*_MANNERS, "output")}
    return {
        **asked,
        "raster": {
            **_file(request.input),
            "size": [scene.width, scene.height],
            "crs": None if scene.crs is None else scene.crs.to_wkt(),
            "transform": list(scene.transform)[:6],
        },
        "band mapping": scene.mapping.as_dict(),
        "reflectance": scene.radiometry.as_dict(),
        "model": {
            "sha256": model.sha256,
            "device": model.device,
            "precision": model.precision,
            "thresholds": [float(value) for value in plan.thresholds],
        },
        "mask": None if request.mask is None else {"path": request.mask, **_file(request.mask)},
        "tiles": [plan.grid.size, plan.grid.rows, plan.grid.cols],
        "versions": {**events.versions(), "gdal": rasterio.__gdal_version__},
    }


def _file(path: str) -> dict[str, Any]:
    """Size and time of a file; of anything else nothing is known."""
    try:
        found = os.stat(path)
    except OSError:
        return {}
    return {"bytes": found.st_size, "changed": found.st_mtime_ns}
