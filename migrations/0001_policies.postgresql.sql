-- The second wall (docs/adr/0011): requests of town halls read and write as this role, see portal/walls.py. It owns
-- nothing, logs in nowhere, has what the pages need and nothing more; policies keep it within the commune of the request.
-- A role belongs to the whole server, and another database may create it in this very moment. Where the user of the
-- migrations may create no role, an administrator does it first: CREATE ROLE maprocuration_town_hall NOLOGIN;
-- GRANT maprocuration_town_hall TO <that user>.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'maprocuration_town_hall') THEN
        CREATE ROLE maprocuration_town_hall NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;

-- The user of the portal, which is that of the migrations, may take the role; where only an administrator may say so,
-- it was said before.
DO $$
BEGIN
    GRANT maprocuration_town_hall TO CURRENT_USER;
EXCEPTION WHEN unique_violation OR insufficient_privilege THEN
    NULL;
END $$;

-- The calendar, the law and the list of communes are everybody's.
GRANT SELECT ON commune, commune_name, scrutin, tour, tour_day, rules TO maprocuration_town_hall;

-- The commune stands alone in a sub-select, which is then evaluated once a statement: an OR, or a function called row by
-- row, would make other plans. A setting that is not there compares with nothing. WITH CHECK is USING where none is said.
ALTER TABLE procuration ENABLE ROW LEVEL SECURITY;

CREATE POLICY town_hall ON procuration TO maprocuration_town_hall
USING (commune_id = (SELECT current_setting('app.commune', true)::bpchar) AND established_at IS NOT NULL);

GRANT SELECT, UPDATE (attention) ON procuration TO maprocuration_town_hall;

-- What hangs on a file is seen with it: the sub-select is under the policy of its table. OFFSET 0 keeps the planner from
-- reading all files of a large town into a hash for the sake of fifty rows: each row asks for its file by the key.
ALTER TABLE personne ENABLE ROW LEVEL SECURITY;

CREATE POLICY town_hall ON personne TO maprocuration_town_hall
USING (EXISTS (SELECT FROM procuration WHERE procuration.id = personne.procuration_id OFFSET 0));

GRANT SELECT ON personne TO maprocuration_town_hall;

ALTER TABLE passage ENABLE ROW LEVEL SECURITY;

CREATE POLICY town_hall ON passage TO maprocuration_town_hall
USING (EXISTS (SELECT FROM procuration WHERE procuration.id = passage.procuration_id OFFSET 0));

GRANT SELECT ON passage TO maprocuration_town_hall;

ALTER TABLE reference ENABLE ROW LEVEL SECURITY;

CREATE POLICY town_hall ON reference TO maprocuration_town_hall
USING (EXISTS (SELECT FROM procuration WHERE procuration.id = reference.procuration_id OFFSET 0));

GRANT SELECT ON reference TO maprocuration_town_hall;

ALTER TABLE tour_vise ENABLE ROW LEVEL SECURITY;

CREATE POLICY town_hall ON tour_vise TO maprocuration_town_hall
USING (EXISTS (SELECT FROM procuration WHERE procuration.id = tour_vise.procuration_id OFFSET 0));

GRANT SELECT ON tour_vise TO maprocuration_town_hall;

ALTER TABLE couverture ENABLE ROW LEVEL SECURITY;

CREATE POLICY town_hall ON couverture TO maprocuration_town_hall
USING (EXISTS (SELECT FROM procuration WHERE procuration.id = couverture.procuration_id OFFSET 0));

GRANT SELECT ON couverture TO maprocuration_town_hall;

ALTER TABLE mot ENABLE ROW LEVEL SECURITY;

CREATE POLICY town_hall ON mot TO maprocuration_town_hall
USING (commune_id = (SELECT current_setting('app.commune', true)::bpchar));

GRANT SELECT ON mot TO maprocuration_town_hall;

-- Electoral rolls. The worker reads what was sent.
ALTER TABLE roll_file ENABLE ROW LEVEL SECURITY;

