"""Whatever the text, the loader answers with a rulebook or with RulebookError."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gamification.domain.activity import EVENT_FIELDS, Kind
from gamification.domain.rulebook import CoinType, Operator, Rulebook
from gamification.wire.rulebook import Problem, RulebookError, load, summary
from tests.property.strategies import rulebooks
from tests.property.written import node

EXAMPLE = (Path(__file__).parents[2] / "schemas" / "rulebooks" / "example.yaml").read_text()
WORDS = """
rulebook timezone levels earn streak badges thresholds beyond step growth max formula base rewards
coins id event where once_per exp cap day week ever month per rate fixed as events freezes name
icon when tiers reward eligible locale count sum distinct within at_least more_than coins_earned
level badge all any known bronze WIN badge.a a 1 5/4 -1 0 1.5 .inf points.earned.points
activity.recorded.attributes.x attributes.x
"""
VOCABULARY = [
    *WORDS.split(),
    *Kind,
    *CoinType,
    *Operator,
    *(name for fields in EVENT_FIELDS.values() for name in fields),
]
SIGNS = [*"{}[],:-?&*!|>'\"%@`#~\t\n\\", "  ", "---", "...", "<<", "\n- ", ": ", "\ufeff", "\x85"]

scalars = st.one_of(
    st.sampled_from(VOCABULARY),
    st.integers(-3, 12),
    st.integers(),
    st.none() | st.booleans() | st.floats(),
    st.text(max_size=8),
)
trees: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(VOCABULARY) | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=25,
)


def survives(text: str) -> None:
    """Fails with any error but RulebookError, which must say something about every problem."""
    answer = answer_to(text)
    if isinstance(answer, Rulebook):
        assert summary(answer)
    else:
        assert answer
        assert all(problem.message and problem.line > 0 for problem in answer)


def answer_to(text: str) -> Rulebook | tuple[Problem, ...]:
    try:
        return load(text)
    except RulebookError as error:
        return error.problems


@settings(deadline=None)
@given(st.text())
def test_any_text(text: str) -> None:
    survives(text)


@settings(deadline=None)
@given(st.lists(st.sampled_from([*VOCABULARY, *SIGNS]), max_size=40).map("".join))
def test_anything_like_yaml(text: str) -> None:
    survives(text)


@settings(deadline=None)
@given(st.data())
def test_the_example_with_parts_cut_out_and_put_in(data: st.DataObject) -> None:
    text = EXAMPLE
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.sampled_from([0, 1, 2, 8, 100]))
        text = text[:start] + data.draw(st.sampled_from(["", *SIGNS, *VOCABULARY])) + text[end:]

    survives(text)


@settings(deadline=None)
@given(trees, st.sampled_from(["levels", "earn", "streak", "badges", "timezone", "rulebook"]))
def test_any_tree(tree: Any, part: str) -> None:
    survives(json.dumps({"rulebook": 1, part: tree}))


@settings(deadline=None)
@given(rulebooks(), trees, st.data())
def test_a_rulebook_with_one_value_replaced(
    rulebook: Rulebook, tree: Any, data: st.DataObject
) -> None:
    document = node(rulebook)
    holder: Any = document
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = data.draw(st.sampled_from(keys))
        deeper = holder[key]
        if not isinstance(deeper, dict | list) or not deeper or data.draw(st.integers(0, 4)) == 0:
            break
        holder = deeper
    holder[key] = tree

    survives(json.dumps(document))
