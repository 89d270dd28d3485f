"""Which files of the runs become one layer: those of one kind, one model and one CRS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rasterio.crs import CRS

from ..objects.table import LAYER as OBJECTS_LAYER
from ..routing_table import LAYER as ROUTING_LAYER
from ..spec import ExpertSpec
from .runs import Raster, Run, crs_key

ROUTING = "routing"


@dataclass(frozen=True)
class RasterLayer:
    """What becomes one virtual raster; the sources undermost first."""

    name: str
    spec: ExpertSpec
    crs: CRS
    sources: tuple[tuple[Run, Raster], ...]


@dataclass(frozen=True)
class VectorLayer:
    """What becomes one virtual table of polygons.

    Attributes:
        name: of the file, without its ending.
        layer: in each of the sources.
        spec: the objects expert, or None for the routing.
        crs: of all sources, or None.
        sources: a run and its file each.
    """

    name: str
    layer: str
    spec: ExpertSpec | None
    crs: CRS | None
    sources: tuple[tuple[Run, Path], ...]


def group(runs: Sequence[Run]) -> tuple[list[RasterLayer], list[VectorLayer], list[str]]:
    """Put together what belongs together.

    Args:
        runs: in the order in which they lie on each other.

    Returns:
        Layers of rasters, layers of polygons, and a sentence on whatever is kept apart or left out.
    """
    placed, notes = [], []
    for run in runs:
        if run.crs is None:
            notes.append(_unplaced(run, "its scene has no CRS, so nobody knows where it lies"))
        elif run.transform.b or run.transform.d or run.transform.a <= 0 or run.transform.e >= 0:
            notes.append(_unplaced(run, "its scene is rotated or flipped, which a virtual raster cannot be"))
        else:
            placed.append(run)
    models = list(dict.fromkeys(run.model for run in placed))
    places = list(dict.fromkeys(crs_key(run.crs) for run in placed if run.crs is not None))
    if len(models) > 1:
        notes.append(
            f"The runs are of {len(models)} models, which are not mixed: each layer is there once for every "
            "model, with the first digits of the model's checksum in its name."
        )
    if len(places) > 1:
        notes.append(
            f"The scenes have {len(places)} CRSs ({', '.join(sorted(places))}), and a virtual raster can "
            "hold only one: each layer is there once for every CRS, with the CRS in its name."
        )
    parts: dict[str, list[Run]] = {}
    for run in placed:
        suffix = f"_{crs_key(run.crs)}" if run.crs is not None and len(places) > 1 else ""
        suffix += f"_{short(run.model)}" if len(models) > 1 else ""
        parts.setdefault(suffix, []).append(run)
    rasters: list[RasterLayer] = []
    vectors: list[VectorLayer] = []
    for suffix, members in sorted(parts.items()):
        rasters += _rasters(members, suffix, notes)
        vectors += _vectors(members, suffix)
    return rasters, vectors, notes


def short(sha256: str) -> str:
    """The first eight digits of a checksum, with or without `sha256:` before it."""
    return sha256.removeprefix("sha256:")[:8]


def _unplaced(run: Run, why: str) -> str:
    return f"'{run.folder}' is in the catalogue but in no layer: {why}."


def _rasters(runs: Sequence[Run], suffix: str, notes: list[str]) -> list[RasterLayer]:
    found: dict[str, list[tuple[Run, Raster]]] = {}
    for run in runs:
        for name, raster in run.rasters.items():
            found.setdefault(name, []).append((run, raster))
    layers = []
    for name, sources in sorted(found.items()):
        first = sources[0][1]
        alike = [pair for pair in sources if _like(pair[1], first)]
        for run, raster in sources:
            if not _like(raster, first):
                notes.append(
                    f"'{raster.path}' is left out: its classes or type of pixels differ from those of "
                    f"'{first.path}', though the model is the same; predict '{run.name}' again."
                )
        crs = runs[0].crs
        if crs is not None:
            layers.append(RasterLayer(name + suffix, first.spec, crs, tuple(alike)))
    return layers


def _like(one: Raster, other: Raster) -> bool:
    def facts(raster: Raster) -> tuple[object, ...]:
        spec = raster.spec
        return spec.kind, spec.classes, spec.unit, raster.dtype, repr(raster.nodata)

    return facts(one) == facts(other)


def _vectors(runs: Sequence[Run], suffix: str) -> list[VectorLayer]:
    routed = tuple((run, run.routing) for run in runs)
    layers = [VectorLayer(ROUTING + suffix, ROUTING_LAYER, None, runs[0].crs, routed)]
    found: dict[str, list[tuple[Run, Path, ExpertSpec]]] = {}
    for run in runs:
        if run.objects is not None:
            file, spec = run.objects
            found.setdefault(spec.name, []).append((run, run.folder / file, spec))
    for name, members in sorted(found.items()):
        sources = tuple((run, path) for run, path, _spec in members)
        layers.append(VectorLayer(name + suffix, OBJECTS_LAYER, members[0][2], runs[0].crs, sources))
    return layers
