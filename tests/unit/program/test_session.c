/* SPDX-License-Identifier: Apache-2.0 */
/* Signing in and sessions: guessing, replay, fixation, races; what ends a session. */
#include "program/keeper.h"
#include "program/audit.h"
#include "program/setting.h"
#include "store/database.h"
#include <pthread.h>

#define S UINT64_C(1000000)
#define NOW (UINT64_C(1790000000) * S)
#define PASSWORD "correct horse battery"

/* ---- people and tries ---- */

static int64_t account_add(struct database *d, const char *name, unsigned roles)
{
    int64_t id = 0;

    good(d, db_begin(d->db, true, &d->err));
    good(d, account_create(d->db,
                           &(struct account_new){ .name = name,
                                                  .full_name = "Anna Example",
                                                  .hash = "$" PASSWORD,
                                                  .roles = roles,
                                                  .expires_us = NOW + 86400 * 30 * S },
                           NOW, &id, &d->err));
    good(d, db_commit(d->db, &d->err));
    return id;
}

static struct sign_in_result sign_in(struct database *d, struct test_keeper *k, const char *name,
                                     const char *password, const char *code, uint64_t now_us)
{
    const struct sign_in in = { name, password, code, "10.1.2.3", "test" };
    struct sign_in_result r = { 0 };

    good(d, session_sign_in(d->db, &k->table, &in, now_us, &r, &d->err));
    assert_false(db_in_transaction(d->db));
    return r;
}

static bool find(struct database *d, const char *secret, uint64_t now_us, struct session *out)
{
    bool found;

    good(d, session_actor(d->db, view_string(secret), now_us, out, &found, &d->err));
    return found;
}

static void change(struct database *d, int64_t id, const char *patch)
{
    json_t *j = json_loads(patch, 0, NULL);

    good(d, db_begin(d->db, true, &d->err));
    good(d, account_change(d->db, id, j, NOW, NULL, &d->err));
    good(d, db_commit(d->db, &d->err));
    json_decref(j);
}

static void set(struct database *d, enum setting s, const char *value)
{
    good(d, db_begin(d->db, true, &d->err));
    good(d, setting_set(d->db, s, value, NOW, &d->err));
    good(d, db_commit(d->db, &d->err));
}

enum { ENGINEER = 1u << ROLE_ENGINEER, ADMINISTRATOR = 1u << ROLE_ADMINISTRATOR };

/* ---- what a session is ---- */

static void test_a_session_says_who_and_what(struct database *d)
{
    struct test_keeper k;
    struct session s;

    test_keeper_init(&k);
    const int64_t id = account_add(d, "Anna", ENGINEER);
    const struct sign_in_result r = sign_in(d, &k, "ANNA", PASSWORD, NULL, NOW);
    assert_int_equal(r.answer, SIGN_IN_DONE);
    assert_int_equal(strlen(r.secret), SESSION_SECRET_SIZE - 1);
    assert_true(find(d, r.secret, NOW + S, &s));
    assert_int_equal(s.actor.account, id);
    assert_string_equal(s.actor.name, "anna");
    assert_int_equal(s.actor.permissions, permissions_of(ENGINEER));
    assert_false(s.actor.restricted);
    assert_true(actor_is_strong(&s.actor, NOW + 14 * 60 * S));
    assert_false(actor_is_strong(&s.actor, NOW + 15 * 60 * S));
    assert_true(session_csrf_right(&s, s.csrf));
    assert_false(session_csrf_right(&s, NULL));
    assert_false(session_csrf_right(&s, ""));
    s.csrf[3] ^= 1;
    struct session again;
    assert_true(find(d, r.secret, NOW + S, &again));
    assert_false(session_csrf_right(&again, s.csrf));
    assert_int_equal(
        database_number(d, "select count(*) from audit where act = 'session.begin' and actor = 'anna'"), 1);
}

static void test_only_the_hash_is_kept(struct database *d)
{
    struct test_keeper k;
    struct db_rows *rows;
    struct session s;
    uint8_t hash[32];

    test_keeper_init(&k);
    account_add(d, "anna", ENGINEER);
    const struct sign_in_result r = sign_in(d, &k, "anna", PASSWORD, NULL, NOW);
    crypto_hash_sha256(hash, (const uint8_t *)r.secret, strlen(r.secret));
    good(d, db_query(d->db, "select hash, csrf from session", DB_NONE, &rows, &d->err));
    assert_true(db_next(rows, &d->err));
    assert_memory_equal(db_get_blob(rows, 0).at, hash, 32);
    assert_string_not_equal((const char *)db_get_text(rows, 1).at, r.secret);
    db_rows_end(rows);
    char other[SESSION_SECRET_SIZE];
    memcpy(other, r.secret, sizeof other);
    other[10] ^= 1;
    assert_false(find(d, other, NOW, &s));
    assert_false(find(d, "", NOW, &s));
}

