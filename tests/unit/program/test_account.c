/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts: what may be one, what may be changed, passwords, one-time codes, settings. */
#include "program/account.h"
#include "program/setting.h"
#include "program/totp.h"
#include "store/database.h"
#include <stdlib.h>

#define S UINT64_C(1000000)
#define NOW (UINT64_C(1790000000) * S)
#define DAY (86400 * S)

static bool create(struct database *d, const char *name, unsigned roles, uint64_t expires, int64_t *out)
{
    good(d, db_begin(d->db, true, &d->err));
    const bool ok = account_create(
        d->db,
        &(struct account_new){
            .name = name, .full_name = "N", .hash = "$", .roles = roles, .expires_us = expires },
        NOW, out, &d->err);
    if (ok)
        good(d, db_commit(d->db, &d->err));
    else
        db_rollback(d->db);
    return ok;
}

static bool change(struct database *d, int64_t id, const char *patch)
{
    json_t *j = json_loads(patch, 0, NULL);

    assert_non_null(j);
    good(d, db_begin(d->db, true, &d->err));
    const bool ok = account_change(d->db, id, j, NOW, NULL, &d->err);
    if (ok)
        good(d, db_commit(d->db, &d->err));
    else
        db_rollback(d->db);
    json_decref(j);
    return ok;
}

enum {
    ENGINEER = 1u << ROLE_ENGINEER,
    EXAMINER = 1u << ROLE_EXAMINER,
    ADMINISTRATOR = 1u << ROLE_ADMINISTRATOR
};

static void test_names_are_folded_and_taken_once(struct database *d)
{
    static const char *const bad[] = {
        "",        "two words", "tab\t",
        "quo\"te", "-option",   "a,b",
        "a:b",     "\xff",      "12345678901234567890123456789012345678901234567890123456789012345"
    };
    int64_t id;

    assert_true(create(d, "Anna.Schmidt@Bank.example", ENGINEER, 0, &id));
    assert_false(create(d, "anna.schmidt@bank.EXAMPLE", ENGINEER, 0, &id));
    assert_string_equal(d->err.key, "name");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(create(d, bad[i], ENGINEER, 0, &id));
    assert_true(create(d, "Jörg", ENGINEER, 0, &id));
    assert_false(create(d, "nobody", 0, 0, &id));
    assert_string_equal(d->err.key, "roles");
}

static void test_examiners_have_a_last_day_within_a_year(struct database *d)
{
    int64_t id;

    assert_false(create(d, "e1", EXAMINER, 0, &id));
    assert_string_equal(d->err.key, "expires");
    assert_false(create(d, "e1", EXAMINER, NOW + 367 * DAY, &id));
    assert_false(create(d, "e1", EXAMINER, NOW - DAY, &id));
    assert_true(create(d, "root", ADMINISTRATOR, 0, &id));
    assert_true(create(d, "e1", EXAMINER, NOW + 90 * DAY, &id));
    assert_false(change(d, id, "{\"expires\":null}"));
    assert_false(change(d, id, "{\"expires\":\"2099-01-01T00:00:00Z\"}"));
    assert_true(change(d, id, "{\"expires\":\"2026-12-01T00:00:00Z\"}"));
    assert_true(create(d, "anna", ENGINEER, 0, &id));
    assert_false(change(d, id, "{\"roles\":[\"examiner\"]}"));
    assert_true(change(d, id, "{\"roles\":[\"examiner\"],\"expires\":\"2026-12-01T00:00:00Z\"}"));
}

static void test_somebody_stays_administrator(struct database *d)
{
    int64_t root, other;

    assert_true(create(d, "root", ADMINISTRATOR, 0, &root));
    assert_false(change(d, root, "{\"roles\":[\"engineer\"]}"));
    assert_false(change(d, root, "{\"state\":\"disabled\"}"));
    assert_false(change(d, root, "{\"expires\":\"2020-01-01\"}"));
    assert_true(create(d, "other", ADMINISTRATOR, 0, &other));
    assert_true(change(d, root, "{\"state\":\"disabled\"}"));
    assert_false(change(d, other, "{\"roles\":[\"engineer\"]}"));
}

static void test_only_what_an_account_has_can_be_changed(struct database *d)
{
    static const char *const bad[] = { "{\"password\":\"x\"}",   "{\"name\":\"x\"}",
                                       "{\"totp\":null}",        "{\"roles\":\"engineer\"}",
                                       "{\"roles\":[]}",         "{\"roles\":[\"engineer manager\"]}",
                                       "{\"roles\":[\"root\"]}", "{\"state\":\"x\"}",
                                       "{\"full_name\":\"\"}",   "{\"full_name\":\"a\\nb\"}",
                                       "{\"person\":\"1\"}",     "{\"expires\":\"soon\"}" };
    int64_t id;
    json_t *list;

    assert_true(create(d, "root", ADMINISTRATOR, 0, &id));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(change(d, id, bad[i]));
    assert_true(change(
        d, id, "{\"full_name\":\"Anna\",\"email\":null,\"roles\":[\"administrator\",\"compliance\"]}"));
    good(d, account_list(d->db, NOW, &list, &d->err));
    assert_int_equal(json_array_size(json_object_get(list, "warnings")), 1); /* both duties in one */
    json_decref(list);
}

