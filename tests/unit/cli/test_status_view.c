/* SPDX-License-Identifier: Apache-2.0 */
/* The page of imward status: it fits every size, shows rates, and reddens what is lost. */
#include "cli/status_view.h"
#include "sensor/pretend.h"
#include "test.h"
#include <stdlib.h>

static char page[VIEW_BYTES];

static struct status_view *fresh(unsigned width, unsigned height)
{
    struct status_view *v = calloc(1, sizeof *v);
    struct pretend p = { .started_us = 1000000, .now_us = 61000000, .workers = 8, .services = 40 };
    struct sensor_status s;

    v->width = width;
    v->height = height;
    for (unsigned i = 0; i < 10; i++) {
        p.now_us += 1000000;
        pretend_status(&p, &s);
        status_view_take(v, &s);
    }
    return v;
}

static void drawn(const struct status_view *v)
{
    struct text t = text_over(page, sizeof page);
    status_view_draw(v, &t);
    assert_false(t.cut);
}

/* The longest line in characters, and the number of lines; codes of the terminal count nothing. */
static void measure(const char *at, unsigned *out_width, unsigned *out_lines)
{
    unsigned column = 0;

    *out_width = 0;
    *out_lines = 1;
    for (; *at != '\0'; at++) {
        if (*at == '\033') {
            at += strcspn(at, "mHKJ");
            column = *at == 'H' ? 0 : column; /* to the beginning of a line */
        } else if (*at == '\n') {
            column = 0;
            ++*out_lines;
        } else if (*at != '\r' && ((unsigned char)*at & 0xc0) != 0x80) {
            column++;
        }
        *out_width = column > *out_width ? column : *out_width;
    }
}

static void test_every_size_is_kept(void **state)
{
    (void)state;
    for (unsigned width = 1; width <= 200; width += width < 90 ? 1 : 13)
        for (unsigned height = 1; height <= 70; height += height < 30 ? 1 : 7)
            for (unsigned help = 0; help < 2; help++) {
                struct status_view *v = fresh(width, height);
                unsigned columns, lines;
                v->help = help == 1;
                v->utf8 = v->colour = width % 2 == 0;
                drawn(v);
                measure(page, &columns, &lines);
                if (columns > width || lines > height)
                    fail_msg("%ux%u has %u columns, %u lines", width, height, columns, lines);
                free(v);
            }
}

static void test_rates_are_those_of_the_last_second(void **state)
{
    struct status_view *v = fresh(100, 40);

    (void)state;
    drawn(v);
    assert_non_null(strstr(page, " packets/s    1.60 M")); /* 1,000,000 frames and 600,000 bypassed */
    assert_non_null(strstr(page, " events/s        900"));
    assert_non_null(strstr(page, " bypass          38%"));
    free(v);
    v = fresh(140, 40);
    drawn(v);
    assert_non_null(strstr(page,
                           " content      3.50 k  messages, 700 files, 2 infected, 3 not scanned; 4 leaks, "
                           "6 alerts; clamd up, signatures 1"));
    free(v);
}

static void test_once_shows_means_since_the_start_and_everything(void **state)
{
    struct pretend p = { .started_us = 1000000, .now_us = 61000000, .workers = 8, .services = 40 };
    struct status_view *v = calloc(1, sizeof *v);
    struct sensor_status s;

    (void)state;
    v->width = 200;
    pretend_status(&p, &s);
    status_view_take(v, &s);
    drawn(v);
    assert_null(strchr(page, '\033'));
    assert_non_null(strstr(page, " packets/s    1.60 M"));
    for (unsigned i = 0; i < s.events.service_count; i++)
        assert_non_null(strstr(page, s.events.services[i].slug));
    assert_non_null(strstr(page, "unix:/run/imward/"));
    free(v);
}

static void test_a_drop_is_red_only_while_it_happens(void **state)
{
    struct pretend p = { .started_us = 1000000, .now_us = 61000000, .workers = 1, .services = 1 };
    struct status_view *v = calloc(1, sizeof *v);
    struct sensor_status s;

    (void)state;
    v->width = 100;
    v->height = 40;
    v->colour = true;
    for (unsigned i = 0; i < 3; i++) {
        p.now_us += 1000000;
        pretend_status(&p, &s);
        s.live.dropped = i < 1 ? 0 : 50;
        status_view_take(v, &s);
        drawn(v);
        if (i > 0)
            assert_int_equal(strstr(page, "\033[1;31m kernel_ring") != NULL, i == 1);
    }
    free(v);
}

static void test_a_sensor_that_began_anew_begins_a_new_history(void **state)
{
    struct status_view *v = fresh(100, 40);
    struct pretend p = { .started_us = 90000000, .now_us = 91000000, .workers = 1, .services = 1 };
    struct sensor_status s;

    (void)state;
    assert_int_equal(v->history_count, 9);
    pretend_status(&p, &s);
    status_view_take(v, &s);
    assert_int_equal(v->history_count, 0);
    drawn(v);
    assert_non_null(strstr(page, " events/s        900"));
    free(v);
}

static void test_history_forgets_its_oldest(void **state)
{
    struct status_view *v = fresh(100, 40);
    struct pretend p = { .started_us = 1000000, .now_us = 100000000, .workers = 1, .services = 1 };
    struct sensor_status s;

    (void)state;
    for (unsigned i = 0; i < 2 * VIEW_HISTORY; i++) {
        p.now_us += 1000000;
        pretend_status(&p, &s);
        status_view_take(v, &s);
    }
    assert_int_equal(v->history_count, VIEW_HISTORY);
    free(v);
}

static void test_services_are_sorted_as_asked(void **state)
{
    struct status_view *v = fresh(100, 50);

    (void)state;
    drawn(v);
    assert_true(strstr(page, " whatsapp ") < strstr(page, " telegram "));
    v->sort = SORT_NAME;
    drawn(v);
    assert_true(strstr(page, " telegram ") == NULL || strstr(page, " discord ") < strstr(page, " telegram "));
    assert_non_null(strstr(page, "by name"));
    free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size_is_kept),
        cmocka_unit_test(test_rates_are_those_of_the_last_second),
        cmocka_unit_test(test_once_shows_means_since_the_start_and_everything),
        cmocka_unit_test(test_a_drop_is_red_only_while_it_happens),
        cmocka_unit_test(test_a_sensor_that_began_anew_begins_a_new_history),
        cmocka_unit_test(test_history_forgets_its_oldest),
        cmocka_unit_test(test_services_are_sorted_as_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
