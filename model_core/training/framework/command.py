"""What the commands that train share: lines for the user, and the number of threads."""

from __future__ import annotations

import sys

from ...errors import RequestError


def echo(line: str) -> None:
    """Tell the user how it goes; results alone go to standard output."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def use_threads(count: int) -> None:
    """Let torch compute on so many CPU threads; 0 leaves it all of them.

    Raises:
        RequestError: a negative number.
    """
    if count < 0:
        raise RequestError(f"--threads is {count}; give 1 or more, or 0 for all.")
    if count:
        import torch

        torch.set_num_threads(count)
