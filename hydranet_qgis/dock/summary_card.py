"""A run at a glance: what it saved, what became of its tiles, its experts, and how it was made."""

from __future__ import annotations

import html
from typing import Any

from qgis.PyQt.QtCore import QPoint, QRect, Qt
from qgis.PyQt.QtGui import QColor, QPixmap, QRegion
from qgis.PyQt.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from ..i18n import tr
from ..object_records import RunObjects
from ..run_folder import Run
from ..scene_colors import scene_colors_of
from .expert_shares import ExpertShares, SceneShares
from .object_shares import ExpertUsage, ObjectShares
from .outcome_bar import OutcomeBar, legend_html
from .painting import scaled, smaller
from .summary_table import ExpertNumbers, SceneNumbers, object_numbers, spent_macs

_FACTS = ("fact0", "fact1", "fact2")


class SummaryCard(QWidget):
    """All there is to tell of one run, from top to bottom; the same in the dock and in a saved picture.

    Attributes:
        title: scene and time; only in a picture, where no selector stands above.
        saved, cost: share of the compute that was saved, and of what.
        bar, legend: what became of the tiles.
        shares: the experts.
        scenes: the scene classes, hidden without a scene expert.
        objects, usage: objects by class, and by the expert that served them; hidden where there are none.
        objects_note: why there are none, hidden if there are some, or no objects expert.
        texts: labels of the sections below by their name: warnings, reroutes, time, fact0 to fact2 (bands,
            reflectance, policy), model. What a run does not tell is hidden.
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 8, 4, 4)
        self._layout.setSpacing(4)
        self.title = self._label(1.1, bold=True)
        self.title.hide()
        self.saved = self._label(1.8)
        self.cost = self._label(0.92)
        self._layout.addSpacing(4)
        self.bar = OutcomeBar(self)
        self._layout.addWidget(self.bar)
        self.legend = self._label(0.92)
        self._heads: dict[str, QLabel] = {}
        self.texts: dict[str, QLabel] = {}
        self._head("experts", tr("Tiles per expert, mean score"))
        self.shares = ExpertShares(self)
        self._layout.addWidget(self.shares)
        self._head("scenes", tr("Tiles per scene class, mean probability"))
        self.scenes = SceneShares(self)
        self._layout.addWidget(self.scenes)
        self._head("objects", "")
        self.objects = ObjectShares(self)
        self._layout.addWidget(self.objects)
        self.objects_note = self._label(0.92)
        self._head("usage", tr("Experts of the last layer, % of objects"))
        self.usage = ExpertUsage(self)
        self._layout.addWidget(self.usage)
        for name, head in (
            ("warnings", tr("Warnings")),
            ("reroutes", tr("Policy changed")),
            ("time", tr("Time")),
            *((name, "") for name in _FACTS),
            ("model", tr("Model")),
        ):
            self._head(name, head)
            self.texts[name] = self._label(0.92)
        self._layout.addStretch(1)

    def show_run(
        self,
        run: Run,
        numbers: list[ExpertNumbers] | None,
        colors: dict[str, str],
        scenes: list[SceneNumbers] | None = None,
        found: RunObjects | None = None,
    ) -> None:
        """Show another run; `numbers`, `scenes` and `found` None while its tiles are still being read."""
        self.title.setText(html.escape(run.label))
        saved = "" if run.saved is None else f"{100 * run.saved:.0f}&nbsp;%"
        self.saved.setText(f"<b>{saved}</b>&nbsp; <small><small>{tr('compute saved')}</small></small>")
        self.saved.setVisible(bool(saved))
        self._set_cost(run)
        self.bar.show_run(run)
        self.legend.setText(legend_html(run))
        self._heads["experts"].setVisible(numbers is not None)
        self.shares.setVisible(numbers is not None)
        self.shares.show_numbers(numbers or [], colors)
        self._heads["scenes"].setVisible(bool(scenes))
        self.scenes.setVisible(bool(scenes))
        self.scenes.show_numbers(scenes or [], scene_colors_of(run))
        self._set_objects(run, found or RunObjects())
        self._set("warnings", "<br>".join(f"• {html.escape(text)}" for text in run.warnings))
        for number, name in enumerate(_FACTS):
            fact = run.facts[number] if number < len(run.facts) else None
            self._heads[name].setText(fact.title if fact else "")
            self._set(name, html.escape(fact.text) if fact else "")
        count = run.reroutes
        again = tr("once") if count == 1 else tr("{count} times").format(count=count)
        text = tr("{times} since the run was made; only what was missing was decoded").format(times=again)
        self._set("reroutes", text if count else "")
        self._set("time", _time(run))
        self._set("model", html.escape(run.model))

    def grab_at(self, width: int, ratio: float) -> QPixmap:
        """A picture of all of the card without background, `width` wide, with `ratio` pixels per point."""
        self.ensurePolished()
        # More height than it takes; the rest is cut off. A widget never shown is not laid out by itself.
        self._layout.setGeometry(QRect(0, 0, width, 10_000))
        parts = [part for part in self.findChildren(QWidget) if not part.isHidden()]
        self.resize(width, max(part.geometry().bottom() for part in parts) + 1)
        pixmap = QPixmap(self.size() * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(QColor(0, 0, 0, 0))
        self.render(pixmap, QPoint(), QRegion(), QWidget.RenderFlag.DrawChildren)
        return pixmap

    def _set_objects(self, run: Run, found: RunObjects) -> None:
        numbers = object_numbers(found)
        taking_part = found.expert is not None and found.expert.skipped is None and run.decoded
        note = found.problem
        if taking_part and not numbers and not note:
            note = tr("None were found.") if found.expert.tiles else tr("No tile was routed to the expert.")
        shown = taking_part and bool(numbers or note)
        text = tr("Objects per class, mean score")
        if numbers:
            total = f"{len(found.records):,}"
            text = tr("Objects per class, mean score ({count} in all)").format(count=total)
        self._heads["objects"].setText(text)
        self._heads["objects"].setVisible(shown)
        self.objects.setVisible(shown and bool(numbers))
        self.objects.show_numbers(numbers, found.colors())
        self.objects_note.setText(html.escape(note))
        self.objects_note.setVisible(shown and bool(note))
        for part in (self._heads["usage"], self.usage):
            part.setVisible(shown and bool(found.by_expert))
        self.usage.show_counts(found.by_expert)

    def _set_cost(self, run: Run) -> None:
        macs = spent_macs(run)
        if not run.decoded:
            text = tr("Scores only: no expert was run. Decode from the page 'What if'.")
        elif macs is None:
            text = tr("against every expert on every tile")
        else:
            text = tr("{spent} of the {whole} multiply-accumulates of every expert on every tile").format(
                spent=_amount(macs[0]), whole=_amount(macs[1])
            )
        self.cost.setText(text)
        self.cost.setVisible(run.saved is not None or not run.decoded)

    def _set(self, name: str, text: str) -> None:
        self.texts[name].setText(text)
        for label in (self._heads[name], self.texts[name]):
            label.setVisible(bool(text))

    def _head(self, name: str, text: str) -> None:
        self._layout.addSpacing(6)
        label = QLabel(text, self)
        label.setWordWrap(True)  # a long one would make the card wider than a narrow dock, which cuts it off
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        font = smaller(label)
        font.setBold(True)
        label.setFont(font)
        self._heads[name] = label
        self._layout.addWidget(label)

    def _label(self, size: float, bold: bool = False) -> QLabel:
        label = QLabel(self)
        label.setTextFormat(Qt.TextFormat.RichText)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        font = scaled(label.font(), size)
        font.setBold(bold)
        label.setFont(font)
        self._layout.addWidget(label)
        return label


def _time(run: Run) -> str:
    if run.seconds is None:
        return ""
    text = tr("{time} in all").format(time=_seconds(run.seconds))
    decoding = sum(expert.seconds for expert in run.experts)
    if run.encode_seconds is not None:
        text = tr("{text}; of its threads' time {encode} in the encoder and {decode} in experts").format(
            text=text, encode=_seconds(run.encode_seconds), decode=_seconds(decoding)
        )
    return text


def _seconds(seconds: float) -> str:
    if seconds < 100:
        return tr("{seconds} s").format(seconds=f"{seconds:.1f}")
    if seconds < 5400:
        return tr("{minutes} min").format(minutes=f"{seconds / 60:.0f}")
    return tr("{hours} h").format(hours=f"{seconds / 3600:.1f}")


def _amount(macs: float) -> str:
    """A number with a thousand's letter, three digits."""
    for size, letter in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if macs >= size:
            return f"{macs / size:.3g} {letter}"
    return f"{macs:.0f}"
