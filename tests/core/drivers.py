"""Programs that tests start as processes of their own: the real worker and command with a fake model.

`python -I drivers.py worker|predict …`; the model prints to every kind of standard output, as libraries do.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from model_core import cli, predict, worker  # noqa: E402
from tests.core.fakes import ALL, FakeModel  # noqa: E402


class Noisy(FakeModel):
    """Prints where it must not, takes its time if told to, and fails if told to."""

    def encode(self, reflectance, available, valid):
        print("noise from print")
        os.write(1, b"noise from the descriptor\n")
        if os.name == "posix":
            libc = ctypes.CDLL(None)
            libc.puts(b"noise from C")
            libc.fflush(None)
        time.sleep(float(os.environ.get("TEST_SLEEP", "0")))
        return super().encode(reflectance, available, valid)

    def decode(self, name, picks, **options):
        if os.environ.get("TEST_FAIL"):
            return 1 / 0
        return super().decode(name, picks, **options)


def load(path: Path, **options: str) -> Noisy:
    print("noise while loading")
    return Noisy(ALL)


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        worker.HEARTBEAT_SECONDS = 0.05
        sys.exit(worker.main(sys.stdin.buffer, load))
    predict._load_bundle = load
    predict.default_bundle = Path
    sys.exit(cli.main(sys.argv[1:]))
