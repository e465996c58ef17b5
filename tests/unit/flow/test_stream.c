/* SPDX-License-Identifier: Apache-2.0 */
/* TCP streams: order, holes, copies that differ, limits; and random streams against a plain model. */
#include "flow/flow.h"
#include "test.h"
#include <stdlib.h>

/* What a stream gave: bytes in order, a '#' for each stretch that was lost. */
struct given {
    char text[4096];
    struct text out;
    uint64_t lost;
};

static struct counters counters;

static void take(void *context, struct view data, uint64_t lost)
{
    struct given *g = context;

    assert_true(data.len > 0);
    if (lost > 0)
        text_char(&g->out, '#');
    g->lost += lost;
    text_add(&g->out, data);
}

static void begin(struct given *g)
{
    memset(g, 0, sizeof *g);
    g->out = TEXT(g->text);
    memset(&counters, 0, sizeof counters);
}

static struct stream_pool *pool(uint32_t early_bytes, uint32_t early_segments, size_t total, uint32_t window)
{
    struct stream_limits limits = { .max_streams = 4,
                                    .early_bytes = early_bytes,
                                    .early_segments = early_segments,
                                    .early_bytes_total = total,
                                    .window_bytes = window };
    struct imw_error_info err;
    struct stream_pool *p = stream_pool_new(&limits, &counters, &err);

    assert_non_null(p);
    return p;
}

static struct stream_pool *roomy(void)
{
    return pool(65536, 64, 1 << 20, 1024);
}

static bool push(struct stream_pool *p, uint32_t st, struct given *g, uint32_t seq, const char *text,
                 uint8_t flags)
{
    struct stream_segment s = { seq, flags, (uint32_t)strlen(text), view_string(text) };

    return stream_push(p, st, &s, take, g);
}

static enum stream_answer answer_to(struct stream_pool *p, uint32_t st, struct given *g, uint32_t seq,
                                    const char *text)
{
    struct stream_segment s = { seq, TCP_ACK, (uint32_t)strlen(text), view_string(text) };

    return stream_push(p, st, &s, take, g);
}

static void test_strict_streams_refuse_what_they_cannot_read_or_compare(void **state)
{
    struct stream_limits limits = { .max_streams = 1,
                                    .early_bytes = 100,
                                    .early_segments = 2,
                                    .early_bytes_total = 1 << 20,
                                    .window_bytes = 64,
                                    .strict = true };
    struct imw_error_info err;
    struct stream_pool *p = stream_pool_new(&limits, &counters, &err);
    uint32_t st = stream_get(p);
    struct given g;

    (void)state;
    begin(&g);
    stream_guard(p, st);
    assert_false(push(p, st, &g, 99, "", TCP_SYN));
    /* No room: the hole is not given up. */
    assert_int_equal(answer_to(p, st, &g, 110, "k"), STREAM_TAKEN);
    assert_int_equal(answer_to(p, st, &g, 112, "m"), STREAM_TAKEN);
    assert_int_equal(answer_to(p, st, &g, 114, "o"), STREAM_REFUSED);
    assert_int_equal(answer_to(p, st, &g, 100, "abcdefghij"), STREAM_TAKEN);
    assert_string_equal(g.text, "abcdefghijk");
    /* Like a keep-alive, but nobody has acknowledged that byte. */
    assert_int_equal(answer_to(p, st, &g, 110, "X"), STREAM_DIFFERS);
    stream_acked(p, st, 111, take, &g);
    assert_int_equal(answer_to(p, st, &g, 110, "X"), STREAM_TAKEN);
    /* More than could be compared later. */
    assert_int_equal(answer_to(p, st, &g, 175, "z"), STREAM_REFUSED);
    assert_int_equal(answer_to(p, st, &g, 111, "l"), STREAM_TAKEN);
    assert_string_equal(g.text, "abcdefghijklm");
    /* Sealed: only what was read is compared, and not before it is acknowledged may it be forgotten. */
    stream_seal(p, st);
    assert_false(stream_is_taken(p, st));
    assert_int_equal(answer_to(p, st, &g, 111, "LM"), STREAM_DIFFERS);
    assert_int_equal(answer_to(p, st, &g, 900, "anything"), STREAM_TAKEN);
    stream_acked(p, st, 113, take, &g);
    assert_true(stream_is_taken(p, st));
    assert_string_equal(g.text, "abcdefghijklm");
    stream_put(p, st);
    stream_pool_free(p);
}

