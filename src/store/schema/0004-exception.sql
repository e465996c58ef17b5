-- Exceptions from the policy: who may use what, why, until when; and what gateways were told of it.
-- risk: ExceptionRisk of the API as it was when it was asked for. An emergency is granted when it starts, and open
-- until somebody has closed it out.
create table exception (
    id {id}, kind text not null check (kind in ('request', 'emergency')),
    state text not null check (state in ('asked', 'granted', 'refused', 'withdrawn', 'expired', 'ended')),
    service text, class text, activities text not null,          -- "chat file"; empty: all
    person {int} references person, department {int} references department,
    purpose text not null, benefit text not null, risk text not null,
    asked_by {int} references account, asked_us {int} not null, from_us {int}, until_us {int} not null,
    decided_by {int} references account, decided_us {int}, decided_why text,
    ended_by {int} references account, ended_us {int}, ended_why text,
    closed_by {int} references account, closed_us {int}, said text, archived text,
    changed_us {int} not null,
    check (service is null or class is null), check (person is null or department is null)
);
create index exception_state on exception (state, until_us);
create index exception_person on exception (person, id);
create index exception_asked_by on exception (asked_by, id);
create index exception_department on exception (department, id);
create index exception_open on exception (kind, closed_us);
-- The newest bundle of files for gateways: one row.
create table enforcement (
    one {int} primary key check (one = 1), number {int} not null, read_us {int} not null, made_us {int} not null,
    policy {int} references policy_text, version text not null, people {int} not null, exceptions {int} not null,
    takes {int} not null, manifest_sha256 text not null
);
