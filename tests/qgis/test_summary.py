"""The summary of a run: its numbers, as CSV, as a picture."""

from __future__ import annotations

import csv
import html
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsApplication
from qgis.PyQt.QtGui import QImage

from hydranet_qgis.dock.outcome_bar import legend_html
from hydranet_qgis.dock.run_panel import RunPanel
from hydranet_qgis.dock.summary_page import SummaryPage
from hydranet_qgis.dock.summary_table import expert_numbers, spent_macs, summary_csv
from hydranet_qgis.dock.tile_columns import columns_of
from hydranet_qgis.run_folder import Run, read_run
from hydranet_qgis.tile_records import read_tiles


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_csv_has_every_expert_and_the_totals_in_one_table(run: Run) -> None:
    columns = columns_of(run, read_tiles(run))
    rows = _rows(summary_csv(run, expert_numbers(columns)))
    assert all(None not in row and None not in row.values() for row in rows)  # each line has all the columns
    by_item = {row["item"]: row for row in rows}
    for at, expert in enumerate(run.experts):
        row = by_item[expert.name]
        assert int(row["tiles"]) == expert.tiles
        scores = [tile.scores[at] for tile in columns.tiles if tile.scores[at] is not None]
        assert float(row["mean_score"]) == pytest.approx(sum(scores) / len(scores), abs=1e-4)
        assert float(row["threshold"]) == expert.threshold
    assert by_item["roads"]["note"] == "outside resolution"
    assert by_item["biomass"]["simulated"] == "yes"
    totals = [
        int(by_item[f"({name})"]["tiles"]) for name in ("routed", "abstained", "no data", "outside mask")
    ]
    assert sum(totals) == int(by_item["(tiles)"]["tiles"]) == run.total
    assert by_item["(compute saved)"]["share"] == "0.58"


def test_a_title_with_a_comma_stays_in_its_column(run: Run) -> None:
    experts = (replace(run.experts[0], title='Clouds, "thin" ones'), *run.experts[1:])
    run = replace(run, experts=experts)
    rows = _rows(summary_csv(run, expert_numbers(columns_of(run, read_tiles(run)))))
    assert rows[0]["title"] == 'Clouds, "thin" ones'


def test_copy_puts_the_csv_on_the_clipboard(panel: RunPanel) -> None:
    summary = panel.widgets.summary
    summary.copy_button.click()
    assert QgsApplication.clipboard().text().replace("\r\n", "\n") == summary.csv().replace("\r\n", "\n")
    assert "clipboard" in panel.widgets.problem.text()


def test_every_tile_is_saved_as_a_line(panel: RunPanel, tmp_path: Path) -> None:
    assert panel.widgets.summary.save_tiles(str(tmp_path / "tiles.csv"))
    rows = _rows((tmp_path / "tiles.csv").read_text(encoding="utf-8"))
    assert [int(row["tile"]) for row in rows] == list(range(12))
    tile = panel.model.tiles[5]
    assert rows[5]["chosen"].split() == list(tile.chosen)
    assert float(rows[5]["score_water"]) == pytest.approx(tile.scores[1], abs=1e-6)
    assert rows[0]["score_water"] == ""


def test_the_picture_shows_all_of_it_at_twice_the_size(panel: RunPanel, tmp_path: Path) -> None:
    summary = panel.widgets.summary
    assert summary.save_picture(str(tmp_path / "summary.png"))
    image = QImage(str(tmp_path / "summary.png"))
    assert image.width() == 920
    assert image.height() > 2 * 8 * 20
    colors = {image.pixelColor(x, y).name() for y in range(0, image.height(), 2) for x in range(0, 920, 4)}
    assert {panel.model.colors["water"], "#1799a6"} <= colors
    bottom = {image.pixelColor(x, image.height() - 20).name() for x in range(920)}
    assert len(bottom) == 1  # nothing is cut off at the lower edge
    text = {
        image.pixelColor(x, y).name() for y in range(image.height() - 110, image.height()) for x in range(920)
    }
    assert len(text) > 1  # and little is left empty


@pytest.mark.parametrize("save", ["save_tiles", "save_picture"])
def test_a_file_that_cannot_be_written_is_told(panel: RunPanel, tmp_path: Path, save: str) -> None:
    path = tmp_path / "no such folder" / "file"
    assert not getattr(panel.widgets.summary, save)(str(path))
    assert f"{path} cannot be written" in panel.widgets.problem.text()
    assert panel.widgets.problem.isVisible()


def test_the_command_line_can_be_copied(panel: RunPanel) -> None:
    summary = panel.widgets.summary
    assert summary.command.toPlainText() == panel.run.command
    summary.command_button.click()
    assert QgsApplication.clipboard().text() == panel.run.command


def test_the_cost_is_told_where_it_is_known(run: Run) -> None:
    assert spent_macs(run) is None
    path = run.folder / "run.json"
    data = json.loads(path.read_text())
    data["macs"].update(encoder=5000, switcher=100, saved_fraction=0.5)
    path.write_text(json.dumps(data))
    run = read_run(run.folder)
    decoding = 1000 * sum(expert.tiles for expert in run.experts)
    spent, whole = spent_macs(run)
    assert spent == run.encoded * 5100 + decoding
    assert whole == 2 * spent


def test_a_run_of_scores_only_says_so(panel: RunPanel, qtbot: Any) -> None:
    page = SummaryPage()
    qtbot.addWidget(page)
    page.show_run(replace(panel.run, decoded=False), panel.model.columns, panel.model.colors)
    assert page.card.cost.text().startswith("Scores only")


def test_warnings_and_reroutes_are_told_only_where_there_are_some(panel: RunPanel, qtbot: Any) -> None:
    page = SummaryPage()
    qtbot.addWidget(page)
    texts = page.card.texts
    page.show_run(replace(panel.run, reroutes=2), panel.model.columns, panel.model.colors)
    assert texts["reroutes"].text().startswith("2 times")
    assert html.escape("Expert 'roads' was skipped") in texts["warnings"].text()
    page.show_run(replace(panel.run, warnings=()), panel.model.columns, panel.model.colors)
    assert texts["reroutes"].isHidden()
    assert texts["warnings"].isHidden()


def test_the_legend_counts_every_outcome(run: Run) -> None:
    told = legend_html(replace(run, total=2000, routed=1500, abstained=300, empty=200, masked=0))
    assert "<b>1,500</b>&nbsp;routed&nbsp;(75&nbsp;%)" in told
    assert "mask" not in told
