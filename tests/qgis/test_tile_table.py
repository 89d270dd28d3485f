"""The table of tiles: contents, order, filters and selection."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from qgis.PyQt.QtCore import QPersistentModelIndex, Qt
from qgis.PyQt.QtTest import QAbstractItemModelTester

from hydranet_qgis.dock import tile_columns
from hydranet_qgis.dock.delegates import fit_chips
from hydranet_qgis.dock.tile_columns import NEARLY, WOULD_CHANGE, columns_of
from hydranet_qgis.dock.tile_model import (
    CHIPS_ROLE,
    EXPERTS,
    REASON,
    SCENE,
    SCORE,
    TILE,
    UNSURE,
    TileModel,
)
from hydranet_qgis.dock.tile_selection import TileSelection
from hydranet_qgis.dock.tile_table import TileTable
from hydranet_qgis.run_folder import Run, read_run
from hydranet_qgis.tile_records import TileRecord, read_tiles
from tests.qgis.fake_worker import fake_run


@pytest.fixture
def model(run: Run) -> TileModel:
    """The model under the eyes of Qt's own tester, which raises at whatever breaks the rules of models."""
    made = TileModel()
    made.tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)
    made.set_run(run, read_tiles(run))
    return made


def _tiles(model: TileModel) -> list[tuple[int, int]]:
    return [(tile.row, tile.col) for tile in model.shown_tiles()]


def test_a_row_says_place_experts_score_and_outcome(model: TileModel, run: Run) -> None:
    row = next(i for i, t in enumerate(model.tiles) if len(t.chosen) == 2)
    tile = model.tiles[row]
    titles = [run.titles()[name] for name in tile.chosen]
    assert model.index(row, TILE).data() == f"{tile.row}, {tile.col}"
    assert model.index(row, EXPERTS).data() == ", ".join(titles)
    assert model.index(row, SCORE).data() == f"{tile.top_score:.2f}"
    assert model.index(row, REASON).data() == "routed"
    assert model.index(row, EXPERTS).data(CHIPS_ROLE) == [
        (t, model.colors[n]) for t, n in zip(titles, tile.chosen, strict=True)
    ]
    spoken = model.index(row, TILE).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == f"Row {tile.row}, column {tile.col}: {', '.join(titles)}"


def test_a_tile_without_data_says_so(model: TileModel) -> None:
    shown = [model.index(0, column).data() for column in (TILE, EXPERTS, SCENE, SCORE, UNSURE, REASON)]
    assert shown == ["0, 0", "", "–", "–", "–", "no data"]


@pytest.mark.parametrize("order", [Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder])
def test_scores_are_sorted_as_numbers_and_none_comes_last(model: TileModel, order: Qt.SortOrder) -> None:
    model.sort(SCORE, order)
    scores = [tile.top_score for tile in model.shown_tiles()]
    assert scores[:-1] == sorted(scores[:-1], reverse=order == Qt.SortOrder.DescendingOrder)
    assert scores[-1] is None


def test_places_are_sorted_in_reading_order(model: TileModel) -> None:
    model.sort(TILE, Qt.SortOrder.DescendingOrder)
    assert _tiles(model)[:2] == [(2, 3), (2, 2)]
    model.sort(TILE, Qt.SortOrder.AscendingOrder)
    assert _tiles(model) == [(t.row, t.col) for t in model.tiles]


@pytest.mark.parametrize("column", [EXPERTS, REASON])
def test_equals_stay_together_in_reading_order(model: TileModel, column: int) -> None:
    model.sort(column, Qt.SortOrder.AscendingOrder)
    texts = [model.index(row, column).data() for row in range(model.rowCount())]
    assert texts == sorted(texts, key=str.lower)
    places = _tiles(model)
    for text in set(texts):
        same = [place for place, other in zip(places, texts, strict=True) if other == text]
        assert same == sorted(same)


