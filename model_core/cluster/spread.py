"""A scene that is cut: its task, on a worker, has the strips worked out by all workers and joins them."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import CancelledError, ClusterError
from ..journal import STRIPS, Done, Journal
from .options import strip_rows_for
from .strips import Strip, cut, join, settle

if TYPE_CHECKING:
    from ..plan import Plan

_POLL_S = 0.05
_END_S = 20.0  # a strip looks once a batch whether it is still wanted
_FIRST = 10  # priority: a scene that is begun comes before those that wait


class Spread:
    """The `attempts.Elsewhere` of a task."""

    def __init__(
        self, task: dict[str, Any], work: Callable[[dict[str, Any]], Any], stopped: Callable[[], bool]
    ) -> None:
        """Prepare.

        Args:
            task: of the scene, see `tasks.work_scene`.
            work: `tasks.work_strip`.
            stopped: whether the user has stopped the job.
        """
        self._task, self._work, self._stopped = task, work, stopped

    def __call__(self, plan: Plan, journal: Journal, done: Done) -> Done:
        """Have all strips worked out, if the scene is worth cutting.

        Raises:
            CancelledError: the user has stopped the job.
            HydraNetError: a strip failed; those that are whole stay.
        """
        from distributed import get_client, worker_client

        left = plan.grid.height - done.until
        workers = sum(get_client().nthreads().values())
        rows = strip_rows_for(left, workers, self._task["strip_rows"], self._task["alone"])
        strips = cut(plan.grid, done, rows, journal)
        if len(strips) < 2:
            return done
        (journal.folder / STRIPS).mkdir(exist_ok=True)
        # Leaves its place to a strip: the task of the scene only waits.
        with worker_client() as client:
            self._work_through(client, strips, journal, done)
        return settle(plan, journal)

    def _work_through(self, client: Any, strips: list[Strip], journal: Journal, done: Done) -> None:
        """Hand out the strips and join them as they come, in order."""
        group = uuid.uuid4().hex
        task = {**self._task, "journal": str(journal.folder), "group": group}
        flying = {
            strip: client.submit(
                self._work, {**task, "strip": [strip.first, strip.end]},
                key=f"hydranet-strip-{self._task['scene'][0]}-{strip.name}-{group}",
                pure=False, priority=_FIRST,
            )
            for strip in strips
        }  # fmt: skip
        try:
            spent, joined = done.start.spent, 0
            while joined < len(strips):
                if self._stopped():
                    raise CancelledError("The run was stopped; nothing was written.")
                for future in [future for future in flying.values() if future.done()]:
                    _raise_error_of(future)
                while joined < len(strips) and flying[strips[joined]].done():
                    strip = strips[joined]
                    added = join(journal, strip, spent)
                    if added is None:
                        raise ClusterError(
                            f"A worker has finished the strip {strip.name}, but '{journal.folder}' does not "
                            "hold it; give all machines the output folder under the same path."
                        )
                    spent, joined = added, joined + 1
                time.sleep(_POLL_S)
        except BaseException:
            _stop(client, group, list(flying.values()))
            raise


def _stop(client: Any, group: str, futures: list[Any]) -> None:
    """End the strips of a scene that failed or was stopped: its journal must not go while they write."""
    from .tasks import stop

    with contextlib.suppress(OSError, RuntimeError, ValueError):  # the scheduler may be gone
        client.run(stop, group, on_error="ignore")
        end = time.monotonic() + _END_S
        while any(not future.done() for future in futures) and time.monotonic() < end:
            time.sleep(_POLL_S)
        client.cancel([future for future in futures if not future.done()])


def _raise_error_of(future: Any) -> None:
    """Raise what went wrong in the task of a strip, if anything did."""
    from .tasks import raised

    if future.status == "error":
        raise lost(future.exception())
    if future.status != "finished":
        raise ClusterError("The scheduler has dropped a strip of the scene; look at its log.")
    error = future.result()["error"]
    if error is not None:
        raise raised(*error)


def lost(error: BaseException) -> ClusterError:
    """What dask says of a task that could not be done, for the user."""
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return ClusterError(
            f"Every worker that had it was lost ({error.allowed_failures + 1} in all), as if memory ran out "
            "or a library crashed; use fewer --workers or a smaller --memory-mb, and look at their logs."
        )
    return ClusterError(
        f"A worker could not do its task ({type(error).__name__}: {error}); see that all machines have the "
        "same HydraNet and the same libraries."
    )
