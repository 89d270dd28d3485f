"""`hydranet hydra`: a Hydra expert beside its ensemble, its members and a student without diversity."""

from __future__ import annotations

import argparse
from pathlib import Path

EXPERTS = "clouds,water,landcover"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "hydra", help="compare what `train hydra` trained, on the test split: ensemble, heads, single"
    )
    parser.add_argument("--data", required=True, type=Path, help="folder of the pack")
    parser.add_argument("--run", required=True, type=Path, help="run folder of hydranet train hydra")
    parser.add_argument("--bundle", type=Path, help="bundle with the encoder (default: the bundled model)")
    parser.add_argument(
        "--former",
        type=Path,
        help="bundle whose decoder with one head is compared too (default: that of --bundle, if it has one)",
    )
    parser.add_argument("--experts", default=EXPERTS, help="names separated by commas (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument(
        "--card", action="store_true", help="write the comparison and MODEL_CARD.md into the bundle"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")


def run(args: argparse.Namespace) -> int:
    """Print the comparison; with --card also record it in the bundle."""
    from ..bundle import load_bundle
    from ..errors import RequestError
    from ..evaluation.card_hydra import KEY, comparison_text
    from ..evaluation.hydra import compare_hydra
    from ..evaluation.hydra_run import run_facts, same_encoder
    from ..evaluation.record import record_comparison, without_nan
    from ..resources import default_bundle
    from ..training.framework.command import echo, use_threads
    from ..training.framework.run_folder import write_json

    use_threads(args.threads)
    names = list(dict.fromkeys(name.strip() for name in args.experts.split(",") if name.strip()))
    if not names:
        raise RequestError(f"--experts names no expert; write for example {EXPERTS}.")
    folder = args.bundle or default_bundle()
    model = load_bundle(folder, device="cpu", precision="fp32")
    former = load_bundle(args.former, device="cpu", precision="fp32") if args.former else None
    if former is not None and not same_encoder(model, former):
        raise RequestError(
            f"The encoders of {folder} and {args.former} differ, so their decoders cannot be compared; "
            "give the bundle that the run started from."
        )
    facts = run_facts(args.run, names)
    experts = compare_hydra(model, args.run, args.data, names, echo, single=former)
    found = without_nan({"run": facts, "experts": experts})
    print("\n".join(comparison_text(found)))
    if args.json:
        write_json(args.json, found)
    if args.card:
        if not record_comparison(folder, KEY, found):
            echo(f"{folder} was not evaluated yet; its card is written by hydranet evaluate --card.")
            return 0
        echo(f"{folder / 'MODEL_CARD.md'} written")
    return 0
