/* SPDX-License-Identifier: Apache-2.0 */
/* The writer as a whole: order, counts, the end of a catalog, and what is left when it is killed. */
#include "sensor_events.h"
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

enum { WORKERS = 3, EVENTS = 5000 };

static struct event_writer *start(const char *spec, unsigned workers)
{
    struct event_writer_config config = { .workers = workers, .outputs = &spec, .output_count = 1 };
    struct imw_error_info err = { 0 };
    struct event_writer *w;

    if (!event_writer_new(&config, &w, &err) || !event_writer_start(w, &err))
        fail_msg("%s: %s", err.file, err.text);
    return w;
}

struct worker {
    struct event_writer *w;
    const struct catalog *c;
    unsigned number;
    pthread_t thread;
};

static void *work(void *context)
{
    const struct worker *k = context;

    for (uint64_t n = 1; n <= EVENTS; n++)
        put_flow_surely(k->w, k->number, n, k->c);
    return NULL;
}

static void test_every_event_is_written_in_its_workers_order(void **state)
{
    struct place p = place_new();
    struct catalog *c = rig_catalog();
    struct event_writer *w = start(p.spec, WORKERS);
    struct worker workers[WORKERS];
    struct event_writer_status status;
    uint64_t last[WORKERS] = { 0 };
    char line[8192];

    (void)state;
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){ .w = w, .c = c, .number = i };
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_join(workers[i].thread, NULL);
    event_writer_stop(w);
    FILE *f = fopen(p.path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        const char *id = strstr(line, "\"flow_id\":");
        assert_non_null(id);
        uint64_t n = strtoull(id + 10, NULL, 10), worker = n >> 32;
        assert_true(worker < WORKERS);
        assert_int_equal(n & 0xffffffff, ++last[worker]);
    }
    fclose(f);
    for (unsigned i = 0; i < WORKERS; i++)
        assert_int_equal(last[i], EVENTS);
    event_writer_status(w, &status);
    assert_int_equal(status.written, WORKERS * EVENTS);
    assert_int_equal(status.outputs[0].written, WORKERS * EVENTS);
    assert_int_equal(status.outputs[0].lost, 0);
    assert_true(status.outputs[0].up);
    assert_string_equal(status.outputs[0].name, p.spec);
    assert_int_equal(status.service_count, 1);
    assert_string_equal(status.services[0].slug, "chat");
    assert_int_equal(status.services[0].flows, WORKERS * EVENTS);
    assert_int_equal(status.services[0].bytes, 300 * WORKERS * EVENTS);
    assert_int_equal(status.services[0].alerted, WORKERS * EVENTS);
    event_writer_free(w);
    catalog_close(c);
    place_remove(&p);
}

static void test_a_catalog_may_go_once_its_events_are_drained(void **state)
{
    struct place p = place_new();
    struct event_writer *w = start(p.spec, 1);
    unsigned rest;

    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        struct catalog *c = rig_catalog();
        for (uint64_t n = 1; n <= 50; n++)
            assert_true(put_flow(w, 0, n, c, "block"));
        assert_true(event_writer_drained(w, 5000));
        catalog_close(c); /* AddressSanitizer tells when it is still read */
    }
    event_writer_stop(w);
    assert_int_equal(lines_of(p.path, &rest), 1000);
    event_writer_free(w);
    place_remove(&p);
}

static void test_without_its_thread_a_ring_fills_and_new_events_are_counted_as_lost(void **state)
{
    struct place p = place_new();
    struct catalog *c = rig_catalog();
    const char *spec = p.spec;
    struct event_writer_config config = { .workers = 1, .ring_mib = 1, .outputs = &spec, .output_count = 1 };
    struct event_writer_status status;
    struct imw_error_info err = { 0 };
    struct event_writer *w;
    unsigned put = 0, rest;

    (void)state;
    assert_true(event_writer_new(&config, &w, &err));
    while (put_flow(w, 0, put + 1, c, "allow"))
        put++;
    assert_false(put_flow(w, 0, 1, c, "allow"));
    event_writer_status(w, &status);
    assert_int_equal(status.lost, 2);
    assert_false(event_writer_drained(w, 10));
    assert_true(event_writer_start(w, &err));
    event_writer_stop(w);
    event_writer_status(w, &status);
    assert_int_equal(status.written, put);
    assert_int_equal(lines_of(p.path, &rest), put);
    event_writer_free(w);
    catalog_close(c);
    place_remove(&p);
}

