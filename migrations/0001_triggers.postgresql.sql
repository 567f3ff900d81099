CREATE FUNCTION event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.seq IS NULL AND NEW.prev IS NULL AND NEW.hash IS NULL THEN
        RETURN NEW;
    ELSIF TG_OP = 'UPDATE' AND OLD.seq IS NULL AND NEW.seq IS NOT NULL AND NEW.prev IS NOT NULL AND NEW.hash IS NOT NULL
        AND (NEW.id, NEW.at, NEW.act, NEW.role, NEW.actor, NEW.commune, NEW.subject, NEW.subjects, NEW.mac)
            IS NOT DISTINCT FROM
            (OLD.id, OLD.at, OLD.act, OLD.role, OLD.actor, OLD.commune, OLD.subject, OLD.subjects, OLD.mac) THEN
        RETURN NEW;
    ELSIF TG_OP = 'DELETE' AND OLD.seq <= (SELECT max(last_seq) FROM journal_month) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'event: the journal is append-only';
END $$;

CREATE TRIGGER event_guard BEFORE INSERT OR UPDATE OR DELETE ON event FOR EACH ROW EXECUTE FUNCTION event_guard();

CREATE TRIGGER event_truncate BEFORE TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION event_guard();

CREATE FUNCTION journal_month_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.first_seq = 1 + coalesce((SELECT max(last_seq) FROM journal_month), 0)
        AND EXISTS (SELECT FROM event WHERE seq = NEW.last_seq AND hash = NEW.last_hash) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'journal_month: the journal is append-only';
END $$;

CREATE TRIGGER journal_month_guard BEFORE INSERT OR UPDATE OR DELETE ON journal_month
FOR EACH ROW EXECUTE FUNCTION journal_month_guard();

CREATE TRIGGER journal_month_truncate BEFORE TRUNCATE ON journal_month
FOR EACH STATEMENT EXECUTE FUNCTION journal_month_guard();
