/* SPDX-License-Identifier: Apache-2.0 */
/* What a log line looks like, whatever its facts are. */
#include "../test.h"
#include "base/log.h"
#include <stdlib.h>
#include <unistd.h>

/* Log this fact, and give back what came out on standard error. */
static void said(const char *key, const char *fact, char *out, size_t size)
{
    int ends[2], before = dup(STDERR_FILENO);

    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    log_warning(key, "name=%s", fact);
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
    said("forged", "a\nimward: stopped: all is well\033[2J", line, sizeof line);
    assert_string_equal(line, "imward: forged: name=a?imward: stopped: all is well?[2J\n");
    said("umlaut", "Zürich", line, sizeof line);
    assert_string_equal(line, "imward: umlaut: name=Zürich\n");
}

int main(void)
{
    unsetenv("JOURNAL_STREAM");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fact_cannot_begin_a_line_of_its_own_or_speak_to_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
