"""Benchmarks: ``make bench``. Ratios against a named reference in the same run, never bare times."""
