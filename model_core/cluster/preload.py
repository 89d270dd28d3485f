"""What every worker of a local cluster does first and last; dask imports it by name and calls both."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any


def dask_setup(_worker: Any) -> None:
    """Leave Ctrl-C to the process that was called: it tells the workers, which then end tidily.

    A terminal sends it to all processes at once.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def dask_teardown(_worker: Any) -> None:
    """Be silent from here on: what libraries say of a process that is ended in its work helps nobody."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