static void test_counters_and_activities_are_events_too(void **state)
{
    struct place p = place_new();
    struct catalog *c = rig_catalog();
    struct event_writer *w = start(p.spec, 1);
    struct counters counters = { .n = { 42 } };
    struct im_detail d = { .account = VIEW("anna"),
                           .file = VIEW("x.pdf"),
                           .text = VIEW("SECRET"),
                           .display = VIEW("Anna A."),
                           .sent_us = 1700000000000000,
                           .again = true };
    struct flow flow = { .service = 1, .key = { .l4 = L4_TCP } };
    struct activity_event a = {
        .flow = &flow, .catalog = c, .activity = ACTIVITY_CHAT, .detail = &d, .plain = "SECRET"
    };
    char text[8192];

    (void)state;
    assert_true(event_put_stats(w, &counters, 1700000000000000));
    assert_true(event_put_activity(w, 0, &a));
    event_writer_stop(w);
    FILE *f = fopen(p.path, "re");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    assert_non_null(strstr(text, "\"event_type\":\"stats\""));
    assert_non_null(strstr(text, "\"frames\":42,"));
    assert_non_null(strstr(text, "\"account\":\"anna\",\"display\":\"Anna A.\",\"file\":\"x.pdf\","
                                 "\"sent\":\"2023-11-14T22:13:20.000000+0000\",\"again\":true}}"));
    assert_null(strstr(text, "SECRET"));
    event_writer_free(w);
    catalog_close(c);
    place_remove(&p);
}

/* What docs/output.md promises: whole lines, and nothing lost that is older than a second. */
static void test_a_killed_process_leaves_whole_lines_and_loses_a_bounded_part(void **state)
{
    struct place p = place_new();
    unsigned rest, put_before_last_second, lines;
    int pipe_fds[2];

    (void)state;
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t child = fork();
    if (child == 0) {
        struct catalog *c = rig_catalog();
        struct event_writer *w = start(p.spec, 1);
        for (unsigned n = 1;; n++) {
            put_flow_surely(w, 0, n, c);
            if (n % 64 == 0 && write(pipe_fds[1], &n, sizeof n) < 0)
                _exit(1);
            usleep(100);
        }
    }
    close(pipe_fds[1]);
    put_before_last_second = 0;
    for (unsigned n = 0; n < 3000; put_before_last_second = n)
        assert_int_equal(read(pipe_fds[0], &n, sizeof n), sizeof n);
    usleep(1000000); /* the child goes on meanwhile: a pipe of 64 KiB has room */
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(pipe_fds[0]);
    lines = lines_of(p.path, &rest);
    assert_true(lines >= put_before_last_second);
    assert_true(rest < EVE_LINE_BYTES);
    /* The next start begins on a new line, whatever was left. */
    int fd = open(p.path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "{\"timestamp\":\"20", 16), 16);
    close(fd);
    struct catalog *c = rig_catalog();
    struct event_writer *w = start(p.spec, 1);
    put_flow_surely(w, 0, 1, c);
    event_writer_stop(w);
    event_writer_free(w);
    assert_int_equal(lines_of(p.path, &rest), lines + 1);
    assert_int_equal(rest, 0);
    catalog_close(c);
    place_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_event_is_written_in_its_workers_order),
        cmocka_unit_test(test_a_catalog_may_go_once_its_events_are_drained),
        cmocka_unit_test(test_without_its_thread_a_ring_fills_and_new_events_are_counted_as_lost),
        cmocka_unit_test(test_counters_and_activities_are_events_too),
        cmocka_unit_test(test_a_killed_process_leaves_whole_lines_and_loses_a_bounded_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
