"""The user guide: its pages hang together, and they call things what the window calls them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from qgis.PyQt.QtCore import QUrl

from hydranet_qgis import environment_page, paths
from hydranet_qgis import plugin as plugin_module
from hydranet_qgis.dock import help_button
from hydranet_qgis.dock.run_panel import RunPanel
from hydranet_qgis.provider import ALGORITHMS, HydraNetProvider

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".ci"))

import shots  # noqa: E402 - lies in .ci
import translations  # noqa: E402

HELP = ROOT / "resources" / "help"
PAGES = sorted(HELP.glob("*.html"))
NAMES = [algorithm.NAME for algorithm in ALGORITHMS]
MOST_BYTES = 1_500_000
# What QGIS itself calls its menus and buttons, and names that are no texts of ours.
OF_QGIS = {
    *("Settings", "Options", "Raster", "Network", "User Profiles", "Open Active Profile Folder", "Run"),
    *("Execute as Batch Process", "Run as Batch Process", "Autofill", "Load layers on completion"),
    *("HydraNet", "Examples", "Water polygons"),
}


class Page(HTMLParser):
    """What a page refers to and what it names.

    Attributes:
        links: targets of its links; pictures: of its pictures, with the text for those who cannot see them.
        anchors: places in it that can be pointed to.
        labels: texts in bold, which in this guide are what the window says.
        nav: its line of navigation, tags and text.
        styles: style sheets.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures: dict[str, str] = {}
        self.anchors: set[str] = set()
        self.labels: list[str] = []
        self.nav: list[str] = []
        self.styles: list[str] = []
        self._open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(given["href"])
        if tag == "img":
            self.pictures[given["src"]] = given.get("alt", "")
        if tag == "link":
            self.styles.append(given["href"])
        if "id" in given:
            self.anchors.add(given["id"])
        if "nav" in self._open:
            self.nav.append(f"{tag} {given}")
        if tag == "b":
            self.labels.append("")
        if tag not in ("img", "link", "meta", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open.pop() == tag, (
            f"</{tag}> closes something else, line {self.getpos()[0]}"
        )

    def handle_data(self, data: str) -> None:
        if "b" in self._open:
            self.labels[-1] += data
        if "nav" in self._open:
            self.nav.append(" ".join(data.split()))


@pytest.fixture(scope="module")
def guide() -> dict[str, Page]:
    """The pages by file name."""
    return {path.name: Page(path) for path in PAGES}


def split_label(label: str) -> Iterator[str]:
    """The parts of a way through menus, without what a label ends with."""
    for part in " ".join(label.split()).split(" > "):
        yield plain(part)


def plain(text: str) -> str:
    """A text without keyboard mark, placeholders, and the dots or colon at its end."""
    text = re.sub(r"&(?=\w)", "", text)
    return re.sub(r"\s*\(?\{\w*[^}]*\}\)?", "", text).rstrip("…:. ").strip()


def own_texts() -> set[str]:
    """Every text of the plugin, as collected for translators, and what the bundle calls its experts."""
    model = json.loads((ROOT / "resources" / "bundle" / "model.json").read_text(encoding="utf-8"))
    return {plain(text) for text in translations.texts()} | {expert["title"] for expert in model["experts"]}


def descriptions(algorithm: Any) -> set[str]:
    return {plain(definition.description()) for definition in algorithm.parameterDefinitions()}


def where(url: QUrl) -> tuple[Path, str]:
    return Path(url.toLocalFile()), url.fragment()


@pytest.mark.parametrize("name", [path.name for path in PAGES])
def test_every_link_of_a_page_leads_somewhere(guide: dict[str, Page], name: str) -> None:
    for link in guide[name].links:
        target, _, anchor = link.partition("#")
        path = (HELP / (target or name)).resolve()
        assert path.is_file() and path.is_relative_to(HELP), link
        if anchor:
            assert anchor in guide[path.name].anchors, link


@pytest.mark.parametrize("name", [path.name for path in PAGES])
def test_every_picture_of_a_page_is_there_and_described(guide: dict[str, Page], name: str) -> None:
    for picture, words in guide[name].pictures.items():
        assert (HELP / picture).is_file(), picture
        assert len(words) > 10, f"{picture} needs words for those who cannot see it"


def test_every_page_is_reached_from_the_first(guide: dict[str, Page]) -> None:
    reached, todo = set(), ["index.html"]
    while todo:
        name = todo.pop()
        if name in guide and name not in reached:
            reached.add(name)
            todo += [link.partition("#")[0] for link in guide[name].links]
    assert reached == set(guide)


def test_pages_have_one_navigation_and_one_style(guide: dict[str, Page]) -> None:
    first = guide["index.html"].nav
    assert len(first) > 10
    for name, page in guide.items():
        assert page.nav == first, name
        assert page.styles == ["style.css"], name
    assert (HELP / "style.css").is_file()


def test_every_picture_is_used_and_all_together_are_small(guide: dict[str, Page]) -> None:
    used = {picture for page in guide.values() for picture in page.pictures}
    there = {f"images/{path.name}" for path in (HELP / "images").iterdir()}
    assert there == used >= {f"images/{name}.png" for name in shots.LEAST}
    assert sum((HELP / picture).stat().st_size for picture in there) < MOST_BYTES


def test_what_is_bold_is_what_the_window_says(guide: dict[str, Page], provider: HydraNetProvider) -> None:
    known = own_texts() | OF_QGIS
    for algorithm in provider.algorithms():
        known |= descriptions(algorithm) | {plain(algorithm.displayName())}
    strange = [
        f"{name}: {part}"
        for name, page in guide.items()
        for label in page.labels
        for part in split_label(label)
        if part not in known
    ]
    assert strange == []


@pytest.mark.parametrize("name", NAMES)
def test_page_of_an_algorithm_names_its_own_parameters(
    guide: dict[str, Page], provider: HydraNetProvider, name: str
) -> None:
    own = descriptions(provider.algorithm(name))
    foreign = {text for other in NAMES for text in descriptions(provider.algorithm(other))} - own
    labels = {part for label in guide[f"{name}.html"].labels for part in split_label(label)}
    assert labels & own
    assert labels & foreign == set()


def test_page_of_predict_names_every_choice_beyond_the_first(
    guide: dict[str, Page], provider: HydraNetProvider
) -> None:
    labels = {part for label in guide["predict.html"].labels for part in split_label(label)}
    choices = descriptions(provider.algorithm("predict")) - {"Input raster", "Routing"}
    one_each = {choice for choice in choices if choice.startswith("Raster of expert ")}
    assert one_each & labels
    assert choices - one_each - labels == set()


@pytest.mark.parametrize("name", NAMES)
def test_help_of_an_algorithm_opens_its_page(provider: HydraNetProvider, name: str) -> None:
    path, _ = where(QUrl(provider.algorithm(name).helpUrl()))
    assert path.is_file() and path.name == f"{name}.html"


def test_help_in_the_dock_opens_the_page_of_the_tab_in_front(
    panel: RunPanel, guide: dict[str, Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[Path, str]] = []
    monkeypatch.setattr(help_button.QDesktopServices, "openUrl", lambda url: opened.append(where(url)))
    tabs, button = panel.widgets.tabs, panel.widgets.help_button
    for tab in range(tabs.count()):
        tabs.setCurrentIndex(tab)
        button.click()
    assert [(path.name, place) for path, place in opened] == [
        ("dock.html", "tiles"),
        ("whatif.html", ""),
        ("dock.html", "summary"),
    ]
    for path, place in opened:
        assert path.is_file()
        assert not place or place in guide[path.name].anchors
    assert button.isVisibleTo(panel) and button.toolTip() and button.accessibleName()
    assert not button.icon().isNull()


def test_help_of_menu_and_options_opens_guide_and_page(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    for module in (plugin_module, environment_page.page):
        monkeypatch.setattr(module.QDesktopServices, "openUrl", lambda url: opened.append(where(url)[0]))
    plugin_module.show_help()
    environment_page.page.open_help()
    assert opened == [paths.help_path("index"), paths.help_path("environment")]
    assert all(path.is_file() for path in opened)


def test_pictures_that_show_nothing_do_not_replace_the_old_ones() -> None:
    pictures = {name: {"colours": least} for name, least in shots.LEAST.items()}
    seen = {"pictures": pictures, "map_changed": dict(shots.LEAST_CHANGE)}
    shots.check(seen)
    with pytest.raises(shots.DemoError, match="'dock' has 1 colours"):
        shots.check({**seen, "pictures": {**pictures, "dock": {"colours": 1}}})
    with pytest.raises(shots.DemoError, match="map of 'what_if'"):
        shots.check({**seen, "map_changed": {**shots.LEAST_CHANGE, "what_if": 0.0}})
