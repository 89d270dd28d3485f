"""What the experts of a gated classifier do: who is used, for what, and how good each is on its own.

"Accuracy of an expert" means here what it says: the expert is given all the weight, the network is run, and
its answers are counted. The weight that a gate gives to an expert is another figure and has another name.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import RequestError
from .run_folder import write_json

UNUSED = 0.1
"""An expert with less than this part of its even share 1 / E of the weight counts as unused."""

UNDECIDED = 0.9
"""A gate that spreads a sample over more than this part of the experts does not choose between them."""


@dataclass(frozen=True)
class ExpertAnalysis:
    """Figures over N samples, C classes and E experts; see `analyse`.

    Attributes:
        classes, experts: names.
        samples: int (C,), how many of each class there are.
        utilisation: (E,), mean gate; sums to 1.
        top1_share: (E,), share of the samples whose largest gate is the expert's; of equals the first.
        accuracy: (E, C), share of a class's samples that the expert alone gets right; NaN without samples.
        accuracy_alone: (E,), the same over all samples.
        accuracy_where_strongest: (E,), the same over the samples whose largest gate it has; NaN without any.
        together, accuracy_together: (C,) and over all samples, of the gated network as it is.
        patterns: (C, E), mean gates of a class; NaN without samples.
        strongest: (C, E), share of a class's samples whose largest gate is the expert's; NaN without samples.
        agreement: (E, E), share of the samples for which two experts alone give the same class.
        specialisation: normalised mutual information of class and strongest expert, 0 to 1: their mutual
            information over the mean of their entropies; 0 where one of them never changes.
        effective: exp of the entropy of `utilisation`: how many experts the data as a whole use, 1 to E.
        effective_per_sample: mean over the samples of exp of the entropy of their gates, 1 to E.
    """

    classes: tuple[str, ...]
    experts: tuple[str, ...]
    samples: np.ndarray
    utilisation: np.ndarray
    top1_share: np.ndarray
    accuracy: np.ndarray
    accuracy_alone: np.ndarray
    accuracy_where_strongest: np.ndarray
    together: np.ndarray
    accuracy_together: float
    patterns: np.ndarray
    strongest: np.ndarray
    agreement: np.ndarray
    specialisation: float
    effective: float
    effective_per_sample: float

    @property
    def collapse(self) -> tuple[str, ...]:
        """Why the experts count as collapsed, a sentence a reason; empty where they are all in use.

        They are collapsed if an expert's mean gate is below a tenth of the even share (below 1 / (10 E)), or
        if the effective number of experts is below E / 2.
        """
        count = len(self.experts)
        least = UNUSED / count
        found = [
            f"{name} is unused: its mean gate is {share:.3f}, below {least:.3f}"
            for name, share in zip(self.experts, self.utilisation, strict=True)
            if share < least
        ]
        if self.effective < count / 2:
            found.append(f"{self.effective:.1f} experts are in use effectively, below half of {count}")
        return tuple(found)

    @property
    def collapsed(self) -> bool:
        """Whether experts are out of use, by the rule of `collapse`."""
        return bool(self.collapse)

    @property
    def undecided(self) -> bool:
        """Whether the gate hardly chooses: samples are spread over more than 0.9 E experts on average.

        That is no collapse: every expert is in use, but as a member of an even mixture.
        """
        return self.effective_per_sample > UNDECIDED * len(self.experts) and len(self.experts) > 1

    def write(self, folder: Path) -> list[Path]:
        """Write tables and figures into a folder, which is made; without matplotlib the tables alone.

        Returns:
            What was written: expert_accuracy.csv, utilisation.csv, gate_patterns.csv, specialisation.csv,
            experts.json, and a PNG for each table.
        """
        from .analysis_figures import draw

        folder.mkdir(parents=True, exist_ok=True)
        tables = {
            "expert_accuracy.csv": self._accuracy_rows(),
            "utilisation.csv": self._utilisation_rows(),
            "gate_patterns.csv": self._pattern_rows(),
            "specialisation.csv": self._specialisation_rows(),
        }
        for name, rows in tables.items():
            _write_csv(folder / name, rows)
        write_json(folder / "experts.json", self.summary())
        return [folder / name for name in (*tables, "experts.json")] + draw(self, folder)

    def summary(self) -> dict[str, object]:
        """The figures that are one number, as JSON takes them."""
        return {
            "samples": int(self.samples.sum()),
            "experts": len(self.experts),
            "accuracy": round(self.accuracy_together, 6),
            "effective": round(self.effective, 4),
            "effective_per_sample": round(self.effective_per_sample, 4),
            "specialisation": round(self.specialisation, 4),
            "agreement": round(self.mean_agreement, 4),
            "collapsed": self.collapsed,
            "collapse": list(self.collapse),
            "undecided": self.undecided,
        }

    @property
    def mean_agreement(self) -> float:
        """Mean share of the samples for which two different experts agree; 1 for a single expert."""
        pairs = self.agreement[~np.eye(len(self.experts), dtype=bool)]
        return float(pairs.mean()) if len(pairs) else 1.0

    def _accuracy_rows(self) -> list[list[object]]:
        rows: list[list[object]] = [["expert", *self.classes, "all"]]
        for name, row, mean in zip(self.experts, self.accuracy, self.accuracy_alone, strict=True):
            rows.append([f"{name} alone", *row, mean])
        return [*rows, ["together", *self.together, self.accuracy_together]]

    def _utilisation_rows(self) -> list[list[object]]:
        columns = {
            "utilisation": self.utilisation,
            "top1_share": self.top1_share,
            "accuracy_alone": self.accuracy_alone,
            "accuracy_where_strongest": self.accuracy_where_strongest,
        }
        rows = zip(self.experts, *columns.values(), strict=True)
        return [["expert", *columns], *(list(row) for row in rows)]

    def _pattern_rows(self) -> list[list[object]]:
        rows = zip(self.classes, self.samples, self.patterns, strict=True)
        return [["class", "samples", *self.experts], *([name, count, *row] for name, count, row in rows)]

    def _specialisation_rows(self) -> list[list[object]]:
        rows: list[list[object]] = [
            [
                "class",
                "samples",
                "strongest",
                "mean_gate",
                "share",
                "best_alone",
                "accuracy",
                "normalised_information",
            ]
        ]
        for number, (name, count) in enumerate(zip(self.classes, self.samples, strict=True)):
            if not count:
                rows.append([name, 0, "", "", "", "", "", ""])
                continue
            first = int(self.strongest[number].argmax())
            best = int(self.accuracy[:, number].argmax())
            gate, share = self.patterns[number, first], self.strongest[number, first]
            accuracy = self.accuracy[best, number]
            rows.append([name, count, self.experts[first], gate, share, self.experts[best], accuracy, ""])
        return [*rows, ["all", self.samples.sum(), "", "", "", "", "", self.specialisation]]


def analyse(
    classes: Sequence[str],
    labels: np.ndarray,
    gates: np.ndarray,
    alone: np.ndarray,
    together: np.ndarray,
    experts: Sequence[str] | None = None,
) -> ExpertAnalysis:
    """Analyse what gated experts did on a split.

    Args:
        classes: names of the C classes.
        labels: int (N,), true classes.
        gates: float (N, E), what the gate gave each expert; rows sum to 1.
        alone: int (N, E), class that each expert says *on its own*, all the weight on it.
        together: int (N,), class that the gated network says.
        experts: names; "expert 1" and so on by default.

    Raises:
        RequestError: there are no samples, or the arrays do not fit each other.
    """
    labels, alone, together = np.asarray(labels), np.asarray(alone), np.asarray(together)
    gates = np.asarray(gates, np.float64)
    _check(len(classes), labels, gates, alone, together, experts)
    count = gates.shape[1]
    names = tuple(experts) if experts is not None else tuple(f"expert {e + 1}" for e in range(count))
    member = labels[None] == np.arange(len(classes))[:, None]  # (C, N)
    right = alone == labels[:, None]  # (N, E)
    first = gates.argmax(1)  # (N,)
    strongest = first[:, None] == np.arange(count)  # (N, E)
    utilisation = gates.mean(0)
    return ExpertAnalysis(
        classes=tuple(classes),
        experts=names,
        samples=member.sum(1),
        utilisation=utilisation,
        top1_share=strongest.mean(0),
        accuracy=_means(member, right).T,
        accuracy_alone=right.mean(0),
        accuracy_where_strongest=np.diagonal(_means(strongest.T, right)).copy(),
        together=_means(member, (together == labels)[:, None])[:, 0],
        accuracy_together=float((together == labels).mean()),
        patterns=_means(member, gates),
        strongest=_means(member, strongest),
        agreement=(alone[:, :, None] == alone[:, None]).mean(0),
        specialisation=_normalised_information(member.astype(np.float64) @ strongest),
        effective=float(np.exp(_entropy(utilisation))),
        effective_per_sample=float(np.exp(_entropy(gates)).mean()),
    )


def _check(
    classes: int,
    labels: np.ndarray,
    gates: np.ndarray,
    alone: np.ndarray,
    together: np.ndarray,
    experts: Sequence[str] | None,
) -> None:
    if gates.ndim != 2 or 0 in gates.shape:
        raise RequestError(f"Gates of shape {gates.shape} cannot be analysed; give (samples, experts).")
    shapes = (labels.shape, alone.shape, together.shape)
    if shapes != (gates.shape[:1], gates.shape, gates.shape[:1]):
        raise RequestError(
            f"Labels, answers alone and answers together of shapes {shapes[0]}, {shapes[1]} and {shapes[2]} "
            f"do not fit gates of shape {gates.shape}; give one row a sample and one column an expert."
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise RequestError(
            f"Labels from {labels.min()} to {labels.max()} do not fit {classes} classes; "
            f"give 0 to {classes - 1}."
        )
    if not np.isfinite(gates).all() or gates.min() < 0 or np.abs(gates.sum(1) - 1).max() > 1e-3:
        raise RequestError("Gates must be 0 or more and sum to 1 for every sample; give them after softmax.")
    if experts is not None and len(experts) != gates.shape[1]:
        raise RequestError(f"{len(experts)} names were given for {gates.shape[1]} experts; give one each.")


def _means(member: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean of the values (N, K) over the members (M, N) -> (M, K); NaN where there are none."""
    counts = member.sum(1)[:, None].astype(np.float64)
    sums = member.astype(np.float64) @ values
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def _entropy(shares: np.ndarray) -> np.ndarray:
    """Entropy over the last axis, in nats; 0 log 0 = 0."""
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return -(shares * logs).sum(-1)


def _normalised_information(table: np.ndarray) -> float:
    """Mutual information of rows and columns of a table of counts, over the mean of their entropies."""
    joint = table / table.sum()
    rows, columns = _entropy(joint.sum(1)), _entropy(joint.sum(0))
    if min(rows, columns) <= 0:
        return 0.0
    information = rows + columns - _entropy(joint.ravel())
    return float(min(max(information / ((rows + columns) / 2), 0.0), 1.0))


def _write_csv(path: Path, rows: Iterable[Iterable[object]]) -> None:
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([_cell(value) for value in row] for row in rows)
    part.replace(path)


def _cell(value: object) -> str:
    """Numbers with six digits; what could not be measured is an empty cell."""
    if not isinstance(value, (float, np.floating)):
        return str(value)
    return "" if math.isnan(value) else f"{value:.6g}"
