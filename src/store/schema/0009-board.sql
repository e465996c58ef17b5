-- What compliance says to the board of a quarter, and who signed it off; who wrote at its text since then.
create table board_statement (
    quarter {int} primary key,               -- 20264: the fourth of 2026
    text text not null, sha256 text not null, author {int} references account, changed_us {int} not null,
    signed_by {int} references account, signed_us {int}
);
create table board_author (
    quarter {int} not null references board_statement on delete cascade, account {int} not null references account,
    primary key (quarter, account)
);