static void test_a_session_ends_when_idle_and_when_its_time_is_over(struct database *d)
{
    struct test_keeper k;
    struct session s;

    test_keeper_init(&k);
    set(d, SETTING_ID_SESSION_IDLE, "30");
    set(d, SETTING_ID_SESSION_HOURS, "2");
    account_add(d, "anna", ENGINEER);
    const struct sign_in_result r = sign_in(d, &k, "anna", PASSWORD, NULL, NOW);
    assert_false(find(d, r.secret, NOW + 30 * 60 * S, &s));
    for (uint64_t minute = 0; minute < 120; minute += 20) {
        assert_true(find(d, r.secret, NOW + minute * 60 * S, &s));
        assert_int_equal(s.touch, minute > 0);
        good(d, db_begin(d->db, true, &d->err));
        good(d, session_touch(d->db, s.hash, NOW + minute * 60 * S, &d->err));
        good(d, db_commit(d->db, &d->err));
    }
    assert_true(find(d, r.secret, NOW + 119 * 60 * S, &s));
    assert_false(find(d, r.secret, NOW + 120 * 60 * S, &s));
    good(d, db_begin(d->db, true, &d->err));
    good(d, session_expire(d->db, NOW + 120 * 60 * S, &d->err));
    good(d, db_commit(d->db, &d->err));
    assert_int_equal(database_number(d, "select count(*) from session"), 0);
}

static void test_sessions_end_with_password_roles_state_and_time(struct database *d)
{
    static const char *const patches[] = { "{\"roles\":[\"engineer\",\"manager\"]}",
                                           "{\"state\":\"disabled\"}",
                                           "{\"expires\":\"2026-09-30T00:00:00Z\"}" };
    struct test_keeper k;
    struct session s;

    test_keeper_init(&k);
    account_add(d, "root", ADMINISTRATOR);
    for (unsigned i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "anna%u", i);
        const int64_t id = account_add(d, name, ENGINEER);
        const struct sign_in_result r = sign_in(d, &k, name, PASSWORD, NULL, NOW);
        assert_true(find(d, r.secret, NOW, &s));
        change(d, id, "{\"full_name\":\"Anna Other\"}");
        assert_true(find(d, r.secret, NOW, &s));
        change(d, id, patches[i]);
        assert_false(find(d, r.secret, NOW, &s));
    }
    const int64_t id = account_add(d, "berta", ENGINEER);
    const struct sign_in_result r = sign_in(d, &k, "berta", PASSWORD, NULL, NOW);
    good(d, db_begin(d->db, true, &d->err));
    good(d, account_set_password(d->db, id, "$another", false, NOW, &d->err));
    good(d, db_commit(d->db, &d->err));
    assert_false(find(d, r.secret, NOW, &s));
    assert_int_equal(sign_in(d, &k, "berta", PASSWORD, NULL, NOW).answer, SIGN_IN_WRONG);
    assert_int_equal(sign_in(d, &k, "berta", "another", NULL, NOW).answer, SIGN_IN_DONE);
}

static void test_an_expired_account_signs_in_no_more_and_its_session_is_over(struct database *d)
{
    struct test_keeper k;
    struct session s;

    test_keeper_init(&k);
    account_add(d, "anna", 1u << ROLE_EXAMINER);
    const uint64_t last = NOW + 86400 * 30 * S;
    const struct sign_in_result r = sign_in(d, &k, "anna", PASSWORD, NULL, last - S);
    assert_true(find(d, r.secret, last - 1, &s));
    assert_false(find(d, r.secret, last, &s));
    assert_int_equal(sign_in(d, &k, "anna", PASSWORD, NULL, last).answer, SIGN_IN_WRONG);
}

