"""The picture of docs/performance.md that compares the contestants."""
