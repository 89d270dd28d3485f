"""A pytest plugin: on a machine set up by `make setup`, a skipped test is a failed test.

`make test` loads it (`-p tests.nothing_skipped`). A skip would hide that QGIS, the bundle or the sample
scene is missing. Excepted are the tests marked `needs_pack`: the training data is not in the repository.
"""

from __future__ import annotations

from typing import Any

import pytest

SENTENCE = "skipped, but on a machine set up by `make setup` nothing may be: "


def _reason(longrepr: Any) -> str:
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)


def _fail(report: Any) -> None:
    report.longrepr = SENTENCE + _reason(report.longrepr)
    report.outcome = "failed"


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    expected = hasattr(report, "wasxfail") or item.get_closest_marker("needs_pack")
    if report.skipped and not expected:
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Any:
    report = yield
    if report.skipped:  # importorskip, or pytest.skip(allow_module_level=True)
        _fail(report)
    return report
