"""Benchmarks: GDL against other libraries, on the same weights and the same batches. `python -m benchmarks --help`."""