static void test_old_sessions_end_where_there_are_too_many(struct database *d)
{
    struct test_keeper k;
    struct sign_in_result first;
    struct session s;

    test_keeper_init(&k);
    account_add(d, "anna", ENGINEER);
    first = sign_in(d, &k, "anna", PASSWORD, NULL, NOW);
    for (unsigned i = 1; i <= SESSION_MOST; i++)
        sign_in(d, &k, "anna", PASSWORD, NULL, NOW + i * S);
    assert_int_equal(database_number(d, "select count(*) from session"), SESSION_MOST);
    assert_false(find(d, first.secret, NOW + 60 * S, &s));
}

/* ---- fixation ---- */

static void test_every_proof_gives_a_new_secret_and_the_old_one_is_worth_nothing(struct database *d)
{
    const struct sign_in in = { "anna", PASSWORD, NULL, "10.1.2.3", "test" };
    struct test_keeper k;
    struct session s, later;
    struct sign_in_result again;

    test_keeper_init(&k);
    account_add(d, "anna", ENGINEER);
    const struct sign_in_result one = sign_in(d, &k, "anna", PASSWORD, NULL, NOW),
                                two = sign_in(d, &k, "anna", PASSWORD, NULL, NOW);
    assert_string_not_equal(one.secret, two.secret);
    assert_true(find(d, one.secret, NOW, &s));
    good(d, session_confirm(d->db, &k.table, &s, &in, NOW + 1000 * S, &again, &d->err));
    assert_int_equal(again.answer, SIGN_IN_DONE);
    assert_false(find(d, one.secret, NOW + 1000 * S, &later));
    assert_true(find(d, again.secret, NOW + 1000 * S, &later));
    assert_true(actor_is_strong(&later.actor, NOW + 1000 * S));
    assert_string_not_equal(s.csrf, later.csrf);
    assert_int_equal(later.expires_us, s.expires_us); /* it does not live longer by that */
    const struct sign_in wrong = { "anna", "wrong", NULL, "10.1.2.3", "test" };
    good(d, session_confirm(d->db, &k.table, &later, &wrong, NOW + 1000 * S, &again, &d->err));
    assert_int_equal(again.answer, SIGN_IN_WRONG);
    assert_true(find(d, two.secret, NOW + 1000 * S, &s));
}

static void test_a_new_password_ends_all_sessions_but_the_new_one(struct database *d)
{
    const struct sign_in in = { "anna", PASSWORD, NULL, "10.1.2.3", "test" };
    struct test_keeper k;
    struct sign_in_result now;
    struct session s;

    test_keeper_init(&k);
    account_add(d, "anna", ENGINEER);
    const struct sign_in_result one = sign_in(d, &k, "anna", PASSWORD, NULL, NOW),
                                two = sign_in(d, &k, "anna", PASSWORD, NULL, NOW);
    assert_true(find(d, one.secret, NOW, &s));
    assert_false(session_change_password(d->db, &k.table, &s, &in, "short", NOW, &now, &d->err));
    assert_int_equal(d->err.code, IMW_ERROR_VALUE);
    assert_false(session_change_password(d->db, &k.table, &s, &in, PASSWORD, NOW, &now, &d->err));
    const struct sign_in wrong = { "anna", "not the old one", NULL, "10.1.2.3", "test" };
    good(d, session_change_password(d->db, &k.table, &s, &wrong, "staple of my bridge", NOW, &now, &d->err));
    assert_int_equal(now.answer, SIGN_IN_WRONG);
    good(d, session_change_password(d->db, &k.table, &s, &in, "staple of my bridge", NOW, &now, &d->err));
    assert_int_equal(now.answer, SIGN_IN_DONE);
    assert_false(find(d, one.secret, NOW, &s));
    assert_false(find(d, two.secret, NOW, &s));
    assert_true(find(d, now.secret, NOW, &s));
    assert_int_equal(sign_in(d, &k, "anna", "staple of my bridge", NULL, NOW).answer, SIGN_IN_DONE);
}

/* ---- guessing ---- */

static void check_lock(struct database *d, struct test_keeper *k, const char *name)
{
    uint64_t now = NOW;

    for (unsigned i = 0; i < SIGN_IN_TRIES; i++)
        assert_int_equal(sign_in(d, k, name, "wrong password", NULL, now).answer, SIGN_IN_WRONG);
    for (unsigned lock = 60; lock < 4 * 3600; lock *= 2) {
        const unsigned is = lock < 3600 ? lock : 3600;
        struct sign_in_result r = sign_in(d, k, name, PASSWORD, NULL, now); /* the right one, even */
        assert_int_equal(r.answer, SIGN_IN_LOCKED);
        assert_true(r.retry_s >= is && r.retry_s <= is + 1);
        assert_int_equal(sign_in(d, k, name, PASSWORD, NULL, now + (is - 1) * S).answer, SIGN_IN_LOCKED);
        now += is * S;
        assert_int_equal(sign_in(d, k, name, "wrong again", NULL, now).answer, SIGN_IN_WRONG);
    }
}

