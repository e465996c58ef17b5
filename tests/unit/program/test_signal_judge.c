/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One person's days, judged: a table of cases, most of which are no signal; and a made-up population in which
 * it is known who moved off the channel, whose precision and recall are measured and told.
 */
#include "program/signal_judge.h"
#include "test.h"
#include <stdlib.h>

/* Forty usual days and five new ones of one person. */
struct shape {
    const char *name;
    uint32_t before, now;               /* approved messages a day */
    uint32_t flows_before, flows_now;   /* public IM, let through */
    uint32_t messages_now, stopped_now; /* public IM */
    unsigned days;                      /* before */
    int peers;
    bool public_unknown, excepted;
    unsigned empty;    /* every so many days before nothing is sent; 0: never */
    unsigned so_weeks; /* weeks before that were silent, with public IM */
    unsigned off_now;  /* of the new days: without any public IM */
    enum judge_verdict verdict;
    unsigned level;
};

static const struct shape shapes[] = {
    { .name = "silent, and public IM rose",
      .before = 40,
      .flows_before = 10,
      .flows_now = 30,
      .days = 40,
      .peers = 1000,
      .verdict = JUDGE_SIGNAL,
      .level = 1 },
    { .name = "silent, public IM is new",
      .before = 40,
      .flows_now = 30,
      .days = 40,
      .peers = 950,
      .verdict = JUDGE_SIGNAL,
      .level = 1 },
    { .name = "silent, public IM as ever",
      .before = 40,
      .flows_before = 30,
      .flows_now = 30,
      .days = 40,
      .peers = 1000,
      .verdict = JUDGE_SIGNAL,
      .level = 2 },
    { .name = "nearly silent, public IM rose",
      .before = 40,
      .now = 3,
      .flows_before = 10,
      .flows_now = 30,
      .days = 40,
      .peers = 1000,
      .verdict = JUDGE_SIGNAL,
      .level = 2 },
    { .name = "quiet, not silent",
      .before = 40,
      .now = 7,
      .flows_before = 10,
      .flows_now = 30,
      .days = 40,
      .peers = 1000,
      .verdict = JUDGE_SIGNAL,
      .level = 3 },
    { .name = "messages were seen",
      .before = 40,
      .flows_before = 1,
      .flows_now = 1,
      .messages_now = 4,
      .days = 40,
      .peers = 1000,
      .verdict = JUDGE_SIGNAL,
      .level = 1 },
    { .name = "the others write a third less",
      .before = 40,
      .flows_before = 10,
      .flows_now = 30,
      .days = 40,
      .peers = 660,
      .verdict = JUDGE_SIGNAL,
      .level = 3 },
    { .name = "nobody to compare with",
      .before = 40,
      .flows_before = 10,
      .flows_now = 30,
      .days = 40,
      .peers = -1,
      .verdict = JUDGE_SIGNAL,
      .level = 3 },
    { .name = "an exception",
      .before = 40,
      .flows_before = 10,
      .flows_now = 30,
      .days = 40,
      .peers = 1000,
      .excepted = true,
      .verdict = JUDGE_SIGNAL,
      .level = 3 },
    { .name = "the network was not seen before",
      .before = 40,
      .flows_now = 30,
      .days = 40,
      .peers = 1000,
      .public_unknown = true,
      .verdict = JUDGE_SIGNAL,
      .level = 2 },
    { .name = "part time, two days of five empty",
      .before = 40,
      .flows_before = 10,
      .flows_now = 30,
      .days = 40,
      .peers = 1000,
      .empty = 3,
      .verdict = JUDGE_SIGNAL,
      .level = 1 },

    { .name = "half as much",
      .before = 40,
      .now = 20,
      .flows_before = 10,
      .flows_now = 30,
      .days = 40,
      .peers = 1000,
      .verdict = JUDGE_NOT_SILENT },
    { .name = "just above silence",
      .before = 40,
      .now = 9,
      .flows_before = 10,
      .flows_now = 30,
      .days = 40,
      .peers = 1000,
      .verdict = JUDGE_NOT_SILENT },
    { .name = "as ever",
      .before = 40,
      .now = 41,
      .flows_before = 10,
      .flows_now = 10,
      .days = 40,
      .peers = 1000,
      .verdict = JUDGE_NOT_SILENT },
    { .name = "a holiday: silent on both",
      .before = 40,
      .flows_before = 10,
      .days = 40,
      .peers = 1000,
      .verdict = JUDGE_NOT_ACTIVE },
    { .name = "only stopped tries",
      .before = 40,
      .flows_before = 10,
      .stopped_now = 50,
      .days = 40,
      .peers = 1000,
      .verdict = JUDGE_NOT_ACTIVE },
    { .name = "two days of public IM, then away",
      .before = 40,
      .flows_before = 10,
      .flows_now = 30,
      .days = 40,
      .peers = 1000,
      .off_now = 3,
      .verdict = JUDGE_NOT_ACTIVE },
    { .name = "a machine that was left on",
      .before = 40,
      .flows_before = 30,
      .flows_now = 5,
      .days = 40,
      .peers = 1000,
      .verdict = JUDGE_LESS_ACTIVE },
    { .name = "a holiday of all, or an outage",
      .before = 40,
      .flows_before = 10,
      .flows_now = 30,
      .days = 40,
      .peers = 300,
      .verdict = JUDGE_PEERS_QUIET },
    { .name = "new here: three weeks",
      .before = 40,
      .flows_before = 10,
      .flows_now = 30,
      .days = 15,
      .peers = 1000,
      .verdict = JUDGE_TOO_FEW_DAYS },
    { .name = "just not enough days",
      .before = 40,
      .flows_before = 10,
      .flows_now = 30,
      .days = 19,
      .peers = 1000,
      .verdict = JUDGE_TOO_FEW_DAYS },
    { .name = "hardly ever wrote there",
      .before = 4,
      .flows_before = 10,
      .flows_now = 30,
      .days = 40,
      .peers = 1000,
      .verdict = JUDGE_NO_HABIT },
    { .name = "never wrote there",
      .flows_before = 10,
      .flows_now = 30,
      .days = 40,
      .peers = 1000,
      .verdict = JUDGE_NO_HABIT },
    { .name = "such weeks were there before",
      .before = 40,
      .flows_before = 10,
      .flows_now = 30,
      .days = 40,
      .peers = 1000,
      .so_weeks = 1,
      .verdict = JUDGE_WAS_SO },
};