def test_sorting_takes_persistent_indexes_along(model: TileModel) -> None:
    kept = [QPersistentModelIndex(model.index(row, EXPERTS)) for row in (0, 5, 11)]
    before = [model.tile_at(index.row()).index for index in kept]
    model.set_filters("*routed")
    kept = [QPersistentModelIndex(model.index(row, EXPERTS)) for row in range(3)]
    before = [model.tile_at(index.row()).index for index in kept]
    model.sort(SCORE, Qt.SortOrder.DescendingOrder)
    assert [model.tile_at(index.row()).index for index in kept] == before
    assert [index.row() for index in kept] != [0, 1, 2]


@pytest.mark.parametrize("column", [TILE, SCORE])
@pytest.mark.parametrize(
    ("kind", "expert", "wanted"),
    [
        (tile_columns.ALL, None, lambda t: True),
        (tile_columns.ROUTED, None, lambda t: bool(t.chosen)),
        (tile_columns.ABSTAINED, None, lambda t: t.reason.startswith("abstained")),
        (tile_columns.ABSTAINED, "water", lambda t: t.reason.startswith("abstained")),
        (tile_columns.NO_DATA, None, lambda t: t.reason == "no data"),
        (tile_columns.ALL, "water", lambda t: "water" in t.chosen),
        (tile_columns.ROUTED, "water", lambda t: "water" in t.chosen),
    ],
)
def test_filters_by_outcome_and_expert(
    model: TileModel, column: int, kind: str, expert: str | None, wanted: Callable[[TileRecord], bool]
) -> None:
    model.sort(column, Qt.SortOrder.AscendingOrder)
    model.set_filters(kind, expert)
    expected = {(t.row, t.col) for t in model.tiles if wanted(t)}
    assert expected
    assert set(_tiles(model)) == expected
    if column == TILE:
        assert _tiles(model) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Water", lambda t: "water" in t.chosen),
        ("r2 land", lambda t: t.row == 2 and "landcover" in t.chosen),
        ("abst", lambda t: "abstained" in t.reason),
        ("1, 2", lambda t: (t.row, t.col) == (1, 2)),
        ("unicorn", lambda t: False),
    ],
)
def test_filters_by_words(model: TileModel, text: str, wanted: Callable[[TileRecord], bool]) -> None:
    model.set_filters(text=text)
    assert _tiles(model) == [(t.row, t.col) for t in model.tiles if wanted(t)]


def _nearly(run: Run, tile: TileRecord, name: str) -> bool:
    at = [expert.name for expert in run.experts].index(name)
    score, reason = tile.scores[at], tile.reasons[at]
    if score is None or name in tile.chosen or reason == "outside resolution":
        return False
    return reason == "cut by k" or run.experts[at].threshold - 0.1 <= score


@pytest.mark.parametrize("name", ["clouds", "water", "burned", "landcover", "biomass", "roads"])
def test_nearly_chosen_is_just_below_the_threshold_or_cut_by_k(model: TileModel, run: Run, name: str) -> None:
    model.set_filters(NEARLY, name)
    assert _tiles(model) == [(t.row, t.col) for t in model.tiles if _nearly(run, t, name)]


def test_nearly_chosen_without_an_expert_is_so_for_any(model: TileModel, run: Run) -> None:
    model.set_filters(NEARLY)
    expected = [
        (t.row, t.col) for t in model.tiles if any(_nearly(run, t, expert.name) for expert in run.experts)
    ]
    assert 0 < len(expected) < 12
    assert _tiles(model) == expected


def test_nearly_chosen_under_top_k_is_close_behind_the_last_chosen(scene, tmp_path) -> None:
    fake_run.write_run(tmp_path / "k", {"input": str(scene), "policy": "top-k", "top_k": 1})
    run = read_run(tmp_path / "k")
    columns = columns_of(run, read_tiles(run))
    assert 0 < sum(map(bool, columns.nearly)) < len(columns.tiles)
    for tile, near in zip(columns.tiles, columns.nearly, strict=True):
        for at, expert in enumerate(run.experts):
            behind = (tile.top_score or 0.0) - (tile.scores[at] or 0.0)
            fits = tile.scored and expert.name not in tile.chosen and expert.name != "roads" and behind <= 0.1
            assert (at in near) == fits, (tile.index, expert.name)


