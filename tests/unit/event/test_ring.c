/* SPDX-License-Identifier: Apache-2.0 */
/* The ring: order and bytes of records of any size, over its end, full, and between two threads. */
#include "../test.h"
#include "event/pack.h"
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

enum { RING_BYTES = 4096 };

static void new_ring(struct ring *r, size_t size)
{
    assert_true(ring_init(r, size, NULL));
}

/* A record that tells its number and its size, and that nobody else wrote into it. */
static bool put(struct ring *r, uint32_t number, uint32_t size)
{
    uint32_t *at = ring_reserve(r, 8 + size);

    if (at == NULL)
        return false;
    at[0] = number;
    at[1] = size;
    memset(at + 2, (int)(number & 0xff), size);
    ring_commit(r);
    return true;
}

static void check(const uint32_t *at, uint32_t number, uint32_t size)
{
    const uint8_t *bytes = (const uint8_t *)(at + 2);

    assert_non_null(at);
    assert_int_equal((uintptr_t)at % 8, 0);
    assert_int_equal(at[0], number);
    assert_int_equal(at[1], size);
    for (uint32_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], number & 0xff);
}

static void test_records_come_out_as_they_went_in(void **state)
{
    struct ring r;

    (void)state;
    new_ring(&r, 1);
    assert_int_equal(r.size, RING_BYTES);
    assert_null(ring_next(&r));
    for (uint32_t i = 0; i < 5; i++)
        assert_true(put(&r, i, i * 13));
    for (uint32_t i = 0; i < 5; i++)
        check(ring_next(&r), i, i * 13);
    assert_null(ring_next(&r));
    assert_int_equal(ring_put(&r), 5);
    ring_fini(&r);
}

static void test_records_of_every_size_pass_over_the_end(void **state)
{
    struct ring r;
    uint32_t number = 0;

    (void)state;
    new_ring(&r, RING_BYTES);
    for (uint32_t size = 0; size <= RING_BYTES / 2 - 16; size++) {
        for (unsigned i = 0; i < 3; i++, number++) {
            assert_true(put(&r, number, size));
            check(ring_next(&r), number, size);
            ring_release(&r);
        }
    }
    assert_int_equal(ring_lost(&r), 0);
    ring_fini(&r);
}

static void test_a_full_ring_refuses_the_new_record_and_counts_it(void **state)
{
    struct ring r;
    uint32_t n = 0;

    (void)state;
    new_ring(&r, RING_BYTES);
    while (put(&r, n, 100))
        n++;
    assert_int_equal(n, RING_BYTES / 120); /* 8 of the ring, 8 of ours, 100, rounded up */
    assert_false(put(&r, n, 100));
    assert_int_equal(ring_lost(&r), 2);
    assert_int_equal(ring_put(&r), n);
    check(ring_next(&r), 0, 100);
    assert_false(put(&r, n, 100)); /* taken is not released */
    ring_release(&r);
    assert_true(put(&r, n, 100));
    for (uint32_t i = 1; i <= n; i++)
        check(ring_next(&r), i, 100);
    assert_null(ring_next(&r));
    ring_fini(&r);
}

static void test_a_ring_has_room_while_half_of_it_is_free(void **state)
{
    struct imw_error_info err;
    struct ring r;
    unsigned n = 0;

    (void)state;
    assert_true(ring_init(&r, 4096, &err));
    for (; ring_has_room(&r); n++) {
        assert_non_null(ring_reserve(&r, 56));
        ring_commit(&r);
    }
    assert_int_equal(n, 4096 / 2 / 64 + 1);
    assert_non_null(ring_next(&r));
    assert_false(ring_has_room(&r));
    ring_release(&r);
    assert_true(ring_has_room(&r));
    assert_int_equal(ring_lost(&r), 0);
    ring_fini(&r);
}

static void test_a_mark_is_passed_once_all_before_it_is_released(void **state)
{
    struct ring r;

    (void)state;
    new_ring(&r, RING_BYTES);
    assert_true(ring_passed(&r, ring_mark(&r)));
    assert_true(put(&r, 1, 10));
    uint64_t mark = ring_mark(&r);
    assert_true(put(&r, 2, 10));
    assert_non_null(ring_next(&r));
    assert_false(ring_passed(&r, mark));
    ring_release(&r);
    assert_true(ring_passed(&r, mark));
    assert_false(ring_passed(&r, ring_mark(&r)));
    ring_fini(&r);
}

/* ---- two threads ---- */

enum { MANY = 200000 };

static uint32_t size_of(uint32_t number) /* looks random, is the same on both sides */
{
    return (number * 2654435761u >> 7) % 900;
}

static void *produce(void *context)
{
    struct ring *r = context;

    for (uint32_t i = 0; i < MANY; i++)
        while (!put(r, i, size_of(i)))
            sched_yield();
    return NULL;
}

