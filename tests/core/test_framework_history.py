"""The table and the picture of a training survive stops, new columns and a missing matplotlib."""

from __future__ import annotations

import builtins
import logging

import pytest

from model_core.training.framework.history import History


def lines(folder) -> list[str]:
    return (folder / "results" / "history.csv").read_text(encoding="utf-8").splitlines()


def test_rows_are_kept_by_step_and_read_again(tmp_path):
    history = History(tmp_path)
    history.append(50, {"loss/water": 0.5, "lr": 1e-3})
    history.append(100, {"loss/water": 0.25, "lr": 2e-3})
    assert lines(tmp_path) == ["step,loss/water,lr", "50,0.5,0.001", "100,0.25,0.002"]
    assert History(tmp_path).rows == history.rows
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["history.csv"]


def test_new_columns_leave_old_rows_empty_and_old_columns_in_place(tmp_path):
    History(tmp_path).append(50, {"loss/water": 0.5})
    History(tmp_path).append(100, {"loss/fire": 1.0, "loss/water": 0.25})
    History(tmp_path).append(150, {"lr": 0.1})
    assert lines(tmp_path) == ["step,loss/water,loss/fire,lr", "50,0.5,,", "100,0.25,1,", "150,,,0.1"]


def test_a_resumed_training_leaves_no_double_rows(tmp_path):
    history = History(tmp_path)
    for step in range(50, 400, 50):
        history.append(step, {"loss/water": 1 / step})
    whole = lines(tmp_path)
    again = History(tmp_path)
    again.rewind(250)  # the checkpoint's step: its row was written before the checkpoint was
    assert list(again.rows) == [50, 100, 150, 200, 250]
    assert len(lines(tmp_path)) == 6
    for step in range(300, 400, 50):
        again.append(step, {"loss/water": 1 / step})
    assert lines(tmp_path) == whole


def test_a_training_from_the_start_forgets_everything(tmp_path):
    History(tmp_path).append(50, {"loss/water": 0.5})
    again = History(tmp_path)
    again.rewind(0)
    assert again.rows == History(tmp_path).rows == {}


def test_figures_of_one_step_join_in_one_row(tmp_path):
    history = History(tmp_path)
    history.append(50, {"loss/water": 0.5})
    history.append(50, {"val/water": 0.75})
    assert lines(tmp_path) == ["step,loss/water,val/water", "50,0.5,0.75"]


def test_going_back_without_saying_so_drops_what_lies_beyond(tmp_path):
    history = History(tmp_path)
    for step in (50, 100, 150):
        history.append(step, {"loss/water": step})
    history.append(100, {"loss/water": 7.0})
    assert lines(tmp_path) == ["step,loss/water", "50,50", "100,7"]


def test_what_could_not_be_measured_is_an_empty_cell(tmp_path):
    history = History(tmp_path)
    history.append(50, {"val/water": float("nan"), "val/roads": 0.5})
    assert lines(tmp_path)[1] == "50,,0.5"
    assert History(tmp_path).series("val/") == {"roads": ([50], [0.5])}


def test_the_curves_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    history = History(tmp_path)
    assert history.figure() is None  # nothing to draw
    for step in (50, 100):
        history.append(
            step, {"loss/water": 1 / step, "val/water": step / 200, "weight/water": 1.0, "lr": 0.1}
        )
    drawn = history.figure()
    assert drawn == tmp_path / "analysis" / "curves.png"
    assert drawn.read_bytes().startswith(b"\x89PNG")
    before = drawn.read_bytes()
    history.append(150, {f"loss/{name}": 0.5 for name in ("roads", "fire", "burned")})
    assert history.figure().read_bytes() != before  # drawn anew, with what came since
    assert [path.name for path in drawn.parent.iterdir()] == ["curves.png"]


def test_without_matplotlib_it_says_so_once(tmp_path, monkeypatch, caplog):
    load = builtins.__import__

    def refuse(name, *rest):
        if name.split(".")[0] == "matplotlib":
            raise ImportError(name)
        return load(name, *rest)

    history = History(tmp_path)
    history.append(50, {"loss/water": 0.5})
    monkeypatch.setattr(builtins, "__import__", refuse)
    with caplog.at_level(logging.WARNING):
        assert history.figure() is None
        assert history.figure() is None
    assert ["matplotlib is not installed" in record.message for record in caplog.records] == [True]
    assert not (tmp_path / "analysis").exists()
