/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts of what the search for leaks found. */
#include "../test.h"
#include "base/text.h"
#include "threat/threat.h"
#include <stdio.h>
#include <stdlib.h>

struct heard {
    unsigned count, kind, id;
    enum severity severity;
    char all[2048]; /* everything in the alert that is text */
};

static void hear(void *context, const struct scene *s, const struct alert *a, uint64_t suppressed)
{
    struct heard *h = context;
    struct text t = TEXT(h->all);

    (void)s;
    (void)suppressed;
    if (a->detector->id != 4200)
        return;
    h->count++;
    h->id = a->detector->id + a->kind;
    h->severity = a->severity;
    text_format(&t, "%s; %s; %s", a->title, a->seen, a->subject);
    for (unsigned i = 0; i < a->evidence_count; i++)
        text_format(&t, "; %s=%s", a->evidence[i].key, a->evidence[i].value);
}

static struct threats *start(struct heard *h, uint64_t least)
{
    struct detector_settings settings[64];
    struct threats_config config = { .settings = settings, .alert = hear, .context = h };
    struct threats *t;

    assert_true(threats_detector_count() <= 64);
    threats_defaults(settings);
    for (unsigned i = 0; i < threats_detector_count(); i++) {
        settings[i].off = strcmp(threats_detector(i)->name, "leaks") != 0;
        if (!settings[i].off)
            settings[i].value[0] = least;
    }
    assert_true(threats_new(&config, &t, NULL));
    return t;
}

static struct carried_message message_sent(void)
{
    return (struct carried_message){ .from = VIEW("alice"),
                                     .to = VIEW("mallory"),
                                     .room = VIEW(""),
                                     .text = VIEW("the secret text itself"),
                                     .outgoing = true };
}

static void fill(struct leak_finding *f, unsigned count, enum leak_kind kind, const char *name,
                 const char *masked)
{
    for (unsigned i = 0; i < count; i++) {
        f[i] = (struct leak_finding){ .kind = kind };
        struct text n = TEXT(f[i].name), m = TEXT(f[i].masked);
        text_string(&n, name);
        text_string(&m, masked);
    }
}

static struct heard say(const struct leaked *l, uint64_t least)
{
    struct heard h = { 0 };
    struct threats *t = start(&h, least);
    struct scene s = { .time_us = 1000000 };

    threats_leaks(t, &s, l);
    threats_free(t);
    return h;
}

static void test_a_message_is_told_in_numbers_and_masks(void **state)
{
    struct leak_finding f[3];
    struct carried_message out = message_sent();
    struct leaked l = { .message = &out, .finding = f, .count = 3, .told = 3 };

    (void)state;
    fill(f, 2, LEAK_CARD, "visa", "************1111");
    fill(f + 2, 1, LEAK_KEYWORD, "projects", "***ger");
    struct heard h = say(&l, 1);
    assert_int_equal(h.count, 1);
    assert_int_equal(h.id, 4200);
    assert_int_equal(h.severity, SEVERITY_MEDIUM);
    assert_string_equal(
        h.all, "confidential data sent over instant messaging; in a message sent: 2 card, 1 keyword; "
               "alice mallory 0; findings=2 card, 1 keyword; masked=card visa ************1111, card "
               "visa ************1111, keyword projects ***ger; from=alice; to=mallory");
    assert_null(strstr(h.all, "secret"));
}

static void test_severity_is_of_direction_kind_and_amount(void **state)
{
    struct leak_finding f[20];
    struct carried_message out = message_sent(), in = out;
    struct leaked l = { .message = &out, .finding = f, .count = 10, .told = 10 };

    (void)state;
    in.outgoing = false;
    fill(f, 20, LEAK_CARD, "visa", "************1111");
    assert_int_equal(say(&l, 1).severity, SEVERITY_HIGH);
    l.count = l.told = 9;
    assert_int_equal(say(&l, 1).severity, SEVERITY_MEDIUM);
    l.message = &in;
    assert_int_equal(say(&l, 1).severity, SEVERITY_LOW);
    assert_int_equal(say(&l, 1).id, 4201);
    l.count = 500;
    assert_int_equal(say(&l, 1).severity, SEVERITY_MEDIUM);
    l.count = l.told = 1;
    l.message = &out;
    fill(f, 1, LEAK_EXACT, "customers", "****5678");
    assert_int_equal(say(&l, 1).severity, SEVERITY_HIGH);
    fill(f, 1, LEAK_KEYWORD, "projects", "***ger");
    assert_int_equal(say(&l, 1).severity, SEVERITY_LOW);
}

static void test_fewer_than_the_threshold_are_no_alert(void **state)
{
    struct leak_finding f[2];
    struct carried_message out = message_sent();
    struct leaked l = { .message = &out, .finding = f, .count = 2, .told = 2 };

    (void)state;
    fill(f, 2, LEAK_SSN, "", "*****1234");
    assert_int_equal(say(&l, 3).count, 0);
    assert_int_equal(say(&l, 2).count, 1);
}

static void test_a_file_is_named(void **state)
{
    struct leak_finding f[1];
    struct carried_file file = { .name = VIEW("list\x01.xlsx"),
                                 .from = VIEW("bob"),
                                 .to = VIEW(""),
                                 .room = VIEW("#desk"),
                                 .outgoing = false };
    struct leaked l = { .file = &file, .finding = f, .count = 7, .told = 1 };

    (void)state;
    fill(f, 1, LEAK_IBAN, "", "******************3000");
    struct heard h = say(&l, 1);
    assert_non_null(strstr(h.all, "in the file \"list?.xlsx\" received: 1 iban, 6 more"));
    assert_non_null(strstr(h.all, "to=#desk; file=list?.xlsx"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_is_told_in_numbers_and_masks),
        cmocka_unit_test(test_severity_is_of_direction_kind_and_amount),
        cmocka_unit_test(test_fewer_than_the_threshold_are_no_alert),
        cmocka_unit_test(test_a_file_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
