-- Risk assessments of services, by department; and what covers which threat beside imward.

-- A row is one version for its subject: a service or a class of services, for a department or (null) the institution. Scores
-- (likelihood times impact) are of the worst of its risks; observed: RiskFacts of the API, as they were.
create table assessment (
    id {id}, number {int} not null, before {int},
    service text, class text, department {int} references department, name text not null,
    state text not null check (state in ('draft', 'proposed', 'signed', 'replaced')),
    owner {int} references account, scope text not null default '', benefit text not null default '',
    benefit_level {int} check (benefit_level between 1 and 5),
    decision text check (decision in ('allow', 'conditions', 'block', 'accept')),
    conditions text not null default '',     -- "acknowledged no-files"
    reason text not null default '', review_us {int},
    observed text not null, observed_us {int} not null,
    worst text, inherent_likelihood {int}, inherent_impact {int}, residual_likelihood {int}, residual_impact {int},
    residual {int} not null default 0,       -- likelihood times impact; 0: not rated yet
    sha256 text not null,                    -- of all that is signed off
    author {int} references account, created_us {int} not null, changed_us {int} not null,
    proposed_by {int} references account, proposed_us {int}, signed_by {int} references account, signed_us {int},
    replaced_us {int},
    document {int} references document on delete set null,
    document_version {int} references document_version on delete set null,
    policy {int} references policy_text, drafted_by {int} references account, drafted_us {int},
    check ((service is null) <> (class is null))
);
create index assessment_state on assessment (state, residual, id);
create index assessment_subject on assessment (service, class, department);
create index assessment_review on assessment (state, review_us);
create index assessment_version on assessment (document_version);
create index assessment_document on assessment (document);
create table assessment_department (
    assessment {int} not null references assessment on delete cascade, department {int} not null references department,
    primary key (assessment, department)
);
create table assessment_answer (
    assessment {int} not null references assessment on delete cascade, question text not null,
    answer text not null check (answer in ('yes', 'partly', 'no', 'unknown', 'none')), note text not null,
    primary key (assessment, question)
);
create table assessment_risk (
    assessment {int} not null references assessment on delete cascade, threat text not null,
    likelihood {int} check (likelihood between 1 and 5), impact {int} check (impact between 1 and 5),
    residual_likelihood {int} check (residual_likelihood between 1 and 5),
    residual_impact {int} check (residual_impact between 1 and 5), why text not null,
    primary key (assessment, threat)
);
-- likelihood, impact: by how many steps it lowers them.
create table assessment_control (
    assessment {int} not null references assessment on delete cascade, place {int} not null, threat text not null,
    what text not null, carrier text not null check (carrier in ('imward', 'product', 'people')),
    state text not null check (state in ('in place', 'planned')), likelihood {int} not null, impact {int} not null,
    primary key (assessment, place)
);
-- Who wrote any of it: none of them signs it off.
create table assessment_author (
    assessment {int} not null references assessment on delete cascade, account {int} not null references account,
    primary key (assessment, account)
);
create table assessment_step (
    id {id}, assessment {int} not null references assessment on delete cascade, account {int} references account,
    time_us {int} not null, act text not null, why text not null
);
create index assessment_step_assessment on assessment_step (assessment, id);

-- Products of others that cover a capability (src/program/risk/capabilities.tsv).
create table protection (
    id {id}, capability text not null, product text not null, covers text not null check (covers in ('full', 'part')),
    owner text not null, note text not null, account {int} references account, changed_us {int} not null
);
create index protection_capability on protection (capability);
