"""Ends transactions of workers that stopped in the middle of one, so that their locks are freed.

`idle_in_transaction_session_timeout` does that only where the server knows that it is idle. A
worker that stops between two statements of a pipeline leaves a session that counts as active, and
one that stops right behind a pipeline has switched the timer off, because a Flush came last: both
would keep their locks, the append lock among them, for as long as the worker sleeps.
"""

from typing import Final

from gamification.adapters.postgres.session import EngineSession
from gamification.telemetry import logs

SILENT_FOR: Final = "10 seconds"
"""As long as `idle_in_transaction_session_timeout` allows."""

END: Final = """
    SELECT pid, pg_terminate_backend(pid)
      FROM pg_stat_activity
     WHERE datname = current_database()
       AND usename = current_user
       AND application_name = %b::text
       AND pid <> pg_backend_pid()
       AND xact_start IS NOT NULL
       AND wait_event = 'ClientRead'
       AND state_change < clock_timestamp() - %b::interval
"""

log = logs.get("stalled")


def end_stalled(session: EngineSession, application_name: str) -> int:
    """End the transactions of processes so named that said nothing for SILENT_FOR; how many.

    Whoever wakes up finds the connection closed and begins anew. Raises Unavailable or Halt.
    """
    with session.transaction() as tx:
        tx.execute(END, (application_name, SILENT_FOR))
        ended = tx.fetchall()
    if ended:
        log.warning("stalled_transactions_ended", sessions=[pid for pid, _done in ended])
    return len(ended)
