"""Send dead letters again: through the outbox, so that each goes out once, whatever happens.

A letter leaves status parked in the transaction that puts it into the outbox. Whoever is
interrupted leaves the rest parked; two who run at once share the letters between them. The bytes
do not pass through here: the relay copies them from the topic, address and all.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

from gamification.adapters.postgres import letter_index, outbox
from gamification.adapters.postgres.session import EngineSession
from gamification.application.pace import Pace
from gamification.domain.errors import Rejected
from gamification.domain.ids import DEFAULT_MERCHANT, MerchantId, uuid_text
from gamification.domain.letter import LetterFilter, LetterStatus, attempts_max
from gamification.telemetry.killpoints import reached
from gamification.wire.dead_letter import LETTER_ID, MERCHANT_ID, replay_row
from gamification.wire.envelope import Record
from gamification.wire.fields import uuid_bytes

PAGE_RECORDS: Final = 500
DISCARD_AT_ONCE: Final = 1_000


class Known(NamedTuple):
    """A record of the topic, by the key of its row."""

    key: tuple[MerchantId, bytes]
    record: Record


class Expected(NamedTuple):
    """What somebody counted before: where to stop reading, and what need not be looked at."""

    letters: int
    """Parked and wanted; nothing that comes later is."""
    written: Mapping[bytes, int] | None = None
    """Where they are few: by id, when each was written, in ms since 1970. None: any may be."""
    skip: Callable[[int], None] = lambda _written_ms: None
    """Called when all that is still wanted was written then or later."""


class Sent(NamedTuple):
    """How far it came."""

    replayed: int = 0
    refused: int = 0
    """Came back too often."""
    looked_at: int = 0
    """Records of the topic."""


class Replayer:
    """For one thread. `pause` waits so many seconds and says whether to stop."""

    def __init__(
        self,
        session: EngineSession,
        per_s: float,
        pause: Callable[[float], bool],
        *,
        insist: bool = False,
    ) -> None:
        """`insist`: send also what came back too often."""
        self._session = session
        self._pace = Pace(per_s, pause)
        self._attempts_max = attempts_max(insist=insist)

    def replay(
        self,
        pages: Iterable[Sequence[Record]],
        wanted: LetterFilter,
        told: Callable[[Sent], None] = lambda _sent: None,
        expected: Expected | None = None,
    ) -> Sent:
        """Send every letter of `pages` that is parked and wanted; `told` hears how far it is.

        Ends early when `pause` says so, or when as many as expected were met. Raises Unavailable
        or Halt; what was sent is sent.
        """
        sent = Sent()
        search = _Search(expected)
        together = self._pace.together
        self._pace.begin()
        for page in pages:
            sent = sent._replace(looked_at=sent.looked_at + len(page))
            known = [each for r in search.meant(page) if (each := _known(r)) is not None]
            keys = [each.key for each in known]
            parked = letter_index.among(self._session, wanted, keys) if keys else {}
            ours = [each for each in known if each.key[1] in parked]
            sendable = [each for each in ours if parked[each.key[1]] <= self._attempts_max]
            sent = sent._replace(refused=sent.refused + len(ours) - len(sendable))
            for at in range(0, len(sendable), together):
                number = self._send(sendable[at : at + together])
                sent = sent._replace(replayed=sent.replayed + number)
                told(sent)
                if self._pace.took(number):
                    return sent
            told(sent)
            if search.is_over(len(ours)):
                break
        return sent

    def _send(self, group: Sequence[Known]) -> int:
        with self._session.transaction() as tx:
            reached("replay.before_claim")
            mine = letter_index.change(tx, [each.key for each in group], LetterStatus.REPLAYED)
            rows = [replay_row(each.record) for each in group if each.key[1] in mine]
            outbox.append(tx, rows, [])
            reached("replay.before_commit")
        reached("replay.after_commit")
        return len(mine)


class _Search:
    """Which records are worth a look, and whether any more are."""

    def __init__(self, expected: Expected | None) -> None:
        self._expected = expected
        self._met = 0
        written = None if expected is None else expected.written
        self._missing = (
            None if written is None else {_text(name): at for name, at in written.items()}
        )
        """By name as in the header, the oldest first."""
        if self._missing is not None:
            self._missing = dict(sorted(self._missing.items(), key=itemgetter(1)))

    def meant(self, page: Sequence[Record]) -> Sequence[Record]:
        missing = self._missing
        if missing is None:
            return page
        found = [record for record in page if _name(record) in missing]
        for record in found:
            missing.pop(_name(record) or b"", None)
        return found

    def is_over(self, met: int) -> bool:
        """After a page of which so many were parked and wanted."""
        self._met += met
        if self._expected is None:
            return False
        if self._missing is None:
            return self._met >= self._expected.letters
        if self._missing:
            self._expected.skip(next(iter(self._missing.values())))
        return not self._missing


def _name(record: Record) -> bytes | None:
    """What it says is its id: quickly, for it is asked of a million records."""
    for name, value in record.headers:
        if name == LETTER_ID:
            return value
    return None


def _text(letter: bytes) -> bytes:
    return uuid_text(letter).encode()


def _known(record: Record) -> Known | None:
    """None for what no relay of ours wrote."""
    said = dict(record.headers)
    try:
        letter = uuid_bytes((said.get(LETTER_ID) or b"").decode("ascii", "replace"), LETTER_ID)
        merchant = said.get(MERCHANT_ID)
        owner = (
            DEFAULT_MERCHANT
            if merchant is None
            else MerchantId(uuid_bytes(merchant.decode("ascii", "replace"), MERCHANT_ID))
        )
    except Rejected:
        return None
    return Known((owner, letter), record)


def discard_all(session: EngineSession, wanted: LetterFilter) -> int:
    """Give every parked letter that is wanted up; how many. Raises Unavailable."""
    total, after = 0, None
    while given := letter_index.discard(session, wanted, DISCARD_AT_ONCE, after):
        total += given.letters
        after = given.last
    return total