static void test_segments_in_order_are_given_in_place(void **state)
{
    struct stream_pool *p = roomy();
    uint32_t st = stream_get(p);
    struct given g;

    (void)state;
    begin(&g);
    assert_false(push(p, st, &g, 99, "", TCP_SYN));
    assert_false(push(p, st, &g, 100, "hello ", TCP_ACK));
    assert_false(push(p, st, &g, 106, "world", TCP_ACK | TCP_FIN));
    assert_string_equal(g.text, "hello world");
    assert_int_equal(counters.n[COUNT_STREAM_OUT_OF_ORDER], 0);
    stream_put(p, st);
    stream_pool_free(p);
}

static void test_syn_with_data_and_its_retransmission(void **state)
{
    struct stream_pool *p = roomy();
    uint32_t st = stream_get(p);
    struct given g;

    (void)state;
    begin(&g);
    push(p, st, &g, 0xffffffff, "early", TCP_SYN);
    push(p, st, &g, 0xffffffff, "", TCP_SYN);
    push(p, st, &g, 0xffffffff, "early", TCP_SYN);
    push(p, st, &g, 5, " data", TCP_ACK);
    assert_string_equal(g.text, "early data");
    stream_pool_free(p);
}

static void test_a_stream_may_begin_in_its_middle(void **state)
{
    struct stream_pool *p = roomy();
    uint32_t st = stream_get(p);
    struct given g;

    (void)state;
    begin(&g);
    push(p, st, &g, 4999, "", TCP_ACK); /* a keep-alive or a pure ACK does not start it */
    push(p, st, &g, 5000, "middle", TCP_ACK);
    push(p, st, &g, 4990, "beginning.", TCP_ACK);
    push(p, st, &g, 5006, " end", TCP_ACK);
    assert_string_equal(g.text, "middle end");
    assert_int_equal(g.lost, 0);
    stream_pool_free(p);
}

static void test_early_segments_wait_across_the_wrap_of_sequence_numbers(void **state)
{
    struct stream_pool *p = roomy();
    uint32_t st = stream_get(p);
    struct given g;

    (void)state;
    begin(&g);
    push(p, st, &g, 0xfffffff0, "", TCP_SYN);
    push(p, st, &g, 0x00000001, "0123456789", TCP_ACK);
    push(p, st, &g, 0xfffffff9, "ijklmnop", TCP_ACK);
    assert_string_equal(g.text, "");
    push(p, st, &g, 0xfffffff1, "abcdefgh", TCP_ACK);
    assert_string_equal(g.text, "abcdefghijklmnop0123456789");
    assert_int_equal(counters.n[COUNT_STREAM_OUT_OF_ORDER], 2);
    stream_pool_free(p);
}

static void test_of_two_copies_the_first_counts_and_the_difference_is_told(void **state)
{
    struct stream_pool *p = roomy();
    uint32_t st = stream_get(p);
    struct given g;

    (void)state;
    begin(&g);
    push(p, st, &g, 10, "", TCP_SYN);
    assert_false(push(p, st, &g, 15, "EARLY", TCP_ACK));
    assert_true(push(p, st, &g, 13, "xxearly!", TCP_ACK)); /* differs from the kept bytes */
    assert_false(push(p, st, &g, 11, "ab", TCP_ACK));
    assert_string_equal(g.text, "abxxEARLY!");
    assert_false(push(p, st, &g, 11, "abxx", TCP_ACK)); /* the same again */
    assert_true(push(p, st, &g, 13, "yy", TCP_ACK));    /* differs from delivered bytes */
    assert_true(push(p, st, &g, 20, "?next", TCP_ACK)); /* differs, and goes on */
    assert_string_equal(g.text, "abxxEARLY!next");
    assert_int_equal(counters.n[COUNT_STREAM_CONFLICT], 3);
    stream_pool_free(p);
}

static void test_copies_are_compared_in_the_window_only(void **state)
{
    struct stream_pool *p = pool(4096, 8, 65536, 64);
    uint32_t st = stream_get(p);
    struct given g;
    char block[201];

    (void)state;
    begin(&g);
    memset(block, 'a', 200);
    block[200] = '\0';
    push(p, st, &g, 1000, block, TCP_ACK);
    assert_false(push(p, st, &g, 1000, "b", TCP_ACK)); /* long gone */
    assert_false(push(p, st, &g, 1135, "b", TCP_ACK));
    assert_true(push(p, st, &g, 1136, "b", TCP_ACK)); /* the oldest of the last 64 */
    assert_true(push(p, st, &g, 1190, "aaaaaaaaab", TCP_ACK));
    block[150] = 'c';
    assert_true(push(p, st, &g, 1000, block, TCP_ACK)); /* the ring wraps inside it */
    stream_pool_free(p);
}

