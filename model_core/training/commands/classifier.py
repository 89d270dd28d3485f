"""`hydranet train classifier`: one classifier of EuroSAT chips -- plain, mixture of experts, or HydraNets."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from ..framework.options import Options, add_arguments, from_arguments

DEFAULTS = Options(model_name="classifier")
BRANCHES = 5


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register what can be trained."""
    parser = subparsers.add_parser(
        "classifier", help="a classifier of EuroSAT chips: plain, mixture of experts, or HydraNets"
    )
    parser.add_argument("--data", required=True, type=Path, help="folder of the pack (with eurosat.zip)")
    parser.add_argument(
        "--run", type=Path, help="run folder; an unfinished run in it is continued (default: a new one)"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where new runs go (default: runs)")
    parser.add_argument(
        "--kind", choices=("plain", "moe", "hydranets"), default="moe", help="network (default: %(default)s)"
    )
    parser.add_argument(
        "--width", type=int, default=16, help="channels of the first stage (default: %(default)s)"
    )
    parser.add_argument("--branches", type=int, help=f"branches of hydranets (default: {BRANCHES})")
    parser.add_argument(
        "--k", type=int, help="branches or experts that run for a chip (default: 2 branches, all experts)"
    )
    parser.add_argument(
        "--teacher",
        type=Path,
        help="finished run of a plain classifier, which says what classes look alike and what the gate of "
        "hydranets should say (needed by hydranets)",
    )
    parser.add_argument(
        "--one-hot", action="store_true", help="let the labels say what the gate should say, not the teacher"
    )
    parser.add_argument(
        "--random-groups", action="store_true", help="give the branches classes that need not look alike"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    add_arguments(parser, DEFAULTS)
    parser.epilog = (
        "With --kind hydranets, the weights of the diversity and the balance loss are 0 by default."
    )


def run(args: argparse.Namespace) -> int:
    """Train, resuming where a stopped run left off; then classify the test split once."""
    from ...evaluation.classifiers import measure_one
    from ..classify.data import load_eurosat
    from ..classify.single import branch_plan, write_groups
    from ..classify.spec import ClassifierSpec
    from ..classify.study import Trained
    from ..classify.train import train_classifier
    from ..framework.command import echo, use_threads
    from ..framework.run_folder import logged, new_run

    branched = args.kind == "hydranets"
    # The targets of a gate over branches ask for decided gates of even load already.
    defaults = replace(DEFAULTS, diversity_weight=0.0, balance_weight=0.0) if branched else DEFAULTS
    options = from_arguments(args, defaults)
    if branched:
        options = replace(options, num_experts=BRANCHES if args.branches is None else args.branches)
    k = (min(2, options.num_experts) if branched else 0) if args.k is None else args.k
    spec = ClassifierSpec(args.kind, args.width, options.num_experts, k)
    data = load_eurosat(args.data)
    flags = {"one_hot": args.one_hot, "random_groups": args.random_groups}
    more = branch_plan(spec, data, options.seed, args.teacher, **flags)
    folder = args.run or new_run(args.runs)
    use_threads(args.threads)

    with logged(folder, echo) as log:
        log(f"run folder {folder}; to continue it after a stop, give the same options and --run {folder}")
        module, summary = train_classifier(spec, data, options, folder, log, **more)
        trained = Trained(options.model_name, spec, module, summary, more.get("groups"), folder)
        if trained.groups is not None:
            write_groups(folder, data, trained.groups)
        print(measure_one(trained, data))
    return 0
