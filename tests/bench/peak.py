"""Run a command and print its peak memory: `python -I -S peak.py COMMAND …` -> one line of JSON.

A process of its own, because a child's peak counts what its parent held when it was started: that has to
be as little as possible, not a benchmark with a network loaded. It imports nothing but the interpreter's
own modules for that reason.
"""

import json
import os
import subprocess
import sys
import time


def main() -> int:
    begin = time.perf_counter()
    child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - begin
    # Kilobytes on Linux, bytes on macOS.
    peak = usage.ru_maxrss / (1024.0**2 if sys.platform == "darwin" else 1024.0)
    code = os.waitstatus_to_exitcode(status)
    print(
        json.dumps(
            {
                "code": code,
                "seconds": round(seconds, 3),
                "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
                "peak_rss_mb": round(peak, 1),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
