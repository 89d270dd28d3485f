"""`hydranet info`: what a bundle is, in words."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..objects.spec import ObjectsSpec
    from ..scene_expert import SceneExpertSpec
    from ..spec import ExpertSpec, Macs


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser("info", help="describe a model bundle and verify its checksums")
    parser.add_argument("bundle", nargs="?", help="bundle folder (default: the bundled model)")


def run(args: argparse.Namespace) -> int:
    """Print the bundle's experts, bands, costs and metrics."""
    from ..bundle import check_weights, read_info
    from ..resources import default_bundle

    info = read_info(Path(args.bundle) if args.bundle else default_bundle())
    weights = check_weights(info)
    data = info.data
    bands = ", ".join(f"{band['name']} {band['wavelength_nm']:.0f} nm" for band in data["input"]["bands"])
    print(f"{data['title']}  ({data['id']} {data['version']}, {data['license']})")
    print(data["description"])
    print(f"\nfolder   {info.folder}\nsha256   {info.sha256}  (model.json and weights verified)")
    print(
        f"weights  {weights.stat().st_size / 1e6:.1f} MB, {data['mlm']['mlm:total_parameters']:,} parameters"
    )
    print(f"input    {info.tile_size} x {info.tile_size} tiles of reflectance; bands {bands}")
    macs = info.macs
    costs = f"encoder {macs.encoder / 1e6:.0f} M + switcher {macs.switcher / 1e6:.2f} M"
    print(f"cost     {costs} multiply-adds a tile\n")
    print(f"{'expert':<15}{'kind':<12}{'resolution':<15}{'threshold':>9}{'M MACs':>8}{'heads':>7}  classes")
    for expert in info.experts:
        span = _span(expert.valid_gsd_m)
        classes = ", ".join(c.name for c in expert.classes) or (expert.unit or "")
        mark = "  [simulated data]" if expert.simulated else ""
        print(
            f"{expert.name:<15}{expert.kind:<12}{span:<15}{expert.threshold:>9.2f}"
            f"{macs.experts[expert.name] / 1e6:>8.0f}{expert.heads:>7}  {classes}{mark}"
        )
    if info.scene is not None:
        _print_scene(info.scene, macs)
    if info.objects is not None:
        _print_objects(info.objects, next(one for one in info.experts if one.name == info.objects.expert))
    _print_guarantee(info.experts)
    print(f"\nmetrics  {data['metrics'].get('split', 'none')} split: see MODEL_CARD.md beside the bundle")
    return 0


def _span(gsd: tuple[float, float] | None) -> str:
    return f"{gsd[0]:g} to {gsd[1]:g} m" if gsd else "any"


def _print_scene(scene: SceneExpertSpec, macs: Macs) -> None:
    """The scene expert, branch by branch."""
    print(
        f"\nscene    {scene.title}: one of {len(scene.classes)} classes for each tile, at "
        f"{_span(scene.valid_gsd_m)}"
    )
    print(
        f"         {scene.k} of {len(scene.branches)} branches run for a tile, {macs.scene / 1e6:.1f} M "
        "multiply-adds"
    )
    for number, group in enumerate(scene.branches, start=1):
        print(f"         branch {number}: {', '.join(scene.classes[n] for n in group)}")


def _print_objects(objects: ObjectsSpec, expert: ExpertSpec) -> None:
    """How the objects expert is routed within itself, and from which score a detection is an object."""
    some = f"{objects.top_experts} of {objects.experts} experts"
    groups = f"from {objects.top_groups} of {objects.groups} groups"
    routed = {
        "full": f"{some} for a query, {groups} for the tile",
        "instance": f"{some} for a query",
        "scene": f"{some} for the tile, {groups}",
        "token": f"{some} for a cell of the feature map",
        "dense": "no experts within it",
    }
    least = ", ".join(
        f"{one.name} {score:g}" for one, score in zip(expert.classes, objects.thresholds, strict=True)
    )
    print(
        f"\nobjects  {expert.title}: {objects.queries} queries, {objects.layers} layers; "
        f"{routed[objects.routing]}; least score: {least}"
    )


def _print_guarantee(experts: Sequence[ExpertSpec]) -> None:
    """How many calibration tiles stand behind the recall policy, and what they suffice for."""
    print("\nrecall   --policy recall rests on the calibration tiles that need each expert; with n of them")
    print("         it can promise a miss rate of 1/(n+1) or more, below that the expert serves every tile")
    for expert in experts:
        n = len(expert.needed_scores)
        promise = f"miss rate {1 / (n + 1):.1%} or more" if n else "none: serves every tile"
        print(f"         {expert.name:<15}{n:>5} tiles  {promise}")