static void test_two_threads_pass_records_of_any_size_in_order(void **state)
{
    pthread_t thread;
    struct ring r;

    (void)state;
    new_ring(&r, RING_BYTES * 4);
    assert_int_equal(pthread_create(&thread, NULL, produce, &r), 0);
    for (uint32_t i = 0; i < MANY;) {
        const uint32_t *at = ring_next(&r);
        if (at == NULL) {
            ring_release(&r);
            sched_yield();
            continue;
        }
        if (at[0] != i || at[1] != size_of(i) ||
            (at[1] > 0 && ((const uint8_t *)(at + 2))[at[1] - 1] != (i & 0xff)))
            fail_msg("record %u: number %u, size %u", i, at[0], at[1]);
        if (++i % 3 == 0)
            ring_release(&r);
    }
    pthread_join(thread, NULL);
    assert_int_equal(ring_put(&r), MANY);
    ring_fini(&r);
}

/* ---- events as records ---- */

static void test_an_activity_keeps_its_words_but_never_the_message(void **state)
{
    static char long_word[1000];
    struct im_detail d = { .account = VIEW("anna"),
                           .peer = view_of(memset(long_word, 'p', sizeof long_word), sizeof long_word),
                           .text = VIEW("SECRET MESSAGE TEXT"),
                           .size = 7,
                           .outgoing = true };
    struct flow flow = { .service = 3 };
    struct known_who who = { .host = "pc-1" };
    struct activity_event a = { .flow = &flow,
                                .file = "x.pcap",
                                .flow_id = 99,
                                .time_us = 5,
                                .activity = ACTIVITY_CHAT,
                                .detail = &d,
                                .client = &who,
                                .worker = 2 };
    struct event e;
    struct ring r;

    (void)state;
    new_ring(&r, RING_BYTES);
    assert_true(pack_activity(&r, &a));
    assert_null(memmem(r.bytes, r.size, "SECRET", 6));
    unpack(ring_next(&r), &e);
    assert_int_equal(e.type, PACKED_ACTIVITY);
    assert_true(view_equal(e.activity.detail->account, VIEW("anna")));
    assert_int_equal(e.activity.detail->peer.len, 256);
    assert_int_equal(e.activity.detail->room.len, 0);
    assert_int_equal(e.activity.detail->text.len, 0);
    assert_true(e.activity.detail->outgoing);
    assert_int_equal(e.activity.flow->service, 3);
    assert_string_equal(e.activity.client->host, "pc-1");
    assert_string_equal(e.activity.file, "x.pcap");
    assert_null(e.activity.record);
    assert_int_equal(e.activity.flow_id + e.activity.time_us + e.activity.worker, 106);
    ring_fini(&r);
}

static void test_a_flow_is_copied_whole(void **state)
{
    struct flow flow = { .service = 3, .bytes = { 10, 20 } };
    struct record record = { .account = "anna" };
    struct known_who server = { .host = "server", .user_us = 8 };
    char rule[] = "no files";
    struct flow_event f = { .flow = &flow,
                            .record = &record,
                            .flow_id = 77,
                            .last_us = 6,
                            .why = FLOW_END_EVICTED,
                            .port_agile = true,
                            .verdict = { .action = "block", .rule = rule },
                            .server = &server,
                            .worker = 1 };
    struct event e;
    struct ring r;

    (void)state;
    new_ring(&r, RING_BYTES);
    assert_true(pack_flow(&r, &f));
    memset(&flow, 0, sizeof flow); /* what was borrowed is gone */
    memset(&record, 0, sizeof record);
    memset(&server, 0, sizeof server);
    memset(rule, 'x', sizeof rule - 1);
    unpack(ring_next(&r), &e);
    assert_int_equal(e.type, PACKED_FLOW);
    assert_int_equal(e.flow.flow->bytes[1], 20);
    assert_string_equal(e.flow.record->account, "anna");
    assert_null(e.flow.client);
    assert_string_equal(e.flow.server->host, "server");
    assert_int_equal(e.flow.server->user_us, 8);
    assert_string_equal(e.flow.verdict.action, "block");
    assert_string_equal(e.flow.verdict.rule, "no files");
    assert_null(e.flow.file);
    assert_int_equal(e.flow.why, FLOW_END_EVICTED);
    assert_true(e.flow.port_agile);
    assert_int_equal(e.flow.flow_id + e.flow.last_us + e.flow.worker, 84);
    ring_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_come_out_as_they_went_in),
        cmocka_unit_test(test_records_of_every_size_pass_over_the_end),
        cmocka_unit_test(test_a_full_ring_refuses_the_new_record_and_counts_it),
        cmocka_unit_test(test_a_ring_has_room_while_half_of_it_is_free),
        cmocka_unit_test(test_a_mark_is_passed_once_all_before_it_is_released),
        cmocka_unit_test(test_two_threads_pass_records_of_any_size_in_order),
        cmocka_unit_test(test_an_activity_keeps_its_words_but_never_the_message),
        cmocka_unit_test(test_a_flow_is_copied_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
