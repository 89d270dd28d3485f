"""Hydra experts for a bundle: ensemble, distillation, decision offsets, figures, export; resumable."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ... import __version__
from ...bundle import BundleInfo
from ...errors import RequestError
from ...evaluation.evaluate import HEADLINE
from ...networks.expert import Expert
from ...tasks import TASK_NAMES
from ..framework.run_folder import Log, remember, write_json
from ..held_out import held_out
from ..pack import Sample, load_chips, load_pack
from ..pipeline import CHIP_EVERY
from .distil import Distillation
from .export import expert_macs, export_hydra, parameters
from .folder import (
    RECENTRED,
    HydraDecoders,
    load_decoders,
    load_members,
    save_decoders,
    save_expert,
    save_members,
)
from .frozen import Frozen
from .judging import judge
from .lines import as_record, fit_lines, with_offsets
from .members import train_members
from .recipe import HydraRecipe
from .unseen import UNSEEN, labelled_unseen, seen

MOST_COST = 1.3
"""A Hydra expert costs at most this much of the single one, in multiply-accumulates."""


def train_hydra(
    data: Path, bundle: Path, run: Path, experts: Sequence[str], recipe: HydraRecipe, log: Log
) -> BundleInfo:
    """Train Hydra experts and write `run/bundle` with every one that the run has finished.

    A run that was stopped continues from its last checkpoint when called with the same folder, and takes
    further experts later. What it has finished goes into whatever bundle with the same encoder is given.

    Args:
        data: folder of the pack.
        bundle: the bundle to start from; it is only read.
        run: run folder.
        experts: names.
        recipe: every number of it.
        log: takes lines for the user.

    Raises:
        RequestError: an expert that the bundle or the pack does not have, or the folder holds another run.
        BundleError: anything about the bundle that is not as declared.
    """
    frozen = Frozen(bundle)
    _check_names(experts, frozen)
    remember(run, {"recipe": recipe.as_dict(), "encoder": frozen.sha256, "unseen": sorted(UNSEEN)})
    scenes = load_pack(data, ("train",)) + load_chips(data, ("train",), CHIP_EVERY)
    train, spoilt = seen(scenes), labelled_unseen(scenes)
    val, cal = held_out(data, "val"), held_out(data, "cal")
    log(f"{len(train)} training scenes and chips; left out: {', '.join(UNSEEN)}")
    for name in experts:
        if not _record_path(run, name).is_file():
            _train_expert(frozen, name, train, val, cal, run, recipe, log, from_bundle=name not in spoilt)
        if name not in spoilt:
            _recentre(frozen, name, train, val, cal, run, recipe, log)
    frozen.check()
    return _export(frozen, run, log)


def _check_names(experts: Sequence[str], frozen: Frozen) -> None:
    for name in experts:
        spec = frozen.specs.get(name)
        if spec is None or spec.kind != "classes" or name not in TASK_NAMES or name not in HEADLINE:
            known = ", ".join(n for n, s in frozen.specs.items() if s.kind == "classes" and n in TASK_NAMES)
            raise RequestError(f"The bundle has no expert '{name}' with classes; choose from {known}.")
    if not experts or len(set(experts)) < len(experts):
        raise RequestError("--expert needs one or more names, each once, separated by commas.")


def _train_expert(
    frozen: Frozen,
    name: str,
    train: list[Sample],
    val: list[Sample],
    cal: list[Sample],
    run: Path,
    recipe: HydraRecipe,
    log: Log,
    *,
    from_bundle: bool,
) -> None:
    """All stages of an expert; the last file written is its record."""
    started, folder = time.monotonic(), run / name
    channels = frozen.specs[name].channels

    def say(message: str) -> None:
        log(f"{name}: {message}")

    members = load_members(folder, recipe.members, frozen.config, channels)
    if members is None:
        members = train_members(frozen, name, train, recipe, folder / "ensemble", say)
        save_members(folder, members)
    distillation = Distillation(frozen, name, members, train, recipe, folder, say, from_bundle=from_bundle)
    averaged, hydra = distillation.second(distillation.first(seen(val)))
    save_decoders(folder, HydraDecoders(members, averaged, hydra))
    single = frozen.new_expert(name, deploy=True)
    costs = {
        "macs": {"single": expert_macs(frozen, single), "hydra": expert_macs(frozen, hydra)},
        "parameters": {"single": parameters(single), "hydra": parameters(hydra)},
    }
    ratio = costs["macs"]["hydra"] / costs["macs"]["single"]
    say(
        f"{ratio:.3f} times the multiply-accumulates and {parameters(hydra) / parameters(single):.3f} times "
        f"the parameters of the single decoder for {hydra.heads} heads"
    )
    if ratio > MOST_COST:
        say(f"WARNING: more than {MOST_COST} times the cost of the single decoder; use fewer heads.")
    fit = fit_lines(frozen, name, hydra, cal, val, say)
    offsets = as_record(fit, channels)
    rivals = {f"member {number}": [member] for number, member in enumerate(members)}
    rivals |= {"shipped": [frozen.expert(name)], "ensemble": members, "averaged": [averaged]}
    rivals |= {"hydra": [hydra], "hydra with offsets": [with_offsets(hydra, tuple(offsets["offsets"]))]}
    figures = _figures(frozen, name, rivals, val, say)
    write_json(
        _record_path(run, name),
        {
            "members": recipe.members,
            "started_from": frozen.info.sha256,
            "offsets": offsets,
            "start": json.loads((folder / "phase1" / "results" / "start.json").read_text(encoding="utf-8")),
            "cost": costs,
            "val": figures,
            "seconds": round(time.monotonic() - started),
        },
    )


def _figures(
    frozen: Frozen, name: str, rivals: dict[str, list[Expert]], val: list[Sample], say: Log
) -> dict[str, Any]:
    """The headline figure on validation scenes of everything that could stand in the expert's place."""
    found = judge(frozen, name, rivals, val)
    if not found:
        say("no validation scene has labels of it; nothing was compared")
        return {"metric": HEADLINE[name][0]}
    alone = [found[rival]["value"] for rival in found if rival.startswith("member ")]
    if alone:
        found["mean member"] = {"value": sum(alone) / len(alone)}
    text = ", ".join(f"{k} {v['value']:.4f}" for k, v in found.items() if not k.startswith("member "))
    say(f"val {HEADLINE[name][0]}: {text}")
    return {"metric": HEADLINE[name][0], "rivals": found}


