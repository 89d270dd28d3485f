"""What every tier shares: when training data is needed, and that no test depends on the machine's speed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure (no deadline); the same examples everywhere (nothing drawn, nothing stored).
settings.register_profile("hydranet", deadline=None, derandomize=True, database=None)
settings.load_profile("hydranet")

PACK = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if (PACK / "catalog.csv").is_file():
        return
    for item in items:
        if item.get_closest_marker("needs_pack"):
            item.add_marker(pytest.mark.skip(reason="the training data is not in ../shared/data"))
