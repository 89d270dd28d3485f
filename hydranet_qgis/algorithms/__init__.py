"""One file per Processing algorithm."""

from __future__ import annotations
