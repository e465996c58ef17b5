-- Evidence packages: asked for, made by the clerk, kept as DATA/spool/evidence/ID.zip until their time is over.
create table evidence_package (
    id {id},
    state text not null check (state in ('waiting', 'making', 'ready', 'failed', 'removed')),
    prepared_for text not null, purpose text not null, parts text not null,   -- "usage training"; empty: all
    from_us {int} not null, until_us {int} not null,
    asked_by {int} references account, asked_us {int} not null,
    percent {int} not null default 0, made_us {int}, why text,
    size {int}, sha256 text, files {int}, version text,
    downloads {int} not null default 0, removed_us {int}
);
create index evidence_package_state on evidence_package (state, id);
create index evidence_package_asked on evidence_package (asked_us);
