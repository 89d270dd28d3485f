"""Benchmarks: `python -m tests.bench`; they compare within one run, because machines drift between runs."""
