"""`hydranet train objects`: train the objects expert on a frozen encoder, or compare its routings."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..framework.options import Options, add_arguments, from_arguments

DEFAULTS = Options(
    epochs=15,
    batch_size=16,
    lr=1e-3,
    weight_decay=0.05,
    num_experts=16,
    patience=15,
    model_name="objects",
    # As HI-MoE has them (arXiv:2604.04908); both are means over routers, see `objects.losses`.
    diversity_weight=0.001,
    balance_weight=0.01,
)
SEEDS = (0, 1, 2)


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "objects", help="the objects expert: ships and buildings as polygons, by two-level routed experts"
    )
    parser.add_argument("--data", required=True, type=Path, help="folder of the pack")
    parser.add_argument("--bundle", type=Path, help="bundle to add it to (default: the bundled model)")
    parser.add_argument(
        "--run", type=Path, help="run folder; an unfinished run in it is continued (default: a new one)"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where new runs go (default: runs)")
    parser.add_argument("--base-epochs", type=int, help="epochs of what the arms of the ablation share")
    parser.add_argument("--steps", type=int, help="batches of an epoch, as tiles are drawn without end")
    parser.add_argument("--tile", type=int, help="edge of the training tiles in pixels, a multiple of 32")
    parser.add_argument(
        "--ablation",
        action="store_true",
        help="instead of the expert, train decoders of every routing side by side; see `hydranet objects`",
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=SEEDS, help="seeds of the ablation (default: 0 1 2)"
    )
    parser.add_argument(
        "--arm-steps", type=int, default=180, help="steps of each decoder of the ablation (default: 180)"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    add_arguments(parser, DEFAULTS)


def run(args: argparse.Namespace) -> int:
    """Train what is left; print the bundle with the objects expert, or the list of the ablation's arms."""
    from dataclasses import replace

    from ...errors import RequestError
    from ...resources import default_bundle
    from ..framework.command import echo, use_threads
    from ..framework.run_folder import logged, new_run
    from ..objects.pipeline import ObjectsTraining, Recipe

    options = from_arguments(args, DEFAULTS)
    recipe = Recipe()
    if args.base_epochs is not None:
        recipe = replace(recipe, base_epochs=args.base_epochs)
    if args.tile is not None:
        recipe = replace(recipe, size=args.tile)
    if args.steps is not None:
        recipe = replace(recipe, steps=args.steps)
    if min(recipe.base_epochs, recipe.steps, args.arm_steps) < 1:
        raise RequestError("--base-epochs, --steps and --arm-steps take 1 or more.")
    if recipe.size < 64 or recipe.size % 32:
        raise RequestError(f"--tile is {recipe.size}; give a multiple of 32, 64 or more.")
    if min(args.seeds) < 0 or len(set(args.seeds)) != len(args.seeds):
        raise RequestError(f"--seeds are {args.seeds}; give different numbers from 0.")
    use_threads(args.threads)
    folder = args.run or new_run(args.runs)
    with logged(folder, echo) as log:
        log(f"run folder {folder}; to continue it: hydranet train objects --data … --run {folder}")
        training = ObjectsTraining(args.data, args.bundle or default_bundle(), folder, options, recipe, log)
        result = training.ablation(args.seeds, args.arm_steps) if args.ablation else training.bundle_with()
    print(result)
    return 0