def test_what_would_change_is_given_from_outside(model: TileModel) -> None:
    model.set_filters(WOULD_CHANGE, changing=frozenset({7, 3, 99}))
    assert [tile.index for tile in model.shown_tiles()] == [3, 7]
    model.set_filters(WOULD_CHANGE, text="r0", changing=frozenset({7, 3}))
    assert [tile.index for tile in model.shown_tiles()] == [3]


def test_the_score_of_a_chosen_expert_takes_the_column(model: TileModel, run: Run) -> None:
    model.set_focus("water")
    header = model.headerData(SCORE, Qt.Orientation.Horizontal)
    position = [e.name for e in run.experts].index("water")
    assert header == "Water"
    assert model.index(9, SCORE).data() == f"{model.tiles[9].scores[position]:.2f}"
    model.set_focus(tile_columns.ABSTAINED)  # no expert: the highest score again
    assert model.headerData(SCORE, Qt.Orientation.Horizontal) == "Score"


def test_another_run_replaces_everything(model: TileModel) -> None:
    model.set_focus("water")
    model.set_run(None)
    assert (model.rowCount(), model.headerData(SCORE, Qt.Orientation.Horizontal)) == (0, "Score")
    assert model.row_of(3) == -1


def test_a_focused_column_stays_sorted(model: TileModel, run: Run) -> None:
    model.sort(SCORE, Qt.SortOrder.DescendingOrder)
    model.set_focus("water")
    at = [e.name for e in run.experts].index("water")
    scores = [tile.scores[at] for tile in model.shown_tiles()][:-1]
    assert scores == sorted(scores, reverse=True)


@pytest.fixture
def selection(model: TileModel, qtbot) -> TileSelection:
    table = TileTable(model)
    qtbot.addWidget(table)
    table.resize(350, 300)
    table.show()
    return TileSelection(table, model)


def test_a_selection_outlives_sorting_and_filters(selection: TileSelection, model: TileModel) -> None:
    model.sort(TILE, Qt.SortOrder.AscendingOrder)
    assert selection.select([2, 3, 9], 9) == 3
    model.sort(SCORE, Qt.SortOrder.DescendingOrder)
    assert sorted(selection.tiles()) == [2, 3, 9]
    assert selection.current().index == 9
    model.set_filters(text="r0")
    assert sorted(selection.tiles()) == [2, 3]
    model.set_filters()
    assert selection.current().index in (2, 3)


def test_a_selection_hidden_by_a_filter_comes_back(selection: TileSelection, model: TileModel) -> None:
    selection.select([9], 9)
    model.set_filters(text="r0")
    assert selection.tiles() == []
    assert selection.current() is None
    model.set_filters()
    assert selection.tiles() == [9]
    assert selection.current().index == 9


def test_the_user_s_selection_is_told_once_and_a_given_one_not(
    selection: TileSelection, model: TileModel, qtbot
) -> None:
    told = []
    selection.selectionChanged.connect(told.append)
    selection.select([1, 2, 5])
    qtbot.wait(20)
    assert told == []
    selection._table.selectAll()
    qtbot.waitUntil(lambda: bool(told))
    assert told == [list(range(12))]


@pytest.mark.parametrize("wanted", [[50], [90, 120], [200, 30, 80], [70, 70, 70, 70, 70, 70]])
def test_chips_never_leave_their_cell(wanted: list[int]) -> None:
    needed = sum(wanted) + 4 * (len(wanted) - 1)
    for room in range(450):
        widths = fit_chips(wanted, room, shortest=30)
        assert 1 <= len(widths) <= len(wanted)
        assert sum(widths) + 4 * (len(widths) - 1) <= room
        assert all(width <= whole for width, whole in zip(widths, wanted, strict=False))
        assert (widths == wanted) == (needed <= room)
        assert len(widths) == 1 or min(widths) >= 30