static void test_passwords_that_everybody_tries_are_refused(void **state)
{
    static const char *const bad[] = { "short",        "elevenchars",      "123456789012",
                                       "098765432109", "aaaaaaaaaaaa",     "abcabcabcabc",
                                       "Password1234", "PASSWORD2026!!",   "passwordpassword",
                                       "qwertyuiop12", "!!administrator1", "abcdefghijkl",
                                       "xyzabcxyzabc", "josephine.miller" },
                             *const fine[] = { "correct horse battery", "Größenwahn ist",
                                               "tr0ub4dor&3-and-more", "\xe4\xbd\xa0\xe5\xa5\xbd correct x" };
    struct imw_error_info err;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (password_check(bad[i], "josephine.miller", &err))
            fail_msg("'%s' is taken", bad[i]);
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
        if (!password_check(fine[i], "anna", &err))
            fail_msg("'%s' is refused: %s", fine[i], err.text);
}

/* ---- one-time codes ---- */

static void test_codes_are_those_of_the_standard(void **state)
{
    static const struct {
        uint64_t time_s;
        const char *code;
    } vectors[] = { { 59, "94287082" },         { 1111111109, "07081804" }, { 1111111111, "14050471" },
                    { 1234567890, "89005924" }, { 2000000000, "69279037" }, { 20000000000, "65353130" } };
    char code[12];

    (void)state; /* RFC 6238 appendix B */
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        assert_true(totp_code(VIEW("12345678901234567890"), vectors[i].time_s / TOTP_STEP_S, 8, code));
        assert_string_equal(code, vectors[i].code);
    }
}

static void test_a_code_is_right_a_step_around_and_once(void **state)
{
    const struct view secret = VIEW("12345678901234567890");
    int64_t step = 0;

    (void)state;
    assert_true(totp_right(secret, "287 082", 59, 0, &step)); /* step 1 */
    assert_int_equal(step, 1);
    assert_false(totp_right(secret, "287082", 59, 1, &step));
    assert_true(totp_right(secret, "287082", 60 + 29, 0, &step));
    assert_false(totp_right(secret, "287082", 90, 0, &step));
    assert_true(totp_right(secret, "287082", 0, 0, &step));
    assert_false(totp_right(secret, "28708", 59, 0, &step));
    assert_false(totp_right(secret, "2870820", 59, 0, &step));
    assert_false(totp_right(secret, "", 59, 0, &step));
}

static void test_base32_is_that_of_the_standard(void **state)
{
    static const char *const vectors[][2] = { { "", "" },
                                              { "f", "MY" },
                                              { "fo", "MZXQ" },
                                              { "foo", "MZXW6" },
                                              { "foob", "MZXW6YQ" },
                                              { "fooba", "MZXW6YTB" },
                                              { "foobar", "MZXW6YTBOI" } };
    char out[32];

    (void)state; /* RFC 4648 section 10 */
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        base32_write(view_string(vectors[i][0]), out, sizeof out);
        assert_string_equal(out, vectors[i][1]);
    }
}

/* ---- permissions ---- */

static void test_roles_and_scopes_are_words(void **state)
{
    unsigned roles;
    uint64_t scopes;

    (void)state;
    assert_true(roles_parse("compliance  engineer", &roles));
    assert_int_equal(roles, 1u << ROLE_COMPLIANCE | ENGINEER);
    assert_false(roles_parse("compliance,engineer", &roles));
    assert_false(roles_parse("Engineer", &roles));
    assert_true(roles_parse("", &roles) && roles == 0);
    assert_true(scopes_parse("usage:read", &scopes) && scopes == UINT64_C(1) << PERMISSION_USAGE_READ);
    assert_false(scopes_parse("self", &scopes)); /* never a token's */
    assert_false(scopes_parse("account:write", &scopes));
    assert_true(permissions_of(1u << ROLE_EMPLOYEE) >> PERMISSION_MINE_READ & 1);
    assert_false(permissions_of(1u << ROLE_EMPLOYEE) >> PERMISSION_USAGE_READ & 1);
    assert_false(permissions_of(ADMINISTRATOR) >> PERMISSION_USAGE_READ & 1);
    assert_false(permissions_of(EXAMINER) >> PERMISSION_POLICY_WRITE & 1);
    assert_int_equal(permissions_of(0), UINT64_C(1) << PERMISSION_PUBLIC);
}

