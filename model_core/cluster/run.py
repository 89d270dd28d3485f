"""Predictions over many processes: scenes are handed out as workers get free, and rows come back.

The caller needs no torch: it reads the description of the model to know its checksum, and the rest happens
on the workers. At most as many scenes are handed out as there are workers, so that a worker that is lost
takes no scene with it that only waited there.
"""

from __future__ import annotations

import contextlib
import json
import queue
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from .. import __version__, events
from ..budget import cores
from ..bundle import read_info
from ..errors import CancelledError, ClusterError
from ..many import CANCELLED, FAILED, Outcome, Row, Table, Told, request_of
from ..request import PredictRequest
from ..resources import default_bundle
from ..rundir import read_run
from ..scene_list import SceneEntry, SceneList
from . import tasks
from .attempts import mark
from .options import LOCAL, ClusterOptions
from .spread import lost
from .start import cluster
from .teller import Hearing

_POLL_S = 0.1
_LOOK_S = 1.0  # between two looks at the workers
_WAIT_S = 60.0  # without any worker, before the user is told


def predict_many(
    scenes: SceneList,
    request: PredictRequest,
    options: ClusterOptions,
    emit: events.Emit = lambda event: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Outcome:
    """As `many.predict_many`, by workers.

    Raises:
        OutputError: the output folder cannot be written, or holds a summary.csv that is not ours.
        ClusterError: there is no scheduler, no worker, or a worker of another HydraNet or model.
        BundleError: the model's description cannot be read here.
    """
    expected = _expected(request)
    table = Table(scenes, emit)
    size = len(scenes.scenes) if options.strip_rows is None else 2**31
    with cluster(options, emit, size, request.memory_mb, cancelled) as client:
        job = _Job(client, request, options, expected, emit, cancelled)
        job.run(scenes.scenes, table.begin, table.tell, table.end)
        table.leave_out(job.left_out)
    if job.left_out and table.stopped is None:
        table.stopped = CancelledError("The run was stopped.")
    return table.finish()


def predict_one(
    request: PredictRequest,
    options: ClusterOptions,
    emit: events.Emit = lambda event: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """As `predict.predict`, by workers: a huge scene in strips.

    Returns:
        What run.json holds.

    Raises:
        HydraNetError: as `predict.predict`, and as `predict_many`.
    """
    request = request.absolute()
    expected = _expected(request)
    scene = SceneEntry(1, request.input, request.output)
    found: list[Told] = []

    def tell(_scene: SceneEntry, event: events.Event) -> None:
        if event["event"] != "error":  # it is raised
            emit(event)

    with cluster(options, emit, 2**31, request.memory_mb, cancelled) as client:
        job = _Job(client, request, options, expected, emit, cancelled)
        job.run([scene], lambda _scene: None, tell, lambda _scene, told: found.append(told))
    if not found:
        raise CancelledError("The run was stopped; nothing was written.")
    told = found[0]
    if told.row.status == CANCELLED:
        raise CancelledError(told.row.message)
    if told.row.status == FAILED:
        raise tasks.raised(told.kind or "", told.row.message)
    return read_run(Path(request.output))


def _expected(request: PredictRequest) -> dict[str, Any]:
    """What every worker must have."""
    request = request.absolute()
    folder = default_bundle() if request.bundle is None else Path(request.bundle)
    return {"version": __version__, "bundle": request.bundle, "sha256": read_info(folder).sha256}


class _Job:
    """Scenes on their way to workers and back.

    Attributes:
        left_out: scenes that were not begun, because the user stopped the job.
    """

    def __init__(
        self,
        client: Any,
        request: PredictRequest,
        options: ClusterOptions,
        expected: dict[str, Any],
        emit: events.Emit,
        cancelled: Callable[[], bool],
    ) -> None:
        self._client, self._request, self._options = client, request, options
        self._expected, self._emit, self._cancelled = expected, emit, cancelled
        self._name = uuid.uuid4().hex
        self._topic = f"hydranet-{self._name}"
        self._inbox: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._flying: dict[Any, tuple[SceneEntry, Hearing]] = {}  # by future
        self._begun: set[int] = set()
        self._room, self._looked, self._had_workers = 1, 0.0, time.monotonic()
        self._told_to_stop, self._threads = 0.0, 1
        self.left_out: list[SceneEntry] = []

    def run(
        self,
        scenes: Sequence[SceneEntry],
        begin: Callable[[SceneEntry], None],
        tell: Callable[[SceneEntry, events.Event], None],
        end: Callable[[SceneEntry, Told], None],
    ) -> None:
        """Have all scenes predicted.

        Args:
            scenes: which.
            begin: called when a worker begins a scene.
            tell: hears the events of scenes.
            end: takes what became of one; scenes end in any order.

        Raises:
            ClusterError: the scheduler is gone, or a worker is not the caller's like.
        """
        self._begin, self._tell, self._end = begin, tell, end
        self._check_workers()
        self._look()
        self._threads = self._request.threads or self._threads_each()
        self._client.subscribe_topic(self._topic, lambda event: self._inbox.put(("event", event[1])))
        waiting, alone = deque(scenes), len(scenes) == 1
        while waiting or self._flying:
            if self._cancelled():
                self.left_out += waiting
                waiting.clear()
                self._stop_workers()
            self._look()
            if self._cancelled() and not self._room:
                self._give_up()
            while waiting and len(self._flying) < self._room:
                self._submit(waiting.popleft(), alone)
            with contextlib.suppress(queue.Empty):
                self._take(*self._inbox.get(timeout=_POLL_S))
        self._client.unsubscribe_topic(self._topic)

    def _threads_each(self) -> int:
        """Inference threads of a worker: with fewer scenes than cores, several."""
        return max(1, cores() // max(self._room, 1)) if self._options.scheduler == LOCAL else 1

    def _give_up(self) -> None:
        """The user has stopped the job, and nobody is left who could end its scenes tidily."""
        self._client.cancel(list(self._flying))
        for scene, _hearing in self._flying.values():
            folder = request_of(scene, self._request).output
            self._end(scene, Told(Row(scene.path, folder, CANCELLED, message="The run was stopped.")))
        self._flying.clear()

    def _check_workers(self) -> None:
        """Make sure that the workers there are have the same HydraNet and the same model."""
        for address, said in self._client.run(tasks.hello, self._expected, on_error="return").items():
            wrong = said["wrong"] if isinstance(said, dict) else f"{type(said).__name__}: {said}"
            if wrong is not None:
                raise ClusterError(f"The worker at {address} cannot do this job: {wrong}")

    def _look(self) -> None:
        """See how many workers there are, now and then."""
        now = time.monotonic()
        if now - self._looked < _LOOK_S:
            return
        self._looked = now
        if self._client.status not in ("running", "connecting"):
            raise _gone()
        try:
            self._room = sum(self._client.nthreads().values())
        except (OSError, ValueError) as error:
            raise _gone() from error
        if self._room:
            self._had_workers = now
        elif now - self._had_workers > _WAIT_S:
            self._had_workers = now
            self._emit(events.log("warning", "The scheduler has no worker left; waiting for one."))

    def _submit(self, scene: SceneEntry, alone: bool) -> None:
        request = request_of(scene, self._request)
        task = {
            "request": request.to_json(), "scene": [scene.number, scene.path, scene.folder],
            "job": self._name, "before": mark(Path(request.output)), "retries": self._options.retries,
            "expected": self._expected, "strip_rows": self._options.strip_rows, "alone": alone,
            "topic": self._topic, "threads": self._threads,
        }  # fmt: skip
        future = self._client.submit(
            tasks.work_scene, task, key=f"hydranet-scene-{scene.number}-{self._name}", pure=False
        )
        self._flying[future] = scene, Hearing(partial(self._hear, scene))
        future.add_done_callback(lambda future: self._inbox.put(("done", future)))

    def _hear(self, scene: SceneEntry, event: events.Event) -> None:
        if scene.number not in self._begun:
            self._begun.add(scene.number)
            self._begin(scene)
        if event["event"] != "begun":
            self._tell(scene, event)

    def _take(self, kind: str, what: Any) -> None:
        """Take a message of a worker, or a result."""
        if kind == "event":
            message = json.loads(what)
            for scene, hearing in self._flying.values():
                if scene.number == message["scene"]:
                    hearing.hear(message["token"], message["number"], message["event"])
            return
        scene, hearing = self._flying.pop(what)
        if what.status == "finished":
            result = what.result()
            if result["row"]["message"] == "not begun":
                self.left_out.append(scene)
                return
            hearing.catch_up(result["token"], result["told"])
            self._end(scene, Told(Row(**result["row"]), result["bands"], result["kind"]))
        elif what.status == "error":
            error = lost(what.exception())
            self._hear(scene, events.failed(type(error).__name__, str(error)))
            folder = request_of(scene, self._request).output
            self._end(scene, Told(Row(scene.path, folder, FAILED, message=str(error)), kind="ClusterError"))
        else:
            raise _gone()

    def _stop_workers(self) -> None:
        """Tell every worker that the job is stopped; again after a while, as some may have come since."""
        now = time.monotonic()
        if now - self._told_to_stop > _LOOK_S:
            self._told_to_stop = now
            try:
                self._client.run(tasks.stop, self._name, on_error="ignore")
            except (OSError, ValueError) as error:
                raise _gone() from error


def _gone() -> ClusterError:
    return ClusterError(
        "The scheduler is gone, and with it the job; what is done is kept: the same request with --resume "
        "goes on from there."
    )
