"""The page Settings > Options > HydraNet: which Python runs the worker, and making one."""

from __future__ import annotations

from .dialog import EnvironmentDialog
from .factory import PAGE_NAME, EnvironmentFactory
from .page import EnvironmentPage

__all__ = ["PAGE_NAME", "EnvironmentDialog", "EnvironmentFactory", "EnvironmentPage"]
