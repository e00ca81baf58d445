"""Starts the demo: `make demo`, or `.venv/bin/python demo/run.py --help`."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    # A script sees its own folder only; the demo is a package beside it, so that the tests can import it too.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import_module("demo.main").main()
