"""Faults that are really done to jobs that really run, and the count of their records afterwards."""
