-- What Kafka may have announced in part, so that a relay that dies while it finds out is followed
-- by one that goes on finding out.

ALTER TABLE relay_progress ADD COLUMN undecided_up_to bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN relay_progress.undecided_up_to IS 'Rows up to this id may be in Kafka though the relay''s position there is smaller: before they are published, look.';
