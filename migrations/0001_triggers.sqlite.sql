CREATE TRIGGER event_insert BEFORE INSERT ON event
WHEN NEW.seq IS NOT NULL OR NEW.prev IS NOT NULL OR NEW.hash IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'event: only the sealer numbers the journal'); END;

CREATE TRIGGER event_update BEFORE UPDATE ON event
WHEN OLD.seq IS NOT NULL OR NEW.seq IS NULL OR NEW.prev IS NULL OR NEW.hash IS NULL
  OR NEW.id <> OLD.id OR NEW.at <> OLD.at OR NEW.act <> OLD.act OR NEW.role <> OLD.role
  OR NEW.actor IS NOT OLD.actor OR NEW.commune IS NOT OLD.commune OR NEW.subject <> OLD.subject
  OR NEW.subjects <> OLD.subjects OR NEW.mac <> OLD.mac
BEGIN SELECT RAISE(ABORT, 'event: the journal is append-only'); END;

CREATE TRIGGER event_delete BEFORE DELETE ON event
WHEN OLD.seq IS NULL OR OLD.seq > (SELECT coalesce(max(last_seq), 0) FROM journal_month)
BEGIN SELECT RAISE(ABORT, 'event: the journal is append-only'); END;

CREATE TRIGGER journal_month_insert BEFORE INSERT ON journal_month
WHEN NEW.first_seq <> 1 + (SELECT coalesce(max(last_seq), 0) FROM journal_month)
  OR NOT EXISTS (SELECT 1 FROM event WHERE seq = NEW.last_seq AND hash = NEW.last_hash)
BEGIN SELECT RAISE(ABORT, 'journal_month: the journal is append-only'); END;

CREATE TRIGGER journal_month_update BEFORE UPDATE ON journal_month
BEGIN SELECT RAISE(ABORT, 'journal_month: the journal is append-only'); END;

CREATE TRIGGER journal_month_delete BEFORE DELETE ON journal_month
BEGIN SELECT RAISE(ABORT, 'journal_month: the journal is append-only'); END;
