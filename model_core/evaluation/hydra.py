"""Hydra against the ensemble it learnt from, its members alone, and a student without diversity.

Everything is worked out from one pass over the test scenes (`hydra_scan`), and every interval from the same
draws of whole scenes, so that differences between methods can have intervals too.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RequestError
from ..networks.inference import NetworkModel
from ..spec import ExpertSpec
from ..tasks import TASK_NAMES
from ..training.fire_scenes import FIRE, FIRE_SOURCES, load_smoke
from ..training.held_out import fires
from ..training.hydra.folder import load_decoders
from ..training.hydra.unseen import UNSEEN
from ..training.pack import Sample, load_pack
from .evaluate import HEADLINE
from .hydra_cost import ROUNDS, method_costs
from .hydra_methods import AVERAGED, DIVIDING, ENSEMBLE, HYDRA, RECENTRED, SINGLE, Contest, shipped_decoder
from .hydra_run import check_encoder
from .hydra_scan import SceneRecord, scan
from .probabilities import brier, ece, nll
from .ranking import auroc_figure, correlation
from .resampling import draws, figure, totals

SPLIT = "test"
SCORES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"nll": nll, "brier": brier, "ece": ece}
FIGURES = (*SCORES, "figure")
"""What a method is scored by; "figure" is the task's own, see `evaluate.HEADLINE`."""

Log = Callable[[str], None]


def compare_hydra(
    model: NetworkModel,
    run: Path,
    data: Path,
    names: Sequence[str],
    log: Log,
    *,
    single: NetworkModel | None = None,
    rounds: int = ROUNDS,
) -> dict[str, Any]:
    """All figures of the comparison, by expert.

    Args:
        model: the bundle that the run started from, or any with the same encoder; in float32 on the CPU.
        run: run folder of `hydranet train hydra`.
        data: folder of the pack.
        names: experts.
        log: hears of the progress.
        single: bundle whose decoder with one head is compared too; `model` itself if not given.
        rounds: of the timing.

    Raises:
        RequestError: no such expert, no pack, nothing trained for an expert in the run, or a run on another
            encoder.
    """
    check_encoder(model, run)
    contests = [_contest(model, single or model, run, name) for name in names]
    samples = load_pack(data, (SPLIT,))
    if FIRE in names:
        samples += fires(samples)
    known = {name: trained_sources(data, name) for name in names}
    unseen = [sample for sample in samples if sample.source in UNSEEN and FIRE not in sample.labels]
    unseen += [sample for sample in load_smoke(data) if sample.source in UNSEEN and sample.split == SPLIT]
    unseen_ids = {sample.id for sample in unseen}
    scenes = [sample for sample in samples if sample.source not in UNSEEN] + unseen

    def wants(name: str) -> Callable[[Sample], bool]:
        return lambda s: s.id in unseen_ids or name in s.labels or (s.source in known[name] and _real(s))

    records = scan(model, contests, scenes, {name: wants(name) for name in names}, log)
    result = {}
    for contest in contests:
        name = contest.spec.name
        log(f"figures of {name}")
        costs = method_costs(model, contest, rounds)
        result[name] = expert_figures(contest.methods, name, records[name], known[name], costs)
    return result


def _real(sample: Sample) -> bool:
    return FIRE not in sample.labels


def _contest(model: NetworkModel, single: NetworkModel, run: Path, name: str) -> Contest:
    spec = _spec(model, name)
    decoders = load_decoders(run, name, model.network.config, spec.channels)
    shipped = shipped_decoder(single, _spec(single, name))
    return Contest(
        spec, tuple(decoders.members), decoders.averaged, decoders.hydra, shipped, decoders.recentred
    )


def _spec(model: NetworkModel, name: str) -> ExpertSpec:
    for expert in model.experts:
        if expert.name == name and expert.kind == "classes" and name in HEADLINE:
            return expert
    usable = [expert.name for expert in model.experts if expert.kind == "classes" and expert.name in HEADLINE]
    raise RequestError(
        f"The bundle has no expert '{name}' that could be compared; it has {', '.join(usable)}."
    )


def trained_sources(data: Path, name: str) -> set[str]:
    """Sources with training scenes that have labels of an expert, the unseen ones left out.

    Raises:
        RequestError: no pack in `data`.
    """
    catalog = data / "catalog.csv"
    if not catalog.is_file():
        raise RequestError(f"No catalog.csv in {data}; give the folder of the training pack.")
    if name == FIRE:
        return set(FIRE_SOURCES) - set(UNSEEN)
    with catalog.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    return {row["source"] for row in rows if name in row["tasks"].split(";") and name in TASK_NAMES} - set(
        UNSEEN
    )