static void test_keep_alives_are_no_conflict(void **state)
{
    struct stream_pool *p = roomy();
    uint32_t st = stream_get(p);
    struct given g;

    (void)state;
    begin(&g);
    push(p, st, &g, 10, "", TCP_SYN);
    push(p, st, &g, 11, "abc", TCP_ACK);
    assert_false(push(p, st, &g, 13, "", TCP_ACK));
    assert_false(push(p, st, &g, 13, "?", TCP_ACK));
    push(p, st, &g, 14, "def", TCP_ACK);
    assert_string_equal(g.text, "abcdef");
    assert_int_equal(counters.n[COUNT_STREAM_CONFLICT], 0);
    stream_pool_free(p);
}

static void test_what_the_capture_cut_off_is_lost_at_once(void **state)
{
    struct stream_pool *p = roomy();
    uint32_t st = stream_get(p);
    struct given g;

    (void)state;
    begin(&g);
    stream_push(p, st, &(struct stream_segment){ 100, TCP_ACK, 10, VIEW("abc") }, take, &g);
    push(p, st, &g, 110, "def", TCP_ACK);
    assert_string_equal(g.text, "abc#def");
    assert_int_equal(g.lost, 7);
    /* the same for one that came early */
    stream_push(p, st, &(struct stream_segment){ 116, TCP_ACK, 2000, VIEW("jkl") }, take, &g);
    push(p, st, &g, 2116, "mno", TCP_ACK);
    push(p, st, &g, 113, "ghi", TCP_ACK);
    assert_string_equal(g.text, "abc#defghijkl#mno");
    assert_int_equal(g.lost, 7 + 1997);
    stream_pool_free(p);
}

static void test_wild_sequence_numbers_are_dropped_and_counted(void **state)
{
    struct stream_pool *p = roomy();
    uint32_t st = stream_get(p);
    struct given g;

    (void)state;
    begin(&g);
    push(p, st, &g, 0, "", TCP_SYN);
    push(p, st, &g, 1, "a", TCP_ACK);
    push(p, st, &g, 0x70000000, "far", TCP_ACK);
    push(p, st, &g, 0x80000003, "far", TCP_ACK);
    push(p, st, &g, 2, "b", TCP_ACK);
    assert_string_equal(g.text, "ab");
    assert_int_equal(counters.n[COUNT_STREAM_DROPPED], 2);
    stream_flush(p, st, take, &g);
    assert_string_equal(g.text, "ab");
    stream_pool_free(p);
}

static void test_a_reset_carries_no_bytes(void **state)
{
    struct stream_pool *p = roomy();
    uint32_t st = stream_get(p);
    struct given g;

    (void)state;
    begin(&g);
    push(p, st, &g, 1, "a", TCP_ACK);
    push(p, st, &g, 2, "no such port", TCP_RST);
    push(p, st, &g, 2, "b", TCP_ACK);
    assert_string_equal(g.text, "ab");
    stream_pool_free(p);
}

static void test_the_first_hole_is_given_up_at_the_limit_of_segments(void **state)
{
    struct stream_pool *p = pool(4096, 2, 65536, 64);
    uint32_t st = stream_get(p);
    struct given g;

    (void)state;
    begin(&g);
    push(p, st, &g, 99, "", TCP_SYN);
    push(p, st, &g, 102, "c", TCP_ACK);
    push(p, st, &g, 104, "e", TCP_ACK);
    push(p, st, &g, 106, "g", TCP_ACK);
    assert_string_equal(g.text, "#c");
    push(p, st, &g, 100, "ab", TCP_ACK); /* too late */
    push(p, st, &g, 103, "d", TCP_ACK);
    assert_string_equal(g.text, "#cde");
    stream_flush(p, st, take, &g);
    assert_string_equal(g.text, "#cde#g");
    assert_int_equal(g.lost, 3);
    assert_int_equal(counters.n[COUNT_STREAM_GAPS], 2);
    assert_int_equal(counters.n[COUNT_STREAM_GAP_BYTES], 3);
    stream_pool_free(p);
}

static void test_an_early_segment_that_finds_no_room_is_given_over_its_hole(void **state)
{
    struct stream_pool *p = pool(4, 16, 65536, 64);
    uint32_t st = stream_get(p);
    struct given g;

    (void)state;
    begin(&g);
    push(p, st, &g, 99, "", TCP_SYN);
    push(p, st, &g, 110, "wxyz", TCP_ACK);
    push(p, st, &g, 103, "defgh", TCP_ACK); /* more than the limit, and before what is kept */
    assert_string_equal(g.text, "#defgh");
    assert_int_equal(g.lost, 3);
    stream_pool_free(p);
}

