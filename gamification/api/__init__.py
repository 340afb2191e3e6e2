"""Edges of the service: parse, authorise, call one use case, map errors."""
