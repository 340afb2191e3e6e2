-- Entries of operators: EXP and coins that one entry takes back have one type in the ledger; a
-- prize's is payout_reversal, which means its coins. Of its EXP the view says admin_award.

CREATE OR REPLACE VIEW exp_transactions AS
SELECT l.merchant_id, l.customer_id, l.entry, l.exp AS amount, l.exp_after AS balance_after,
       CASE WHEN t.code BETWEEN 2 AND 5 THEN 'rule_award'
            WHEN t.code = 9 THEN 'admin_award'
            ELSE t.name END AS transaction_type,
       coalesce(l.idempotency_key, l.cause::text || ':' || n.name) AS idempotency_key,
       l.cause, n.name AS rule_id, l.actor, l.reverses, l.created_at
  FROM ledger l JOIN transaction_types t ON t.code = l.type JOIN names n ON n.code = l.rule
 WHERE l.exp <> 0;

COMMENT ON COLUMN ledger.idempotency_key IS 'Of entries that somebody asked for; entries of activities are protected by processed_events. award:<key of the operator>, reverse:<number of the entry that is taken back>.';
COMMENT ON COLUMN ledger.reverses IS 'Number of the entry, of the same customer, whose opposite this one is.';
