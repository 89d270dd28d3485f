"""Look for secrets in every text file of the project, as the plugin repository does before it takes a zip."""

from __future__ import annotations

import sys

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings
from tree import ROOT, is_text, project_files


def main() -> int:
    """Print each finding as file:line: kind; 1 if there is one."""
    findings = []
    with default_settings():
        for path in project_files():
            if is_text(path):
                found = scan_file(str(ROOT / path))
                findings += [f"{path}:{secret.line_number}: {secret.type}" for secret in found]
    for finding in findings:
        print(f"secrets: {finding} found; write the value in another form or keep it out of the repository")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
