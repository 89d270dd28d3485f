"""Trainings of this session: what the worker tells of them, kept for the panel that draws their curves."""

from __future__ import annotations
