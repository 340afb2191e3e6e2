"""The rule language: what loads, what is refused, and with which words."""
