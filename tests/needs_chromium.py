"""Sees to it that Chromium is there for the browser tests; run before pytest, with any Python."""

import os
import shutil
import subprocess
import sys

COMMAND = ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]


def main() -> int:
    """Install Chromium from Debian's packages where root is at hand, else say what to type."""
    if shutil.which("chromium"):
        return 0
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print("The browser tests drive Chromium, which is not installed. Type:\n  sudo " + " ".join(COMMAND))
        return 2
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
    return subprocess.run([*COMMAND, "-qq"], check=False, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
