"""Two helper threads of a run, both bounded: one reads ahead, the other writes behind.

A queue that is full makes its producer wait, so memory stays bounded whichever side is slower. An error
in a helper thread is raised in the main one, at its next call.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_POLL_S = 0.1


class ReadAhead(Generic[T]):
    """Runs an iterator in a thread of its own, at most `depth` items ahead; a context manager."""

    def __init__(self, items: Iterable[T], depth: int, check: Callable[[], None]) -> None:
        """Prepare.

        Args:
            items: consumed in the helper thread.
            depth: most items that wait.
            check: called while waiting for an item; raises to give up.
        """
        self._items = items
        self._check = check
        self._ready: queue.Queue[tuple[str, Any]] = queue.Queue(depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="hydranet-read", daemon=True)

    def __enter__(self) -> Iterator[T]:
        self._thread.start()
        return self._take()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _take(self) -> Iterator[T]:
        while True:
            try:
                kind, value = self._ready.get(timeout=_POLL_S)
            except queue.Empty:
                self._check()
                continue
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value

    def _work(self) -> None:
        try:
            for item in self._items:
                if not self._hand_over("item", item):
                    return
            self._hand_over("end", None)
        except BaseException as error:  # whatever it is, the main thread must hear of it
            self._hand_over("error", error)

    def _hand_over(self, kind: str, value: Any) -> bool:
        while not self._stop.is_set():
            try:
                self._ready.put((kind, value), timeout=_POLL_S)
                return True
            except queue.Full:
                continue
        return False


class WriteBehind:
    """Calls functions one after another in a thread of its own; a context manager.

    Leaving it without an error waits for all calls; leaving it with one drops those not yet begun.
    """

    def __init__(self, depth: int) -> None:
        """At most `depth` calls wait."""
        self._calls: queue.Queue[tuple[Callable[..., None], tuple[Any, ...]] | None] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="hydranet-write", daemon=True)

    def __enter__(self) -> WriteBehind:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._error = self._error or RuntimeError("stopped")  # from here on calls are dropped
        self._calls.put(None)
        self._thread.join()
        if kind is None:
            self._raise()

    def call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Have `function(*arguments)` called; raises the error of an earlier call."""
        self._raise()
        self._calls.put((function, arguments))

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            if self._error is None:
                try:
                    call[0](*call[1])
                except BaseException as error:  # raised in the main thread
                    self._error = error
