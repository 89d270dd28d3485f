"""What a report tells, as plain JSON: figures.json holds it, and the page is made of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ... import events
from ...geometry import ground_sampling_distance, ground_steps
from ..record import without_nan
from .codes import Codes
from .compared import Compared
from .counting import NOTHING, Counted
from .doubt import doubt_figures
from .figures import figures_of
from .pictures import COLORS
from .polygons import PixelGrid
from .request import EvaluateRequest
from .truth import PolygonTruth, Truth

_M2_PER_HA = 10_000.0


def facts_of(
    request: EvaluateRequest,
    compared: Compared,
    truth: Truth,
    counted: Counted,
    codes: Codes,
    router: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Everything that the report tells.

    Args:
        request: what was asked.
        compared: the input.
        truth: the reference, all read.
        counted: what was counted.
        codes: of the classes.
        router: figures of the routing; None of a plain raster.
    """
    grid, legend = compared.grid, compared.legend
    matrix, figures = _figures(counted, codes, compared)
    areas = [one["reference_ha"] for one in figures["classes"]]
    background = None if request.background is None else legend.find(request.background, "--background")
    return {
        "title": compared.title,
        "input": {
            "path": compared.path,
            "width": grid.width,
            "height": grid.height,
            "crs": _crs_name(grid),
        },
        "model": _model(compared),
        "reference": {
            "name": os.path.basename(request.reference.rstrip("/\\")),
            "path": request.reference,
            "kind": truth.kind,
            "area": request.area,
            "background": None if background is None else legend.name(background),
        },
        "pixels": {
            "compared": int(counted.matrix.sum()),
            "compared_ha": None if None in areas else sum(areas),
            "reference_only": int(counted.reference_only.sum()),
            "input_only": int(counted.input_only.sum()),
        },
        "figures": figures,
        "matrix": matrix.tolist(),
        "block": counted.block,
        "map_cell": counted.cell,
        "outcomes": [n for n in COLORS if n != NOTHING and counted.outcomes[..., n].any()],
        "router": router,
        "uncertainty": without_nan(doubt_figures(counted.doubt)),
        "warnings": _warnings(request, compared, truth, counted, router),
        "versions": events.versions(),
        "command": request.command(),
    }


def _figures(counted: Counted, codes: Codes, compared: Compared) -> tuple[np.ndarray, dict[str, Any]]:
    """The matrix of the classes that occur, by their values, and its figures."""
    values = codes.values
    occurs = counted.matrix.sum(0) + counted.matrix.sum(1) + counted.reference_only > 0
    order = sorted(np.flatnonzero(occurs[: len(values)]).tolist(), key=lambda code: values[code])
    matrix = counted.matrix[np.ix_(order, order)]
    wide = np.zeros((len(counted.margins), 3, max(len(values), counted.margins.shape[2])), np.int64)
    wide[:, :, : counted.margins.shape[2]] = counted.margins
    margins = wide[:, :, order]
    legend = compared.legend
    shown = [values[code] for code in order]
    figures = figures_of(matrix, margins, shown, [legend.name(value) for value in shown])
    figures = without_nan(figures)
    of_blocks = _hectares_per_pixel(compared.grid, counted.block)
    for number, (one, code) in enumerate(zip(figures["classes"], order, strict=True)):
        one["color"] = legend.color(one["value"])
        one["reference_unmatched"] = int(counted.reference_only[code])
        one["input_unmatched"] = int(counted.input_only[code])
        for key, row in (("reference_ha", 1), ("input_ha", 2)):
            area = None if of_blocks is None else float(of_blocks @ margins[:, row, number])
            one[key] = None if area is None else round(area, 4)
    return matrix, figures


def _hectares_per_pixel(grid: PixelGrid, block: int) -> np.ndarray | None:
    """Area (ha) of a pixel in each block (B,), row by row; None where the CRS does not tell.

    A grid whose pixels are as large as they say is taken at its word; those of degrees and of web Mercator
    shrink towards the poles, so each block is measured on the ellipsoid at its centre.
    """
    across, down = -(-grid.width // block), -(-grid.height // block)
    edge = ground_sampling_distance(grid.crs, grid.transform, grid.width, grid.height)
    if edge is None or grid.crs is None:
        return None
    if grid.crs.is_projected:
        nominal = np.sqrt(abs(grid.transform.determinant)) * float(grid.crs.units_factor[1])
        if edge == nominal:
            return np.full(across * down, edge**2 / _M2_PER_HA)
    columns, rows = (
        np.minimum((np.arange(count) + 0.5) * block, (np.arange(count) * block + size) / 2.0)
        for count, size in ((across, grid.width), (down, grid.height))
    )
    places = np.meshgrid(columns, rows)
    steps = ground_steps(grid.crs, grid.transform, places[0].ravel(), places[1].ravel())
    area = np.abs(np.linalg.det(steps)) / _M2_PER_HA
    return area if np.isfinite(area).all() else None


def _crs_name(grid: PixelGrid) -> str:
    """Code of the CRS, or its name."""
    if grid.crs is None:
        return "no CRS"
    code = grid.crs.to_authority()
    return ":".join(code) if code else grid.crs.to_wkt().partition('"')[2].partition('"')[0]


def _model(compared: Compared) -> str | None:
    """Which expert of which model made a run's raster."""
    if compared.expert is None or compared.source_run is None:
        return None
    model = compared.source_run.get("model") or {}
    name = compared.expert["name"]
    return f"expert '{name}' of {model.get('id', 'an unknown model')} {model.get('version', '')}".rstrip()


def _warnings(
    request: EvaluateRequest,
    compared: Compared,
    truth: Truth,
    counted: Counted,
    router: Mapping[str, Any] | None,
) -> list[str]:
    found = [*compared.notes, *truth.told()]
    empty = compared.legend.background
    both = len(truth.values) > 1 if empty is None else empty in truth.values
    if isinstance(truth, PolygonTruth) and not both:
        found.append(
            "Only what lies in the reference's polygons was compared, so what the input finds in vain "
            "outside them is not counted; give a background to count it."
        )
    if router is not None and not router["needed"] + router["not_needed"]:
        found.append("The reference does not tell of any tile whether it needs the expert.")
    return found
