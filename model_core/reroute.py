"""Another policy for a finished run: afterwards its files are those of a new run with that policy.

The scores are in the routing table, so what changes is known before a pixel is read (`reroute_plan`). The
engine decodes that, and `patch_writer` puts it into the older rasters, or it joins what the objects expert
found in the tiles that stay; files of experts that nothing changes stay where they are. The run is whole at
every moment: the new files take its place at the end.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

import numpy as np
import rasterio

from . import events
from .background import WriteBehind
from .budget import Limits, limits_for
from .engine import Engine
from .errors import OutputError
from .fingerprint import same_request
from .objects.check import fault
from .objects.detections import Detections
from .objects.table import read_detections
from .patch_writer import PatchOutput, PatchWriter
from .plan import Plan, make_plan
from .predict import (
    FINISHING_CACHE,
    WRITE_BEHIND,
    Cancelled,
    LoadModel,
    Progress,
    RunSummary,
    check,
    load,
)
from .previous_run import OldRaster, PreviousRun
from .records import Tally
from .request import RerouteRequest
from .reroute_plan import Change, MissingWork
from .routing_table import StoredTiles, read_table
from .run_files import file_names, rasters_of, write_objects_of, write_raster, write_routing
from .rundir import ROUTING_TABLE, RunFolder, output_names
from .scene import Scene
from .summary import Raster, summarise
from .writer import BLOCK, Counts

__all__ = ["RerouteRequest", "reroute"]


def reroute(
    request: RerouteRequest,
    emit: events.Emit = lambda event: None,
    cancelled: Cancelled = lambda: False,
    *,
    load_model: LoadModel | None = None,
) -> RunSummary:
    """Give a finished run another policy.

    Args:
        request: which run, and the policy.
        emit: hears `started`, `progress`, `log` and `finished`; called from the calling thread.
        cancelled: asked at least once per batch; True ends the reroute.
        load_model: opens the bundle, as in `predict`.

    Returns:
        What run.json holds: as of a new run with the policy, but for times, and for `reroutes`, which tells
        what was done.

    Raises:
        HydraNetError: one of its kinds, with a sentence for the user. The run is as it was.
    """
    begin = time.perf_counter()
    with RunFolder.of_run(request.run) as folder:
        folder.journal.begin_reroute()
        old = PreviousRun.read(folder.path)
        asked = request.of(old.request)
        if old.decoded and same_request(asked, old.summary["request"]):
            emit(events.log("info", f"'{folder.path}' already has this policy; nothing was done."))
            emit(events.finished(str(folder.path), old.summary))
            return old.summary
        threads, memory_mb = request.threads or asked.threads, request.memory_mb or asked.memory_mb
        with Scene.open(
            asked.input, bands=asked.bands, radiometry=asked.radiometry, skip_damaged=asked.skip_damaged,
            threads=threads,
        ) as scene:  # fmt: skip
            model = load(asked, load_model)
            check(cancelled)
            plan = make_plan(asked, scene, model)
            old.check(plan)
            work = _Reroute(plan, old, folder)
            folder.reserve(file_names(model.experts), asked.input)
            known = [*scene.warnings, *plan.notes]
            for note in [*folder.notes, *known]:
                emit(events.log("warning", note))
            limits = limits_for(scene, model, threads, memory_mb)
            summary = work.run(limits, emit, cancelled)
            for note in summary["warnings"]:
                if note not in known:
                    emit(events.log("warning", note))
        check(cancelled)
        summary["reroutes"][-1]["seconds"] = round(time.perf_counter() - begin, 3)
        folder.commit(summary)
    emit(events.finished(str(folder.path), summary))
    return summary


class _Reroute:
    """What is known of the run before and after, and how one becomes the other."""

    def __init__(self, plan: Plan, old: PreviousRun, folder: RunFolder) -> None:
        self._plan, self._old, self._folder = plan, old, folder
        names = [spec.name for spec in plan.model.experts]
        self._tiles: StoredTiles = read_table(
            folder.path / ROUTING_TABLE, plan.grid.tiles, names, plan.model.scene
        )
        if self._tiles.scenes is not None:
            encoded = ~np.isnan(self._tiles.scores[:, 0])
            old.check_scenes(self._tiles.scenes.label, encoded & (plan.scene_expert is not None))
        self._before: list[OldRaster] = old.rasters(plan.model.experts)
        old.check_tiles(self._before, self._tiles.chosen)
        self._routing = plan.decide(self._tiles.scores, self._tiles.valid > 0, ~plan.wanted)
        decoded = self._tiles.chosen & old.decoded
        self._objects = tuple(n for n, spec in enumerate(plan.model.experts) if spec.kind == "objects")
        self._change = Change(plan.grid, decoded, self._routing.rank > 0, self._objects)
        self._touched = self._change.changed.any(axis=0)  # bool (E,)
        work = MissingWork(self._change.decode, self._tiles.scores, plan.model.precision, plan.request.input)
        if not np.array_equal(self._tiles.masked, ~plan.wanted):
            raise work.other()
        self._work = work

    def run(self, limits: Limits, emit: events.Emit, cancelled: Cancelled) -> RunSummary:
        """Write what changes into the staging folder; everything run.json says but the time it took."""
        plan, total = self._plan, int(self._change.encode.sum())
        emit(events.started(total, str(self._folder.path)))
        if not self._touched.any():
            emit(events.log("info", "No tile goes to other experts than before, so no expert was run."))
        writers, kept = self._writers(), self._kept()
        spent, came = self._fill(writers, limits, emit, cancelled)
        tally = self._tally(spent)
        with rasterio.Env(GDAL_CACHEMAX=FINISHING_CACHE):
            for writer in writers.values():
                check(cancelled)
                if writer.used:
                    emit(events.progress(total, total, f"Finishing {writer.spec.name}.tif"))
                    write_raster(plan, self._folder, writer)
            untouched = [self._before[number] for number in np.flatnonzero(~self._touched)]
            self._folder.keep(name for raster in untouched for name in output_names(raster.spec))
            layers = {}
            for number, found in kept.items():
                check(cancelled)
                emit(events.progress(total, total, f"Finishing {self._before[number].spec.name}.gpkg"))
                layers[number] = write_objects_of(plan, self._folder, number, found | came, tally)
            rasters = rasters_of(self._folder.staging, writers.values())
            rasters |= rasters_of(self._folder.path, untouched)
            write_routing(plan, self._folder, tally, rasters)
        after: dict[int, Raster] = {**writers, **layers}
        return self._summary(tally, [self._after(number, after) for number in range(len(self._before))])

    def _writers(self) -> dict[int, PatchWriter]:
        """For each expert whose raster changes and does not just go."""
        plan, change = self._plan, self._change
        size = plan.grid.width, plan.grid.height
        found = {}
        for number in np.flatnonzero(self._touched & change.new.any(axis=0)):
            if number in self._objects:
                continue
            before = self._before[number]
            found[int(number)] = PatchWriter(
                self._folder.journal.folder, before.spec, *size, plan.request.uncertainty,
                self._folder.path / output_names(before.spec)[0] if before.used else None,
                [plan.grid.tiles[index] for index in np.flatnonzero(change.changed[:, number])],
            )  # fmt: skip
        return found

    def _kept(self) -> dict[int, dict[int, Detections]]:
        """For an objects expert whose layer changes: by tile, what it found in those that stay.

        Raises:
            OutputError: the GeoPackage cannot be read, or tells of other tiles than the run searched.
        """
        kept = {}
        for number in self._objects:
            if not self._touched[number]:
                continue
            before, change, model = self._before[number], self._change, self._plan.model
            path = self._folder.path / output_names(before.spec)[0]
            found = read_detections(path) if before.used else {}
            if sorted(found) != np.flatnonzero(change.old[:, number]).tolist():
                raise OutputError(
                    f"'{path}' tells of other tiles than went to '{before.spec.name}', as it was edited; run "
                    "the prediction again."
                )
            for tile, one in found.items():
                if what := fault(one, model.tile_size, model.objects, len(before.spec.classes)):
                    raise OutputError(
                        f"'{path}' does not tell what was found in tile {tile} ({what}), as it was edited; "
                        "run the prediction again."
                    )
            kept[number] = {tile: one for tile, one in found.items() if change.new[tile, number]}
        return kept

    def _after(self, number: int, after: Mapping[int, Raster]) -> Raster:
        """What an expert has in the end."""
        before = self._before[number]
        if not self._touched[number]:
            return before
        return after.get(number) or replace(before, counts=Counts(), used=False)

    def _fill(
        self, writers: Mapping[int, PatchWriter], limits: Limits, emit: events.Emit, cancelled: Cancelled
    ) -> tuple[np.ndarray, dict[int, Detections]]:
        """Run the engine over what is missing.

        Returns:
            Thread time spent in each expert, float64 (E,), and what was found in the tiles that came.
        """
        plan = self._plan
        came: dict[int, Detections] = {}
        spent = np.zeros(len(plan.model.experts), dtype=np.float64)
        with rasterio.Env(GDAL_CACHEMAX=limits.cache_bytes), WriteBehind(WRITE_BEHIND) as behind:
            if self._work.wanted.any():
                output = PatchOutput(writers, behind)
                engine = Engine(plan, limits, output, work=self._work)
                tally = engine.run(Progress(emit), partial(check, cancelled))
                self._work.check_valid(tally.valid, self._tiles.valid)
                spent, came = tally.decode_seconds, output.objects
        # Rows that nothing changed, to the end; block by block, so that a stop is heard.
        for writer in writers.values():
            for row in range(0, plan.grid.height, BLOCK):
                check(cancelled)
                writer.flush(min(row + BLOCK, plan.grid.height))
        return spent, came

    def _tally(self, spent: np.ndarray) -> Tally:
        """What a new run would have found out; experts' seconds by the rate of all that they decoded."""
        change, before = self._change, self._before
        tiles = np.array([raster.tiles if self._old.decoded else 0 for raster in before])
        seconds = spent + np.array([raster.seconds for raster in before])
        decoded = tiles + change.decode.sum(axis=0)
        decode_seconds = seconds * change.new.sum(axis=0) / np.maximum(decoded, 1)
        stages = {name: value for name, value in self._old.seconds.items() if name != "total"}
        return Tally(
            self._tiles.scores, self._routing, self._tiles.valid, self._old.counts, decode_seconds,
            {**stages, "decode": float(decode_seconds.sum())}, self._tiles.scenes,
        )  # fmt: skip

    def _summary(self, tally: Tally, rasters: list[Raster]) -> RunSummary:
        old, change, macs = self._old, self._change, self._plan.model.macs
        summary = summarise(self._plan, tally, rasters)
        summary["created"] = old.created
        summary["seconds"]["total"] = old.seconds["total"]
        each = [macs.experts[spec.name] for spec in self._plan.model.experts]
        decoded, encoded = change.decode.sum(axis=0), int(change.encode.sum())
        done: dict[str, Any] = {
            "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "policy": old.policy,
            "added": int((change.new & ~change.old).sum()),
            "dropped": int((change.old & ~change.new).sum()),
            "decoded": int(decoded.sum()),
            "encoded": encoded,
            "macs": encoded * (macs.encoder + macs.switcher)
            + sum(int(n) * m for n, m in zip(decoded, each, strict=True)),
        }
        summary["reroutes"] = [*old.reroutes, done]
        return summary
