-- The first schema of the console. Both databases read it; four words differ and are replaced when it runs:
--   {id}    a number that the database gives, never twice: integer primary key autoincrement / bigint generated …
--   {blob}  blob / bytea
--   {int}   integer / bigint
--   {keyed} rows lie in the order of their key / have room for their next version, for both come often:
--           without rowid / with (fillfactor = 60)
-- A column of type text is compared octet by octet (PostgreSQL: collate "C"; embed.py sees to it).
-- Times are microseconds since 1970, UTC. Names of enumerations are text, checked here.

-- ---- people ----
create table department (
    id {id}, name text not null unique, parent {int} references department, manager {int}
);
create table person (
    id {id},
    pseudonym text not null unique,          -- "P-7K3QWX": random, says nothing of the person
    number text unique,                      -- the institution's own: staff number, or uid of the directory
    name text not null, email text, title text,
    department {int} references department, manager {int} references person,
    source text not null check (source in ('ldap', 'csv', 'hand')),
    state text not null check (state in ('active', 'left')),
    joined_us {int} not null, left_us {int}, changed_us {int} not null
);
create index person_department on person (department);
create index person_state on person (state, department);
create index person_manager on person (manager);
-- Who is below a manager, however far: one row for each person and everybody above them, made of person.manager.
create table team (
    manager {int} not null, person {int} not null, primary key (manager, person)
) {keyed};
create index team_person on team (person);
-- What the network sees of a person: 'user' is a login name, 'host' a machine, 'address' an IP address or network,
-- 'account' an account of a service ("oscar:annie").
create table person_alias (
    kind text not null check (kind in ('user', 'host', 'address', 'account')),
    value text not null, person {int} not null references person, source text not null,
    from_us {int} not null, until_us {int},
    primary key (kind, value, from_us)
);
create index person_alias_person on person_alias (person);
-- In small letters, to be searched: the pseudonym, and all that a person is called by.
create table person_text (person {int} primary key, pseudonym text not null, names text not null);

-- ---- accounts ----
create table account (
    id {id},
    name text not null unique, full_name text not null, email text,
    source text not null check (source in ('local', 'ldap', 'oidc')), subject text,  -- DN, or issuer and sub
    roles text not null,                     -- "compliance engineer": names with a space between
    person {int} references person,
    state text not null check (state in ('active', 'disabled')),
    expires_us {int},                        -- examiners: always set
    password text, must_change {int} not null default 0, password_us {int},
    totp {blob}, totp_step {int} not null default 0,   -- sealed by the keeper; the last step that was used
    created_us {int} not null, seen_us {int}
);
create unique index account_subject on account (source, subject);
create table session (
    hash {blob} primary key,                 -- SHA-256 of what the cookie holds
    account {int} not null references account on delete cascade,
    csrf text not null, created_us {int} not null, seen_us {int} not null, expires_us {int} not null,
    strong_us {int} not null,                -- when who it is was last proved (password and second factor)
    address text not null, agent text not null,
    totp_new {blob}                          -- a second factor that is being set up, sealed
);
create index session_account on session (account);
-- Wrong tries to sign in, by name, whether there is such an account or not.
create table sign_in (
    name text primary key, failed {int} not null, locked_until_us {int} not null, last_us {int} not null
);
create table token (
    id {id}, account {int} not null references account on delete cascade, name text not null,
    hash {blob} not null unique, scopes text not null, created_us {int} not null, expires_us {int} not null,
    used_us {int}, revoked_us {int}
);
create table setting (name text primary key, value text not null, changed_us {int} not null);
create table saved_view (
    id {id}, account {int} not null references account on delete cascade, name text not null, page text not null,
    query text not null, shared {int} not null default 0, created_us {int} not null,
    unique (account, page, name)
);

-- ---- the audit trail ----
-- record: the exact bytes that are hashed, JSON with its members in one order; hash: SHA-256 (previous hash, record).
-- The other columns repeat what the record says, for searches, and are compared with it when it is verified.
create table audit (
    seq {int} primary key, time_us {int} not null, actor text not null, act text not null, object text not null,
    record text not null, hash {blob} not null
);
create index audit_act on audit (act, seq);
create index audit_actor on audit (actor, seq);
create index audit_object on audit (object, seq);
create table audit_checkpoint (
    seq {int} primary key, time_us {int} not null, hash {blob} not null, key {blob} not null, signature {blob} not null
);

