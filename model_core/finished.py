"""Whether a run folder already holds what a request asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import OutputError
from .fingerprint import same_request
from .journal import Journal
from .model import Model
from .report import bands_text, objects_text
from .request import PredictRequest
from .rundir import JOURNAL, RUN_JSON, files_of, read_run


def finished_run(request: PredictRequest, load_model: Callable[[], Model]) -> dict[str, Any] | None:
    """The run.json of the request's output folder, if that holds this very run, finished.

    Args:
        request: with absolute paths.
        load_model: gives the model it asks for; called only if all else is equal.

    Returns:
        None if there is no finished run, or one that is just being replaced: there is something to do.

    Raises:
        OutputError: the run there is one of another request or model, or incomplete, so that it can be
            neither kept as this request's nor continued.
        BundleError: the model cannot be loaded to be compared.
    """
    folder = Path(request.output)
    if not (folder / RUN_JSON).exists() or Journal(folder / JOURNAL).unfinished:
        return None
    run = read_run(folder)
    if not same_request(request, run.get("request")):
        raise OutputError(
            f"'{folder}' holds a finished run of another request; choose another folder, or allow it to be "
            "overwritten."
        )
    if not _is_complete(run, folder):
        raise OutputError(
            f"The run in '{folder}' lacks some of its files or numbers; allow it to be overwritten."
        )
    if run["model"]["sha256"] != load_model().sha256:
        raise OutputError(
            f"'{folder}' holds a finished run of another model; choose another folder, or allow it to be "
            "overwritten."
        )
    return run


def _is_complete(run: dict[str, Any], folder: Path) -> bool:
    try:
        bands_text(run)
        numbers = [
            run["seconds"]["total"],
            *(run["tiles"][name] for name in ("total", "routed", "abstained")),
        ]
        return (
            min(numbers) >= 0
            and all(objects_text(expert) is not None for expert in run["experts"])
            and isinstance(run["model"]["sha256"], str)
            and all((folder / name).is_file() for name in files_of(run))
        )
    except (KeyError, TypeError, AttributeError):
        return False
