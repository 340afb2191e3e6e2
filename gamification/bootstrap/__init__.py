"""Settings to adapters to use cases: the only place that wires. One file for each process."""
