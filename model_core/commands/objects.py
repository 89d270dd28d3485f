"""`hydranet objects`: do both levels of routing pay? The networks of an ablation side by side."""

from __future__ import annotations

import argparse
from pathlib import Path

DATA = Path("../shared/data")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "objects", help="compare what `train objects --ablation` trained, on the splits val and test"
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder of the ablation")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the pack (default: %(default)s)")
    parser.add_argument("--bundle", type=Path, help="bundle for --card (default: the bundled model)")
    parser.add_argument(
        "--card", action="store_true", help="write the comparison and MODEL_CARD.md into the bundle"
    )


def run(args: argparse.Namespace) -> int:
    """Print the comparison, keep it in the run folder; with --card also record it in the bundle."""
    from ..evaluation.card_objects import ablation_text
    from ..evaluation.objects_ablation import (
        SPLITS,
        ablation_folder,
        compare_objects,
        read_entries,
        write_table,
    )
    from ..evaluation.record import record_ablation, without_nan
    from ..resources import default_bundle
    from ..training.framework.command import echo
    from ..training.framework.run_folder import write_json
    from ..training.objects.truth import CLASSES, load_objects

    folder = ablation_folder(args.run)
    read_entries(folder)  # before the pack is read, which takes longer
    scenes = load_objects(args.data, SPLITS)
    parted = {split: [scene for scene in scenes if scene.split == split] for split in SPLITS}
    found = without_nan(compare_objects(folder, parted, CLASSES))
    print(ablation_text(found))
    results = args.run / "results"
    write_table(results / "objects.csv", found)
    write_json(results / "objects.json", found)
    echo(f"{results / 'objects.csv'} and objects.json written")
    if args.card:
        bundle = args.bundle or default_bundle()
        if not record_ablation(bundle, found):
            echo(f"{bundle} was not evaluated yet; its card is written by hydranet evaluate --card.")
            return 0
        echo(f"{bundle / 'MODEL_CARD.md'} written")
    return 0
