/* SPDX-License-Identifier: Apache-2.0 */
/* Volume and hours: a user's own history is the measure. */
#include "threat/stand.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

static const uint64_t midnight_us = UINT64_C(1779926400000000); /* 2026-05-28 00:00 UTC */

/* A flow of this day that begins at `hour` and lasts so many minutes. */
static void use(struct stand *s, unsigned day, unsigned hour, unsigned minutes, uint64_t bytes)
{
    s->flow.first_us = midnight_us + (day * UINT64_C(86400) + hour * UINT64_C(3600)) * 1000000;
    s->flow.payload[FROM_CLIENT] = bytes;
    s->scene.time_us = s->flow.first_us + minutes * UINT64_C(60000000);
    threats_flow(s->threats, &s->scene);
}

/* Some weeks at the office: 2 to 9 MiB a day, from eight to five. */
static struct stand *after(unsigned days)
{
    struct stand *s = stand_of("volume");
    for (unsigned d = 0; d < days; d++)
        for (unsigned h = 8; h < 17; h++)
            use(s, d, h, 30, (200 + (d * 7 + h * 3) % 11 * 80) * KIB);
    assert_int_equal(s->count, 0);
    return s;
}

static void test_a_day_far_above_the_usual(void **state)
{
    struct stand *s = after(20);
    (void)state;
    use(s, 20, 10, 30, 40 * MIB); /* much, but below the floor */
    assert_int_equal(s->count, 0);
    use(s, 20, 11, 30, 120 * MIB);
    assert_int_equal(s->count, 1);
    assert_int_equal(s->alert[0].id, 4700);
    assert_string_equal(evidence_of(s, 0, "user"), "10.0.0.7");
    assert_string_equal(evidence_of(s, 0, "seen"), "163840 KiB");
    use(s, 20, 12, 30, 10 * MIB);
    assert_int_equal(s->count, 1); /* not twice */
    stand_free(s);
}

static void test_without_a_history_nothing_is_said(void **state)
{
    struct stand *s = after(9);
    (void)state;
    use(s, 9, 2, 30, 900 * (uint64_t)MIB);
    assert_int_equal(s->count, 0);
    stand_free(s);
}

static void test_who_always_sends_much_may(void **state)
{
    struct stand *s = stand_of("volume");
    (void)state;
    for (unsigned d = 0; d < 30; d++)
        use(s, d, 10, 30, (60 + d * 37 % 140) * (uint64_t)MIB);
    use(s, 30, 10, 30, 260 * MIB);
    assert_int_equal(s->count, 0);
    stand_free(s);
}

static void test_hours_never_used_before(void **state)
{
    struct stand *s = after(15);
    (void)state;
    use(s, 15, 3, 10, 100 * KIB); /* the program keeps its connection */
    use(s, 15, 7, 10, 5 * MIB);   /* an hour early */
    use(s, 15, 17, 10, 5 * MIB);
    assert_int_equal(s->count, 0);
    use(s, 15, 22, 10, 5 * MIB);
    assert_int_equal(s->count, 1);
    assert_int_equal(s->alert[0].id, 4701);
    assert_string_equal(evidence_of(s, 0, "usual"), "08 09 10 11 12 13 14 15 16");
    stand_free(s);
}

static void test_users_and_services_are_apart(void **state)
{
    struct stand *s = after(15);
    (void)state;
    s->flow.service = 8;
    use(s, 15, 23, 10, 500 * MIB);
    s->flow.service = 7;
    s->flow.key.addr[0] = ip_from_v4((const uint8_t[]){ 10, 0, 0, 8 });
    use(s, 15, 23, 10, 500 * MIB);
    assert_int_equal(s->count, 0);
    snprintf(s->client.user, sizeof s->client.user, "al");
    s->scene.client = &s->client;
    s->flow.key.addr[0] = ip_from_v4((const uint8_t[]){ 10, 0, 0, 7 });
    use(s, 15, 23, 10, 500 * MIB); /* the address is al's now, who has no history */
    assert_int_equal(s->count, 0);
    s->flow.key.addr[0] = ip_from_v4((const uint8_t[]){ 8, 8, 8, 8 });
    s->scene.client = NULL;
    for (unsigned d = 0; d < 20; d++)
        use(s, 16 + d, 10, 10, MIB);
    use(s, 40, 23, 10, 500 * MIB); /* not ours */
    assert_int_equal(s->count, 0);
    stand_free(s);
}

static void test_a_long_flow_counts_in_all_its_hours(void **state)
{
    struct stand *s = stand_of("volume");
    (void)state;
    for (unsigned d = 0; d < 12; d++)
        use(s, d, 9, 8 * 60, 8 * MIB);
    use(s, 12, 13, 10, 4 * MIB);
    assert_int_equal(s->count, 0);
    use(s, 12, 20, 10, 4 * MIB);
    assert_int_equal(s->count, 1);
    use(s, 13, 22, 11 * 60, 4 * MIB); /* over midnight: no hour beyond the day */
    stand_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_day_far_above_the_usual),
        cmocka_unit_test(test_without_a_history_nothing_is_said),
        cmocka_unit_test(test_who_always_sends_much_may),
        cmocka_unit_test(test_hours_never_used_before),
        cmocka_unit_test(test_users_and_services_are_apart),
        cmocka_unit_test(test_a_long_flow_counts_in_all_its_hours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
