"""Send dead letters again: through the outbox, so that each goes out once, whatever happens.

A letter leaves status parked in the transaction that puts it into the outbox. Whoever is
interrupted leaves the rest parked; two who run at once share the letters between them. The bytes
do not pass through here: the relay copies them from the topic, address and all.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from gamification.adapters.postgres import letter_index, outbox
from gamification.adapters.postgres.session import EngineSession
from gamification.application.pace import Pace
from gamification.domain.errors import Rejected
from gamification.domain.ids import DEFAULT_MERCHANT, MerchantId
from gamification.domain.letter import LetterFilter, LetterStatus
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
        self._attempts_max = letter_index.attempts_max(insist=insist)

    def replay(
        self,
        pages: Iterable[Sequence[Record]],
        wanted: LetterFilter,
        told: Callable[[Sent], None] = lambda _sent: None,
    ) -> Sent:
        """Send every letter of `pages` that is parked and wanted; `told` hears how far it is.

        Ends early when `pause` says so. Raises Unavailable or Halt; what was sent is sent.
        """
        sent = Sent()
        together = self._pace.together
        self._pace.begin()
        for page in pages:
            known = [each for record in page if (each := _known(record)) is not None]
            parked = letter_index.among(self._session, wanted, [each.key for each in known])
            sent = sent._replace(looked_at=sent.looked_at + len(page))
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
    total = 0
    while number := letter_index.discard(session, wanted, DISCARD_AT_ONCE):
        total += number
    return total
