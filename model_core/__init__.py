"""The part of HydraNet that does the work; it knows nothing of QGIS."""

from __future__ import annotations

__version__ = "0.7.0"
