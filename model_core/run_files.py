"""The files of a run beside run.json, made at its end: rasters with their styles and the routing table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import __version__
from .cog import write_cog
from .plan import Plan
from .records import Tally
from .routing_table import write_table
from .rundir import ROUTING_STYLE, ROUTING_TABLE, RunFolder
from .spec import ExpertSpec
from .styles import raster_style, tiles_style
from .writer import BlockWriter


def file_names(experts: Sequence[ExpertSpec]) -> list[str]:
    """Every name a run may write beside run.json."""
    return [ROUTING_TABLE, ROUTING_STYLE, *(name for spec in experts for name in raster_names(spec))]


def raster_names(spec: ExpertSpec) -> tuple[str, str]:
    """An expert's raster and its style."""
    return f"{spec.name}.tif", f"{spec.name}.qml"


def write_raster(plan: Plan, folder: RunFolder, writer: BlockWriter) -> None:
    """Join an expert's blocks, all written, and write the raster's style.

    Raises:
        OutputError: the disk does not take it.
    """
    raster, style = raster_names(writer.spec)
    write_cog(
        folder.staging / raster, writer, folder.journal.folder, (plan.grid.width, plan.grid.height),
        plan.scene.crs, plan.transform, _tags(plan, writer.spec),
    )  # fmt: skip
    folder.write_text(style, raster_style(writer.spec, writer.counts.lowest, writer.counts.highest))


def write_routing(plan: Plan, folder: RunFolder, tally: Tally) -> None:
    """Write the routing table and its style.

    Raises:
        OutputError: the disk does not take it.
    """
    names = [spec.name for spec in plan.model.experts]
    write_table(
        folder.staging / ROUTING_TABLE, plan.grid.tiles, plan.transform, plan.scene.crs, names,
        tally.valid, tally.scores, tally.routing,
    )  # fmt: skip
    folder.write_text(ROUTING_STYLE, tiles_style(plan.model.experts))


def _tags(plan: Plan, spec: ExpertSpec) -> dict[str, str]:
    """Where a raster comes from; no time and no folder, so that the same run gives the same bytes."""
    return {
        "HYDRANET_VERSION": __version__,
        "HYDRANET_MODEL": f"{plan.model.id} {plan.model.version}",
        "HYDRANET_MODEL_SHA256": plan.model.sha256,
        "HYDRANET_EXPERT": spec.name,
        "HYDRANET_SCENE": Path(plan.request.input).name,
        "HYDRANET_SIMULATED_TRAINING": "yes" if spec.simulated else "no",
    }
