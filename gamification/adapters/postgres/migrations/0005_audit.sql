-- The life of audit rows: read by time, archived day by day, deleted at the end.
--
-- audit_logs is the one big table here. Building its index stops those who write audit rows for as
-- long as it takes, and the migration gives up after 30 s with nothing changed. For a table of
-- more than some million rows make the index beforehand, while everything runs, by hand and
-- outside of a transaction, under the same name; the migration then leaves it as it is:
--   CREATE INDEX CONCURRENTLY idx_audit_logs_time ON audit_logs (merchant_id, created_at, id);
-- The columns of merchants have constant defaults, so nothing is written anew.

CREATE INDEX IF NOT EXISTS idx_audit_logs_time ON audit_logs (merchant_id, created_at, id);

ALTER TABLE merchants
    ADD COLUMN audit_keep_months int NOT NULL DEFAULT 12
    CHECK (audit_keep_months BETWEEN 12 AND 1200);
COMMENT ON COLUMN merchants.audit_retention_days IS 'How long audit rows stay in Postgres before they are archived.';
COMMENT ON COLUMN merchants.audit_keep_months IS 'How long archived audit rows are kept, from the day of the rows on.';

CREATE TABLE audit_archive (
    merchant_id uuid NOT NULL,
    day date NOT NULL,
    part int NOT NULL CHECK (part >= 1),
    bucket text NOT NULL,
    key text NOT NULL,
    rows int NOT NULL,
    bytes bigint NOT NULL,
    sha256 text NOT NULL,
    status text NOT NULL DEFAULT 'written'
        CHECK (status IN ('written', 'verified', 'cleared', 'purging')),
    cold text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (merchant_id, day, part)
);
COMMENT ON TABLE audit_archive IS 'One row for each object with archived audit rows. The nil UUID is the owner of what holds for every merchant.';
COMMENT ON COLUMN audit_archive.day IS 'UTC day of the rows.';
COMMENT ON COLUMN audit_archive.status IS 'written: not read back yet; verified: its rows may be deleted here; cleared: they are; purging: a purge of the merchant began and has not ended.';
COMMENT ON COLUMN audit_archive.cold IS 'Storage class, or bucket, of the cold tier once it is there.';
CREATE INDEX idx_audit_archive_open ON audit_archive (merchant_id, day, part)
    WHERE status <> 'cleared';
