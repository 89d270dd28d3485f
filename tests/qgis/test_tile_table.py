"""The table of tiles: contents, order and filters, without a widget."""

from __future__ import annotations

import pytest
from qgis.PyQt.QtCore import Qt

from hydranet_qgis.dock import tile_model
from hydranet_qgis.dock.delegates import fit_chips
from hydranet_qgis.dock.tile_model import (
    CHIPS_ROLE,
    EXPERTS,
    REASON,
    SCORE,
    TILE,
    TILE_ROLE,
    TileFilter,
    TileModel,
)
from hydranet_qgis.run_folder import Run, read_tiles


@pytest.fixture
def model(run: Run, qtmodeltester) -> TileModel:
    made = TileModel()
    made.set_run(run, read_tiles(run))
    qtmodeltester.check(made)
    return made


@pytest.fixture
def proxy(model: TileModel) -> TileFilter:
    made = TileFilter()
    made.setSourceModel(model)
    return made


def _tiles(proxy: TileFilter) -> list[tuple[int, int]]:
    found = [proxy.index(row, TILE).data(TILE_ROLE) for row in range(proxy.rowCount())]
    return [(tile.row, tile.col) for tile in found]


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
    assert [model.index(0, c).data() for c in range(4)] == ["0, 0", "", "–", "no data"]


def test_scores_are_sorted_as_numbers(model: TileModel, proxy: TileFilter) -> None:
    proxy.sort(SCORE, Qt.SortOrder.DescendingOrder)
    scores = [proxy.index(r, TILE).data(TILE_ROLE).top_score for r in range(proxy.rowCount())]
    assert scores[:-1] == sorted(scores[:-1], reverse=True)
    assert scores[-1] is None


def test_places_are_sorted_in_reading_order(model: TileModel, proxy: TileFilter) -> None:
    proxy.sort(TILE, Qt.SortOrder.DescendingOrder)
    assert _tiles(proxy)[:2] == [(2, 3), (2, 2)]
    proxy.sort(TILE, Qt.SortOrder.AscendingOrder)
    assert _tiles(proxy) == [(t.row, t.col) for t in model.tiles]


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (tile_model.ALL, lambda t: True),
        (tile_model.ROUTED, lambda t: bool(t.chosen)),
        (tile_model.ABSTAINED, lambda t: t.reason.startswith("abstained")),
        (tile_model.NO_DATA, lambda t: t.reason == "no data"),
        ("water", lambda t: "water" in t.chosen),
    ],
)
def test_filters_by_outcome_and_expert(model: TileModel, proxy: TileFilter, kind: str, wanted) -> None:
    proxy.set_kind(kind)
    expected = [(t.row, t.col) for t in model.tiles if wanted(t)]
    assert expected and _tiles(proxy) == expected


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
def test_filters_by_words(model: TileModel, proxy: TileFilter, text: str, wanted) -> None:
    proxy.set_text(text)
    assert _tiles(proxy) == [(t.row, t.col) for t in model.tiles if wanted(t)]


def test_the_score_of_a_chosen_expert_takes_the_column(model: TileModel, run: Run) -> None:
    model.set_focus("water")
    header = model.headerData(SCORE, Qt.Orientation.Horizontal)
    position = [e.name for e in run.experts].index("water")
    assert header == "Water"
    assert model.index(9, SCORE).data() == f"{model.tiles[9].scores[position]:.2f}"
    model.set_focus(tile_model.ABSTAINED)  # no expert: the highest score again
    assert model.headerData(SCORE, Qt.Orientation.Horizontal) == "Score"


def test_another_run_replaces_everything(model: TileModel) -> None:
    model.set_focus("water")
    model.set_run(None)
    assert (model.rowCount(), model.headerData(SCORE, Qt.Orientation.Horizontal)) == (0, "Score")
    assert model.row_of(3) == -1


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
