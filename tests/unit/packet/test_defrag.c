/* SPDX-License-Identifier: Apache-2.0 */
/* Reassembly: order, repetition, overlap, limits and time. */
#include "frames.h"
#include "packet/packet.h"
#include "test.h"
#include <stdlib.h>

#define A "\x0a\x01\x02\x03"
#define B "\xc0\x00\x02\x09"
#define A6 "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0a"
#define B6 "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0b"

enum {
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    SECOND = 1000 * 1000,
    MORE = 0x2000,
};

static struct build whole, part;
static struct counters counters;
static struct packet packet;
static uint64_t now_us;

/* A UDP datagram of `len` bytes with its header, whose payload counts up. */
static void build_datagram(size_t len)
{
    static uint8_t payload[70000];

    for (size_t i = 0; i < len - 8; i++)
        payload[i] = (uint8_t)(i % 251);
    build_start(&whole, view_of(payload, len - 8));
    wrap_udp(&whole, 40000, 5222);
}

static enum decode_answer give(struct defrag *d, uint32_t link)
{
    static uint8_t *copy;
    struct view v = build_view(&part);

    free(copy);
    copy = malloc(v.len);
    assert_non_null(copy);
    memcpy(copy, v.at, v.len);
    struct frame frame = { now_us, view_of(copy, v.len), (uint32_t)v.len, (uint16_t)link, { 0 } };
    return decode(&frame, d, &counters, &packet);
}

/* Give the bytes [from, to) of the datagram as an IPv4 fragment. */
static enum decode_answer give4_bytes(struct defrag *d, uint16_t id, size_t from, struct view bytes,
                                      bool more)
{
    build_start(&part, bytes);
    wrap_ipv4_part(&part, 17, A, B, id, (uint16_t)(from / 8 | (more ? MORE : 0)));
    return give(d, LINK_IPV4);
}

static enum decode_answer give4(struct defrag *d, uint16_t id, size_t from, size_t to)
{
    struct view v = build_view(&whole);

    return give4_bytes(d, id, from, view_slice(v, from, to), to < v.len);
}

static enum decode_answer give6(struct defrag *d, uint32_t id, size_t from, size_t to)
{
    struct view v = build_view(&whole);

    build_start(&part, view_slice(v, from, to));
    wrap32(&part, id);
    wrap16(&part, from | (to < v.len ? 1 : 0));
    WRAP(&part, "\x11\x00");
    wrap_ipv6(&part, 44, A6, B6);
    return give(d, LINK_IPV6);
}

static struct defrag *begin(uint32_t datagrams, size_t bytes)
{
    struct defrag *d = defrag_new(datagrams, bytes, &counters);

    counters = (struct counters){ 0 };
    now_us = 1700000000ull * SECOND;
    assert_non_null(d);
    return d;
}

static void check_whole(void)
{
    assert_int_equal(packet.l4, 17);
    assert_int_equal(packet.src_port, 40000);
    assert_int_equal(packet.dst_port, 5222);
    assert_true(view_equal(packet.payload, view_from(build_view(&whole), 8)));
    assert_int_equal(packet.payload_len, packet.payload.len);
}

