"""The measurements: `python -m bench` writes docs/benchmarks.json, `python -m bench.tables` the tables."""
