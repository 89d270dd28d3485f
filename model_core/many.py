"""Many scenes, one after another, with one loaded model; one that fails does not stop the others.

`cluster.run` does the same with many processes: a scene, and the table of all, are the same here and there.

`summary.csv` in the output folder has a row for each scene and is written anew after each, so a job that
runs over night can be looked at, and one that was killed tells how far it came.
"""

from __future__ import annotations

import csv
import io
import os
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from . import events
from . import predict as prediction
from .cluster.attempts import Manner, mark, patiently
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


@dataclass(frozen=True)
class Told:
    """What is known of a scene when it has ended.

    Attributes:
        row: of the table.
        bands: which band fed which, and how numbers became reflectance; None without a run.
        kind: class of the error, None without one.
    """

    row: Row
    bands: str | None = None
    kind: str | None = None


def predict_many(
    scenes: SceneList,
    request: PredictRequest,
    emit: events.Emit = lambda event: None,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    load_model: prediction.LoadModel | None = None,
    retries: int = 0,
) -> Outcome:
    """Predict every scene of a list.

    Args:
        scenes: what to predict, and where to.
        request: how; its input and output are replaced by each scene's.
        emit: hears each scene's events with `scene` in them, `scene_started`, `scene_ended` and, at the
            end, `summary`.
        cancelled: as in `predict`; stops the whole job, which can be continued.
        load_model: opens the bundle; called again only if the bundle changes.
        retries: further attempts at a scene that the network or the system failed.

    Returns:
        A row for each scene; a stop by the user is told in it, not raised.

    Raises:
        OutputError: the output folder cannot be written, or holds a summary.csv that is not ours.
    """
    table = Table(scenes, emit)
    models, job = Models(load_model), uuid.uuid4().hex
    for scene in scenes.scenes:
        if table.stopped is None and cancelled():
            table.stopped = CancelledError("The run was stopped.")
        if table.stopped is not None:
            table.leave_out([scene])
            continue
        table.begin(scene)
        one = request_of(scene, request)
        manner = Manner(job=job, before=mark(Path(one.output)), retries=retries)
        table.end(scene, predict_scene(scene, one, models, partial(table.tell, scene), cancelled, manner))
    return table.finish()


def request_of(scene: SceneEntry, request: PredictRequest) -> PredictRequest:
    """The request of one scene, with absolute paths."""
    return replace(request, input=scene.path, output=scene.folder).absolute()


class Models:
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


def predict_scene(
    scene: SceneEntry,
    request: PredictRequest,
    models: Models,
    tell: events.Emit,
    cancelled: Callable[[], bool],
    manner: Manner,
) -> Told:
    """Predict one scene, whatever comes of it.

    Args:
        scene: for the table.
        request: of the scene, with absolute paths.
        models: give the model.
        tell: hears the events of the scene.
        cancelled: as in `predict`.
        manner: how it is done here.
    """
    begin = time.perf_counter()
    folder = request.output
    try:
        if models.broken is not None:  # no scene can be served: do not open them all to say so
            raise models.broken
        loaded = partial(prediction.load, request, models)
        if (run := manner.finished(request, loaded)) is not None:
            return _told(scene, folder, run, DONE)
        if request.resume and (run := finished_run(request, loaded)) is not None:
            return _told(scene, folder, run, SKIPPED, "already finished with this request")
        run = patiently(
            lambda: prediction.predict(
                request, tell, cancelled, load_model=models, keep_on_cancel=True, manner=manner
            ),
            request, manner, tell, cancelled,
        )  # fmt: skip
        return _told(scene, folder, run, DONE)
    except CancelledError as error:
        return Told(Row(scene.path, folder, CANCELLED, message=str(error)))
    except Exception as error:  # a defect in one scene is no reason to lose the others
        kind, message = explain(error)
        tell(events.failed(kind, message))
        seconds = round(time.perf_counter() - begin, 3)
        return Told(Row(scene.path, folder, FAILED, seconds=seconds, message=message), kind=kind)


def _told(scene: SceneEntry, folder: str, run: dict[str, Any], status: str, why: str = "") -> Told:
    tiles, seconds = run["tiles"], run["seconds"]["total"]
    rate = round(tiles["total"] / seconds, 2) if seconds > 0 else None
    counts = tiles["total"], tiles["routed"], tiles["abstained"]
    return Told(Row(scene.path, folder, status, *counts, seconds, rate, why), bands_text(run))


class Table:
    """The rows so far, shown and written as they come.

    Attributes:
        stopped: why the user's stop ended the job early, or None.
    """

    def __init__(self, scenes: SceneList, emit: events.Emit) -> None:
        """Make the output folder.

        Raises:
            OutputError: it cannot be written, or holds a summary.csv that is not ours.
        """
        self.stopped: CancelledError | None = None
        self._scenes, self._emit = scenes, emit
        self._told: dict[int, Told] = {}  # by the scene's number
        self._path = _prepare_summary(scenes.output)
        for note in scenes.notes:
            emit(events.log("warning", note))

    def tell(self, scene: SceneEntry, event: events.Event) -> None:
        """Pass on an event of a scene."""
        self._emit(events.of_scene(event, scene.number, scene.path))

    def begin(self, scene: SceneEntry) -> None:
        """A scene is begun."""
        self.tell(scene, events.scene_started(len(self._scenes.scenes), os.path.abspath(scene.folder)))

    def end(self, scene: SceneEntry, told: Told) -> None:
        """A scene is through, well or not."""
        if told.row.status == CANCELLED and self.stopped is None:
            self.stopped = CancelledError(told.row.message)
        self._told[scene.number] = told
        self._write_summary()
        self.tell(scene, events.scene_ended(asdict(told.row)))

    def leave_out(self, scenes: Iterable[SceneEntry]) -> None:
        """These scenes are not begun."""
        for scene in scenes:
            folder = os.path.abspath(scene.folder)
            self._told[scene.number] = Told(Row(scene.path, folder, CANCELLED, message="not begun"))

    def finish(self) -> Outcome:
        """Write the last summary and give all rows."""
        self._write_summary()
        self._emit(events.scenes_summary(str(self._path), [asdict(row) for row in self._rows()]))
        bands: dict[str, list[int]] = {}
        for number, told in sorted(self._told.items()):
            if told.bands is not None:
                bands.setdefault(told.bands, []).append(number)
        return Outcome(tuple(self._rows()), bands, self.stopped)

    def _rows(self) -> list[Row]:
        return [told.row for _, told in sorted(self._told.items())]

    def _write_summary(self) -> None:
        """Replace summary.csv; if it cannot be, as when it is open elsewhere, nothing stops."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(_COLUMNS)
        table.writerows(
            ["" if value is None else value for value in asdict(row).values()] for row in self._rows()
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
