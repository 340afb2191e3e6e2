"""Integers for names, the same for ever: what counters, rules and badges are stored under."""

from collections.abc import Iterable, Mapping
from typing import Final

from gamification.adapters.postgres.arrays import texts
from gamification.adapters.postgres.session import EngineSession

ADD: Final = """
    INSERT INTO names (name)
    SELECT name FROM unnest(%b::text[]) AS t (name)
     WHERE NOT EXISTS (SELECT FROM names AS known WHERE known.name = t.name)
     ORDER BY name
    ON CONFLICT DO NOTHING
"""

READ: Final = "SELECT name, code FROM unnest(%b::text[]) AS t (name) JOIN names USING (name)"


def intern(session: EngineSession, names: Iterable[str]) -> Mapping[str, int]:
    """The code of each name; new names get one. In a transaction of its own."""
    wanted = texts(sorted(set(names)))
    with session.transaction() as tx:
        tx.execute(ADD, (wanted,))
    with session.transaction() as tx:
        tx.execute(READ, (wanted,))
        return dict(tx.fetchall())
