"""Many scenes, one after another, with one loaded model; one that fails does not stop the others.

`summary.csv` in the output folder has a row for each scene and is written anew after each, so a job that
runs over night can be looked at, and one that was killed tells how far it came.
"""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from . import events
from . import predict as prediction
from .errors import CancelledError, HydraNetError, OutputError
from .files import write_whole
from .finished import finished_run
from .jobs import ModelCache, explain
from .model import Model
from .report import bands_text
from .request import PredictRequest
from .scene_list import SUMMARY_CSV, SceneEntry, SceneList

DONE, SKIPPED, FAILED, CANCELLED = "done", "skipped", "failed", "cancelled"


@dataclass(frozen=True)
class Row:
    """What became of one scene; the columns of summary.csv.

    Attributes:
        scene: its path.
        run_folder: where its run is, or would be.
        status: `done`, `skipped` (a run of the same request was there), `failed` or `cancelled`.
        tiles, routed, abstained: numbers of tiles, None without a run.
        seconds: time it took, None if it was not begun; of a skipped run, what it took then.
        tiles_per_second: of all tiles, those without data included.
        message: why it failed or was skipped, else empty.
    """

    scene: str
    run_folder: str
    status: str
    tiles: int | None = None
    routed: int | None = None
    abstained: int | None = None
    seconds: float | None = None
    tiles_per_second: float | None = None
    message: str = ""


_COLUMNS = list(Row.__dataclass_fields__)


@dataclass(frozen=True)
class Outcome:
    """What became of all scenes.

    Attributes:
        rows: in the order of the scenes.
        bands: sentences on bands and radiometry, each with the numbers of the scenes it holds for.
        stopped: why the user's stop ended the job early, or None.
    """

    rows: tuple[Row, ...]
    bands: dict[str, list[int]]
    stopped: CancelledError | None = None

    @property
    def failed(self) -> bool:
        """Whether any scene failed."""
        return any(row.status == FAILED for row in self.rows)


def predict_many(
    scenes: SceneList,
    request: PredictRequest,
    emit: events.Emit = lambda event: None,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    load_model: prediction.LoadModel | None = None,
) -> Outcome:
    """Predict every scene of a list.

    Args:
        scenes: what to predict, and where to.
        request: how; its input and output are replaced by each scene's.
        emit: hears each scene's events with `scene` in them, `scene_started`, `scene_ended` and, at the
            end, `summary`.
        cancelled: as in `predict`; stops the whole job, which can be continued.
        load_model: opens the bundle; called again only if the bundle changes.

    Returns:
        A row for each scene; a stop by the user is told in it, not raised.

    Raises:
        OutputError: the output folder cannot be written, or holds a summary.csv that is not ours.
    """
    job = _Job(scenes, request.absolute(), emit, cancelled, load_model)
    for scene in scenes.scenes:
        job.run(scene)
    return job.finish()


class _Models:
    """The model cache, which also remembers that the model cannot be loaded at all."""

    def __init__(self, load: prediction.LoadModel | None) -> None:
        self._cache = ModelCache(load or _default_load)
        self.broken: HydraNetError | None = None

    def __call__(self, path: Path, **options: Any) -> Model:
        try:
            return self._cache(path, **options)
        except HydraNetError as error:
            self.broken = error
            raise


class _Job:
    """The rows so far and how the next one comes about."""

    def __init__(
        self,
        scenes: SceneList,
        request: PredictRequest,
        emit: events.Emit,
        cancelled: Callable[[], bool],
        load_model: prediction.LoadModel | None,
    ) -> None:
        self._scenes, self._request, self._emit, self._cancelled = scenes, request, emit, cancelled
        self._models = _Models(load_model)
        self._rows: list[Row] = []
        self._bands: dict[str, list[int]] = {}
        self._stopped: CancelledError | None = None
        self._path = _prepare_summary(scenes.output)
        for note in scenes.notes:
            emit(events.log("warning", note))

    def run(self, scene: SceneEntry) -> None:
        """Predict one scene, whatever comes of it."""

        def tell(event: events.Event) -> None:
            self._emit(events.of_scene(event, scene.number, scene.path))

        folder = os.path.abspath(scene.folder)
        if self._stopped is None and self._cancelled():
            self._stopped = CancelledError("The run was stopped.")
        if self._stopped is not None:
            row = Row(scene.path, folder, CANCELLED, message="not begun")
        else:
            tell(events.scene_started(len(self._scenes.scenes), folder))
            row = self._predict(scene, folder, tell)
        self._rows.append(row)
        if row.message != "not begun":
            self._write_summary()
            tell(events.scene_ended(asdict(row)))

    def finish(self) -> Outcome:
        """Write the last summary and give all rows."""
        self._write_summary()
        self._emit(events.scenes_summary(str(self._path), [asdict(row) for row in self._rows]))
        return Outcome(tuple(self._rows), self._bands, self._stopped)

    def _predict(self, scene: SceneEntry, folder: str, tell: events.Emit) -> Row:
        begin = time.perf_counter()
        try:
            if self._models.broken is not None:  # no scene can be served: do not open them all to say so
                raise self._models.broken
            request = replace(self._request, input=scene.path, output=folder).absolute()
            if request.resume:
                run = finished_run(request, partial(prediction.load, request, self._models))
                if run is not None:
                    return self._row(scene, folder, run, SKIPPED, "already finished with this request")
            run = prediction.predict(
                request, tell, self._cancelled, load_model=self._models, keep_on_cancel=True
            )
            return self._row(scene, folder, run, DONE)
        except CancelledError as error:
            self._stopped = error
            return Row(scene.path, folder, CANCELLED, message=str(error))
        except Exception as error:  # a defect in one scene is no reason to lose the others
            kind, message = explain(error)
            tell(events.failed(kind, message))
            seconds = round(time.perf_counter() - begin, 3)
            return Row(scene.path, folder, FAILED, seconds=seconds, message=message)

    def _row(self, scene: SceneEntry, folder: str, run: dict[str, Any], status: str, why: str = "") -> Row:
        self._bands.setdefault(bands_text(run), []).append(scene.number)
        tiles, seconds = run["tiles"], run["seconds"]["total"]
        rate = round(tiles["total"] / seconds, 2) if seconds > 0 else None
        return Row(
            scene.path,
            folder,
            status,
            tiles["total"],
            tiles["routed"],
            tiles["abstained"],
            seconds,
            rate,
            why,
        )

    def _write_summary(self) -> None:
        """Replace summary.csv; if it cannot be, as when it is open elsewhere, nothing stops."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(_COLUMNS)
        table.writerows(
            ["" if value is None else value for value in asdict(row).values()] for row in self._rows
        )
        try:
            # Paths that are no text in any encoding come back as the bytes they are.
            write_whole(self._path, text.getvalue().encode("utf-8", "surrogateescape"))
        except OutputError as error:
            self._emit(events.log("warning", str(error)))


def _default_load(path: Path, **options: Any) -> Model:
    return prediction._load_bundle(path, **options)


def _prepare_summary(output: str) -> Path:
    """Make the output folder and make sure that no summary.csv of someone else is lost."""
    path = Path(output).absolute() / SUMMARY_CSV
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(path):
            return path
        with path.open(encoding="utf-8", errors="replace") as file:
            ours = file.readline().rstrip("\n") == ",".join(_COLUMNS)
    except OSError as error:
        raise OutputError(
            f"The output folder '{path.parent}' cannot be written ({error.strerror}); choose another."
        ) from error
    if not ours:
        raise OutputError(
            f"'{path.parent}' already holds {SUMMARY_CSV}, which no run wrote; choose another folder."
        )
    return path
