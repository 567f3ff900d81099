CREATE TABLE commune (
    code CHAR(5) NOT NULL PRIMARY KEY,
    name VARCHAR(80) NOT NULL,
    departement VARCHAR(3) NOT NULL,
    population INTEGER NOT NULL,
    postal_codes TEXT NOT NULL,
    zone VARCHAR(40) NOT NULL,
    listed INTEGER NOT NULL,
    email VARCHAR(254),
    unreminded_at TIMESTAMPTZ
);

CREATE TABLE agent (
    id INTEGER NOT NULL PRIMARY KEY,
    email VARCHAR(254) NOT NULL,
    first_name VARCHAR(100) NOT NULL,
    last_name VARCHAR(100) NOT NULL,
    role VARCHAR(10) NOT NULL CHECK (role IN ('officer', 'commune', 'manager', 'ministry')),
    quality VARCHAR(100) NOT NULL,
    unit VARCHAR(150) NOT NULL,
    place VARCHAR(80) NOT NULL,
    commune_id CHAR(5),
    password_hash VARCHAR(255),
    totp_secret VARCHAR(255),
    totp_since TIMESTAMPTZ,
    habilitated_from DATE,
    habilitated_until DATE,
    delegated_from DATE,
    delegated_until DATE,
    birth_date CHAR(10),
    siret CHAR(14),
    issuer VARCHAR(255),
    sub VARCHAR(255),
    look_up_suspended_at TIMESTAMPTZ,
    suspended_at TIMESTAMPTZ,
    suspended_by VARCHAR(10),
    seen_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    FOREIGN KEY (commune_id) REFERENCES commune (code) ON DELETE RESTRICT,
    CHECK ((role IN ('commune', 'manager')) = (commune_id IS NOT NULL))
);

CREATE UNIQUE INDEX agent_email ON agent (email);

CREATE INDEX agent_commune_id ON agent (commune_id);

CREATE INDEX agent_seen_at ON agent (seen_at);

CREATE UNIQUE INDEX agent_issuer_sub ON agent (issuer, sub);

CREATE TABLE agent_file (
    id INTEGER NOT NULL PRIMARY KEY,
    kind VARCHAR(7) CHECK (kind IN ('agents', 'mairies')),
    agent_id INTEGER,
    state VARCHAR(10) NOT NULL CHECK (state IN ('receiving', 'reading', 'ready', 'refused', 'applying', 'done', 'former')),
    invite INTEGER NOT NULL,
    fingerprint CHAR(64) NOT NULL,
    position INTEGER NOT NULL,
    line INTEGER NOT NULL,
    layout TEXT,
    report TEXT,
    refusal TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    FOREIGN KEY (agent_id) REFERENCES agent (id) ON DELETE SET NULL
);

CREATE INDEX agent_file_agent_id ON agent_file (agent_id);

CREATE TABLE agent_line (
    file_id INTEGER NOT NULL,
    line INTEGER NOT NULL,
    subject VARCHAR(254) NOT NULL,
    outcome VARCHAR(7) NOT NULL CHECK (outcome IN ('create', 'change', 'end', 'same', 'refused')),
    cell VARCHAR(20),
    fault VARCHAR(20),
    content TEXT,
    PRIMARY KEY (file_id, line),
    FOREIGN KEY (file_id) REFERENCES agent_file (id) ON DELETE CASCADE
);

CREATE INDEX agent_line_file_id_subject ON agent_line (file_id, subject);

CREATE INDEX agent_line_file_id_outcome_line ON agent_line (file_id, outcome, line);

CREATE TABLE agent_part (
    file_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (file_id, number),
    FOREIGN KEY (file_id) REFERENCES agent_file (id) ON DELETE CASCADE
);

CREATE TABLE commune_name (
    id INTEGER NOT NULL PRIMARY KEY,
    commune_id CHAR(5) NOT NULL,
    name VARCHAR(80) NOT NULL,
    key VARCHAR(80) NOT NULL,
    kind VARCHAR(16) NOT NULL CHECK (kind IN ('actuelle', 'deleguee', 'associee', 'arrondissement', 'ancienne', 'postal', 'mot')),
    code CHAR(5) NOT NULL,
    FOREIGN KEY (commune_id) REFERENCES commune (code) ON DELETE CASCADE
);

