"""Every valid rulebook can be written, and loads as what it was."""

from hypothesis import given, settings

from gamification.domain.rulebook import Rulebook
from gamification.wire.rulebook import load, summary
from tests.property.strategies import rulebooks
from tests.property.written import written


@settings(deadline=None)
@given(rulebooks(spending=True))
def test_what_is_written_loads_as_it_was(rulebook: Rulebook) -> None:
    assert load(written(rulebook)) == rulebook


@settings(deadline=None)
@given(rulebooks(spending=True))
def test_every_rulebook_can_be_summed_up(rulebook: Rulebook) -> None:
    lines = summary(rulebook)

    assert lines[0].startswith(f"levels: {len(rulebook.levels.thresholds)}")
