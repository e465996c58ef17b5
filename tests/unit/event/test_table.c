/* SPDX-License-Identifier: Apache-2.0 */
/* The table's parts on content, as a person reads them. */
#include "../identify/rig.h"
#include "event/event.h"
#include <pthread.h>
#include <stdlib.h>

static struct flow flow_of(void)
{
    const uint8_t client[4] = { 10, 0, 0, 1 }, server[4] = { 192, 0, 2, 1 };
    struct flow f = { .service = 1, .key = { .l4 = L4_TCP, .port = { 4000, 6667 } } };

    f.key.addr[0] = ip_from_v4(client);
    f.key.addr[1] = ip_from_v4(server);
    return f;
}

static char *printed(struct table *t, bool several)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    table_print(t, out, several);
    fclose(out);
    return text;
}

static void assert_printed(struct table *t, bool several, const char *expected)
{
    char *text = printed(t, several);

    assert_string_equal(text, expected);
    free(text);
}

static void add_message(struct table *t, const struct catalog *c, uint64_t time_us, const struct im_detail *d,
                        const char *plain)
{
    struct flow flow = flow_of();
    struct activity_event e = {
        .flow = &flow, .catalog = c, .time_us = time_us, .detail = d, .plain = plain
    };

    assert_true(table_add_message(t, &e));
}

static void test_an_empty_table_prints_nothing(void **state)
{
    struct table *t = table_new(false);

    (void)state;
    assert_printed(t, false, "");
    table_free(t);
}

static void test_messages_are_in_order_with_each_line_made_harmless(void **state)
{
    struct table *t = table_new(false);
    struct catalog *c = rig_catalog();
    const struct im_detail out = { .account = VIEW("anna"), .room = VIEW("#desk"), .outgoing = true }, in = {
        .account = VIEW("anna"), .peer = VIEW("bob"), .display = VIEW("Bob\x1b[2J")
    };

    (void)state;
    add_message(t, c, 1700000002000000, &in, "late");
    add_message(t, c, 1700000001000000, &out, "one\n\n  two\x1b[31m\xff\r\nthree\n");
    add_message(t, c, 1700000001000000, &in, NULL);
    assert_printed(t, false,
                   "\nMESSAGES\n"
                   "2023-11-14 22:13:21  chat  anna -> #desk\n"
                   "    one\n"
                   "    \n"
                   "      two?[31m??\n"
                   "    three\n"
                   "2023-11-14 22:13:21  chat  bob (Bob?[2J) -> anna\n"
                   "2023-11-14 22:13:22  chat  bob (Bob?[2J) -> anna\n"
                   "    late\n");
    assert_int_equal(table_rows(t), 0);
    catalog_close(c);
    table_free(t);
}

