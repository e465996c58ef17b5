/* SPDX-License-Identifier: Apache-2.0 */
/* Telegram's calls over a reflector. */
#include "builder.h"

extern const struct parser parser_telegram_call;

static struct outcome out;
static struct builder a, b;

/* Tag, then either a request to the reflector or a packet for the other user. */
static void build_packet(struct builder *to, uint64_t tag, bool request, uint32_t magic, size_t n)
{
    *to = (struct builder){ .seed = tag };
    build_random(to, 16);
    if (request) {
        build_le(to, 8, UINT64_MAX);
        build_le(to, 4, UINT32_MAX);
        build_le(to, 4, magic);
    }
    to->seed = n;
    build_random(to, n);
}

static enum im_answer talk(const struct step *steps, size_t n)
{
    converse_udp(&parser_telegram_call, steps, n, &out);
    return out.answer;
}

static void test_a_request_to_the_reflector_is_a_call(void **state)
{
    static const uint32_t magics[] = { 0xffffffff, 0xfffffffe, 0xc01572c7 };

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        build_packet(&a, 99, true, magics[i], 8);
        const struct step steps[] = { said(FROM_CLIENT, &a) };
        assert_int_equal(talk(steps, 1), IM_YES);
        assert_string_equal(out.record.text, "activity call\ndelivery server-proxy\nsettle\n");
    }
}

static void test_packets_of_the_tag_are_waited_through(void **state)
{
    struct step steps[20];

    (void)state;
    build_packet(&a, 99, false, 0, 120);
    build_packet(&b, 99, true, 0xfffffffe, 8);
    for (unsigned i = 0; i < 20; i++)
        steps[i] = said((enum flow_dir)(i & 1), &a);
    assert_int_equal(talk(steps, 20), IM_NO);
    steps[4] = said(FROM_SERVER, &b);
    assert_int_equal(talk(steps, 20), IM_YES);
    build_packet(&b, 98, true, 0xfffffffe, 8);
    assert_int_equal(talk(steps, 20), IM_NO);
}

static void test_near_misses_say_no(void **state)
{
    (void)state;
    build_packet(&a, 99, true, 0xfffffffe, 8);
    a.bytes[20] = 0xfe; /* one of the twelve */
    const struct step mark[] = { said(FROM_CLIENT, &a) };
    assert_int_equal(talk(mark, 1), IM_MORE);
    memset(a.bytes, 0xff, 32); /* a tag is random */
    assert_int_equal(talk(mark, 1), IM_NO);
    assert_no_yes_to_other_datagrams(&parser_telegram_call);
    assert_no_yes_to_random_datagrams(&parser_telegram_call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_to_the_reflector_is_a_call),
        cmocka_unit_test(test_packets_of_the_tag_are_waited_through),
        cmocka_unit_test(test_near_misses_say_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
