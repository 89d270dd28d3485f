"""What the worker is asked to prepare, as the JSON form of a message."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .strict import checked_extent, need_flag, need_number, need_text, strictly


@dataclass(frozen=True)
class PrepareRequest:
    """One raster to write with the model's bands; the fields mean what `prepare.prepare` says.

    Raises:
        RequestError: a value of the wrong type, or one that can never work.
    """

    input: str
    output: str
    bands: str = "auto"
    radiometry: str = "auto"
    extent: tuple[float, float, float, float] | None = None
    allow_missing: bool = False
    skip_damaged: bool = False
    overwrite: bool = False
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("input", "output", "bands", "radiometry"):
            need_text(name, getattr(self, name))
        for name in ("allow_missing", "skip_damaged", "overwrite"):
            need_flag(name, getattr(self, name))
        need_number("threads", self.threads, 1)
        if self.extent is not None:
            object.__setattr__(self, "extent", checked_extent(self.extent))

    @classmethod
    def from_json(cls, data: Any) -> PrepareRequest:
        """Read the JSON object of a worker message, strictly.

        Raises:
            RequestError: not an object, an unknown key, a missing input or output, or a bad value.
        """
        return strictly(cls, data, {"input", "output"})

    def arguments(self) -> dict[str, Any]:
        """For `prepare.prepare`."""
        values = asdict(self)
        return {"source": values.pop("input"), **values}
