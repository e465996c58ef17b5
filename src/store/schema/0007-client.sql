-- Client software: what said its name on the wire and what inventories tell, against advisories; what scanners did.
-- client_seen and scan_day are kept as events come (src/store/ingest.c), the rest by the program (src/program/client*.c).
-- program: word of kind 'client', as the wire said it. hour: of storing (hours since 1970), so that a sweep finds what came.
create table client_seen (
    who {int} not null, service {int} not null, program {int} not null,
    first_us {int} not null, last_us {int} not null, events {int} not null, hour {int} not null,
    primary key (who, program, service)
) {keyed};
create index client_seen_hour on client_seen (hour);
-- state: enum scan state + 1, 0: nobody looked; engine, reason: words, 0: none; signatures_us: when they were made, 0: not told.
create table scan_day (
    day {int} not null, sensor {int} not null, state {int} not null, engine {int} not null, reason {int} not null,
    files {int} not null, first_us {int} not null, last_us {int} not null, signatures_us {int} not null,
    primary key (day, sensor, state, engine, reason)
) {keyed};

create table client_advisory (
    id {id}, ident text not null unique, source text not null check (source in ('catalog', 'ours', 'osv', 'nvd')),
    title text not null, severity text not null check (severity in ('critical', 'high', 'medium', 'low')),
    published_us {int}, added_us {int} not null, changed_us {int} not null, url text
);
-- Versions from introduced (empty: all; ">1.0": behind it) up to, without, fixed; or up to and with last.
-- package: 0 of the vendor, 1 of Debian, 2 (client_version only) of another distribution.
create table client_range (
    advisory {int} not null references client_advisory on delete cascade, product text not null,
    source text not null, package {int} not null, introduced text not null, fixed text not null, last text not null
);
create index client_range_product on client_range (product);
create index client_range_advisory on client_range (advisory);
-- Each version of a product that was met, judged once for all who run it. rank: 0 low … 3 critical.
create table client_version (
    id {id}, product text not null, version text not null, package {int} not null,
    state text not null check (state in ('safe', 'old', 'check', 'unknown', 'unlisted')),
    severity text, rank {int} not null default 0, advisory {int} references client_advisory on delete set null,
    safe text, unique (product, version, package)
);
-- Who runs it: holder 'w12' is client 12 (table who), 'h…' a machine and login of an inventory.
create table client_install (
    id {id}, holder text not null, version {int} not null references client_version, product text not null,
    who {int}, machine text, login text, os text, person {int} references person,
    state text not null check (state in ('old', 'excused', 'check', 'safe', 'unknown', 'unlisted', 'replaced', 'gone')),
    first_us {int} not null, last_us {int} not null, known_us {int}, due_us {int} not null default 0,
    excused_by {int} references account, excused_us {int}, excused_until_us {int}, excused_why text,
    unique (holder, version)
);
create index client_install_state on client_install (state, due_us, id);
create index client_install_product on client_install (product, state, due_us, id);
create index client_install_person on client_install (person, id);
create index client_install_version on client_install (version, state);
create index client_install_who on client_install (who);
create index client_install_last on client_install (last_us);
-- Sums of a product, made anew when one of its clients changed and as time goes; and who sees to it.
create table client_product (
    product text primary key, owner {int} references account, owner_by {int} references account, owner_us {int},
    clients {int} not null default 0, old {int} not null default 0, overdue {int} not null default 0,
    excused {int} not null default 0, checks {int} not null default 0, safe {int} not null default 0,
    unknown {int} not null default 0, unlisted {int} not null default 0, rank {int} not null default 0,
    next_due_us {int}, safe_version text, counted_us {int} not null default 0
);
create table client_import (
    id {id}, kind text not null check (kind in ('inventory', 'advisories')), name text not null,
    account {int} references account, time_us {int} not null, lines {int} not null, taken {int} not null,
    skipped {int} not null, sha256 text not null
);
create index client_import_kind on client_import (kind, time_us);