static void test_alerts_and_files_have_sections_of_their_own(void **state)
{
    static const uint8_t hash[SHA256_BYTES] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xff };
    struct table *t = table_new(false);
    struct known_who who = { .user = "a.person", .host = "pc-1" };
    struct flow flow = flow_of();
    struct scene scene = { .time_us = 1700000002000000, .flow = &flow, .client = &who, .file = "a.pcap" };
    struct alert a = { .severity = SEVERITY_HIGH,
                       .title = "worm",
                       .seen = "8 \x1b"
                               "buddies" };
    struct alert_event alert = { &scene, &a, 0, { .action = "alert", .rule = "default" } };
    struct scan_result scan = { .state = SCAN_INFECTED, .signature = "Eicar", .media_type = "text/plain" };
    struct carried_file f = { .name = VIEW("x.com"),
                              .from = VIEW("anna"),
                              .room = VIEW("#desk"),
                              .size = 68,
                              .sha256 = hash,
                              .whole = true };
    struct spool_facts facts = { 0 };
    struct leaked leaked = { .file = &f, .count = 2 };
    struct file_event file = { &scene, &f, &facts, NULL, NULL };

    (void)state;
    assert_true(table_add_alert(t, &alert));
    a.severity = SEVERITY_MEDIUM;
    a.title = "virus scanner away";
    a.seen = "no answer";
    scene.flow = NULL;
    scene.time_us -= 1000000;
    assert_true(table_add_alert(t, &alert));
    scene.flow = &flow;
    assert_true(table_add_file(t, &file));
    f.scan = &scan;
    f.name = VIEW("y\n.com");
    f.to = VIEW("bob");
    f.whole = false;
    facts.gap_count = 1;
    file.stored = "y";
    file.leaks = &leaked;
    assert_true(table_add_file(t, &file));
    scan = (struct scan_result){ .state = SCAN_NOT_SCANNED, .reason = SCAN_REASON_ENCRYPTED };
    f.sha256 = NULL;
    f.name = f.from = f.to = f.room = VIEW("");
    f.whole = true;
    facts = (struct spool_facts){ .conflict = true };
    scene.time_us++;
    assert_true(table_add_file(t, &file));
    assert_printed(
        t, true,
        "\nTIME                 SEVERITY  ALERT               WHO                     SEEN\n"
        "2023-11-14 22:13:21  medium    virus scanner away  -                       no answer a.pcap\n"
        "2023-11-14 22:13:22  high      worm                10.0.0.1 a.person pc-1  8 ?buddies a.pcap\n"
        "\nFILE    SIZE  TYPE        SCAN                    SHA256            FROM  TO     FLAGS\n"
        "x.com   68B   -           -                       0123456789abcdef  anna  #desk   a.pcap\n"
        "y?.com  68B   text/plain  infected: Eicar         0123456789abcdef  anna  bob    cut gaps stored leaks:2 "
        "a.pcap\n"
        "-       68B   -           not-scanned: encrypted  -                 -     -      injection? stored leaks:2 "
        "a.pcap\n");
    table_free(t);
}

static void test_colour_marks_what_is_bad(void **state)
{
    struct table *t = table_new(true);
    struct scene scene = { .time_us = 1700000002000000 };
    struct alert a = { .severity = SEVERITY_HIGH, .title = "worm", .seen = "seen" };
    struct alert_event alert = { &scene, &a, 0, { 0 } };
    struct scan_result scan = { .state = SCAN_INFECTED };
    struct spool_facts facts = { 0 };
    struct carried_file f = {
        .name = VIEW("x"), .from = VIEW("a"), .to = VIEW("b"), .scan = &scan, .whole = true
    };
    struct file_event file = { &scene, &f, &facts, NULL, NULL };

    (void)state;
    assert_true(table_add_alert(t, &alert));
    assert_true(table_add_file(t, &file));
    char *text = printed(t, false);
    assert_non_null(strstr(text, "\x1b[31mhigh    \x1b[0m"));
    assert_non_null(strstr(text, "\x1b[31minfected\x1b[0m"));
    free(text);
    table_free(t);
}

/* ---- several threads ---- */

enum { THREADS = 4, EACH = 500 };

static void *add_many(void *context)
{
    struct scene scene = { .time_us = 1 };
    struct alert a = { .severity = SEVERITY_LOW, .title = "t", .seen = "s" };
    struct alert_event alert = { &scene, &a, 0, { 0 } };

    for (unsigned i = 0; i < EACH; i++)
        if (!table_add_alert(context, &alert))
            return context;
    return NULL;
}

static void test_several_threads_may_add(void **state)
{
    struct table *t = table_new(false);
    pthread_t threads[THREADS];
    unsigned lines = 0;
    void *failed;

    (void)state;
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, t), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    char *text = printed(t, false);
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, 2 + THREADS * EACH);
    free(text);
    table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_table_prints_nothing),
        cmocka_unit_test(test_messages_are_in_order_with_each_line_made_harmless),
        cmocka_unit_test(test_alerts_and_files_have_sections_of_their_own),
        cmocka_unit_test(test_colour_marks_what_is_bad),
        cmocka_unit_test(test_several_threads_may_add),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
