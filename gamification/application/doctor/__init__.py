"""What is wrong with an installation, and what to do: facts of the adapters, judged."""
