"""What Hydra experts never see, so that it is there to ask them about.

An expert that knows what it does not know is uncertain about it. To measure that, two sources of the pack
stay out of the training of every ensemble member and of the tiles that the ensemble is distilled on. The
shared encoder is frozen and older: it did see train scenes of both in the joint training, so what is
measured is how the decoders take to the unknown.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..pack import Sample

UNSEEN: dict[str, str] = {
    "wildfire (Runan)": "a region: land after wildfires, with the scenes under smoke",
    "ETH/EPFL road tiles": "a type of surface: dense city at 1.2 m",
}
"""Sources left out, by the kind of the unknown that they stand for."""


def seen(samples: Iterable[Sample]) -> list[Sample]:
    """The samples that are of no unseen source."""
    return [sample for sample in samples if sample.source not in UNSEEN]


def labelled_unseen(samples: Iterable[Sample]) -> set[str]:
    """The tasks that samples of an unseen source are labelled for: the bundle's own decoders saw them."""
    return {task for sample in samples if sample.source in UNSEEN for task in sample.labels}
