/* SPDX-License-Identifier: Apache-2.0 */
/* DHCPv6 messages built from RFC 8415: who calls himself what, at which addresses. */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_dhcpv6;

static struct outcome out;

/* Parts of messages: type and transaction, options. */
#define DUID "\0\1\0\x0a\0\3\0\1\2\0\0\0\0\1"
#define NAME "\0\x27\0\x12\0\5pc-17\4bank\5local" /* flags, three labels, no end */
#define LENT(last, valid)                                                                                    \
    "\0\3\0\x28\0\0\0\1\0\0\0\0\0\0\0\0\0\5\0\x18\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0" last "\0\0\0\x3c" valid
#define REQUEST "\3\1\2\3"
#define REPLY "\7\1\2\3"
#define RELAYED(type) type "\0\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x17"
#define HARDWARE "\0\x4f\0\x08\0\1\2\0\0\0\0\1"

/* The parser is asked of IPv6 only. */
static void converse6(const struct step *steps, size_t count)
{
    converse_udp(&parser_dhcpv6, steps, count, &out);
}

static enum im_answer probe6(struct view datagram)
{
    struct sample s = { .l4 = L4_UDP, .datagram = datagram };
    struct finding f = { 0 };

    return parser_dhcpv6.probe(&s, &f);
}

/* What a message alone teaches. */
static const char *taught(struct view message)
{
    static struct recorder r;
    static uint64_t state[PARSER_STATE_BYTES / 8];

    recorder_init(&r);
    memset(state, 0, sizeof state);
    parser_dhcpv6.feed(state, recorder_session(&r), FROM_CLIENT, message);
    return r.text;
}

static void test_a_request_tells_the_name_for_the_address_it_wants(void **state)
{
    struct view m = VIEW(REQUEST DUID LENT("\7", "\0\0\x0e\x10") NAME);

    (void)state;
    assert_int_equal(probe6(m), IM_YES);
    assert_string_equal(taught(m), "host 2001:db8::7 pc-17.bank.local\n");
}

static void test_a_reply_tells_for_how_long(void **state)
{
    (void)state;
    assert_string_equal(taught(VIEW(REPLY DUID LENT("\7", "\0\0\x0e\x10") NAME LENT("\x8", "\0\0\0\x9"))),
                        "host 2001:db8::7 pc-17.bank.local for 3600\n"
                        "host 2001:db8::8 pc-17.bank.local for 9\n");
    assert_string_equal(taught(VIEW(REPLY DUID LENT("\7", "\0\0\0\0") NAME)), "forget 2001:db8::7\n");
}

static void test_an_address_given_back_is_nobodys(void **state)
{
    (void)state;
    assert_string_equal(taught(VIEW("\x8\1\2\3" DUID LENT("\7", "\0\0\0\0"))), "forget 2001:db8::7\n");
    assert_string_equal(taught(VIEW("\x9\1\2\3" DUID LENT("\7", "\0\0\0\0"))), "forget 2001:db8::7\n");
    assert_string_equal(taught(VIEW("\1\1\2\3" DUID LENT("\7", "\0\0\0\0") NAME)), ""); /* SOLICIT */
}

static void test_a_relay_tells_the_hardware_address_and_joins_request_and_reply(void **state)
{
    static const uint8_t request[] =
        RELAYED("\x0c") "\0\x9\0\x54" REQUEST DUID LENT("\7", "\0\0\0\x9") NAME HARDWARE;
    static const uint8_t reply[] = RELAYED("\x0d") "\0\x9\0\x3e" REPLY DUID LENT("\7", "\0\0\0\x9");
    static struct recorder r;
    static uint64_t kept[PARSER_STATE_BYTES / 8];
    struct view first = view_of(request, sizeof request - 1), second = view_of(reply, sizeof reply - 1);

    (void)state;
    assert_int_equal(probe6(first), IM_YES);
    assert_int_equal(probe6(second), IM_YES);
    recorder_init(&r);
    parser_dhcpv6.feed(kept, recorder_session(&r), FROM_CLIENT, first);
    parser_dhcpv6.feed(kept, recorder_session(&r), FROM_SERVER, second);
    assert_string_equal(r.text, "mac 2001:db8::7 020000000001\nhost 2001:db8::7 pc-17.bank.local\n"
                                "host 2001:db8::7 pc-17.bank.local for 9\n");
}

static void test_relays_may_stand_behind_each_other_but_not_for_ever(void **state)
{
    const struct view inner = VIEW(REQUEST DUID);
    uint8_t bytes[600];
    size_t at = sizeof bytes - inner.len;

    (void)state;
    memcpy(bytes + at, inner.at, inner.len);
    for (unsigned relays = 1; relays <= 9; relays++) {
        size_t len = sizeof bytes - at;
        at -= 4;
        memcpy(bytes + at, (const uint8_t[]){ 0, 9, (uint8_t)(len >> 8), (uint8_t)len }, 4);
        at -= 34;
        memcpy(bytes + at, RELAYED("\x0c"), 34);
        assert_int_equal(probe6(view_of(bytes + at, sizeof bytes - at)), relays <= 8 ? IM_YES : IM_NO);
    }
}

static void test_near_misses_are_no_dhcpv6(void **state)
{
    static const uint8_t whole[] = REQUEST DUID LENT("\7", "\0\0\x0e\x10") NAME;
    uint8_t bytes[sizeof whole];

    (void)state;
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        /* whole options are a message; the name comes last, and may be left out, as may the address */
        bool end = len == 4 + 14 || len == 4 + 14 + 44;
        assert_int_equal(probe6(view_of(whole, len)), end ? IM_YES : IM_NO);
    }
    memcpy(bytes, whole, sizeof whole);
    bytes[0] = 14;
    assert_int_equal(probe6(view_of(bytes, sizeof whole - 1)), IM_NO);
    bytes[0] = 3;
    bytes[9] = 9; /* a type of DUID that does not exist */
    assert_int_equal(probe6(view_of(bytes, sizeof whole - 1)), IM_NO);
    assert_int_equal(probe6(VIEW(REQUEST NAME)), IM_NO);
    assert_int_equal(probe6(VIEW(REQUEST "\1\1\0\0" DUID)), IM_NO);
    assert_int_equal(probe6(VIEW("\x0c" REQUEST DUID)), IM_NO);
}

static void test_ipv4_carries_no_dhcpv6(void **state)
{
    struct step step = CLIENT(REQUEST DUID NAME);

    (void)state;
    converse6(&step, 1);
    assert_int_equal(out.answer, IM_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_tells_the_name_for_the_address_it_wants),
        cmocka_unit_test(test_a_reply_tells_for_how_long),
        cmocka_unit_test(test_an_address_given_back_is_nobodys),
        cmocka_unit_test(test_a_relay_tells_the_hardware_address_and_joins_request_and_reply),
        cmocka_unit_test(test_relays_may_stand_behind_each_other_but_not_for_ever),
        cmocka_unit_test(test_near_misses_are_no_dhcpv6),
        cmocka_unit_test(test_ipv4_carries_no_dhcpv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
