/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor link's frames, and its output: specifications that are wrong, and a server that is hostile. */
#include "../test.h"
#include "event/collector_wire.h"
#include "event/output.h"
#include <stdlib.h>
#include <zstd.h>

static size_t batch(uint8_t *out, uint64_t number, uint32_t lines, const char *text, size_t plain)
{
    size_t n = ZSTD_compress(out + COLLECTOR_BATCH_HEAD_BYTES, 4096, text, strlen(text), 1);

    assert_false(ZSTD_isError(n));
    collector_batch_head(out, number, lines, (uint32_t)plain, n);
    return COLLECTOR_BATCH_HEAD_BYTES + n;
}

static void test_every_frame_is_read_as_it_was_written_and_never_from_less(void **state)
{
    const struct collector_frame frames[] = {
        { .type = COLLECTOR_HELLO, .version = 1, .name = VIEW("sensor-1"), .software = VIEW("imward 0.2") },
        { .type = COLLECTOR_STATUS, .lost = 5, .waiting = 1ull << 40 },
        { .type = COLLECTOR_WELCOME, .version = 1, .number = 0 },
        { .type = COLLECTOR_ACK, .number = INT64_MAX },
        { .type = COLLECTOR_REFUSED, .why = VIEW("revoked") },
    };
    uint8_t out[COLLECTOR_REPLY_BYTES + 1];

    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        bool from_sensor = frames[i].type < COLLECTOR_WELCOME;
        size_t n = collector_frame_write(&frames[i], out), used = 0;
        struct collector_frame f;
        for (size_t part = 0; part < n; part++)
            assert_int_equal(collector_frame_parse(view_of(out, part), from_sensor, &f, &used), WIRE_MORE);
        assert_int_equal(collector_frame_parse(view_of(out, n), from_sensor, &f, &used), WIRE_FRAME);
        assert_int_equal(used, n);
        assert_int_equal(f.type, frames[i].type);
        assert_true(f.number == frames[i].number && f.lost == frames[i].lost &&
                    f.waiting == frames[i].waiting);
        assert_true(view_equal(f.name, view_of(frames[i].name.at, frames[i].name.len)));
        assert_true(view_equal(f.why, view_of(frames[i].why.at, frames[i].why.len)));
        assert_int_equal(collector_frame_parse(view_of(out, n), !from_sensor, &f, &used), WIRE_BAD);
        out[3]++; /* one octet more than the body has */
        if (frames[i].type != COLLECTOR_REFUSED)
            assert_int_equal(collector_frame_parse(view_of(out, n + 1), from_sensor, &f, &used), WIRE_BAD);
    }
}

static void test_a_batch_that_lies_about_itself_is_none(void **state)
{
    static const char lines[] = "{\"a\":1}\n{\"b\":2}\n";
    static uint8_t out[8192];
    uint8_t plain[64];
    struct collector_frame f;
    struct view got;
    size_t used;

    (void)state;
    size_t n = batch(out, 7, 2, lines, sizeof lines - 1);
    assert_int_equal(collector_frame_parse(view_of(out, n), true, &f, &used), WIRE_FRAME);
    assert_true(f.number == 7 && collector_unpack(&f, plain, &got));
    assert_true(view_equal(got, view_of(lines, sizeof lines - 1)));

    const struct {
        uint32_t lines;
        const char *text;
        size_t plain;
    } wrong[] = {
        { 3, lines, 16 }, { 1, lines, 16 }, { 2, lines, 15 }, { 2, lines, 64 }, { 1, "no end", 6 }
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        n = batch(out, 7, wrong[i].lines, wrong[i].text, wrong[i].plain);
        assert_int_equal(collector_frame_parse(view_of(out, n), true, &f, &used), WIRE_FRAME);
        assert_false(collector_unpack(&f, plain, &got));
    }
    for (size_t cut = COLLECTOR_BATCH_HEAD_BYTES + 1; cut < n; cut++) { /* packed octets that end early */
        collector_batch_head(out, 7, 1, 6, cut - COLLECTOR_BATCH_HEAD_BYTES);
        assert_int_equal(collector_frame_parse(view_of(out, cut), true, &f, &used), WIRE_FRAME);
        assert_false(collector_unpack(&f, plain, &got));
    }
    n = batch(out, 0, 2, lines, 16); /* there is no batch 0 */
    assert_int_equal(collector_frame_parse(view_of(out, n), true, &f, &used), WIRE_BAD);
    n = batch(out, 1, 2, lines, COLLECTOR_PLAIN_BYTES + 1);
    assert_int_equal(collector_frame_parse(view_of(out, n), true, &f, &used), WIRE_BAD);
    collector_batch_head(out, 1, 1, 16, COLLECTOR_FRAME_BYTES); /* it would not fit into any buffer */
    assert_int_equal(collector_frame_parse(view_of(out, COLLECTOR_HEAD_BYTES), true, &f, &used), WIRE_BAD);
}

static void test_specifications_that_are_wrong_say_what_is_wanted(void **state)
{
    static const char *const wrong[][2] = {
        { "collector:", "host" },
        { "collector:console", "bundle=" },
        { "collector:console,bundle=", "no option" },
        { "collector:console:99999,bundle=/x", "1 to 65535" },
        { "collector:console,bundle=/x,keep=1K", "keep=" },
        { "collector:console,bundle=/x,kept=1M", "no option" },
        { "collector:console,bundle=/nowhere/at/all.pem", "imward sensor add" },
    };
    const struct event_writer_config config = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct imw_error_info err = { 0 };
        struct output *o;
        assert_false(output_new(wrong[i][0], &config, &o, &err));
        if (strstr(err.text, wrong[i][1]) == NULL)
            fail_msg("%s: %s", wrong[i][0], err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_frame_is_read_as_it_was_written_and_never_from_less),
        cmocka_unit_test(test_a_batch_that_lies_about_itself_is_none),
        cmocka_unit_test(test_specifications_that_are_wrong_say_what_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
