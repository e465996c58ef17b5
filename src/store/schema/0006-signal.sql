-- What people send on the approved channels a day, as it was imported, and the signals out of it: docs/off-channel.md.
create table approved_channel (
    id {id}, name text not null unique, note text not null,
    service text,                            -- of the catalog: then its use on the network is no public IM
    state text not null check (state in ('active', 'ended')),
    account {int} references account, created_us {int} not null, changed_us {int} not null
);
create table approved_import (
    id {id}, channel {int} not null references approved_channel, source text not null check (source in ('file', 'api')),
    name text not null, account {int} references account, sha256 text not null,
    first_day {int}, last_day {int}, days {int} not null, people {int} not null, messages {int} not null,
    lines {int} not null, unknown {int} not null, refused {int} not null, replaced {int} not null, time_us {int} not null
);
create index approved_import_time on approved_import (time_us);
-- A day (20261123) of a channel; whole 0: more of it is to come, so nothing is said of it yet.
create table approved_day (
    day {int} not null, channel {int} not null references approved_channel, whole {int} not null,
    people {int} not null, messages {int} not null, import {int} not null,
    primary key (day, channel)
);
create table approved_count (
    day {int} not null, channel {int} not null, person {int} not null, messages {int} not null,
    primary key (day, channel, person)
) {keyed};
create index approved_count_person on approved_count (person, day, messages);
-- The same by department, as people belonged to them when it came; 0: to none.
create table approved_department (
    day {int} not null, channel {int} not null, department {int} not null, people {int} not null, messages {int} not null,
    primary key (day, channel, department)
) {keyed};
-- Somebody fell silent on the approved channels while active on public IM. Figures by day are tenths.
create table signal (
    id {id}, person {int} not null references person, department {int} references department,
    level {int} not null check (level in (1, 2, 3)),             -- 1 is the strongest
    state text not null check (state in ('open', 'looked', 'dismissed', 'incident')),
    going_on {int} not null,                 -- the newest days still show it
    first_day {int} not null, last_day {int} not null,           -- of silence
    baseline_days {int} not null, usual {int} not null,          -- approved messages of a usual day, before it
    window_days {int} not null, seen {int} not null,             -- in the newest days: approved messages in all
    expected {int} not null,                 -- what they would have been, peers taken into account
    active_days {int} not null, messages {int} not null, flows {int} not null, stopped {int} not null, -- public IM
    public_usual {int} not null,             -- connections of a usual day; -1: not known
    peers {int} not null,                    -- of 1000: how much the others wrote, against their usual
    peers_institution {int} not null,        -- the department was too small: everybody
    excepted {int} not null,                 -- an exception lets the person use public IM
    incident {int} references incident, created_us {int} not null, changed_us {int} not null, ended_us {int}
);
create index signal_state on signal (state, id);
create index signal_person on signal (person, id);
create index signal_going_on on signal (going_on, person);
create table signal_step (
    id {id}, signal {int} not null references signal on delete cascade, account {int} references account,
    time_us {int} not null, step text not null, why text not null
);
create index signal_step_signal on signal_step (signal, id);
-- What was looked at when: one row a run that judged a day.
create table signal_run (
    id {id}, time_us {int} not null, day {int}, import {int} not null, people {int} not null, judged {int} not null,
    raised {int} not null, ended {int} not null, waits text  -- null: it judged; else why not, in words
);
