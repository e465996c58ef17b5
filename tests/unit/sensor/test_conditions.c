/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: told when they begin and when they are over, once each. What is logged is read back from a pipe
 * in the place of standard error. */
#include "sensor/conditions.h"
#include "test.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The log of some calls. */
struct listening {
    int ends[2], kept;
    char text[4096];
};

static void listen_begin(struct listening *l)
{
    assert_int_equal(pipe(l->ends), 0);
    l->kept = dup(STDERR_FILENO);
    assert_true(dup2(l->ends[1], STDERR_FILENO) >= 0);
}

static const char *listen_end(struct listening *l)
{
    dup2(l->kept, STDERR_FILENO);
    close(l->kept);
    close(l->ends[1]);
    ssize_t n = read(l->ends[0], l->text, sizeof l->text - 1);
    close(l->ends[0]);
    l->text[n > 0 ? n : 0] = '\0';
    return l->text;
}

static void test_a_condition_is_told_twice_however_long_it_lasts(void **state)
{
    struct conditions c = { 0 };
    struct sensor_status *s = calloc(1, sizeof *s);
    struct listening l;
    uint64_t second = 100;

    (void)state;
    assert_int_equal(conditions_check(&c, s, second++), 0);
    listen_begin(&l);
    s->live.dropped = 7;
    assert_int_equal(conditions_check(&c, s, second++), 1);
    for (unsigned i = 0; i < 50; i++) {
        s->live.dropped += 10;
        assert_int_equal(conditions_check(&c, s, second++), 1);
    }
    const char *said = listen_end(&l);
    assert_string_equal(strstr(said, "kernel_drops: "), said + strlen("imward: "));
    assert_non_null(strstr(said, "packets=7 in a second"));
    assert_null(strchr(strchr(said, '\n') + 1, '\n')); /* one line */
    usleep(1100000);                                   /* the log takes one line a second for a key */
    listen_begin(&l);
    for (unsigned i = 1; i < CONDITION_QUIET_S; i++)
        assert_int_equal(conditions_check(&c, s, second++), 1);
    assert_int_equal(conditions_check(&c, s, second++), 0);
    said = listen_end(&l);
    assert_non_null(strstr(said, "over after seconds=51; packets=507 meanwhile"));
    free(s);
}

static void test_what_stays_under_the_limit_is_not_told(void **state)
{
    struct conditions c = { 0 };
    struct sensor_status *s = calloc(1, sizeof *s);
    struct listening l;

    (void)state;
    listen_begin(&l);
    for (uint64_t second = 0; second < 100; second++) {
        s->counters.n[COUNT_FRAGMENTS_DROPPED] += 99;
        assert_int_equal(conditions_check(&c, s, second), 0);
    }
    assert_string_equal(listen_end(&l), "");
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_condition_is_told_twice_however_long_it_lasts),
        cmocka_unit_test(test_what_stays_under_the_limit_is_not_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