static void test_guessing_locks_longer_and_longer_whether_the_name_exists_or_not(struct database *d)
{
    struct test_keeper k;

    test_keeper_init(&k);
    account_add(d, "anna", ENGINEER);
    check_lock(d, &k, "anna");
    const unsigned with = k.computed;
    k.computed = 0;
    check_lock(d, &k, "nobody-of-that-name");
    assert_int_equal(k.computed, with); /* the same work, hash by hash */
    k.computed = 0;
    check_lock(d, &k, "a name that can be none \xc3\xa4");
    assert_int_equal(k.computed, with);
    assert_int_equal(database_number(d, "select count(*) from audit where record like '%nobody-of-that%'"),
                     0);
}

static void test_the_right_password_starts_anew_and_so_does_an_administrator(struct database *d)
{
    struct test_keeper k;

    test_keeper_init(&k);
    account_add(d, "anna", ENGINEER);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < SIGN_IN_TRIES - 1; i++)
            assert_int_equal(sign_in(d, &k, "anna", "wrong", NULL, NOW).answer, SIGN_IN_WRONG);
        assert_int_equal(sign_in(d, &k, "anna", PASSWORD, NULL, NOW).answer, SIGN_IN_DONE);
    }
    for (unsigned i = 0; i < SIGN_IN_TRIES; i++)
        sign_in(d, &k, "anna", "wrong", NULL, NOW);
    assert_int_equal(sign_in(d, &k, "anna", PASSWORD, NULL, NOW).answer, SIGN_IN_LOCKED);
    good(d, db_begin(d->db, true, &d->err));
    good(d, sign_in_unlock(d->db, "Anna", &d->err));
    good(d, db_commit(d->db, &d->err));
    assert_int_equal(sign_in(d, &k, "anna", PASSWORD, NULL, NOW).answer, SIGN_IN_DONE);
}

struct guesser {
    struct database *d;
    struct db *db;
    unsigned looked; /* passwords that were looked at */
};

static void *guess(void *context)
{
    struct guesser *g = context;
    const struct sign_in in = { "anna", "wrong", NULL, "10.1.2.3", "test" };
    struct imw_error_info err = { 0 };
    struct test_keeper k;

    test_keeper_init(&k);
    for (unsigned i = 0; i < 6; i++) {
        struct sign_in_result r;
        if (!session_sign_in(g->db, &k.table, &in, NOW, &r, &err))
            return NULL;
    }
    g->looked = k.computed;
    return NULL;
}

