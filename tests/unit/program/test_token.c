/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens: what they may at each use, until when; and saved views, which are an account's, too. */
#include "program/account.h"
#include "program/saved_view.h"
#include "program/token.h"
#include "store/database.h"

#define S UINT64_C(1000000)
#define NOW (UINT64_C(1790000000) * S)
#define DAY (86400 * S)

static int64_t account_add(struct database *d, const char *name, unsigned roles)
{
    int64_t id = 0;

    good(d, db_begin(d->db, true, &d->err));
    good(d, account_create(
                d->db, &(struct account_new){ .name = name, .full_name = name, .hash = "$", .roles = roles },
                NOW, &id, &d->err));
    good(d, db_commit(d->db, &d->err));
    return id;
}

static struct actor actor(int64_t account, unsigned roles)
{
    return (struct actor){
        .account = account, .name = "anna", .roles = roles, .permissions = permissions_of(roles)
    };
}

static bool create(struct database *d, const struct actor *owner, const char *name, const char *scopes,
                   int64_t days, char out[TOKEN_SIZE])
{
    json_t *list = json_loads(scopes, 0, NULL), *j = NULL;

    good(d, db_begin(d->db, true, &d->err));
    const bool ok = token_create(d->db, owner, name, list, days, NOW, out, &j, &d->err);
    if (ok)
        good(d, db_commit(d->db, &d->err));
    else
        db_rollback(d->db);
    json_decref(list);
    json_decref(j);
    return ok;
}

static bool use(struct database *d, const char *token, uint64_t now, struct actor *out)
{
    bool found, touch;

    good(d, token_actor(d->db, view_string(token), now, out, &touch, &found, &d->err));
    return found;
}

enum {
    ENGINEER = 1u << ROLE_ENGINEER,
    COMPLIANCE = 1u << ROLE_COMPLIANCE,
    ADMINISTRATOR = 1u << ROLE_ADMINISTRATOR
};
#define HAS(a, p) (((a).permissions >> PERMISSION_##p & 1) != 0)

static void test_a_token_does_what_its_scopes_name(struct database *d)
{
    const int64_t id = account_add(d, "anna", ENGINEER);
    const struct actor anna = actor(id, ENGINEER);
    char token[TOKEN_SIZE];
    struct actor a;

    assert_true(create(d, &anna, "backup", "[\"usage:read\",\"policy:read\"]", 30, token));
    assert_int_equal(strlen(token), TOKEN_SIZE - 1);
    assert_memory_equal(token, "imw_", 4);
    assert_true(use(d, token, NOW, &a));
    assert_string_equal(a.name, "token:backup of anna");
    assert_true(a.token && a.strong_us == 0);
    assert_true(HAS(a, USAGE_READ) && HAS(a, POLICY_READ) && !HAS(a, POLICY_WRITE) && !HAS(a, SELF));
    token[20] = token[20] == 'a' ? 'b' : 'a';
    assert_false(use(d, token, NOW, &a));
    assert_false(use(d, "", NOW, &a));
    assert_false(use(d, "imw_", NOW, &a));
}

static void test_nobody_gives_away_what_they_do_not_have(struct database *d)
{
    const int64_t id = account_add(d, "anna", ENGINEER);
    const struct actor anna = actor(id, ENGINEER);
    char token[TOKEN_SIZE];

    assert_false(create(d, &anna, "x", "[\"audit:read\"]", 30, token));
    assert_string_equal(d->err.key, "scopes");
    assert_false(create(d, &anna, "x", "[\"self\"]", 30, token));
    assert_false(create(d, &anna, "x", "[\"usage:read account:write\"]", 30, token));
    assert_false(create(d, &anna, "x", "[]", 30, token));
    assert_false(create(d, &anna, "x", "\"usage:read\"", 30, token));
    assert_false(create(d, &anna, "x", "[\"usage:read\"]", 0, token));
    assert_false(create(d, &anna, "x", "[\"usage:read\"]", 367, token));
    assert_false(create(d, &anna, "of root\n", "[\"usage:read\"]", 30, token));
    assert_int_equal(database_number(d, "select count(*) from token"), 0);
}

