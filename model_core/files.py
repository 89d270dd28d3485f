"""Writing a file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import OutputError


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the name, make sure that it is on the disk, then rename.

    Raises:
        OutputError: the disk does not take it; the file of that name is as it was.
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise OutputError(
            f"'{path.name}' could not be written ({error.strerror or error}); check the free space and the "
            "rights of the output folder, then run again."
        ) from error
