"""Making the worker's private environment in the QGIS profile. Nothing goes into QGIS' own Python."""

from __future__ import annotations