static void test_a_token_loses_what_its_owner_loses(struct database *d)
{
    const int64_t id = account_add(d, "anna", ENGINEER | COMPLIANCE);
    const struct actor anna = actor(id, ENGINEER | COMPLIANCE);
    char token[TOKEN_SIZE];
    struct actor a;
    json_t *patch;

    account_add(d, "root", ADMINISTRATOR);
    assert_true(create(d, &anna, "x", "[\"audit:read\",\"usage:read\"]", 30, token));
    assert_true(use(d, token, NOW, &a) && HAS(a, AUDIT_READ) && HAS(a, USAGE_READ));
    for (unsigned i = 0; i < 2; i++) {
        patch = json_loads(i == 0 ? "{\"roles\":[\"engineer\"]}" : "{\"state\":\"disabled\"}", 0, NULL);
        good(d, db_begin(d->db, true, &d->err));
        good(d, account_change(d->db, id, patch, NOW, NULL, &d->err));
        good(d, db_commit(d->db, &d->err));
        json_decref(patch);
        if (i == 0)
            assert_true(use(d, token, NOW, &a) && !HAS(a, AUDIT_READ) && HAS(a, USAGE_READ));
        else
            assert_false(use(d, token, NOW, &a));
    }
}

static void test_tokens_end(struct database *d)
{
    const int64_t id = account_add(d, "anna", ENGINEER), other = account_add(d, "otto", ENGINEER);
    const struct actor anna = actor(id, ENGINEER);
    char token[TOKEN_SIZE];
    struct actor a;
    bool found;
    json_t *list;

    assert_true(create(d, &anna, "x", "[\"usage:read\"]", 2, token));
    assert_true(use(d, token, NOW + 2 * DAY - 1, &a));
    assert_false(use(d, token, NOW + 2 * DAY, &a));
    const int64_t token_id = database_number(d, "select id from token");
    good(d, db_begin(d->db, true, &d->err));
    good(d, token_revoke(d->db, other, token_id, NOW, &found, &d->err));
    assert_false(found); /* not otto's */
    good(d, token_revoke(d->db, id, token_id, NOW, &found, &d->err));
    assert_true(found);
    good(d, db_commit(d->db, &d->err));
    assert_false(use(d, token, NOW, &a));
    good(d, token_list(d->db, id, &list, &d->err));
    assert_int_equal(json_array_size(json_object_get(list, "tokens")), 1);
    json_decref(list);
}

/* ---- saved views ---- */

static void test_views_are_their_owners_and_shared_ones_everybodys(struct database *d)
{
    const int64_t anna = account_add(d, "anna", ENGINEER), otto = account_add(d, "otto", ENGINEER);
    int64_t one, two, again;
    json_t *list;
    bool found;

    good(d, db_begin(d->db, true, &d->err));
    good(d, saved_view_keep(d->db, anna, "blocked", "flows", "action=block", false, NOW, &one, &d->err));
    good(d, saved_view_keep(d->db, anna, "all", "people", "", true, NOW, &two, &d->err));
    good(d,
         saved_view_keep(d->db, anna, "blocked", "flows", "action=block,alert", false, NOW, &again, &d->err));
    assert_int_equal(one, again);
    good(d, saved_view_list(d->db, otto, NULL, &list, &d->err));
    assert_int_equal(json_array_size(json_object_get(list, "views")), 1);
    json_decref(list);
    good(d, saved_view_list(d->db, anna, "flows", &list, &d->err));
    assert_int_equal(json_array_size(json_object_get(list, "views")), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(list, "views"), 0), "query")),
        "action=block,alert");
    json_decref(list);
    good(d, saved_view_remove(d->db, otto, two, &found, &d->err));
    assert_false(found);
    good(d, saved_view_remove(d->db, anna, two, &found, &d->err));
    assert_true(found);
    good(d, db_commit(d->db, &d->err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_a_token_does_what_its_scopes_name),
        ON_BOTH(test_nobody_gives_away_what_they_do_not_have),
        ON_BOTH(test_a_token_loses_what_its_owner_loses),
        ON_BOTH(test_tokens_end),
        ON_BOTH(test_views_are_their_owners_and_shared_ones_everybodys),
    };

    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