static void test_guesses_side_by_side_do_not_slip_through(struct database *d)
{
    struct guesser guessers[4];
    pthread_t threads[4];
    unsigned looked = 0;

    account_add(d, "anna", ENGINEER);
    for (unsigned i = 0; i < 4; i++) {
        guessers[i] = (struct guesser){ .d = d, .db = database_connect(d) };
        assert_int_equal(pthread_create(&threads[i], NULL, guess, &guessers[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        db_close(guessers[i].db);
        looked += guessers[i].looked;
    }
    assert_int_equal(looked, SIGN_IN_TRIES);
}

/* ---- races ---- */

static void disable_anna(void *context)
{
    struct database *d = context;
    struct db *other = database_connect(d);

    good(d, db_begin(other, true, &d->err));
    good(d,
         db_run(other, "update account set state = 'disabled' where name = 'anna'", DB_NONE, NULL, &d->err));
    good(d, db_commit(other, &d->err));
    db_close(other);
}

static void test_who_is_disabled_while_the_keeper_computes_is_not_in(struct database *d)
{
    struct test_keeper k;

    test_keeper_init(&k);
    account_add(d, "anna", ENGINEER);
    k.meanwhile = disable_anna;
    k.context = d;
    assert_int_equal(sign_in(d, &k, "anna", PASSWORD, NULL, NOW).answer, SIGN_IN_WRONG);
    assert_int_equal(database_number(d, "select count(*) from session"), 0);
}

/* ---- the second factor ---- */

static void code_at(const struct test_keeper *k, uint64_t now_us, char out[12])
{
    assert_true(totp_code(view_of(k->secret, sizeof k->secret), now_us / S / TOTP_STEP_S, TOTP_DIGITS, out));
}

static struct sign_in_result set_up(struct database *d, struct test_keeper *k, const char *name, uint64_t now)
{
    struct sign_in_result r = sign_in(d, k, name, PASSWORD, NULL, now);
    struct session s;
    char secret[64], code[12];
    const struct sign_in in = { name, "", code, "10.1.2.3", "test" },
                         wrong = { name, "", "12345", "10.1.2.3", "test" };

    assert_int_equal(r.answer, SIGN_IN_DONE);
    assert_true(find(d, r.secret, now, &s));
    assert_false(session_totp_finish(d->db, &k->table, &s, &wrong, now, &r, &d->err)); /* not begun */
    good(d, session_totp_begin(d->db, &k->table, &s, secret, &d->err));
    assert_int_equal(strlen(secret), 32);
    good(d, session_totp_finish(d->db, &k->table, &s, &wrong, now, &r, &d->err));
    assert_int_equal(r.answer, SIGN_IN_WRONG);
    code_at(k, now, code);
    good(d, session_totp_finish(d->db, &k->table, &s, &in, now, &r, &d->err));
    assert_int_equal(r.answer, SIGN_IN_DONE);
    assert_true(find(d, r.secret, now, &s));
    return r;
}

static void test_a_code_is_asked_for_and_used_once(struct database *d)
{
    struct test_keeper k;
    char code[12];

    test_keeper_init(&k);
    account_add(d, "anna", ENGINEER);
    set_up(d, &k, "anna", NOW);
    assert_int_equal(sign_in(d, &k, "anna", PASSWORD, NULL, NOW).answer, SIGN_IN_CODE);
    code_at(&k, NOW, code);
    assert_int_equal(sign_in(d, &k, "anna", PASSWORD, code, NOW).answer,
                     SIGN_IN_WRONG); /* set it up with that */
    code_at(&k, NOW + 60 * S, code);
    assert_int_equal(sign_in(d, &k, "anna", "wrong", code, NOW + 60 * S).answer, SIGN_IN_WRONG);
    assert_int_equal(sign_in(d, &k, "anna", PASSWORD, code, NOW + 60 * S).answer, SIGN_IN_DONE);
    assert_int_equal(sign_in(d, &k, "anna", PASSWORD, code, NOW + 60 * S).answer, SIGN_IN_WRONG);
    assert_int_equal(sign_in(d, &k, "anna", PASSWORD, code, NOW + 85 * S).answer, SIGN_IN_WRONG);
}

static void test_asking_for_the_code_is_no_wrong_try_and_clears_none(struct database *d)
{
    struct test_keeper k;

    test_keeper_init(&k);
    account_add(d, "anna", ENGINEER);
    set_up(d, &k, "anna", NOW);
    for (unsigned i = 0; i < 3 * SIGN_IN_TRIES; i++)
        assert_int_equal(sign_in(d, &k, "anna", PASSWORD, NULL, NOW).answer, SIGN_IN_CODE);
    for (unsigned i = 0; i < SIGN_IN_TRIES; i++) { /* who has the password guesses codes */
        assert_int_equal(sign_in(d, &k, "anna", PASSWORD, NULL, NOW).answer, SIGN_IN_CODE);
        assert_int_equal(sign_in(d, &k, "anna", PASSWORD, "000000", NOW).answer, SIGN_IN_WRONG);
    }
    assert_int_equal(sign_in(d, &k, "anna", PASSWORD, NULL, NOW).answer, SIGN_IN_LOCKED);
}

struct racer {
    struct db *db;
    const struct test_keeper *keeper;
    const char *code;
    enum sign_in_answer answer;
};

static void *race(void *context)
{
    struct racer *r = context;
    const struct sign_in in = { "anna", PASSWORD, r->code, "10.1.2.3", "test" };
    struct imw_error_info err = { 0 };
    struct sign_in_result result;
    struct test_keeper k = *r->keeper;

    k.table.context = &k;
    r->answer =
        session_sign_in(r->db, &k.table, &in, NOW + 60 * S, &result, &err) ? result.answer : SIGN_IN_LOCKED;
    return NULL;
}

static void test_of_two_with_the_same_code_one_is_in(struct database *d)
{
    struct test_keeper k;
    struct racer racers[3];
    pthread_t threads[3];
    unsigned in = 0;
    char code[12];

    test_keeper_init(&k);
    account_add(d, "anna", ENGINEER);
    set_up(d, &k, "anna", NOW);
    code_at(&k, NOW + 60 * S, code);
    for (unsigned i = 0; i < 3; i++) {
        racers[i] = (struct racer){ .db = database_connect(d), .keeper = &k, .code = code };
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        db_close(racers[i].db);
        in += racers[i].answer == SIGN_IN_DONE;
    }
    assert_int_equal(in, 1);
}

static void test_who_needs_a_second_factor_sets_it_up_first(struct database *d)
{
    struct test_keeper k;
    struct session s;

    test_keeper_init(&k);
    account_add(d, "root", ADMINISTRATOR);
    struct sign_in_result r = sign_in(d, &k, "root", PASSWORD, NULL, NOW);
    assert_true(find(d, r.secret, NOW, &s));
    assert_true(s.actor.restricted);
    assert_string_equal(s.restricted, "second-factor");
    r = set_up(d, &k, "root", NOW);
    assert_true(find(d, r.secret, NOW, &s));
    assert_false(s.actor.restricted);
    set(d, SETTING_ID_SECOND_FACTOR, "");
    account_add(d, "other", ADMINISTRATOR);
    r = sign_in(d, &k, "other", PASSWORD, NULL, NOW);
    assert_true(find(d, r.secret, NOW, &s));
    assert_false(s.actor.restricted);
}

/* ---- directory ---- */

static void test_who_a_directory_proves_gets_an_account_by_their_groups(struct database *d)
{
    struct test_keeper k;
    struct session s;
    struct account a;
    bool found;

    test_keeper_init(&k);
    k.person = (struct directory_person){ .subject = "uid=zoe,dc=bank",
                                          .name = "zoe",
                                          .full_name = "Zoe Example",
                                          .email = "zoe@bank.example",
                                          .roles = ENGINEER };
    k.directory_password = "of the directory";
    assert_int_equal(sign_in(d, &k, "zoe", "of the directory", NULL, NOW).answer,
                     SIGN_IN_WRONG); /* it is off */
    set(d, SETTING_ID_LDAP_ON, "1");
    assert_int_equal(sign_in(d, &k, "zoe", "wrong", NULL, NOW).answer, SIGN_IN_WRONG);
    struct sign_in_result r = sign_in(d, &k, "zoe", "of the directory", NULL, NOW);
    assert_int_equal(r.answer, SIGN_IN_DONE);
    assert_true(find(d, r.secret, NOW, &s));
    assert_int_equal(s.actor.roles, ENGINEER);
    k.person.roles = 1u << ROLE_COMPLIANCE;
    assert_int_equal(sign_in(d, &k, "zoe", "of the directory", NULL, NOW).answer, SIGN_IN_DONE);
    assert_false(find(d, r.secret, NOW, &s)); /* other roles: old sessions ended */
    k.person.roles = 0;
    assert_int_equal(sign_in(d, &k, "zoe", "of the directory", NULL, NOW).answer, SIGN_IN_WRONG);
    good(d, account_by_subject(d->db, SOURCE_LDAP, "uid=zoe,dc=bank", &a, &found, &d->err));
    assert_true(found);
    assert_int_equal(a.roles, 0);
    assert_int_equal(database_number(d, "select count(*) from account"), 1);
    /* A local account of that name keeps its own password. */
    account_add(d, "yan", ENGINEER);
    k.person = (struct directory_person){ .subject = "uid=yan", .name = "yan", .roles = ADMINISTRATOR };
    assert_int_equal(sign_in(d, &k, "yan", "of the directory", NULL, NOW).answer, SIGN_IN_WRONG);
}

/* ---- the first start ---- */

static void test_the_first_start_makes_one_account_by_its_token(struct database *d)
{
    const struct sign_in in = { "root", PASSWORD, NULL, "10.1.2.3", "test" };
    struct test_keeper k;
    struct sign_in_result r;
    struct session s;
    char token[START_TOKEN_SIZE];
    bool needed;

    test_keeper_init(&k);
    good(d, start_token(d->db, NOW, token, &needed, &d->err));
    assert_true(needed);
    assert_int_equal(strlen(token), START_TOKEN_SIZE - 1);
    good(d, session_start(d->db, &k.table, &in, "AAAA", "First", "Bank", NOW, &r, &d->err));
    assert_int_equal(r.answer, SIGN_IN_WRONG);
    good(d, session_start(d->db, &k.table, &in, token, "First", "Bank", NOW, &r, &d->err));
    assert_int_equal(r.answer, SIGN_IN_DONE);
    assert_true(find(d, r.secret, NOW, &s));
    assert_int_equal(s.actor.roles, 1u << ROLE_ADMINISTRATOR | 1u << ROLE_ENGINEER | 1u << ROLE_COMPLIANCE);
    assert_false(s.actor.restricted); /* the wizard first */
    const struct sign_in other = { "second", PASSWORD, NULL, "10.1.2.3", "test" };
    good(d, session_start(d->db, &k.table, &other, token, "Second", "Bank", NOW, &r, &d->err));
    assert_int_equal(r.answer, SIGN_IN_WRONG);
    good(d, start_token(d->db, NOW, token, &needed, &d->err));
    assert_false(needed);
    r = sign_in(d, &k, "root", PASSWORD, NULL, NOW + 3601 * S);
    assert_true(find(d, r.secret, NOW + 3601 * S, &s));
    assert_true(s.actor.restricted);
}

/* ---- one's sessions ---- */

static void test_sessions_are_listed_and_ended_one_by_one(struct database *d)
{
    struct test_keeper k;
    struct session s;
    json_t *list, *entry;
    size_t i;
    bool found;

    test_keeper_init(&k);
    const int64_t anna = account_add(d, "anna", ENGINEER), berta = account_add(d, "berta", ENGINEER);
    const struct sign_in_result one = sign_in(d, &k, "anna", PASSWORD, NULL, NOW),
                                two = sign_in(d, &k, "anna", PASSWORD, NULL, NOW + S);
    assert_true(find(d, one.secret, NOW + S, &s));
    good(d, session_list(d->db, anna, view_of(s.hash, 32), NOW + S, &list, &d->err));
    assert_int_equal(json_array_size(json_object_get(list, "sessions")), 2);
    good(d, db_begin(d->db, true, &d->err));
    json_array_foreach(json_object_get(list, "sessions"), i, entry)
    {
        const char *id = json_string_value(json_object_get(entry, "id"));
        if (json_is_true(json_object_get(entry, "current")))
            continue;
        good(d, session_end_id(d->db, berta, id, &found, &d->err));
        assert_false(found); /* not hers */
        good(d, session_end_id(d->db, anna, id, &found, &d->err));
        assert_true(found);
    }
    good(d, db_commit(d->db, &d->err));
    json_decref(list);
    assert_true(find(d, one.secret, NOW + S, &s));
    assert_false(find(d, two.secret, NOW + S, &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_a_session_says_who_and_what),
        ON_BOTH(test_only_the_hash_is_kept),
        ON_BOTH(test_a_session_ends_when_idle_and_when_its_time_is_over),
        ON_BOTH(test_sessions_end_with_password_roles_state_and_time),
        ON_BOTH(test_an_expired_account_signs_in_no_more_and_its_session_is_over),
        ON_BOTH(test_old_sessions_end_where_there_are_too_many),
        ON_BOTH(test_every_proof_gives_a_new_secret_and_the_old_one_is_worth_nothing),
        ON_BOTH(test_a_new_password_ends_all_sessions_but_the_new_one),
        ON_BOTH(test_guessing_locks_longer_and_longer_whether_the_name_exists_or_not),
        ON_BOTH(test_the_right_password_starts_anew_and_so_does_an_administrator),
        ON_BOTH(test_guesses_side_by_side_do_not_slip_through),
        ON_BOTH(test_who_is_disabled_while_the_keeper_computes_is_not_in),
        ON_BOTH(test_a_code_is_asked_for_and_used_once),
        ON_BOTH(test_asking_for_the_code_is_no_wrong_try_and_clears_none),
        ON_BOTH(test_of_two_with_the_same_code_one_is_in),
        ON_BOTH(test_who_needs_a_second_factor_sets_it_up_first),
        ON_BOTH(test_who_a_directory_proves_gets_an_account_by_their_groups),
        ON_BOTH(test_the_first_start_makes_one_account_by_its_token),
        ON_BOTH(test_sessions_are_listed_and_ended_one_by_one),
    };

    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
