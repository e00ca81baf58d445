"""What the engine is measured by: `python -m benchmarks` writes RESULTS.md."""
