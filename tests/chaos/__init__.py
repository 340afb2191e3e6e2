"""A long random mix of faults, from a seed: `python -m tests.chaos`, or `make chaos`."""