/* ---- settings ---- */

static bool seal(void *context, const char *text, char **out, struct imw_error_info *err)
{
    (void)context, (void)err;
    return asprintf(out, "sealed:%s", text) > 0;
}

static bool patch(struct database *d, const char *text, json_t **out)
{
    json_t *j = json_loads(text, 0, NULL);

    assert_non_null(j);
    good(d, db_begin(d->db, true, &d->err));
    const bool ok = settings_patch(d->db, j, seal, NULL, NOW, out, &d->err);
    if (ok)
        good(d, db_commit(d->db, &d->err));
    else
        db_rollback(d->db);
    json_decref(j);
    return ok;
}

static void test_settings_are_as_at_first_until_changed(struct database *d)
{
    json_t *all, *changes;
    int64_t number;

    good(d, setting_number(d->db, SETTING_ID_SESSION_IDLE, &number, &d->err));
    assert_int_equal(number, 30);
    assert_true(patch(
        d, "{\"institution\":\"Bank\",\"session\":{\"idle_minutes\":10},\"second_factor\":[\"manager\"]}",
        &changes));
    assert_int_equal(json_object_size(changes), 3);
    json_decref(changes);
    good(d, settings_json(d->db, &all, &d->err));
    assert_string_equal(json_string_value(json_object_get(all, "institution")), "Bank");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(all, "session"), "idle_minutes")),
                     10);
    assert_int_equal(json_array_size(json_object_get(all, "second_factor")), 1);
    assert_null(json_object_get(all, "first-start"));
    json_decref(all);
    assert_true(patch(d, "{\"session\":{\"idle_minutes\":null}}", &changes));
    json_decref(changes);
    good(d, setting_number(d->db, SETTING_ID_SESSION_IDLE, &number, &d->err));
    assert_int_equal(number, 30);
    assert_true(patch(d, "{\"session\":{\"idle_minutes\":30}}", &changes)); /* it is that already */
    assert_int_equal(json_object_size(changes), 0);
    json_decref(changes);
}

static void test_settings_that_cannot_be_are_refused_whole(struct database *d)
{
    static const char *const bad[] = { "{\"session\":{\"idle_minutes\":0}}",
                                       "{\"session\":{\"idle_minutes\":\"10\"}}",
                                       "{\"session\":{\"hours\":100000}}",
                                       "{\"session\":10}",
                                       "{\"second_factor\":[\"root\"]}",
                                       "{\"first-start\":\"x\"}",
                                       "{\"unknown\":1}",
                                       "{\"ldap\":{\"roles\":{\"cn=a\":1}}}",
                                       "{\"institution\":\"Other\",\"retention\":{\"events_days\":-1}}" };
    json_t *changes, *all;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(patch(d, bad[i], &changes));
        assert_int_equal(d->err.code, IMW_ERROR_VALUE);
        assert_true(d->err.key[0] != '\0');
    }
    good(d, settings_json(d->db, &all, &d->err));
    assert_string_equal(json_string_value(json_object_get(all, "institution")), "");
    json_decref(all);
}

static void test_groups_give_roles_without_regard_to_case(struct database *d)
{
    const char *const groups[] = { "CN=Desk,DC=bank", "cn=other" };
    json_t *changes;
    unsigned roles;

    assert_true(patch(
        d,
        "{\"ldap\":{\"roles\":{\"cn=desk,dc=bank\":\"engineer compliance\",\"cn=boss\":\"administrator\"}}}",
        &changes));
    json_decref(changes);
    good(d, setting_map_roles(d->db, SETTING_ID_LDAP_ROLES, groups, 2, &roles, &d->err));
    assert_int_equal(roles, ENGINEER | 1u << ROLE_COMPLIANCE);
    good(d, setting_map_roles(d->db, SETTING_ID_LDAP_ROLES, groups + 1, 1, &roles, &d->err));
    assert_int_equal(roles, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_names_are_folded_and_taken_once),
        ON_BOTH(test_examiners_have_a_last_day_within_a_year),
        ON_BOTH(test_somebody_stays_administrator),
        ON_BOTH(test_only_what_an_account_has_can_be_changed),
        ON_BOTH(test_settings_are_as_at_first_until_changed),
        ON_BOTH(test_settings_that_cannot_be_are_refused_whole),
        ON_BOTH(test_groups_give_roles_without_regard_to_case),
        cmocka_unit_test(test_passwords_that_everybody_tries_are_refused),
        cmocka_unit_test(test_codes_are_those_of_the_standard),
        cmocka_unit_test(test_a_code_is_right_a_step_around_and_once),
        cmocka_unit_test(test_base32_is_that_of_the_standard),
        cmocka_unit_test(test_roles_and_scopes_are_words),
    };

    return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