static void test_memory_of_all_streams_is_bounded_and_comes_back(void **state)
{
    struct stream_pool *p = pool(65536, 64, 2 * 1520, 64); /* two pieces in all */
    uint32_t a = stream_get(p), b = stream_get(p);
    struct given in_a, in_b;

    (void)state;
    begin(&in_b);
    begin(&in_a);
    push(p, a, &in_a, 1, "1", TCP_ACK);
    push(p, b, &in_b, 1, "1", TCP_ACK);
    push(p, a, &in_a, 3, "3", TCP_ACK);
    push(p, a, &in_a, 5, "5", TCP_ACK);
    push(p, b, &in_b, 3, "3", TCP_ACK); /* nothing left for it */
    assert_string_equal(in_b.text, "1#3");
    stream_put(p, a);
    push(p, b, &in_b, 5, "5", TCP_ACK);
    push(p, b, &in_b, 4, "4", TCP_ACK);
    assert_string_equal(in_b.text, "1#345");
    stream_pool_free(p);
}

static void test_an_acknowledged_hole_is_not_waited_for(void **state)
{
    struct stream_pool *p = roomy();
    uint32_t st = stream_get(p);
    struct given g;

    (void)state;
    begin(&g);
    push(p, st, &g, 1, "a", TCP_ACK);
    push(p, st, &g, 3, "c", TCP_ACK);
    push(p, st, &g, 5, "e", TCP_ACK);
    stream_acked(p, st, 2, take, &g);
    assert_string_equal(g.text, "a");
    stream_acked(p, st, 4, take, &g);
    assert_string_equal(g.text, "a#c");
    stream_acked(p, st, 6, take, &g);
    assert_string_equal(g.text, "a#c#e");
    stream_pool_free(p);
}

static void test_streams_are_limited_in_number(void **state)
{
    struct stream_pool *p = roomy();
    uint32_t st[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_not_equal(st[i] = stream_get(p), 0);
    assert_int_equal(stream_get(p), 0);
    stream_put(p, st[2]);
    assert_int_not_equal(stream_get(p), 0);
    stream_pool_free(p);
}

/* ---- random streams ---- */

enum { MODEL_BYTES = 20000 };

struct model {
    uint8_t sent[MODEL_BYTES];
    size_t at;
};

static void compare(void *context, struct view data, uint64_t lost)
{
    struct model *m = context;

    m->at += lost;
    assert_true(m->at + data.len <= MODEL_BYTES);
    assert_memory_equal(data.at, m->sent + m->at, data.len);
    m->at += data.len;
}

static uint32_t roll(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)*seed * below) >> 32);
}

/* Segments of random sizes, each within `shuffle` places of its turn, some twice, some overlapping. */
static void test_random_segments_give_the_bytes_that_were_sent(void **state)
{
    enum { SEGMENTS = 400 };
    static struct model m;
    struct stream_pool *p = pool(1 << 20, 4 * SEGMENTS, 8 << 20, 2048);

    (void)state;
    memset(&counters, 0, sizeof counters);
    for (uint32_t round = 1; round <= 60; round++) {
        uint32_t seed = round * 2654435761u, start = roll(&seed, UINT32_MAX), shuffle = round % 40;
        struct stream_segment segments[SEGMENTS];
        size_t n = 0;
        uint32_t st = stream_get(p);

        for (size_t i = 0; i < MODEL_BYTES; i++)
            m.sent[i] = (uint8_t)roll(&seed, 256);
        m.at = 0;
        for (size_t at = 0; at < MODEL_BYTES && n + 2 < SEGMENTS;) {
            size_t len = 1 + roll(&seed, n + 4 < SEGMENTS ? 200 : 0),
                   back = roll(&seed, 4) == 0 ? roll(&seed, 150) : 0;
            if (n + 4 >= SEGMENTS)
                len = MODEL_BYTES; /* the last one ends it */
            back = back < at ? back : at;
            struct view part = view_slice(view_of(m.sent, MODEL_BYTES), at - back, at + len);
            segments[n++] =
                (struct stream_segment){ start + (uint32_t)(at - back), TCP_ACK, (uint32_t)part.len, part };
            if (roll(&seed, 10) == 0) {
                segments[n] = segments[roll(&seed, (uint32_t)n)];
                n++;
            }
            at += len;
        }
        for (size_t i = 0; i < n && shuffle > 0; i++) {
            size_t j = i + roll(&seed, shuffle);
            struct stream_segment other = segments[i];
            if (j < n) {
                segments[i] = segments[j];
                segments[j] = other;
            }
        }
        stream_push(p, st, &(struct stream_segment){ start - 1, TCP_SYN, 0, VIEW("") }, compare, &m);
        for (size_t i = 0; i < n; i++)
            assert_false(stream_push(p, st, &segments[i], compare, &m));
        assert_int_equal(m.at, MODEL_BYTES);
        stream_put(p, st);
    }
    assert_int_equal(counters.n[COUNT_STREAM_CONFLICT], 0);
    assert_int_equal(counters.n[COUNT_STREAM_GAPS], 0);
    assert_true(counters.n[COUNT_STREAM_OUT_OF_ORDER] > 1000);
    assert_true(counters.n[COUNT_STREAM_RETRANSMITTED] > 100);
    stream_pool_free(p);
}