-- ---- where events come from ----
create table sensor (
    id {id}, name text not null unique, fingerprint {blob} unique,  -- SHA-256 of its certificate; null: none (files)
    kind text not null check (kind in ('sensor', 'gateway', 'folder', 'import')),
    state text not null check (state in ('active', 'revoked')),
    enrolled_us {int} not null, seen_us {int}, batch {int} not null default 0,  -- the last that is stored
    events {int} not null default 0,
    status text,                             -- of its connection, as the collector sees it
    stats text                               -- its last `stats` event, as it was stored
);
create table import (
    id {id}, name text not null, kind text not null check (kind in ('capture', 'events')),
    state text not null check (state in ('waiting', 'running', 'done', 'failed')),
    account {int} references account, sensor {int} references sensor, size {int} not null, done {int} not null default 0,
    events {int} not null default 0, error text, sha256 text not null, created_us {int} not null, ended_us {int}
);

-- How far a file of events is stored, kept in the transaction that stores its lines. head: what the file is known by,
-- whatever it is called and however it is packed: SHA-256 of its first line (folders), or of all of it (imports).
create table file_position (
    sensor {int} not null references sensor, head {blob} not null, name text not null, position {int} not null,
    changed_us {int} not null, primary key (sensor, head)
);

-- ---- events ----
-- Words that events repeat, once each. kind: 'service', 'server' (name), 'address', 'account', 'file', 'sha256', 'rule',
-- 'policy', 'signature', 'detector', 'protocol', 'class', 'vendor', 'version', 'evidence', …
create table term (id {id}, kind text not null, value text not null, unique (kind, value));
-- Who: a client as events name it. person is found by person_alias, anew whenever that changes.
create table who (
    id {id}, address text not null, login text not null, host text not null, person {int} references person,
    unique (address, login, host)
);
create index who_person on who (person);
-- Events lie in tables of their day: event_YYYYMMDD, chunk_YYYYMMDD and word_YYYYMMDD, made and dropped by
-- src/store/partition.c.
create table event_day (
    day {int} primary key,                   -- 20261123
    first_us {int}, last_us {int}, first_id {int}, last_id {int}, events {int} not null, bytes {int} not null,
    digest {blob} not null                   -- SHA-256 chained over its chunks, in order
);
create table event_counter (name text primary key, value {int} not null);  -- 'event': the last id; 'incident': seen up to;
                                                -- 'words', 'people': counted up where memories of them must go
