"""The dock: what a run decided about each of its tiles."""

from __future__ import annotations

from .run_dock import RunDock

__all__ = ["RunDock"]
