/* SPDX-License-Identifier: Apache-2.0 */
/* Statements for the board: who may write and sign them off, and what a change does to a sign-off. */
#include "program/board.h"
#include "program/cases.h"
#include <fontconfig/fontconfig.h>
#include <pango/pangocairo.h>
#include <stdlib.h>

static void test_quarters_are_read(void **state)
{
    static const char *const wrong[] = { "",        "2026",    "2026-Q0", "2026-Q5",  "2026-q1", "2026-Q11",
                                         "1999-Q4", "2100-Q1", "20x6-Q1", "2026-Q1 ", "-026-Q1", "2026 Q1" };
    struct evidence_period p;
    int64_t number;

    (void)state;
    assert_true(board_quarter("2026-Q4", &number, &p));
    assert_int_equal(number, 20264);
    assert_int_equal(p.from_us, (uint64_t)day_start(20261001));
    assert_int_equal(p.until_us, (uint64_t)day_start(20270101));
    assert_true(board_quarter("2028-Q1", &number, &p));
    assert_int_equal(p.until_us - p.from_us, 91 * (uint64_t)DAY_US); /* a leap year */
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (board_quarter(wrong[i], &number, &p))
            fail_msg("'%s' is taken", wrong[i]);
}

/* The report as its author and as another sees it. */
static json_t *get(struct database *d, struct act *a)
{
    json_t *report = NULL;

    good(d, DO(d, a, board_get(a, "2026-Q3", &report, &d->err)));
    return report;
}

static void test_a_statement_is_signed_off_by_somebody_else(struct database *d)
{
    const int64_t person = add_person(d, "Anna");
    const struct actor anna = actor_of(add_account(d, "anna", "compliance", person), "anna", "compliance");
    const struct actor again = actor_of(add_account(d, "anna2", "compliance", person), "anna2", "compliance");
    const struct actor bert = actor_of(add_account(d, "bert", "compliance", 0), "bert", "compliance");
    const struct actor carl = actor_of(add_account(d, "carl", "compliance", 0), "carl", "compliance");
    struct act a = act_by(d, &anna), a2 = act_by(d, &again), b = act_by(d, &bert), c = act_by(d, &carl);
    char sha256[65];

    assert_false(DO(d, &b, board_sign(&b, "2026-Q3", "", &d->err)));
    assert_int_equal(b.problem, ACT_MISSING);
    good(d, DO(d, &a, board_write(&a, "2026-Q3", "We block all but one.", &d->err)));
    json_t *r = get(d, &a);
    assert_false(json_is_true(json_object_get(r, "may_sign")));
    snprintf(sha256, sizeof sha256, "%s", json_string_value(json_object_get(r, "sha256")));
    json_decref(r);
    assert_false(DO(d, &a, board_sign(&a, "2026-Q3", sha256, &d->err)));
    assert_int_equal(a.problem, ACT_FORBIDDEN);
    assert_false(DO(d, &a2, board_sign(&a2, "2026-Q3", sha256, &d->err))); /* the same person */
    assert_int_equal(a2.problem, ACT_FORBIDDEN);
    assert_false(DO(d, &b, board_sign(&b, "2026-Q3", "00", &d->err)));
    assert_int_equal(b.problem, ACT_LATE);
    r = get(d, &b);
    assert_true(json_is_true(json_object_get(r, "may_sign")));
    json_decref(r);
    good(d, DO(d, &b, board_sign(&b, "2026-Q3", sha256, &d->err)));
    assert_false(DO(d, &b, board_sign(&b, "2026-Q3", sha256, &d->err)));
    assert_int_equal(b.problem, ACT_LATE);
    assert_int_equal(audit_count(d, "board.sign"), 1);

    /* Bert mends a word: not signed off any more, and neither of both may */
    good(d, DO(d, &b, board_write(&b, "2026-Q3", "We block all but two.", &d->err)));
    r = get(d, &c);
    assert_true(json_is_null(json_object_get(r, "signed")));
    assert_true(json_is_true(json_object_get(r, "may_sign")));
    snprintf(sha256, sizeof sha256, "%s", json_string_value(json_object_get(r, "sha256")));
    json_decref(r);
    assert_false(DO(d, &a, board_sign(&a, "2026-Q3", sha256, &d->err)));
    assert_false(DO(d, &b, board_sign(&b, "2026-Q3", sha256, &d->err)));
    good(d, DO(d, &c, board_sign(&c, "2026-Q3", sha256, &d->err)));

    assert_false(DO(d, &a, board_write(&a, "2027-Q1", "Later.", &d->err)));
    assert_int_equal(a.problem, ACT_WRONG);
}

static bool count_octets(void *context, struct view bytes, struct imw_error_info *err)
{
    (void)err;
    *(size_t *)context += bytes.len;
    return true;
}

static void test_the_page_is_drawn(struct database *d)
{
    const struct actor anna = actor_of(add_account(d, "anna", "compliance", 0), "anna", "compliance");
    struct act a = act_by(d, &anna);
    size_t size = 0;

    good(d, DO(d, &a, board_write(&a, "2026-Q3", "We block all but one.", &d->err)));
    good(d, board_draw(d->db, "2026-Q3", "anna", cases_now, count_octets, &size, &d->err));
    assert_true(size > 5000);
    assert_false(db_in_transaction(d->db));
    assert_false(board_draw(d->db, "2026-Q9", "anna", cases_now, count_octets, &size, &d->err));
}

static int end_libraries(void **state)
{
    (void)state;
    cairo_debug_reset_static_data();
    FcFini();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quarters_are_read),
        ON_BOTH(test_a_statement_is_signed_off_by_somebody_else),
        ON_BOTH(test_the_page_is_drawn),
    };

    return cmocka_run_group_tests(tests, NULL, end_libraries);
}
