-- Dead letters are sent again through the outbox, and what became of each is kept true.
--
-- For a table of more than some million letters make the index beforehand, while everything runs,
-- under the same name; the migration then leaves it as it is:
--   CREATE INDEX CONCURRENTLY idx_dead_letters_parked ON dead_letters (created_at, id)
--    WHERE status = 'parked';

INSERT INTO topics (code, name) VALUES (11, 'gamification.replay');

ALTER TABLE dead_letters ADD COLUMN changed_at timestamptz;
COMMENT ON COLUMN dead_letters.changed_at IS 'When it left status parked, and every change after that.';
COMMENT ON COLUMN dead_letters.status IS 'parked: waits for a person; replayed: sent again (if it failed again, a letter with one attempt more stands for it); resolved: counted after all, or known for counted; discarded: a person gave it up.';

CREATE INDEX IF NOT EXISTS idx_dead_letters_parked ON dead_letters (created_at, id)
    WHERE status = 'parked';
