"""The files of a run beside run.json, made at its end: rasters and objects with styles, the routing table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from . import __version__
from .cog import write_cog
from .errors import OutputError
from .objects.detections import Detections
from .objects.layer import ObjectsOutput, write_layer_of
from .plan import Plan
from .records import Tally
from .routing_table import write_table
from .rundir import ROUTING_STYLE, ROUTING_TABLE, RunFolder, output_names
from .spec import ExpertSpec
from .styles import objects_style, raster_style, tiles_style
from .summary import Raster
from .tile_means import tile_means
from .uncertainty import MODEL, TOTAL, band_names
from .writer import BlockWriter


def file_names(experts: Sequence[ExpertSpec]) -> list[str]:
    """Every name a run may write beside run.json."""
    return [ROUTING_TABLE, ROUTING_STYLE, *(name for spec in experts for name in output_names(spec))]


def write_raster(plan: Plan, folder: RunFolder, writer: BlockWriter) -> None:
    """Join an expert's blocks, all written, and write the raster's style.

    Raises:
        OutputError: the disk does not take it.
    """
    raster, style = output_names(writer.spec)
    write_cog(
        folder.staging / raster, writer, folder.journal.folder, (plan.grid.width, plan.grid.height),
        plan.scene.crs, plan.transform, _tags(plan, writer.spec),
    )  # fmt: skip
    folder.write_text(style, raster_style(writer.spec, writer.counts.lowest, writer.counts.highest))


def write_objects_of(
    plan: Plan, folder: RunFolder, number: int, found: Mapping[int, Detections], tally: Tally
) -> ObjectsOutput:
    """Merge what the objects expert found, and write its GeoPackage and style, if any tile went to it.

    Args:
        plan: of the run.
        folder: takes them.
        number: of the expert.
        found: by the index of each tile that was decoded.
        tally: what was decided.

    Raises:
        OutputError: the disk does not take it, or tiles are missing that a journal should have told of.
        SceneError: the scene cannot be read any more.
    """
    spec = plan.model.experts[number]
    served = np.flatnonzero(tally.routing.rank[:, number] > 0) if plan.request.decode else []
    if sorted(found) != list(served):
        raise OutputError(
            f"What '{spec.name}' found is not known of every tile that went to it, as files of the "
            "unfinished run were changed; allow the run to be overwritten."
        )
    if not found:
        return ObjectsOutput.none(spec)
    layer, style = output_names(spec)
    done = write_layer_of(plan, spec, found, tally.valid, folder.staging / layer)
    folder.write_text(style, objects_style(spec))
    return done


def rasters_of(folder: Path, rasters: Iterable[Raster]) -> dict[str, Path]:
    """Where the finished rasters of experts are, by the experts' names; those without one are left out."""
    return {
        raster.spec.name: folder / output_names(raster.spec)[0]
        for raster in rasters
        if raster.used and raster.spec.kind != "objects"
    }


def write_routing(plan: Plan, folder: RunFolder, tally: Tally, rasters: Mapping[str, Path]) -> None:
    """Write the routing table and its style.

    Args:
        plan: of the run.
        folder: takes them.
        tally: what was decided.
        rasters: the finished ones, by expert.

    Raises:
        OutputError: the disk does not take it, or a raster cannot be read.
    """
    names = [spec.name for spec in plan.model.experts]
    more: dict[str, np.ndarray] = {}
    if plan.model.scene is not None:
        more |= tally.scenes.columns(plan.model.scene)
    if plan.request.uncertainty:
        more |= _uncertainty_columns(plan, tally, rasters)
    write_table(
        folder.staging / ROUTING_TABLE, plan.grid.tiles, plan.transform, plan.scene.crs, names,
        tally.valid, tally.scores, tally.routing, more,
    )  # fmt: skip
    folder.write_text(ROUTING_STYLE, tiles_style(plan.model.experts))


def _uncertainty_columns(plan: Plan, tally: Tally, rasters: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """Mean uncertainty of the tiles that went to each expert, float64 (N,), NaN for all others."""
    columns = {}
    for expert, spec in enumerate(plan.model.experts):
        prefixes = {TOTAL: "uncertainty", MODEL: "model_uncertainty"}
        # Numbers of the bands, which follow the one band of values.
        bands = {name: number for number, name in enumerate(band_names(spec), 2) if name in prefixes}
        served = tally.routing.rank[:, expert] > 0
        means = tile_means(rasters[spec.name], bands, plan.grid) if spec.name in rasters and bands else {}
        for name in bands:
            found = means.get(name, np.nan)
            columns[f"{prefixes[name]}_{spec.name}"] = np.where(served, found, np.nan)
    return columns


def _tags(plan: Plan, spec: ExpertSpec) -> dict[str, str]:
    """Where a raster comes from; no time and no folder, so that the same run gives the same bytes."""
    heads = {"HYDRANET_HEADS": str(spec.heads)} if spec.heads > 1 else {}
    return {
        "HYDRANET_VERSION": __version__,
        "HYDRANET_MODEL": f"{plan.model.id} {plan.model.version}",
        "HYDRANET_MODEL_SHA256": plan.model.sha256,
        "HYDRANET_EXPERT": spec.name,
        "HYDRANET_SCENE": Path(plan.request.input).name,
        "HYDRANET_SIMULATED_TRAINING": "yes" if spec.simulated else "no",
        **heads,
    }