def expert_figures(
    methods: Sequence[str],
    name: str,
    records: Sequence[SceneRecord],
    known: set[str],
    costs: Mapping[str, Any],
) -> dict[str, Any]:
    """The comparison of one expert from the records of its scenes.

    Args:
        methods: those compared, of `METHODS`.
        name: of the expert.
        records: of `scan`.
        known: sources whose tiles are ordinary.
        costs: of `method_costs`.
    """
    scored = [record for record in records if record.scored and record.source not in UNSEEN]
    ordinary = [record for record in records if record.source in known]
    unseen = {source: [r for r in records if r.source == source] for source in UNSEEN}
    title, score = HEADLINE[name]
    values, drawn = _scores(methods, scored, score)
    rows = {}
    for method in methods:
        rows[method] = {key: figure(values[method][key], drawn[method][key]) for key in FIGURES}
        rows[method]["ood"] = {source: _ood(method, ordinary, there) for source, there in unseen.items()}
        rows[method] |= costs["methods"][method]
    differences = {
        other: {
            key: figure(values[HYDRA][key] - values[other][key], drawn[HYDRA][key] - drawn[other][key])
            for key in FIGURES
        }
        for other in methods
        if other != HYDRA
    }
    first = next(iter(scored[0].sums.values())).size if scored else 0
    return {
        "metric": title,
        "split": SPLIT,
        "scenes": len(scored),
        "regions": len({(record.source, record.region) for record in scored}),
        "pixels": int(sum(r.sums[HYDRA][0] for r in scored)) if first else 0,
        "members": sum(key.startswith(f"{SINGLE}-") for key in scored[0].sums) if scored else 0,
        "methods": rows,
        "differences": differences,
        "encoder": dict(costs["encoder"]),
        "ordinary": _extent(ordinary),
        "unseen": {source: {"what": UNSEEN[source], **_extent(there)} for source, there in unseen.items()},
        "model_uncertainty": {m: _mean(ordinary, f"{m}.model") for m in DIVIDING if m in methods},
        "correlation": _correlations(methods, ordinary, [r for there in unseen.values() for r in there]),
    }


def _scores(methods: Sequence[str], scored: Sequence[SceneRecord], score: Callable) -> tuple[dict, dict]:
    """By method and figure: its value, and its values in all draws. `single` is the mean over the members."""
    drawn_scenes = draws(len(scored))
    values: dict[str, dict[str, float]] = {}
    drawn: dict[str, dict[str, np.ndarray]] = {}
    for key in scored[0].sums if scored else ():
        sums = np.stack([record.sums[key] for record in scored])
        tables = np.stack([record.tables[key] for record in scored])
        drawn_sums, drawn_tables = totals(drawn_scenes, sums), totals(drawn_scenes, tables)
        values[key] = {name: float(of(sums.sum(0))) for name, of in SCORES.items()}
        values[key]["figure"] = float(score(tables.sum(0)))
        drawn[key] = {name: of(drawn_sums) for name, of in SCORES.items()}
        drawn[key]["figure"] = np.array([score(table) for table in drawn_tables], np.float64)
    members = [key for key in values if key.startswith(f"{SINGLE}-")]
    nothing = {name: float("nan") for name in FIGURES}
    for method in methods:
        if method == SINGLE and members:
            values[method] = {n: float(np.mean([values[m][n] for m in members])) for n in FIGURES}
            drawn[method] = {n: np.mean([drawn[m][n] for m in members], axis=0) for n in FIGURES}
        values.setdefault(method, nothing)
        drawn.setdefault(method, {n: np.empty(0) for n in FIGURES})
    return values, drawn


def _tiles(records: Sequence[SceneRecord], measure: str) -> list[np.ndarray]:
    return [np.array(record.tiles[measure]) for record in records if measure in record.tiles]


def _ood(method: str, ordinary: Sequence[SceneRecord], unseen: Sequence[SceneRecord]) -> dict[str, Any]:
    """How well a tile's mean uncertainty tells unseen from ordinary: by model part, if any, and in all."""
    if method == SINGLE:
        members = sorted({k for r in ordinary for k in r.tiles if k.startswith(f"{SINGLE}-")})
        found = [auroc_figure(_tiles(ordinary, k), _tiles(unseen, k)) for k in members]
        # The mean of the members' areas and of the ends of their intervals.
        total = (
            {key: float(np.mean([f[key] for f in found])) for key in ("value", "low", "high")}
            if found
            else None
        )
        return {"model": None, "total": total}
    result: dict[str, Any] = {"model": None}
    for kind in ("model", "total") if method in DIVIDING else ("total",):
        measure = f"{method}.{kind}"
        result[kind] = auroc_figure(_tiles(ordinary, measure), _tiles(unseen, measure))
    return result


def _extent(records: Sequence[SceneRecord]) -> dict[str, Any]:
    return {
        "scenes": len(records),
        "tiles": sum(len(next(iter(r.tiles.values()), [])) for r in records),
        "regions": len({(r.source, r.region) for r in records}),
        "sources": sorted({r.source for r in records}),
    }


def _mean(records: Sequence[SceneRecord], measure: str) -> float:
    parts = _tiles(records, measure)
    return float(np.concatenate(parts).mean()) if parts else float("nan")


def _correlations(
    methods: Sequence[str], ordinary: Sequence[SceneRecord], unseen: Sequence[SceneRecord]
) -> dict[str, Any]:
    """Of each student's uncertainty with the ensemble's model uncertainty, by pixels and by tiles.

    The averaged student has no model uncertainty; its total stands for it, as what one would have to use.
    """
    teacher = f"{ENSEMBLE}.model"
    measures = [f"{HYDRA}.model", f"{HYDRA}.total", f"{AVERAGED}.total", f"{ENSEMBLE}.total"]
    if RECENTRED in methods:
        measures.insert(1, f"{RECENTRED}.model")

    def pixels(records: Sequence[SceneRecord], measure: str) -> list[np.ndarray]:
        return [np.concatenate(r.pixels[measure]) for r in records if measure in r.pixels]

    return {
        measure: {
            "pixels": correlation(pixels(ordinary, measure), pixels(ordinary, teacher)),
            "tiles": correlation(_tiles(ordinary, measure), _tiles(ordinary, teacher)),
            "unseen_tiles": correlation(_tiles(unseen, measure), _tiles(unseen, teacher)),
        }
        for measure in measures
    }
