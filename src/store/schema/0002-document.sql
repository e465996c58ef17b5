-- Policy documents, who signed them, who owes that, and the mail that reminds them.

-- ---- documents ----
create table document (
    id {id}, title text not null, audience text not null check (audience in ('everybody', 'departments')),
    due_days {int} not null,                 -- from the day on which somebody owes it
    remind_before {int} not null,            -- days before it is due
    remind_every {int} not null,             -- days, once it is overdue; 0: not
    escalate_after {int} not null,           -- days overdue after which the manager hears; 0: never
    author {int} references account, created_us {int} not null, changed_us {int} not null,
    team_sums {int} not null default 0       -- 1: duty_team_sum is of the teams as they are
);
create table document_department (
    document {int} not null references document on delete cascade, department {int} not null references department,
    primary key (document, department)
);
-- sha256: of the exact text, in hex. sign: people sign this version. publish_us: when it is to be published.
create table document_version (
    id {id}, document {int} not null references document on delete cascade, edition text not null,
    text text not null, sha256 text not null, rules {int} not null default 0, has_rules {int} not null default 0,
    state text not null check (state in ('draft', 'proposed', 'approved', 'published', 'replaced')),
    sign {int} not null default 1, summary text not null default '',
    author {int} references account, created_us {int} not null, changed_us {int} not null,
    proposed_us {int}, proposed_by {int} references account, approved_us {int},
    publish_us {int}, publish_by {int} references account, published_us {int}, replaced_us {int},
    policy {int} references policy_text,     -- that was made of its rules
    problem text,                            -- why it could not be published on its day
    unique (document, edition)
);
create index document_version_state on document_version (document, state);
create index document_version_publish on document_version (publish_us);
-- Whoever changed the text: none of them approves it.
create table document_author (
    version {int} not null references document_version on delete cascade, account {int} not null references account,
    primary key (version, account)
);
-- sha256: of the text that was decided on. void: it was withdrawn or refused since, and counts no more.
create table document_decision (
    id {id}, version {int} not null references document_version on delete cascade, account {int} not null references account,
    approve {int} not null, why text not null, sha256 text not null, time_us {int} not null, void {int} not null default 0
);
create index document_decision_version on document_decision (version);

-- ---- signatures ----
-- receipt: canonical JSON; receipt_sha256: of its octets, in hex, which the audit trail has, too.
create table signature (
    id {id}, person {int} not null references person, document {int} not null references document,
    version {int} not null references document_version, account {int} references account,
    typed_name text not null, proof text not null, proved_us {int} not null, time_us {int} not null,
    sha256 text not null, receipt text not null, receipt_sha256 text not null unique,
    unique (person, version)
);
create index signature_document on signature (document, id);
create index signature_version on signature (version, id);
create index signature_person on signature (person, time_us);

-- ---- duties: who owes the signature of a document's newest version that asks for one ----
-- One row a person and document; kept as versions are published, people sign, come, move and go.
-- Without references, which PostgreSQL would look up for each of 100,000 rows of a publication: rows are made of people and
-- documents alone, and neither is ever removed once somebody owes something.
create table duty (
    document {int} not null, person {int} not null, version {int} not null, department {int} not null, -- 0: of none
    since_us {int} not null, due_us {int} not null, done_us {int},
    next_us {int},                           -- when the next reminder is due; null: none
    reminders {int} not null default 0, reminded_us {int}, escalate_us {int}, escalated_us {int},
    excused_us {int}, excuse text,           -- until when, and why
    primary key (document, person)
);
create index duty_person on duty (person);
create index duty_open on duty (document, due_us, person) where done_us is null;
create index duty_open_all on duty (due_us, document, person) where done_us is null;
create index duty_department on duty (department, due_us, document, person) where done_us is null;
create index duty_done on duty (document, done_us, person) where done_us is not null;
create index duty_done_all on duty (done_us, document, person) where done_us is not null;
create index duty_done_department on duty (department, done_us, document, person) where done_us is not null;
create index duty_next on duty (next_us) where done_us is null and next_us is not null;
create index duty_escalate on duty (escalate_us) where done_us is null and escalate_us is not null;
create index duty_excused on duty (excused_us) where excused_us is not null;
-- How many of them, by when those that are not done are due; due_us 0: those that are done.
create table duty_sum (
    document {int} not null references document on delete cascade, department {int} not null, due_us {int} not null,
    people {int} not null, primary key (document, due_us, department)
);
-- The same of the people below each manager.
create table duty_team_sum (
    manager {int} not null, document {int} not null references document on delete cascade,
    department {int} not null, due_us {int} not null, people {int} not null,
    primary key (manager, document, due_us, department)
);

-- ---- mail ----
create table mail (
    id {id}, key text not null unique, kind text not null, person {int} references person, address text not null,
    subject text not null, text text not null, state text not null check (state in ('waiting', 'sent', 'failed')),
    tries {int} not null default 0, created_us {int} not null, next_us {int} not null, ended_us {int}, error text
);
create index mail_waiting on mail (next_us, id) where state = 'waiting';
create index mail_ended on mail (ended_us) where state <> 'waiting';
create table mail_problem (id {int} primary key, since_us {int} not null, text text not null);
