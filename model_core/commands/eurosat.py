"""`hydranet eurosat`: plain, mixed and branched classifiers of EuroSAT chips, trained and compared."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "eurosat", help="train and compare classifiers of EuroSAT: plain, mixture of experts, HydraNets"
    )
    parser.add_argument("--data", required=True, type=Path, help="folder of the pack (with eurosat.zip)")
    parser.add_argument(
        "--run", type=Path, help="run folder; its unfinished trainings are continued (default: a new one)"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where new runs go (default: runs)")
    parser.add_argument("--epochs", type=int, help="epochs of every training (default: 20)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of the training (default: all)")
    parser.add_argument("--bundle", type=Path, help="bundle for --card (default: the bundled model)")
    parser.add_argument(
        "--card", action="store_true", help="write the comparison and MODEL_CARD.md into the bundle"
    )


def run(args: argparse.Namespace) -> int:
    """Train what is missing, measure everything in one pass, print the table; with --card record it."""
    from ..errors import RequestError
    from ..training.classify.data import load_eurosat
    from ..training.classify.study import EPOCHS, train_all
    from ..training.framework.command import echo, use_threads
    from ..training.framework.run_folder import logged, new_run

    if args.epochs is not None and args.epochs < 1:
        raise RequestError(f"--epochs is {args.epochs}; give 1 or more.")
    data = load_eurosat(args.data)
    folder = args.run or new_run(args.runs)
    use_threads(args.threads)

    with logged(folder, echo) as log:
        log(f"run folder {folder}; to continue it after a stop: hydranet eurosat --data … --run {folder}")
        trained = list(train_all(data, folder, log, epochs=args.epochs or EPOCHS))
        from ..evaluation.classifiers import as_text, measure

        found = measure(trained, data, folder, log)
    print(as_text(found))
    if args.card:
        from ..evaluation.classifiers import record
        from ..resources import default_bundle

        bundle = args.bundle or default_bundle()
        if not record(bundle, found, folder):
            echo(f"{bundle} was not evaluated yet; its card is written by hydranet evaluate --card.")
            return 0
        print(bundle / "MODEL_CARD.md")
    return 0
