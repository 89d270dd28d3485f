"""`hydranet hydra`: a Hydra expert beside its ensemble, its members and a student without diversity."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

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
    import torch

    from ..bundle import load_bundle
    from ..errors import RequestError
    from ..evaluation.card_hydra import comparison_text
    from ..evaluation.hydra import compare_hydra, run_facts, same_encoder
    from ..evaluation.record import without_nan
    from ..resources import default_bundle

    def log(message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    if args.threads:
        torch.set_num_threads(args.threads)
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
    experts = compare_hydra(model, args.run, args.data, names, log, single=former)
    found = without_nan({"run": facts, "experts": experts})
    print("\n".join(comparison_text(found)))
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if args.card:
        if not _record(folder, found):
            log(f"{folder} was not evaluated yet; its card is written by hydranet evaluate --card.")
            return 0
        log(f"{folder / 'MODEL_CARD.md'} written")
    return 0


def _record(folder: Path, found: dict[str, Any]) -> bool:
    """Put the comparison into model.json, and the card anew; False if there are no figures for one yet."""
    from ..bundle import check_weights, read_info, write_description
    from ..evaluation.card import write_card
    from ..evaluation.card_hydra import KEY

    info = read_info(folder)
    check_weights(info)
    training = {**info.data["training"], KEY: found}
    info = write_description(folder, {**info.data, "training": training})
    if info.data["metrics"].get("split") is None:
        return False
    (folder / "MODEL_CARD.md").write_text(write_card(info, info.data["metrics"]), encoding="utf-8")
    return True