-- What the overview is drawn from, kept as events come.
-- Each figure is a count over the event tables, defined in docs/usage-figures.md; tests/unit/store/test_usage.c recounts them.
create table usage_hour (
    hour {int} not null, department {int} not null, service {int} not null, action {int} not null, -- hours since 1970
    events {int} not null, flows {int} not null, lookups {int} not null, messages {int} not null, files {int} not null,
    alerts {int} not null, stopped {int} not null, agile {int} not null, bytes_out {int} not null, bytes_in {int} not null,
    primary key (hour, department, service, action)
) {keyed};
create table usage_day (
    day {int} not null, department {int} not null, service {int} not null, action {int} not null,
    events {int} not null, flows {int} not null, lookups {int} not null, messages {int} not null, files {int} not null,
    alerts {int} not null, stopped {int} not null, agile {int} not null, bytes_out {int} not null, bytes_in {int} not null,
    primary key (day, department, service, action)
) {keyed};
-- The same without departments: few rows, for long spans and for those who ask for no department.
create table usage_service_hour (
    hour {int} not null, service {int} not null, action {int} not null,
    events {int} not null, flows {int} not null, lookups {int} not null, messages {int} not null, files {int} not null,
    alerts {int} not null, stopped {int} not null, agile {int} not null, bytes_out {int} not null, bytes_in {int} not null,
    primary key (hour, service, action)
) {keyed};
create table usage_service_day (
    day {int} not null, service {int} not null, action {int} not null,
    events {int} not null, flows {int} not null, lookups {int} not null, messages {int} not null, files {int} not null,
    alerts {int} not null, stopped {int} not null, agile {int} not null, bytes_out {int} not null, bytes_in {int} not null,
    primary key (day, service, action)
) {keyed};
-- Which clients had an event: bit (who % 1024) of the sixteen numbers of block who / 1024.
create table usage_seen (
    day {int} not null, service {int} not null, action {int} not null, block {int} not null,
    b0 {int} not null, b1 {int} not null, b2 {int} not null, b3 {int} not null, b4 {int} not null, b5 {int} not null, b6 {int} not null, b7 {int} not null,
    b8 {int} not null, b9 {int} not null, b10 {int} not null, b11 {int} not null, b12 {int} not null, b13 {int} not null, b14 {int} not null, b15 {int} not null,
    primary key (day, service, action, block)
) {keyed};
create table usage_port (
    day {int} not null, service {int} not null, port {int} not null, flows {int} not null, agile {int} not null,
    primary key (day, service, port)
) {keyed};
create table usage_who (
    day {int} not null, who {int} not null, service {int} not null, action {int} not null,
    events {int} not null, flows {int} not null, messages {int} not null, files {int} not null, alerts {int} not null,
    stopped {int} not null, bytes_out {int} not null, bytes_in {int} not null, last_us {int} not null,
    primary key (day, service, who, action)
) {keyed};
create index usage_who_who on usage_who (who, day, service);
-- The same by client and day only, packed: src/store/client_days.c. Block: of 64 clients, who / 64.
create table usage_client (
    day {int} not null, block {int} not null, data {blob} not null,
    primary key (day, block)
) {keyed};
create table usage_source (
    day {int} not null, sensor {int} not null, kind {int} not null, events {int} not null,
    primary key (day, sensor, kind)
) {keyed};

-- ---- incidents ----
create table incident (
    id {id}, title text not null, detector text not null, key text not null, severity {int} not null,
    state text not null check (state in ('new', 'open', 'contained', 'closed', 'false-alarm')),
    assignee {int} references account, service {int} references term, who {int} references who,
    first_us {int} not null, last_us {int} not null, alerts {int} not null, changed_us {int} not null,
    closed_us {int}, outcome text, version {int} not null default 1,
    merged_into {int} references incident    -- what belongs to it comes there
);
create index incident_state on incident (state, last_us);
create index incident_key on incident (key, last_us);
create table incident_link (
    incident {int} not null references incident on delete cascade,
    kind text not null check (kind in ('event', 'who', 'person', 'file', 'incident')), object {int} not null,
    time_us {int} not null, account {int} references account,    -- null: by the system
    primary key (incident, kind, object)
);
create index incident_link_object on incident_link (kind, object);
create table incident_note (
    id {id}, incident {int} not null references incident on delete cascade, account {int} references account,
    time_us {int} not null, kind text not null check (kind in ('note', 'state', 'assignee', 'link', 'severity')),
    text text not null
);
create index incident_note_incident on incident_note (incident, time_us);

-- ---- four eyes ----
create table reveal (
    id {id}, requester {int} not null references account, kind text not null check (kind in ('person', 'text')),
    object text not null,                    -- id of the person or who; of text, the vault's object
    incident {int} references incident, reason text not null,
    state text not null check (state in ('asked', 'granted', 'refused', 'withdrawn')),
    decider {int} references account, decided_us {int}, decided_why text,
    asked_us {int} not null, until_us {int},
    check (decider is null or decider <> requester or state = 'withdrawn')
);
create index reveal_object on reveal (kind, object, state);

-- ---- policy versions ----
create table policy_text (
    id {id}, version text, text text not null, author {int} references account,
    state text not null check (state in ('draft', 'published', 'replaced')),
    created_us {int} not null, changed_us {int} not null, published_us {int}, published_by {int} references account,
    rules {int} not null default 0           -- how many it has
);

-- ---- retention ----
create table retention_run (
    id {id}, kind text not null, before_us {int} not null, removed {int} not null, digest {blob}, time_us {int} not null
);
