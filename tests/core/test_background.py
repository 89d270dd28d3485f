"""The two helper threads: bounded, in order, and no error is lost."""

from __future__ import annotations

import threading

import pytest

from model_core.background import ReadAhead, WriteBehind
from model_core.errors import CancelledError


def test_items_come_in_order_and_not_too_many_ahead() -> None:
    made: list[int] = []

    def items():
        for number in range(50):
            made.append(number)
            yield number

    taken = []
    with ReadAhead(items(), 2, lambda: None) as ahead:
        for item in ahead:
            taken.append(item)
            assert len(made) <= len(taken) + 3  # two waiting, one in the maker's hand
    assert taken == list(range(50))


def test_an_error_of_the_reader_is_raised_where_its_item_would_be() -> None:
    def items():
        yield 1
        raise OSError("gone")

    taken = []
    with pytest.raises(OSError, match="gone"), ReadAhead(items(), 4, lambda: None) as ahead:
        taken += ahead
    assert taken == [1]
    with ReadAhead(items(), 4, lambda: None) as ahead:
        assert next(ahead) == 1


def test_waiting_for_a_slow_reader_can_be_given_up() -> None:
    release = threading.Event()

    def items():
        release.wait(60)
        yield 1

    def check() -> None:
        release.set()
        raise CancelledError("stop")

    with pytest.raises(CancelledError), ReadAhead(items(), 1, check) as ahead:
        next(ahead)


def test_leaving_early_ends_the_reader() -> None:
    def items():
        while True:
            yield 0

    with ReadAhead(items(), 1, lambda: None) as ahead:
        next(ahead)
    assert not any(thread.name == "hydranet-read" for thread in threading.enumerate())


def test_calls_are_made_in_order_and_all_before_leaving() -> None:
    called: list[int] = []
    with WriteBehind(3) as behind:
        for number in range(100):
            behind.call(called.append, number)
    assert called == list(range(100))


def test_an_error_of_the_writer_is_raised_and_later_calls_are_dropped() -> None:
    called: list[int] = []

    def fail() -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"), WriteBehind(1) as behind:
        behind.call(fail)
        for number in range(10):
            behind.call(called.append, number)
    assert called == []
    with pytest.raises(OSError, match="full"), WriteBehind(1) as behind:
        behind.call(fail)  # the last call of all


def test_leaving_with_an_error_drops_what_waits() -> None:
    begun, go, called = threading.Event(), threading.Event(), []

    def slow() -> None:
        begun.set()
        go.wait(60)

    with pytest.raises(CancelledError), WriteBehind(8) as behind:
        behind.call(slow)
        begun.wait(60)
        behind.call(called.append, 1)
        go_later = threading.Timer(0.05, go.set)
        go_later.start()
        raise CancelledError("stop")
    assert called == []