def _recentre(
    frozen: Frozen,
    name: str,
    train: list[Sample],
    val: list[Sample],
    cal: list[Sample],
    run: Path,
    recipe: HydraRecipe,
    log: Log,
) -> None:
    """Where the Hydra expert is worse on val than the decoder it replaces: recentre, and keep the better.

    Adds "recentred" to the record: its offsets and figure, and whether it is used.
    """
    record = json.loads(_record_path(run, name).read_text(encoding="utf-8"))
    rivals = record["val"].get("rivals", {})
    single = frozen.specs[name].heads == 1
    if "recentred" in record or not rivals or not single:
        return
    behind = rivals["hydra with offsets"]["value"] < rivals["shipped"]["value"]
    if not behind:
        return
    folder, channels = run / name, frozen.specs[name].channels

    def say(message: str) -> None:
        log(f"{name}: {message}")

    say("worse on val than the decoder it replaces: its ensemble's disagreement goes to that decoder")
    members = load_decoders(run, name, frozen.config, channels).members
    distillation = Distillation(frozen, name, members, train, recipe, folder, say, from_bundle=True)
    former = frozen.info.data["training"].get("decision_offsets", {}).get(name, {}).get("offsets")
    start = frozen.expert(name)
    if former:  # what it said before its line was drawn, as the ensemble's
        start = with_offsets(start, tuple(-value for value in former))
    expert = distillation.recentred(start)
    save_expert(folder / RECENTRED, expert)
    offsets = as_record(fit_lines(frozen, name, expert, cal, val, say), channels)
    moved = with_offsets(expert, tuple(offsets["offsets"]))
    figures = _figures(frozen, name, {"recentred": [expert], "recentred with offsets": [moved]}, val, say)
    better = figures["rivals"]["recentred with offsets"]["value"] > rivals["hydra with offsets"]["value"]
    say(f"the {'recentred' if better else 'plain'} one is used")
    record["val"]["rivals"] |= figures["rivals"]
    record["recentred"] = {"offsets": offsets, "used": better}
    write_json(_record_path(run, name), record)


def _record_path(run: Path, name: str) -> Path:
    return run / name / "results" / "record.json"


def _export(frozen: Frozen, run: Path, log: Log) -> BundleInfo:
    """Write `results/val.json` and the bundle with all experts that are finished."""
    records, experts = {}, {}
    for name, spec in frozen.specs.items():
        path = _record_path(run, name)
        if not path.is_file():
            continue
        record = json.loads(path.read_text(encoding="utf-8"))
        decoders = load_decoders(run, name, frozen.config, spec.channels)
        chosen, offsets = decoders.hydra, record["offsets"]
        if record.get("recentred", {}).get("used"):
            chosen, offsets = decoders.recentred, record["recentred"]["offsets"]
        experts[name] = with_offsets(chosen, tuple(offsets["offsets"]))
        figures = record["val"].get("rivals", {})
        kept = figures.get("recentred with offsets" if chosen is decoders.recentred else "hydra with offsets")
        if kept and kept["value"] < figures["shipped"]["value"]:
            log(
                f"{name}: WARNING: on the validation split the Hydra expert ({kept['value']:.4f}) is worse "
                f"than the one it replaces ({figures['shipped']['value']:.4f}); decide whether to use it."
            )
        records[name] = {
            **record,
            "offsets": offsets,
            "recipe": json.loads((run / "config.json").read_text(encoding="utf-8"))["recipe"],
            "unseen": UNSEEN,
            "machine": f"{torch.get_num_threads()} threads of a {platform.machine()} CPU, no GPU",
            "hydranet": __version__,
            "torch": torch.__version__.split("+")[0],
        }
    write_json(run / "results" / "val.json", {name: record["val"] for name, record in records.items()})
    info = export_hydra(run / "bundle", frozen, experts, records)
    log(f"bundle with {', '.join(experts)} written to {info.folder}")
    return info