static struct judge_day public_day(uint32_t flows, uint32_t messages, uint32_t stopped)
{
    return (struct judge_day){
        .flows = flows, .messages = messages, .stopped = stopped, .bytes_out = flows * 20000u
    };
}

static void build(const struct shape *s, struct judge_case *c)
{
    *c = (struct judge_case){ .before_count = s->days,
                              .now_count = JUDGE_WINDOW,
                              .peers = s->peers,
                              .public_known = !s->public_unknown,
                              .excepted = s->excepted };
    for (unsigned i = 0; i < s->days; i++) {
        c->before[i] = public_day(s->flows_before, 0, 0);
        c->before[i].approved = s->empty != 0 && i % s->empty == 0 ? 0 : s->before;
        if (i < s->so_weeks * JUDGE_WINDOW)
            c->before[i].approved = 0;
    }
    for (unsigned i = 0; i < JUDGE_WINDOW; i++) {
        c->now[i] = i < s->off_now ? (struct judge_day){ 0 }
                                   : public_day(s->flows_now, s->messages_now, s->stopped_now);
        c->now[i].approved = s->now;
    }
}

static void test_the_table_of_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct judge_finding f;
        struct judge_case c;
        build(&shapes[i], &c);
        signal_judge(&c, &f);
        if (f.verdict != shapes[i].verdict || f.level != shapes[i].level)
            fail_msg("%s: %s, level %u", shapes[i].name, judge_verdict_name(f.verdict), f.level);
    }
}

static void test_figures_are_told_as_they_are(void **state)
{
    struct judge_finding f;
    struct judge_case c;

    (void)state;
    build(&shapes[0], &c);
    c.peers = 800;
    c.now[2].approved = 6;
    signal_judge(&c, &f);
    assert_int_equal(f.usual10, 400);
    assert_int_equal(f.expected, 160); /* 40 a day, five days, the others 80 % */
    assert_int_equal(f.seen, 6);
    assert_int_equal(f.active_days, 5);
    assert_int_equal(f.flows, 150);
    assert_int_equal(f.public_usual10, 100);
}

static void test_a_signal_goes_on_until_they_write_again(void **state)
{
    struct judge_finding f;
    struct judge_case c;

    (void)state;
    build(&shapes[0], &c);
    for (unsigned i = 0; i < c.before_count; i++) /* it has lasted: the days before are silent, too */
        c.before[i].approved = 0;
    assert_true(signal_goes_on(400, &c, &f));
    for (unsigned i = 0; i < JUDGE_WINDOW; i++)
        c.now[i].approved = 15; /* a third: not back yet */
    assert_true(signal_goes_on(400, &c, &f));
    for (unsigned i = 0; i < JUDGE_WINDOW; i++)
        c.now[i].approved = 25;
    assert_false(signal_goes_on(400, &c, &f));
    assert_int_equal(f.verdict, JUDGE_NOT_SILENT);
    for (unsigned i = 0; i < JUDGE_WINDOW; i++)
        c.now[i] = (struct judge_day){ 0 };
    assert_false(signal_goes_on(400, &c, &f));
    assert_int_equal(f.verdict, JUDGE_NOT_ACTIVE);
}

