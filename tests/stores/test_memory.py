"""What a burst has taken of the memory is given back to the system."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from pathlib import Path
import pyarrow as pa
from tallystick.stores.memory import give_back

def resident():
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1])

before = resident()
blocks = [bytes(1_000) for _ in range(100_000)]
kept = blocks[::1_000]
arrays = [pa.array(range(100_000)) for _ in range(100)]
del blocks, arrays
if sys.argv[1] == "give back":
    give_back()
print((resident() - before) // 1_000)
"""
needs_glibc = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim") or not Path("/proc/self/status").exists(),
    reason="memory is looked at as Linux tells of it, and kept as the GNU C library does",
)


def held(what: str) -> int:
    """Megabytes more than before, after 180 of them were taken in pieces and let go, but for one here and there."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, what], capture_output=True, text=True, timeout=60, check=True)
    return int(done.stdout)


@needs_glibc
def test_what_nothing_uses_any_more_is_given_back() -> None:
    assert held("give back") < 40


@needs_glibc
def test_without_that_it_is_kept() -> None:
    assert held("keep") > 80
