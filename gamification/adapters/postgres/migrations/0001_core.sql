-- The engine's tables. Primary keys of tenants' rows start with merchant_id, so that they can
-- be distributed by it. Hot tables keep room on their pages and no index on a changing column,
-- so that every update is HOT.

CREATE TABLE incarnation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id uuid NOT NULL DEFAULT gen_random_uuid()
);
COMMENT ON TABLE incarnation IS 'Tells this database from one made anew; the relay compares it with what Kafka remembers.';
INSERT INTO incarnation DEFAULT VALUES;

CREATE TABLE generation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 10);
COMMENT ON TABLE generation IS 'Moves whenever a rulebook or a merchant changes; every batch compares it with what it has loaded.';
INSERT INTO generation DEFAULT VALUES;

CREATE TABLE names (
    code int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);
COMMENT ON TABLE names IS 'Integers for the names of rules, badges and counters. Append only, never used again for another name.';

CREATE TABLE merchants (
    merchant_id uuid PRIMARY KEY,
    timezone text,
    default_locale text NOT NULL DEFAULT 'en',
    audit_retention_days int NOT NULL DEFAULT 90 CHECK (audit_retention_days BETWEEN 90 AND 180),
    limits jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE rulebooks (
    merchant_id uuid NOT NULL,
    version int NOT NULL,
    document text NOT NULL,
    active boolean NOT NULL DEFAULT false,
    actor text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz,
    PRIMARY KEY (merchant_id, version)
);
COMMENT ON COLUMN rulebooks.merchant_id IS 'The nil UUID owns the default rulebook.';
CREATE UNIQUE INDEX idx_rulebooks_active ON rulebooks (merchant_id) WHERE active;

CREATE TABLE consumer_offsets (
    consumer text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (consumer, topic, partition)
) WITH (fillfactor = 10);

CREATE TABLE processed_events (
    merchant_id uuid NOT NULL,
    event_id uuid NOT NULL,
    content_hash bigint NOT NULL,
    kind smallint NOT NULL,
    PRIMARY KEY (merchant_id, event_id)
) PARTITION BY HASH (event_id);
DO $$
BEGIN
    FOR part IN 0..7 LOOP
        EXECUTE format('CREATE TABLE processed_events_%s PARTITION OF processed_events '
                       'FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
    END LOOP;
END $$;

CREATE TABLE profiles (
    merchant_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    exp bigint NOT NULL DEFAULT 0 CHECK (exp BETWEEN 0 AND 9007199254740992),
    coins bigint NOT NULL DEFAULT 0 CHECK (coins BETWEEN 0 AND 9007199254740992),
    coins_earned bigint NOT NULL DEFAULT 0,
    level int NOT NULL DEFAULT 1,
    level_high int NOT NULL DEFAULT 1,
    entries bigint NOT NULL DEFAULT 0,
    current_streak int NOT NULL DEFAULT 0,
    longest_streak int NOT NULL DEFAULT 0,
    active_from int NOT NULL DEFAULT 0,
    active_days bytea NOT NULL DEFAULT '',
    badges bytea NOT NULL DEFAULT '',
    counters bytea NOT NULL DEFAULT '',
    windows bytea NOT NULL DEFAULT '',
    rulebook int NOT NULL DEFAULT 0,
    locale text,
    timezone text,
    notify boolean NOT NULL DEFAULT false,
    locale_ever boolean NOT NULL DEFAULT false,
    settings bytea NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (merchant_id, customer_id)
) WITH (fillfactor = 50);
COMMENT ON COLUMN profiles.level_high IS 'Highest level ever reached: its rewards are never paid again after a reversal.';
COMMENT ON COLUMN profiles.entries IS 'Ledger entries so far; the next one has this number plus one.';
COMMENT ON COLUMN profiles.active_from IS 'Day (since 1970-01-01) of bit 0 of active_days.';
COMMENT ON COLUMN profiles.active_days IS 'Bitmap, little endian: the local days that count for the streak.';
COMMENT ON COLUMN profiles.badges IS 'names.code of every badge held, 4 bytes each, big endian; customer_badges tells when and why.';
COMMENT ON COLUMN profiles.counters IS 'Pairs of names.code (4 bytes) and value (8 bytes), big endian.';
COMMENT ON COLUMN profiles.windows IS 'Counters of the newest week and month; older ones are rows of customer_days. Saves two rows for each activity.';
COMMENT ON COLUMN profiles.rulebook IS 'Mark of the rulebook under which all badges were last evaluated.';
COMMENT ON COLUMN profiles.settings IS 'For locale, timezone, notify: (occurred_at ms, event id) of the customer.updated that set it.';

CREATE TABLE customer_days (
    merchant_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    day date NOT NULL,
    span smallint NOT NULL DEFAULT 0 CHECK (span IN (0, 1, 2)),
    board_exp bigint NOT NULL DEFAULT 0,
    counters bytea NOT NULL DEFAULT '',
    PRIMARY KEY (merchant_id, customer_id, day, span)
) WITH (fillfactor = 60);
COMMENT ON COLUMN customer_days.span IS '0: the local day itself, 1: the week that starts on it, 2: the month that starts on it. The newest week and month are in profiles.windows.';
COMMENT ON COLUMN customer_days.board_exp IS 'EXP of this day in the merchant''s timezone (period boards); span 0 only.';

CREATE TABLE completions (
    merchant_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    counter int NOT NULL,
    since date NOT NULL,
    value text COLLATE "C" NOT NULL,
    board_day date NOT NULL,
    exp bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (merchant_id, customer_id, counter, since, value)
);
COMMENT ON TABLE completions IS 'Members of sets: what was completed (once_per) and distinct values (badges).';
COMMENT ON COLUMN completions.since IS 'First day of the window that the set is for; 1970-01-01 when it is for ever.';
COMMENT ON COLUMN completions.board_day IS 'Earliest known day, in the merchant''s timezone: where the EXP of a once_per rule counts in period boards.';

CREATE TABLE customer_badges (
    merchant_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    badge text NOT NULL,
    cause uuid NOT NULL,
    awarded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (merchant_id, customer_id, badge)
);

CREATE TABLE badge_definitions (
    merchant_id uuid NOT NULL,
    badge text NOT NULL,
    name_key text NOT NULL,
    icon text NOT NULL,
    tier text,
    rulebook_version int NOT NULL,
    PRIMARY KEY (merchant_id, badge)
);

CREATE TABLE transaction_types (
    code smallint PRIMARY KEY,
    name text NOT NULL UNIQUE
);
INSERT INTO transaction_types (code, name) VALUES
    (1, 'rule_award'), (2, 'tournament_payout'), (3, 'deposit'), (4, 'withdrawal'), (5, 'bet'),
    (6, 'redemption'), (7, 'redemption_refund'), (8, 'admin_award'), (9, 'payout_reversal'),
    (10, 'expiry');

CREATE TABLE ledger (
    merchant_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    entry bigint NOT NULL,
    exp bigint NOT NULL,
    coins bigint NOT NULL,
    exp_after bigint NOT NULL,
    coins_after bigint NOT NULL,
    type smallint NOT NULL,
    rule int NOT NULL,
    cause uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    idempotency_key text,
    actor text,
    reverses bigint,
    PRIMARY KEY (merchant_id, customer_id, entry),
    CHECK (exp <> 0 OR coins <> 0)
);
COMMENT ON TABLE ledger IS 'Append only. One row for both currencies of one cause and rule; read it as coin_transactions and exp_transactions.';
COMMENT ON COLUMN ledger.entry IS '1, 2, 3, ... for each customer, without gaps.';
CREATE UNIQUE INDEX idx_ledger_idempotency_key
    ON ledger (merchant_id, customer_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append only: write a compensating entry' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER trg_ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();

CREATE VIEW coin_transactions AS
SELECT l.merchant_id, l.customer_id, l.entry, l.coins AS amount, l.coins_after AS balance_after,
       t.name AS transaction_type,
       coalesce(l.idempotency_key, l.cause::text || ':' || n.name) AS idempotency_key,
       l.cause, n.name AS rule_id, l.actor, l.reverses, l.created_at
  FROM ledger l JOIN transaction_types t ON t.code = l.type JOIN names n ON n.code = l.rule
 WHERE l.coins <> 0;
CREATE VIEW exp_transactions AS
SELECT l.merchant_id, l.customer_id, l.entry, l.exp AS amount, l.exp_after AS balance_after,
       CASE WHEN t.code BETWEEN 2 AND 5 THEN 'rule_award' ELSE t.name END AS transaction_type,
       coalesce(l.idempotency_key, l.cause::text || ':' || n.name) AS idempotency_key,
       l.cause, n.name AS rule_id, l.actor, l.reverses, l.created_at
  FROM ledger l JOIN transaction_types t ON t.code = l.type JOIN names n ON n.code = l.rule
 WHERE l.exp <> 0;

CREATE TABLE payouts (
    merchant_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    rule int NOT NULL,
    tournament_id text COLLATE "C" NOT NULL,
    match_id text COLLATE "C" NOT NULL,
    cause uuid NOT NULL,
    amount bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (merchant_id, customer_id, rule, tournament_id, match_id)
);
COMMENT ON TABLE payouts IS 'Prizes paid, one for each key; match_id is empty where a tournament has none.';

CREATE TABLE refused_entries (
    merchant_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    cause uuid NOT NULL,
    rule int NOT NULL,
    type smallint NOT NULL,
    amount bigint NOT NULL,
    reason text NOT NULL CHECK (reason IN ('duplicate_payout', 'insufficient_coins')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (merchant_id, customer_id, cause, rule)
);

CREATE TABLE topics (
    code smallint PRIMARY KEY,
    name text NOT NULL UNIQUE
);
INSERT INTO topics (code, name) VALUES
    (1, 'badge.awarded'), (2, 'badge.task'), (3, 'badge.earned'), (4, 'level.up'),
    (5, 'streak.updated'), (6, 'reward.redeemed'), (7, 'cache.invalidate'),
    (8, 'leaderboard.refresh'), (9, 'audit_log'), (10, 'gamification.dlq');

CREATE SEQUENCE outbox_id_seq AS bigint;
CREATE TABLE outbox (
    id bigint NOT NULL DEFAULT nextval('outbox_id_seq'),
    topic smallint NOT NULL,
    schema_version smallint NOT NULL,
    key bytea,
    value bytea,
    traceparent text,
    letter text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
COMMENT ON TABLE outbox IS 'What Kafka must be told. Ids are in commit order: rows are inserted under the append lock, last in their transaction.';
COMMENT ON COLUMN outbox.schema_version IS '0: value is published as it is; else an Avro body of that version of the topic''s schema.';

CREATE SEQUENCE changes_id_seq AS bigint;
CREATE TABLE changes (
    id bigint NOT NULL DEFAULT nextval('changes_id_seq'),
    merchant_ids uuid[] NOT NULL,
    customer_ids uuid[] NOT NULL,
    board_days date[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
COMMENT ON TABLE changes IS 'Whose totals moved: three arrays of one length. board_day 1970-01-01: only the total moved. Ids are in commit order.';

CREATE FUNCTION ensure_partitions(parent text, rows_each bigint, ahead int) RETURNS int
LANGUAGE plpgsql AS $$
-- Creates the partitions that the next `ahead * rows_each` ids need. Safe when many call it.
DECLARE
    next_id bigint;
    first_row bigint;
    part text;
    made int := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ensure_partitions'), hashtext(parent));
    EXECUTE format('SELECT last_value FROM %I', parent || '_id_seq') INTO next_id;
    FOR step IN 0..ahead LOOP
        first_row := (next_id / rows_each + step) * rows_each;
        part := parent || '_' || first_row;
        IF to_regclass(part) IS NULL THEN
            -- LIKE, then ATTACH: only a weak lock on the parent, so nobody who inserts waits.
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, parent);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                           parent, part, first_row, first_row + rows_each);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
SELECT ensure_partitions('outbox', 1000000, 8);
SELECT ensure_partitions('changes', 1000000, 2);

CREATE TABLE relay_progress (
    shard int PRIMARY KEY,
    last_id bigint NOT NULL,
    published_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 10);
COMMENT ON TABLE relay_progress IS 'For people and reconcile: how far the relay is. The truth is in Kafka, beside what it published.';

CREATE TABLE dead_letters (
    merchant_id uuid NOT NULL,
    id uuid NOT NULL,
    event_id uuid,
    origin_topic text NOT NULL,
    origin_partition int NOT NULL,
    origin_offset bigint NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    attempts int NOT NULL,
    status text NOT NULL DEFAULT 'parked' CHECK (status IN ('parked', 'replayed', 'resolved', 'discarded')),
    first_failed_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (merchant_id, id)
);
COMMENT ON TABLE dead_letters IS 'An index over gamification.dlq, without payloads. The nil UUID is the merchant of letters that name none.';

CREATE TABLE audit_logs (
    merchant_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    outcome text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (merchant_id, id)
);
