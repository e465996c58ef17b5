/* SPDX-License-Identifier: Apache-2.0 */
/* What a log line looks like, whatever its facts are. */
#include "../test.h"
#include "base/log.h"
#include <stdlib.h>
#include <unistd.h>

/* Log this fact, and give back what came out on standard error. */
static void said(enum log_level level, const char *key, const char *fact, char *out, size_t size)
{
    int ends[2], before = dup(STDERR_FILENO);

    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    log_line(level, key, "name=%s", fact);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    close(ends[1]);
    close(before);
    ssize_t n = read(ends[0], out, size - 1);
    close(ends[0]);
    out[n > 0 ? n : 0] = '\0';
}

static void test_a_fact_cannot_begin_a_line_of_its_own_or_speak_to_the_terminal(void **state)
{
    char line[256];

    (void)state;
    said(LEVEL_WARNING, "forged", "a\nimward: stopped: all is well\033[2J", line, sizeof line);
    assert_string_equal(line, "imward: forged: name=a?imward: stopped: all is well?[2J\n");
    said(LEVEL_WARNING, "umlaut", "Zürich", line, sizeof line);
    assert_string_equal(line, "imward: umlaut: name=Zürich\n");
}

/* A server said "read anew" and, within the second, that what it read was broken: the latter was left out. */
static void test_a_more_urgent_line_of_a_key_does_not_wait_for_the_next_second(void **state)
{
    char line[256];

    (void)state;
    said(LEVEL_NOTICE, "urgent", "first", line, sizeof line);
    said(LEVEL_ERROR, "urgent", "worse", line, sizeof line);
    assert_string_equal(line, "imward: urgent: name=worse\n");
    unsigned shown = 0;
    for (int i = 0; i < 10; i++) { /* of those as urgent as the one before one a second */
        said(LEVEL_ERROR, "urgent", "worse", line, sizeof line);
        shown += line[0] != '\0';
    }
    assert_true(shown <= 1);
}

int main(void)
{
    unsetenv("JOURNAL_STREAM");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fact_cannot_begin_a_line_of_its_own_or_speak_to_the_terminal),
        cmocka_unit_test(test_a_more_urgent_line_of_a_key_does_not_wait_for_the_next_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
