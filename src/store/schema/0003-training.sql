-- Training: courses in versions, what people owe of them, attempts, certificates, and what it changed.

-- ---- courses ----
create table course (
    id {id}, key text unique,                -- of those that come with the program; null: made here
    state text not null check (state in ('draft', 'published', 'retired')),
    published {int}, draft {int},            -- numbers of course_version
    created_us {int} not null, author {int} references account
);
-- What was published is never changed: a change makes a new draft of it.
create table course_version (
    id {id}, course {int} not null references course, number {int} not null,
    state text not null check (state in ('draft', 'published', 'replaced')),
    title text not null, summary text not null,
    pass_percent {int} not null, asked {int} not null, minutes_most {int} not null, attempts_a_day {int} not null,
    valid_months {int} not null, must_read {int} not null,
    next_module {int} not null default 1, next_question {int} not null default 1,
    sha256 text,                             -- of all of it, once it is published
    author {int} references account, created_us {int} not null, changed_us {int} not null,
    published_us {int}, published_by {int} references account,
    unique (course, number)
);
create table course_module (
    version {int} not null references course_version on delete cascade, number {int} not null, place {int} not null,
    title text not null, body text not null, minutes {int} not null,
    primary key (version, number)
);
-- options: JSON, [{"text", "right"}].
create table course_question (
    version {int} not null references course_version on delete cascade, number {int} not null, module {int},
    kind text not null check (kind in ('single', 'multiple')),
    text text not null, options text not null, explanation text not null,
    primary key (version, number)
);
-- Pictures and films; one that is there is never changed. Their octets lie in pieces, so that a part of a film is
-- read without the rest, and a backup has them.
create table course_asset (
    id {id}, course {int} not null references course, name text not null, type text not null, size {int} not null,
    sha256 text not null, account {int} references account, created_us {int} not null,
    unique (course, name)
);
create table course_piece (
    asset {int} not null references course_asset on delete cascade, place {int} not null, content {blob} not null,
    primary key (asset, place)
);

-- ---- who is to take them ----
create table training_assignment (
    id {id}, course {int} not null references course, everybody {int} not null,
    due_days {int} not null, repeat_months {int}, after_incident {int} not null,
    remind_days text not null,               -- before it is due: "14 3"
    escalate_days {int},                     -- after it was due: to the manager
    state text not null check (state in ('active', 'ended')),
    created_us {int} not null, account {int} references account, ended_us {int},
    assigned {int} not null default 0        -- duties by it, counted with training_sum
);
create table training_audience (
    assignment {int} not null references training_assignment, kind text not null check (kind in ('department', 'person')),
    object {int} not null, primary key (assignment, kind, object)
);
-- What one person owes, or has done, of one course. department: that of the person, 0: none, kept up by the clerk.
create table training_duty (
    course {int} not null references course, person {int} not null references person,
    assignment {int} not null references training_assignment, department {int} not null default 0,
    state text not null check (state in ('open', 'renew', 'overdue', 'done', 'excused')),
    reason text not null check (reason in ('assigned', 'repeat', 'incident')),
    incident {int}, assigned_us {int} not null, due_us {int} not null,
    certificate {int}, valid_until_us {int},
    remind_us {int},                         -- when the next reminder is due; null: none
    reminded {int} not null default 0, escalated_us {int},
    excused_by {int} references account, excused_us {int}, excused_why text, excused_until_us {int},
    primary key (course, person)
);
create index training_duty_person on training_duty (person);
create index training_duty_state on training_duty (state, due_us, course, person);
create index training_duty_department on training_duty (department, due_us, course, person);
create index training_duty_due on training_duty (due_us, course, person);
create index training_duty_valid on training_duty (valid_until_us) where state = 'done';
create index training_duty_remind on training_duty (remind_us) where remind_us is not null;
create index training_duty_assignment on training_duty (assignment);
-- How many duties of each state, kept by whoever changes one. A row of course 0: they are to be counted anew.
create table training_sum (
    course {int} not null, department {int} not null, state text not null, people {int} not null,
    primary key (course, department, state)
);
-- Which incidents made somebody repeat a course: each once.
create table training_incident (
    incident {int} not null, person {int} not null, course {int} not null, time_us {int} not null,
    primary key (incident, person, course)
);
create index incident_closed on incident (closed_us);

-- ---- learning ----
create table training_read (
    person {int} not null references person, version {int} not null references course_version, module {int} not null,
    time_us {int} not null, primary key (person, version, module)
);
-- asked: JSON, [[number of the question, [its options in the order that they were shown]]]; answers: JSON,
-- [[places of what was chosen]].
create table training_attempt (
    id {id}, person {int} not null references person, account {int} references account,
    course {int} not null references course, version {int} not null references course_version,
    state text not null check (state in ('running', 'passed', 'failed', 'expired')),
    started_us {int} not null, until_us {int}, ended_us {int},
    asked text not null, answers text, score {int}, total {int} not null
);
create index training_attempt_person on training_attempt (person, course, started_us);
create index training_attempt_running on training_attempt (state, until_us);
create unique index training_attempt_one on training_attempt (person, course) where state = 'running';
-- document: the exact text whose SHA-256 is the hash.
create table training_certificate (
    id {id}, number text not null unique, person {int} not null references person,
    course {int} not null references course, version {int} not null references course_version,
    attempt {int} not null unique references training_attempt, first {int} not null,  -- the person's first of this course
    issued_us {int} not null, valid_until_us {int}, score {int} not null, total {int} not null,
    document text not null, hash text not null
);
create index training_certificate_person on training_certificate (person, course, issued_us);
create index training_certificate_first on training_certificate (course, first, issued_us);
-- Incidents of people before and after their first certificate, counted by the clerk once a day. department 0: none;
-- -1: all of the course.
create table training_effect (
    course {int} not null, department {int} not null, days {int} not null, people {int} not null, before {int} not null,
    after {int} not null, computed_us {int} not null, primary key (course, department)
);