CREATE POLICY town_hall ON roll_file TO maprocuration_town_hall
USING (commune_id = (SELECT current_setting('app.commune', true)::bpchar));

GRANT SELECT, INSERT, UPDATE (state), DELETE ON roll_file TO maprocuration_town_hall;

GRANT USAGE ON SEQUENCE roll_file_id_seq TO maprocuration_town_hall;

ALTER TABLE roll_part ENABLE ROW LEVEL SECURITY;

CREATE POLICY town_hall ON roll_part TO maprocuration_town_hall
USING (EXISTS (SELECT FROM roll_file WHERE roll_file.id = roll_part.file_id OFFSET 0));

GRANT SELECT (file_id, number), INSERT ON roll_part TO maprocuration_town_hall;

ALTER TABLE roll ENABLE ROW LEVEL SECURITY;

CREATE POLICY town_hall ON roll TO maprocuration_town_hall
USING (commune_id = (SELECT current_setting('app.commune', true)::bpchar));

GRANT SELECT, UPDATE (state, current_since) ON roll TO maprocuration_town_hall;

ALTER TABLE elector ENABLE ROW LEVEL SECURITY;

CREATE POLICY town_hall ON elector TO maprocuration_town_hall
USING (EXISTS (SELECT FROM roll WHERE roll.id = elector.roll_id OFFSET 0));

GRANT SELECT ON elector TO maprocuration_town_hall;

-- Letters have a commune, mails have none.
ALTER TABLE mail ENABLE ROW LEVEL SECURITY;

CREATE POLICY town_hall ON mail TO maprocuration_town_hall
USING (commune_id = (SELECT current_setting('app.commune', true)::bpchar));

GRANT SELECT (id, key, procuration_id, name, commune_id, context, state, tries, next_at, lease_until, error, created_at,
              sent_at), UPDATE (state, sent_at) ON mail TO maprocuration_town_hall;

-- Colleagues, without what opens their accounts.
ALTER TABLE agent ENABLE ROW LEVEL SECURITY;

CREATE POLICY town_hall ON agent TO maprocuration_town_hall
USING (commune_id = (SELECT current_setting('app.commune', true)::bpchar));

GRANT SELECT (id, email, first_name, last_name, role, quality, unit, place, commune_id, totp_since, habilitated_from,
              habilitated_until, delegated_from, delegated_until, birth_date, siret, look_up_suspended_at, suspended_at,
              suspended_by,
              seen_at, created_at),
      UPDATE (email, first_name, last_name, role, quality, siret, delegated_from, delegated_until)
ON agent TO maprocuration_town_hall;

-- Searches are kept with a session; of a session, the role knows whose it is.
ALTER TABLE web_session ENABLE ROW LEVEL SECURITY;

CREATE POLICY town_hall ON web_session TO maprocuration_town_hall
USING (EXISTS (SELECT FROM agent WHERE agent.id = web_session.agent_id OFFSET 0));

GRANT SELECT (token_hash, agent_id) ON web_session TO maprocuration_town_hall;

ALTER TABLE saved_search ENABLE ROW LEVEL SECURITY;

CREATE POLICY town_hall ON saved_search TO maprocuration_town_hall
USING (EXISTS (SELECT FROM web_session WHERE web_session.token_hash = saved_search.session_id OFFSET 0));

GRANT SELECT, INSERT ON saved_search TO maprocuration_town_hall;

-- The journal takes what the town hall did, and gives nothing back.
ALTER TABLE event ENABLE ROW LEVEL SECURITY;

CREATE POLICY town_hall ON event FOR INSERT TO maprocuration_town_hall
WITH CHECK (commune = (SELECT current_setting('app.commune', true)::bpchar) AND role IN ('commune', 'manager'));

GRANT INSERT ON event TO maprocuration_town_hall;

GRANT USAGE ON SEQUENCE event_id_seq TO maprocuration_town_hall;