/* The same with a third of the segments missing and little room: what is given is right and in its place. */
static void test_random_losses_are_told_exactly(void **state)
{
    static struct model m;
    struct stream_pool *p = pool(2000, 8, 6 * 1520, 512);

    (void)state;
    memset(&counters, 0, sizeof counters);
    for (uint32_t round = 1; round <= 60; round++) {
        uint32_t seed = round * 40503u, start = roll(&seed, UINT32_MAX), st = stream_get(p);

        for (size_t i = 0; i < MODEL_BYTES; i++)
            m.sent[i] = (uint8_t)roll(&seed, 256);
        m.at = 0;
        stream_push(p, st, &(struct stream_segment){ start - 1, TCP_SYN, 0, VIEW("") }, compare, &m);
        for (size_t at = 0; at < MODEL_BYTES; at += 37) {
            size_t from = at > 900 ? at - roll(&seed, 900) : at;
            struct view part = view_slice(view_of(m.sent, MODEL_BYTES), from, from + 1 + roll(&seed, 60));
            struct stream_segment s = { start + (uint32_t)from, TCP_ACK, (uint32_t)part.len, part };
            if (roll(&seed, 8) == 0 && part.len > 4)
                s.data = view_slice(part, 0, 3);
            if (roll(&seed, 3) > 0)
                assert_false(stream_push(p, st, &s, compare, &m));
        }
        struct view last = view_from(view_of(m.sent, MODEL_BYTES), MODEL_BYTES - 5);
        stream_push(p, st, &(struct stream_segment){ start + MODEL_BYTES - 5, TCP_ACK, 5, last }, compare,
                    &m);
        stream_flush(p, st, compare, &m);
        assert_int_equal(m.at, MODEL_BYTES);
        stream_put(p, st);
    }
    assert_int_equal(counters.n[COUNT_STREAM_CONFLICT], 0);
    assert_true(counters.n[COUNT_STREAM_GAP_BYTES] > 1000);
    stream_pool_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_in_order_are_given_in_place),
        cmocka_unit_test(test_syn_with_data_and_its_retransmission),
        cmocka_unit_test(test_a_stream_may_begin_in_its_middle),
        cmocka_unit_test(test_early_segments_wait_across_the_wrap_of_sequence_numbers),
        cmocka_unit_test(test_of_two_copies_the_first_counts_and_the_difference_is_told),
        cmocka_unit_test(test_copies_are_compared_in_the_window_only),
        cmocka_unit_test(test_keep_alives_are_no_conflict),
        cmocka_unit_test(test_what_the_capture_cut_off_is_lost_at_once),
        cmocka_unit_test(test_wild_sequence_numbers_are_dropped_and_counted),
        cmocka_unit_test(test_a_reset_carries_no_bytes),
        cmocka_unit_test(test_the_first_hole_is_given_up_at_the_limit_of_segments),
        cmocka_unit_test(test_an_early_segment_that_finds_no_room_is_given_over_its_hole),
        cmocka_unit_test(test_memory_of_all_streams_is_bounded_and_comes_back),
        cmocka_unit_test(test_an_acknowledged_hole_is_not_waited_for),
        cmocka_unit_test(test_streams_are_limited_in_number),
        cmocka_unit_test(test_random_segments_give_the_bytes_that_were_sent),
        cmocka_unit_test(test_random_losses_are_told_exactly),
        cmocka_unit_test(test_strict_streams_refuse_what_they_cannot_read_or_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
