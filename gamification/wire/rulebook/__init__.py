"""Rulebook files: the rule language's text, checked and turned into domain values."""

from gamification.wire.rulebook.load import load
from gamification.wire.rulebook.problems import Problem, RulebookError
from gamification.wire.rulebook.structure import schema
from gamification.wire.rulebook.summary import summary

__all__ = ["Problem", "RulebookError", "load", "schema", "summary"]