static void test_fragments_in_any_order_make_the_datagram(void **state)
{
    static const size_t cuts[] = { 0, 1480, 2960, 3000 };
    static const unsigned orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                           { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

    (void)state;
    build_datagram(3000);
    struct defrag *d = begin(4, 1 << 16);
    for (unsigned o = 0; o < 6; o++) {
        for (unsigned i = 0; i < 3; i++) {
            unsigned at = orders[o][i];
            assert_int_equal(give4(d, (uint16_t)o, cuts[at], cuts[at + 1]),
                             i < 2 ? DECODE_NONE : DECODE_PACKET);
        }
        check_whole();
        for (unsigned i = 0; i < 3; i++) {
            unsigned at = orders[o][i];
            assert_int_equal(give6(d, o, cuts[at], cuts[at + 1]), i < 2 ? DECODE_NONE : DECODE_PACKET);
        }
        check_whole();
    }
    assert_int_equal(counters.n[COUNT_FRAGMENTS], 36);
    assert_int_equal(counters.n[COUNT_FRAGMENTS_JOINED], 12);
    assert_int_equal(counters.n[COUNT_FRAGMENTS_DROPPED], 0);
    defrag_free(d);
}

static void test_the_largest_datagram_in_long_fragments(void **state)
{
    (void)state;
    build_datagram(65535);
    struct defrag *d = begin(4, 1 << 20);
    for (size_t from = 0; from < 65535; from += 8960)
        assert_int_equal(give4(d, 1, from, from + 8960 < 65535 ? from + 8960 : 65535),
                         from + 8960 < 65535 ? DECODE_NONE : DECODE_PACKET);
    check_whole();
    defrag_free(d);
}

static void test_a_repeated_fragment_is_ignored(void **state)
{
    (void)state;
    build_datagram(3000);
    struct defrag *d = begin(4, 1 << 16);
    assert_int_equal(give4(d, 1, 0, 1480), DECODE_NONE);
    assert_int_equal(give4(d, 1, 0, 1480), DECODE_NONE);
    assert_int_equal(give4(d, 1, 1480, 3000), DECODE_PACKET);
    check_whole();
    assert_int_equal(counters.n[COUNT_FRAGMENTS_OVERLAP], 0);
    defrag_free(d);
}

/* RFC 5722: the datagram dies, with what still comes of it. */
static void test_any_overlap_drops_the_datagram(void **state)
{
    static const size_t overlaps[][2] = { { 8, 16 },   { 8, 1480 },    { 0, 8 },
                                          { 0, 1488 }, { 1472, 1488 }, { 1472, 3000 } };

    (void)state;
    build_datagram(3000);
    struct defrag *d = begin(16, 1 << 16);
    for (uint16_t i = 0; i < sizeof overlaps / sizeof overlaps[0]; i++) {
        counters = (struct counters){ 0 };
        assert_int_equal(give4(d, i, 0, 1480), DECODE_NONE);
        assert_int_equal(give4(d, i, overlaps[i][0], overlaps[i][1]), DECODE_NONE);
        assert_int_equal(give4(d, i, 1480, 3000), DECODE_NONE);
        assert_int_equal(give4(d, i, 0, 1480), DECODE_NONE);
        assert_int_equal(counters.n[COUNT_FRAGMENTS_OVERLAP], 1);
        assert_int_equal(counters.n[COUNT_FRAGMENTS_DROPPED], 3);
        assert_int_equal(counters.n[COUNT_FRAGMENTS_JOINED], 0);
    }
    defrag_free(d);
}

static void test_the_same_place_with_other_bytes_is_an_overlap(void **state)
{
    (void)state;
    build_datagram(3000);
    struct defrag *d = begin(4, 1 << 16);
    assert_int_equal(give4(d, 1, 0, 1480), DECODE_NONE);
    struct view v = view_slice(build_view(&whole), 0, 1480);
    uint8_t changed[1480];
    memcpy(changed, v.at, v.len);
    changed[100] ^= 1;
    assert_int_equal(give4_bytes(d, 1, 0, view_of(changed, sizeof changed), true), DECODE_NONE);
    assert_int_equal(give4(d, 1, 1480, 3000), DECODE_NONE);
    assert_int_equal(counters.n[COUNT_FRAGMENTS_OVERLAP], 1);
    defrag_free(d);
}

static void test_two_ends_that_differ_drop_the_datagram(void **state)
{
    (void)state;
    build_datagram(3000);
    struct defrag *d = begin(4, 1 << 16);
    assert_int_equal(give4_bytes(d, 1, 1600, VIEW("the end."), false), DECODE_NONE);
    assert_int_equal(give4_bytes(d, 1, 2400, VIEW("the end."), false), DECODE_NONE);
    assert_int_equal(counters.n[COUNT_FRAGMENTS_OVERLAP], 1);
    assert_int_equal(give4_bytes(d, 2, 1600, VIEW("not yet."), true),
                     DECODE_NONE); /* beyond the end to come */
    assert_int_equal(give4_bytes(d, 2, 800, VIEW("the end."), false), DECODE_NONE);
    assert_int_equal(counters.n[COUNT_FRAGMENTS_OVERLAP], 2);
    assert_int_equal(give4_bytes(d, 3, 800, VIEW("the end."), false), DECODE_NONE);
    assert_int_equal(give4_bytes(d, 3, 1600, VIEW("and more"), true), DECODE_NONE);
    assert_int_equal(counters.n[COUNT_FRAGMENTS_OVERLAP], 3);
    defrag_free(d);
}

static void test_impossible_fragments_are_dropped(void **state)
{
    (void)state;
    struct defrag *d = begin(4, 1 << 16);
    assert_int_equal(give4_bytes(d, 1, 0, VIEW("seven__"), true), DECODE_NONE); /* not a multiple of 8 */
    assert_int_equal(give4_bytes(d, 1, 8, VIEW(""), false), DECODE_NONE);
    assert_int_equal(give4_bytes(d, 1, 65528, VIEW("too long"), false),
                     DECODE_NONE); /* beyond 65535: ping of death */
    assert_int_equal(counters.n[COUNT_FRAGMENTS_DROPPED], 3);
    assert_int_equal(counters.n[COUNT_FRAGMENTS], 3);
    defrag_free(d);
}

/* What was not captured would be a hole for ever. */
static void test_a_fragment_that_was_cut_by_the_snap_length_is_dropped(void **state)
{
    (void)state;
    build_datagram(3000);
    struct defrag *d = begin(4, 1 << 16);
    build_start(&part, view_slice(build_view(&whole), 0, 1480));
    wrap_ipv4_part(&part, 17, A, B, 1, MORE);
    struct view v = build_view(&part);
    struct frame frame = { now_us, view_slice(v, 0, 96), (uint32_t)v.len, LINK_IPV4, { 0 } };
    assert_int_equal(decode(&frame, d, &counters, &packet), DECODE_NONE);
    assert_int_equal(counters.n[COUNT_FRAGMENTS_DROPPED], 1);
    defrag_free(d);
}

static void test_a_datagram_is_given_up_after_thirty_seconds(void **state)
{
    (void)state;
    build_datagram(3000);
    struct defrag *d = begin(4, 1 << 16);
    assert_int_equal(give4(d, 1, 0, 1480), DECODE_NONE);
    now_us += 30 * SECOND;
    assert_int_equal(give4(d, 1, 1480, 3000), DECODE_PACKET);
    assert_int_equal(give4(d, 2, 0, 1480), DECODE_NONE);
    now_us += 30 * SECOND + 1;
    assert_int_equal(give4(d, 2, 1480, 3000), DECODE_NONE);
    assert_int_equal(counters.n[COUNT_FRAGMENTS_DROPPED], 1);
    now_us -= 3600u * SECOND; /* time that goes back, as in merged captures, expires nothing */
    assert_int_equal(give4(d, 2, 0, 1480), DECODE_PACKET);
    check_whole();
    defrag_free(d);
}

/* The protocol is part of the name in IPv4, and so are both addresses and the identification. */
static void test_fragments_of_different_datagrams_are_not_mixed(void **state)
{
    (void)state;
    build_datagram(3000);
    struct defrag *d = begin(4, 1 << 16);
    struct view first = view_slice(build_view(&whole), 0, 1480);
    assert_int_equal(give4(d, 1, 1480, 3000), DECODE_NONE);
    assert_int_equal(give4(d, 2, 0, 1480), DECODE_NONE);
    build_start(&part, first);
    wrap_ipv4_part(&part, 6, A, B, 1, MORE);
    assert_int_equal(give(d, LINK_IPV4), DECODE_NONE);
    build_start(&part, first);
    wrap_ipv4_part(&part, 17, B, A, 1, MORE);
    assert_int_equal(give(d, LINK_IPV4), DECODE_NONE);
    assert_int_equal(give4(d, 1, 0, 1480), DECODE_PACKET);
    check_whole();
    defrag_free(d);
}

static void test_a_full_table_drops_the_oldest(void **state)
{
    (void)state;
    build_datagram(3000);
    struct defrag *d = begin(4, 1 << 16);
    for (uint16_t id = 1; id <= 5; id++)
        assert_int_equal(give4(d, id, 0, 1480), DECODE_NONE);
    assert_int_equal(counters.n[COUNT_FRAGMENTS_DROPPED], 1);
    for (uint16_t id = 5; id >= 2; id--)
        assert_int_equal(give4(d, id, 1480, 3000), DECODE_PACKET);
    assert_int_equal(give4(d, 1, 1480, 3000), DECODE_NONE);
    defrag_free(d);
}

static void test_full_memory_drops_the_oldest(void **state)
{
    (void)state;
    build_datagram(30000);
    struct defrag *d = begin(100, 40 * 1536); /* forty pieces */
    for (uint16_t id = 1; id <= 50; id++)
        assert_int_equal(give4(d, id, 0, 1480), DECODE_NONE);
    assert_int_equal(counters.n[COUNT_FRAGMENTS_DROPPED], 10);
    for (size_t from = 1480; from < 30000; from += 1480)
        assert_int_equal(give4(d, 50, from, from + 1480 < 30000 ? from + 1480 : 30000),
                         from + 1480 < 30000 ? DECODE_NONE : DECODE_PACKET);
    check_whole();
    defrag_free(d);
}

/* Fragments of 8 bytes: one datagram may not hold much of the memory, nor make us walk a long chain. */
static void test_a_flood_of_tiny_fragments_is_bounded(void **state)
{
    (void)state;
    build_datagram(8000);
    struct defrag *d = begin(4, 1 << 20);
    for (size_t from = 0; from < 8000; from += 8)
        assert_int_equal(give4(d, 1, from, from + 8), DECODE_NONE);
    assert_int_equal(counters.n[COUNT_FRAGMENTS_DROPPED], 1000);
    assert_int_equal(give4(d, 2, 0, 4000), DECODE_NONE);
    assert_int_equal(give4(d, 2, 4000, 8000), DECODE_PACKET);
    defrag_free(d);
}

/* A flood of dead datagrams fills the table, not the memory; honest ones still pass. */
static void test_a_flood_of_overlaps_leaves_room(void **state)
{
    (void)state;
    build_datagram(3000);
    struct defrag *d = begin(16, 16 * 1536);
    for (uint16_t id = 1; id < 1000; id++) {
        assert_int_equal(give4(d, id, 0, 1480), DECODE_NONE);
        assert_int_equal(give4(d, id, 8, 16), DECODE_NONE);
    }
    assert_int_equal(counters.n[COUNT_FRAGMENTS_OVERLAP], 999);
    assert_int_equal(give4(d, 2000, 0, 1480), DECODE_NONE);
    assert_int_equal(give4(d, 2000, 1480, 3000), DECODE_PACKET);
    defrag_free(d);
}

/* Memory for nothing at all: everything is dropped and counted. */
static void test_no_room_at_all(void **state)
{
    (void)state;
    build_datagram(3000);
    struct defrag *d = begin(1, 100);
    assert_int_equal(give4(d, 1, 0, 1480), DECODE_NONE);
    assert_int_equal(give4(d, 1, 1480, 3000), DECODE_NONE);
    assert_int_equal(counters.n[COUNT_FRAGMENTS_DROPPED], 2);
    defrag_free(d);
    defrag_free(NULL);
}

/* The outer packet in fragments, and what it carries in fragments too. */
static void test_fragments_inside_of_fragments(void **state)
{
    (void)state;
    build_datagram(3000);
    struct defrag *d = begin(8, 1 << 16);
    static const size_t cuts[] = { 0, 1480, 3000 };
    for (unsigned i = 0; i < 2; i++) {
        struct build outer;
        build_start(&outer, view_slice(build_view(&whole), cuts[i], cuts[i + 1]));
        wrap_ipv4_part(&outer, 17, A, B, 77, (uint16_t)(cuts[i] / 8 | (i == 0 ? MORE : 0)));
        struct view v = build_view(&outer);
        build_start(&part, view_from(v, 800));
        wrap_ipv4_part(&part, 4, B, A, (uint16_t)i, 100);
        assert_int_equal(give(d, LINK_IPV4), DECODE_NONE);
        build_start(&part, view_slice(v, 0, 800));
        wrap_ipv4_part(&part, 4, B, A, (uint16_t)i, MORE);
        assert_int_equal(give(d, LINK_IPV4), i == 0 ? DECODE_NONE : DECODE_PACKET);
    }
    check_whole();
    assert_int_equal(packet.tunnels, 1);
    assert_int_equal(counters.n[COUNT_FRAGMENTS_JOINED], 3);
    defrag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fragments_in_any_order_make_the_datagram),
        cmocka_unit_test(test_the_largest_datagram_in_long_fragments),
        cmocka_unit_test(test_a_repeated_fragment_is_ignored),
        cmocka_unit_test(test_any_overlap_drops_the_datagram),
        cmocka_unit_test(test_the_same_place_with_other_bytes_is_an_overlap),
        cmocka_unit_test(test_two_ends_that_differ_drop_the_datagram),
        cmocka_unit_test(test_impossible_fragments_are_dropped),
        cmocka_unit_test(test_a_fragment_that_was_cut_by_the_snap_length_is_dropped),
        cmocka_unit_test(test_a_datagram_is_given_up_after_thirty_seconds),
        cmocka_unit_test(test_fragments_of_different_datagrams_are_not_mixed),
        cmocka_unit_test(test_a_full_table_drops_the_oldest),
        cmocka_unit_test(test_full_memory_drops_the_oldest),
        cmocka_unit_test(test_a_flood_of_tiny_fragments_is_bounded),
        cmocka_unit_test(test_a_flood_of_overlaps_leaves_room),
        cmocka_unit_test(test_no_room_at_all),
        cmocka_unit_test(test_fragments_inside_of_fragments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