static void test_medians(void **state)
{
    uint32_t odd[] = { 9, 1, 5 }, even[] = { 4, 1, 2, 9 };

    (void)state;
    assert_int_equal(judge_median10(odd, 3), 50);
    assert_int_equal(judge_median10(even, 4), 30);
    assert_int_equal(judge_median10(odd, 0), 0);
}

/* ---- a population ---- */

static uint64_t seed = 20261123;
static uint32_t below(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return n > 0 ? (uint32_t)(seed >> 33) % n : 0;
}
static bool chance(uint32_t percent)
{
    return below(100) < percent;
}

enum kind { MOVED, USUAL, ON_HOLIDAY, HOLIDAY_MACHINE_ON, SICK_PHONE, QUIETER, WANDERER, NEW_WORK, KINDS };
static const char *const kind_names[KINDS] = {
    "moved off the channel", "as ever",        "on holiday",    "on holiday, machine on",
    "ill, reads at times",   "a quieter week", "uneven writers",
                                               "new work without the channel"
};
static const unsigned kind_percent[KINDS] = { 1, 69, 8, 4, 3, 8, 6, 1 };

/* A day of work as such a person has it; `wild`: how far days differ, in percent of the usual. */
static uint32_t about(uint32_t usual, uint32_t wild)
{
    const uint32_t span = usual * wild / 100;
    return usual > span ? usual - span + below(2 * span + 1) : below(usual + span + 1);
}

static void live(enum kind kind, struct judge_case *c)
{
    const uint32_t usual = 3 + below(80), wild = kind == WANDERER ? 95 : 20 + below(40),
                   phone = chance(45) ? 4 + below(40) : 0, holiday = below(30);

    *c = (struct judge_case){
        .before_count = 40, .now_count = JUDGE_WINDOW, .peers = 850 + (int)below(300), .public_known = true
    };
    for (unsigned i = 0; i < 40; i++) {
        const bool away =
            i / 10 == holiday / 10 && holiday < 20 && i % 10 < 8; /* a holiday of theirs before, some have */
        c->before[i] = public_day(away || chance(8) ? 0 : about(phone, 50), 0, 0);
        c->before[i].approved = away || chance(5) ? 0 : about(usual, wild);
    }
    for (unsigned i = 0; i < JUDGE_WINDOW; i++) {
        uint32_t approved = chance(5) ? 0 : about(usual, wild), public = about(phone, 50);
        if (kind == MOVED) {
            approved = chance(80) ? 0 : below(usual / 6 + 1);
            public = (phone > 0 ? phone : 8) + about(20, 50);
        } else if (kind == ON_HOLIDAY) {
            approved = public = 0;
        } else if (kind == HOLIDAY_MACHINE_ON) {
            approved = 0;
            public = phone / 5 + below(2);
        } else if (kind == SICK_PHONE) {
            approved = 0;
            public = i < 2 ? public : 0;
        } else if (kind == NEW_WORK) { /* nobody could tell that from moving, but for public IM as ever */
            approved = 0;
        } else if (kind == QUIETER) {
            approved = approved * (30 + below(40)) / 100;
        }
        c->now[i] = public_day(public, 0, 0);
        c->now[i].approved = approved;
    }
}

static void test_precision_in_a_population(void **state)
{
    enum { PEOPLE = 100000 };
    unsigned raised[KINDS] = { 0 }, there[KINDS] = { 0 }, all = 0, right = 0, strong = 0, strong_right = 0,
             able = 0, found = 0;

    (void)state;
    for (unsigned i = 0; i < PEOPLE; i++) {
        uint32_t dice = below(100);
        enum kind kind = MOVED;
        struct judge_finding f;
        struct judge_case c;
        while (dice >= kind_percent[kind])
            dice -= kind_percent[kind++];
        live(kind, &c);
        signal_judge(&c, &f);
        const bool is = f.verdict == JUDGE_SIGNAL;
        there[kind]++;
        raised[kind] += is;
        all += is;
        right += is && kind == MOVED;
        strong += is && f.level == 1;
        strong_right += is && f.level == 1 && kind == MOVED;
        able += kind == MOVED && f.verdict != JUDGE_NO_HABIT;
        found += is && kind == MOVED;
    }
    for (unsigned k = 0; k < KINDS; k++)
        print_message("%-30s %6u people, %4u signals\n", kind_names[k], there[k], raised[k]);
    print_message("precision %.1f %% (strong: %.1f %% of %u), recall %.1f %% of those with a habit\n",
                  100.0 * right / all, 100.0 * strong_right / strong, strong, 100.0 * found / able);
    assert_true(right * 100 >= all * 60);
    assert_true(strong_right * 100 >= strong * 90);
    assert_true(found * 100 >= able * 85);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_of_cases),
        cmocka_unit_test(test_figures_are_told_as_they_are),
        cmocka_unit_test(test_a_signal_goes_on_until_they_write_again),
        cmocka_unit_test(test_medians),
        cmocka_unit_test(test_precision_in_a_population),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