CREATE INDEX commune_name_commune_id ON commune_name (commune_id);

CREATE INDEX commune_name_key ON commune_name (key);

CREATE UNIQUE INDEX commune_name_code_kind_key ON commune_name (code, kind, key);

CREATE TABLE voter (
    id INTEGER NOT NULL PRIMARY KEY,
    issuer VARCHAR(255) NOT NULL,
    sub VARCHAR(255) NOT NULL,
    birth_name VARCHAR(255) NOT NULL,
    used_name VARCHAR(255),
    first_names VARCHAR(255) NOT NULL,
    sex CHAR(1) NOT NULL CHECK (sex IN ('F', 'M', 'X')),
    birth_date CHAR(10) NOT NULL,
    birth_place VARCHAR(5) NOT NULL,
    birth_country VARCHAR(5) NOT NULL,
    email VARCHAR(254),
    key VARCHAR(600) NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX voter_key ON voter (key);

CREATE UNIQUE INDEX voter_issuer_sub ON voter (issuer, sub);

CREATE TABLE scrutin (
    id INTEGER NOT NULL PRIMARY KEY,
    name VARCHAR(120) NOT NULL,
    territory VARCHAR(5) NOT NULL,
    opens_at TIMESTAMPTZ NOT NULL
);

CREATE UNIQUE INDEX scrutin_name ON scrutin (name);

CREATE TABLE procuration (
    id INTEGER NOT NULL PRIMARY KEY,
    commune_id CHAR(5) NOT NULL,
    voter_id INTEGER,
    status VARCHAR(10) NOT NULL CHECK (status IN ('deposee', 'retiree', 'refusee', 'caduque', 'etablie', 'validee', 'invalidee', 'annulee', 'resiliee')),
    version INTEGER NOT NULL,
    origin VARCHAR(8) NOT NULL CHECK (origin IN ('online', 'paper')),
    scrutin_id INTEGER,
    valid_until DATE NOT NULL,
    email VARCHAR(254),
    email_confirmed_at TIMESTAMPTZ,
    filing_key VARCHAR(64),
    evidence TEXT,
    filed_at TIMESTAMPTZ,
    lapses_at TIMESTAMPTZ,
    established_at TIMESTAMPTZ,
    officer_id INTEGER,
    authority VARCHAR(255) NOT NULL,
    authority_place VARCHAR(80) NOT NULL,
    abroad INTEGER NOT NULL,
    timed INTEGER NOT NULL,
    certified TEXT,
    decided_at TIMESTAMPTZ,
    verdict VARCHAR(14),
    verdicts TEXT,
    review_at TIMESTAMPTZ,
    attention VARCHAR(20) CHECK (attention IN ('place_perdue', 'place_libre', 'liste_changee', 'tour_change', 'mandataire_decline')),
    declined_at TIMESTAMPTZ,
    FOREIGN KEY (commune_id) REFERENCES commune (code) ON DELETE RESTRICT,
    FOREIGN KEY (voter_id) REFERENCES voter (id) ON DELETE RESTRICT,
    FOREIGN KEY (scrutin_id) REFERENCES scrutin (id) ON DELETE RESTRICT,
    FOREIGN KEY (officer_id) REFERENCES agent (id) ON DELETE RESTRICT,
    CHECK ((established_at IS NULL) = (status IN ('deposee', 'retiree', 'refusee', 'caduque'))),
    CHECK ((origin = 'paper') = (voter_id IS NULL))
);

CREATE UNIQUE INDEX procuration_filing_key ON procuration (filing_key);

CREATE INDEX procuration_officer_id ON procuration (officer_id);

CREATE INDEX procuration_commune_id_established_at_id ON procuration (commune_id, established_at, id);

CREATE INDEX procuration_commune_id_status_established_at_id ON procuration (commune_id, status, established_at, id);

CREATE INDEX procuration_commune_id_verdict_established_at_id ON procuration (commune_id, verdict, established_at, id);

CREATE INDEX procuration_voter_id_filed_at ON procuration (voter_id, filed_at);

CREATE INDEX procuration_status_lapses_at_id ON procuration (status, lapses_at, id);

CREATE INDEX procuration_scrutin_id_id ON procuration (scrutin_id, id);

CREATE INDEX procuration_valid_until_id ON procuration (valid_until, id);

CREATE INDEX procuration_not_established ON procuration (filed_at, id) WHERE (established_at IS NULL);

CREATE INDEX procuration_to_review ON procuration (review_at, id) WHERE (review_at IS NOT NULL);

CREATE INDEX procuration_to_decide ON procuration (commune_id, valid_until, established_at) WHERE (status = 'etablie');

CREATE INDEX procuration_attention ON procuration (commune_id, attention) WHERE (attention IS NOT NULL);

CREATE TABLE tour (
    id INTEGER NOT NULL PRIMARY KEY,
    scrutin_id INTEGER NOT NULL,
    number INTEGER NOT NULL CHECK (number IN (1, 2)),
    day DATE NOT NULL,
    FOREIGN KEY (scrutin_id) REFERENCES scrutin (id) ON DELETE RESTRICT
);

CREATE UNIQUE INDEX tour_scrutin_id_number ON tour (scrutin_id, number);

CREATE TABLE couverture (
    id INTEGER NOT NULL PRIMARY KEY,
    procuration_id INTEGER NOT NULL,
    tour_id INTEGER NOT NULL,
    mandant_key VARCHAR(600) NOT NULL,
    mandataire_key VARCHAR(600) NOT NULL,
    place INTEGER CHECK (place > 0),
    abroad INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    free INTEGER NOT NULL,
    FOREIGN KEY (procuration_id) REFERENCES procuration (id) ON DELETE CASCADE,
    FOREIGN KEY (tour_id) REFERENCES tour (id) ON DELETE RESTRICT
);

CREATE INDEX couverture_tour_id ON couverture (tour_id);

CREATE UNIQUE INDEX couverture_procuration_id_tour_id ON couverture (procuration_id, tour_id);

CREATE UNIQUE INDEX couverture_mandataire_key_tour_id_place ON couverture (mandataire_key, tour_id, place);

CREATE INDEX couverture_mandant_key_tour_id ON couverture (mandant_key, tour_id);

CREATE UNIQUE INDEX couverture_mandant_once ON couverture (mandant_key, tour_id) WHERE (place IS NOT NULL);

CREATE INDEX couverture_without_place ON couverture (procuration_id) WHERE (place IS NULL);

CREATE TABLE roll_file (
    id INTEGER NOT NULL PRIMARY KEY,
    commune_id CHAR(5) NOT NULL,
    agent_id INTEGER,
    state VARCHAR(10) NOT NULL CHECK (state IN ('receiving', 'reading', 'ready', 'refused')),
    fingerprint CHAR(64) NOT NULL,
    position INTEGER NOT NULL,
    line INTEGER NOT NULL,
    layout TEXT,
    report TEXT,
    refusal TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    FOREIGN KEY (commune_id) REFERENCES commune (code) ON DELETE CASCADE,
    FOREIGN KEY (agent_id) REFERENCES agent (id) ON DELETE SET NULL
);

CREATE UNIQUE INDEX roll_file_commune_id ON roll_file (commune_id);

CREATE INDEX roll_file_agent_id ON roll_file (agent_id);

CREATE TABLE roll (
    id INTEGER NOT NULL PRIMARY KEY,
    commune_id CHAR(5) NOT NULL,
    file_id INTEGER,
    kind VARCHAR(3) NOT NULL CHECK (kind IN ('LP', 'LCM', 'LCE')),
    state VARCHAR(7) NOT NULL CHECK (state IN ('draft', 'current', 'former')),
    fingerprint CHAR(64) NOT NULL,
    lines INTEGER NOT NULL,
    left_out INTEGER NOT NULL,
    agent_id INTEGER,
    created_at TIMESTAMPTZ NOT NULL,
    current_since TIMESTAMPTZ,
    FOREIGN KEY (commune_id) REFERENCES commune (code) ON DELETE CASCADE,
    FOREIGN KEY (file_id) REFERENCES roll_file (id) ON DELETE SET NULL,
    FOREIGN KEY (agent_id) REFERENCES agent (id) ON DELETE SET NULL
);

CREATE INDEX roll_commune_id ON roll (commune_id);

CREATE INDEX roll_file_id ON roll (file_id);

CREATE INDEX roll_agent_id ON roll (agent_id);

CREATE UNIQUE INDEX roll_current ON roll (commune_id, kind) WHERE (state = 'current');

CREATE INDEX roll_not_current ON roll (state) WHERE (state != 'current');

CREATE TABLE elector (
    id INTEGER NOT NULL PRIMARY KEY,
    roll_id INTEGER NOT NULL,
    birth_name VARCHAR(255) NOT NULL,
    used_name VARCHAR(255),
    first_names VARCHAR(255) NOT NULL,
    sex CHAR(1) NOT NULL CHECK (sex IN ('F', 'M', 'X')),
    birth_date CHAR(10) NOT NULL,
    key VARCHAR(520) NOT NULL,
    used_key VARCHAR(520),
    station VARCHAR(10) NOT NULL,
    station_label VARCHAR(100) NOT NULL,
    number VARCHAR(10) NOT NULL,
    nne VARCHAR(9),
    FOREIGN KEY (roll_id) REFERENCES roll (id) ON DELETE CASCADE
);

CREATE INDEX elector_key ON elector (key);

CREATE INDEX elector_roll_id_key ON elector (roll_id, key);

CREATE INDEX elector_roll_id_used_key ON elector (roll_id, used_key);

CREATE TABLE event (
    id INTEGER NOT NULL PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL,
    act VARCHAR(20) NOT NULL,
    role VARCHAR(10) NOT NULL,
    actor INTEGER,
    commune CHAR(5),
    subject VARCHAR(20) NOT NULL,
    subjects TEXT NOT NULL,
    mac CHAR(64) NOT NULL,
    seq INTEGER,
    prev CHAR(64),
    hash CHAR(64)
);

CREATE UNIQUE INDEX event_seq ON event (seq);

CREATE UNIQUE INDEX event_prev ON event (prev);

CREATE INDEX event_unsealed ON event (id) WHERE (seq IS NULL);

CREATE INDEX event_single ON event (subjects) WHERE length(subjects) <= 20;

CREATE INDEX event_town_hall ON event (commune, at) WHERE (commune IS NOT NULL);

CREATE TABLE hit (
    key CHAR(64) NOT NULL PRIMARY KEY,
    count INTEGER NOT NULL,
    until TIMESTAMPTZ NOT NULL
);

CREATE INDEX hit_until ON hit (until);

CREATE TABLE job (
    id INTEGER NOT NULL PRIMARY KEY,
    name VARCHAR(20) NOT NULL,
    subject VARCHAR(40) NOT NULL,
    due_at TIMESTAMPTZ,
    lease_until TIMESTAMPTZ,
    cursor VARCHAR(80) NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER,
    began_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    error VARCHAR(200)
);

CREATE UNIQUE INDEX job_name_subject ON job (name, subject);

CREATE INDEX job_due_at ON job (due_at);

CREATE TABLE journal_month (
    month CHAR(7) NOT NULL PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    last_hash CHAR(64) NOT NULL,
    mac CHAR(64) NOT NULL,
    sealed_at TIMESTAMPTZ NOT NULL,
    CHECK (last_seq >= first_seq)
);

CREATE UNIQUE INDEX journal_month_last_seq ON journal_month (last_seq);

CREATE TABLE mail (
    id INTEGER NOT NULL PRIMARY KEY,
    key VARCHAR(120) NOT NULL,
    procuration_id INTEGER,
    name VARCHAR(20) NOT NULL,
    recipient VARCHAR(254) NOT NULL,
    commune_id CHAR(5),
    context TEXT,
    state VARCHAR(8) NOT NULL CHECK (state IN ('held', 'waiting', 'sending', 'sent', 'dead', 'letter')),
    tries INTEGER NOT NULL,
    next_at TIMESTAMPTZ NOT NULL,
    lease_until TIMESTAMPTZ,
    error VARCHAR(200),
    created_at TIMESTAMPTZ NOT NULL,
    sent_at TIMESTAMPTZ,
    FOREIGN KEY (procuration_id) REFERENCES procuration (id) ON DELETE CASCADE,
    FOREIGN KEY (commune_id) REFERENCES commune (code) ON DELETE RESTRICT
);

CREATE UNIQUE INDEX mail_key ON mail (key);

CREATE INDEX mail_procuration_id ON mail (procuration_id);

CREATE INDEX mail_state_next_at ON mail (state, next_at);

CREATE INDEX mail_with_content ON mail (created_at, id) WHERE (context IS NOT NULL);

CREATE INDEX mail_letters ON mail (commune_id, state, id) WHERE (commune_id IS NOT NULL);

CREATE TABLE mairie_link (
    commune_id CHAR(5) NOT NULL PRIMARY KEY,
    hash CHAR(64),
    invited_at TIMESTAMPTZ NOT NULL,
    asked TEXT,
    own_hash CHAR(64),
    asked_at TIMESTAMPTZ,
    FOREIGN KEY (commune_id) REFERENCES commune (code) ON DELETE CASCADE
);

CREATE UNIQUE INDEX mairie_link_hash ON mairie_link (hash);

CREATE UNIQUE INDEX mairie_link_own_hash ON mairie_link (own_hash);

CREATE TABLE mot (
    commune_id CHAR(5) NOT NULL,
    word VARCHAR(60) NOT NULL,
    procuration_id INTEGER NOT NULL,
    PRIMARY KEY (commune_id, word, procuration_id),
    FOREIGN KEY (commune_id) REFERENCES commune (code) ON DELETE CASCADE,
    FOREIGN KEY (procuration_id) REFERENCES procuration (id) ON DELETE CASCADE
);

CREATE INDEX mot_procuration_id ON mot (procuration_id);

CREATE TABLE opt_out (
    hash CHAR(64) NOT NULL PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL
);

CREATE TABLE passage (
    id INTEGER NOT NULL PRIMARY KEY,
    procuration_id INTEGER NOT NULL,
    act VARCHAR(10) NOT NULL CHECK (act IN ('deposer', 'retirer', 'etablir', 'saisir', 'corriger', 'attribuer', 'distinguer', 'refuser', 'defaire', 'valider', 'invalider', 'reprendre', 'annuler', 'resilier', 'perimer')),
    status VARCHAR(10) NOT NULL CHECK (status IN ('deposee', 'retiree', 'refusee', 'caduque', 'etablie', 'validee', 'invalidee', 'annulee', 'resiliee')),
    version INTEGER NOT NULL,
    role VARCHAR(10) NOT NULL,
    agent_id INTEGER,
    at TIMESTAMPTZ NOT NULL,
    reason VARCHAR(30),
    comment TEXT,
    changes TEXT,
    evidence TEXT,
    FOREIGN KEY (procuration_id) REFERENCES procuration (id) ON DELETE CASCADE,
    FOREIGN KEY (agent_id) REFERENCES agent (id) ON DELETE RESTRICT
);

CREATE UNIQUE INDEX passage_procuration_id_version ON passage (procuration_id, version);

CREATE INDEX passage_agent_id_at ON passage (agent_id, at);

CREATE TABLE passkey (
    id INTEGER NOT NULL PRIMARY KEY,
    agent_id INTEGER NOT NULL,
    credential VARCHAR(1400) NOT NULL,
    public_key TEXT NOT NULL,
    sign_count INTEGER NOT NULL,
    name VARCHAR(60) NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ,
    FOREIGN KEY (agent_id) REFERENCES agent (id) ON DELETE CASCADE
);

CREATE INDEX passkey_agent_id ON passkey (agent_id);

CREATE UNIQUE INDEX passkey_credential ON passkey (credential);

CREATE TABLE personne (
    id INTEGER NOT NULL PRIMARY KEY,
    procuration_id INTEGER NOT NULL,
    role VARCHAR(10) NOT NULL CHECK (role IN ('mandant', 'mandataire')),
    birth_name VARCHAR(255) NOT NULL,
    used_name VARCHAR(255),
    first_names VARCHAR(255) NOT NULL,
    sex CHAR(1) NOT NULL CHECK (sex IN ('F', 'M', 'X')),
    birth_date CHAR(10) NOT NULL,
    birth_place VARCHAR(100) NOT NULL,
    commune_id CHAR(5),
    nne VARCHAR(9),
    email VARCHAR(254),
    station VARCHAR(60),
    key VARCHAR(600) NOT NULL,
    FOREIGN KEY (procuration_id) REFERENCES procuration (id) ON DELETE CASCADE,
    FOREIGN KEY (commune_id) REFERENCES commune (code) ON DELETE RESTRICT
);

CREATE UNIQUE INDEX personne_procuration_id_role ON personne (procuration_id, role);

CREATE INDEX personne_key ON personne (key);

CREATE INDEX personne_commune_id_id ON personne (commune_id, id);

CREATE TABLE reference (
    code CHAR(6) NOT NULL PRIMARY KEY CHECK (length(code) = 6),
    procuration_id INTEGER NOT NULL,
    kind VARCHAR(8) NOT NULL CHECK (kind IN ('etablir', 'resilier')),
    drawn_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    reason VARCHAR(30),
    FOREIGN KEY (procuration_id) REFERENCES procuration (id) ON DELETE CASCADE
);

CREATE INDEX reference_procuration_id ON reference (procuration_id);

CREATE TABLE roll_part (
    file_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (file_id, number),
    FOREIGN KEY (file_id) REFERENCES roll_file (id) ON DELETE CASCADE
);

CREATE TABLE rules (
    id INTEGER NOT NULL PRIMARY KEY,
    scrutin_id INTEGER,
    territory VARCHAR(5) NOT NULL,
    places_france INTEGER NOT NULL,
    places INTEGER NOT NULL,
    same_commune INTEGER NOT NULL,
    mode VARCHAR(10) NOT NULL CHECK (mode IN ('commune', 'assisted', 'automatic')),
    lists VARCHAR(6) NOT NULL CHECK (lists IN ('LP', 'LP LCM', 'LP LCE')),
    certified_identity INTEGER NOT NULL,
    FOREIGN KEY (scrutin_id) REFERENCES scrutin (id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX rules_scrutin_id_territory ON rules (scrutin_id, territory);

CREATE UNIQUE INDEX rules_general ON rules (territory) WHERE (scrutin_id IS NULL);

CREATE TABLE web_session (
    token_hash CHAR(64) NOT NULL PRIMARY KEY,
    voter_id INTEGER,
    agent_id INTEGER,
    login VARCHAR(64) NOT NULL,
    id_token TEXT,
    evidence TEXT,
    certified TEXT,
    certified_token TEXT,
    device VARCHAR(40) NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL,
    proved_at TIMESTAMPTZ,
    FOREIGN KEY (voter_id) REFERENCES voter (id) ON DELETE CASCADE,
    FOREIGN KEY (agent_id) REFERENCES agent (id) ON DELETE CASCADE,
    CHECK ((voter_id IS NULL) <> (agent_id IS NULL))
);

CREATE INDEX web_session_voter_id ON web_session (voter_id);

CREATE INDEX web_session_agent_id ON web_session (agent_id);

CREATE INDEX web_session_login ON web_session (login);

CREATE INDEX web_session_started_at ON web_session (started_at);

CREATE TABLE saved_search (
    id CHAR(22) NOT NULL PRIMARY KEY,
    session_id CHAR(64) NOT NULL,
    words TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    FOREIGN KEY (session_id) REFERENCES web_session (token_hash) ON DELETE CASCADE
);

CREATE INDEX saved_search_session_id ON saved_search (session_id);

CREATE TABLE single_use (
    hash CHAR(64) NOT NULL PRIMARY KEY,
    kind VARCHAR(12) NOT NULL CHECK (kind IN ('oidc', 'logout', 'invitation', 'file', 'address', 'password', 'totp', 'recovery', 'mandataire', 'retrouver', 'verifier', 'proconnect', 'passkey', 'reset')),
    subject TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ
);

CREATE INDEX single_use_subject ON single_use (subject);

CREATE INDEX single_use_expires_at ON single_use (expires_at);

CREATE TABLE tour_day (
    id INTEGER NOT NULL PRIMARY KEY,
    tour_id INTEGER NOT NULL,
    territory VARCHAR(5) NOT NULL,
    day DATE,
    FOREIGN KEY (tour_id) REFERENCES tour (id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX tour_day_tour_id_territory ON tour_day (tour_id, territory);

CREATE TABLE tour_vise (
    procuration_id INTEGER NOT NULL,
    tour_id INTEGER NOT NULL,
    day DATE,
    PRIMARY KEY (procuration_id, tour_id),
    FOREIGN KEY (procuration_id) REFERENCES procuration (id) ON DELETE CASCADE,
    FOREIGN KEY (tour_id) REFERENCES tour (id) ON DELETE RESTRICT
);

CREATE INDEX tour_vise_tour_id_procuration_id ON tour_vise (tour_id, procuration_id);
