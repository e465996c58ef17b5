/* SPDX-License-Identifier: Apache-2.0 */
/* RTP by its shape: three datagrams of one source whose numbers rise, and nothing else among them. */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_rtp;

static struct outcome out;

#define RTP(type, seq, source) "\x80" type "\0" seq "\0\0\0\1" source "voice..."
#define RTCP "\x80\xc8\0\1ssrc"

static enum im_answer ask(const struct step *steps, size_t count)
{
    converse_udp(&parser_rtp, steps, count, &out);
    return out.answer;
}

static void test_three_datagrams_in_a_row(void **state)
{
    static const struct step steps[] = { CLIENT(RTP("\x6f", "\1", "ssrc")), CLIENT(RTP("\xef", "\2", "ssrc")),
                                         CLIENT(RTP("\x6f", "\4", "ssrc")),
                                         CLIENT(RTP("\x6f", "\5", "ssrc")) };

    (void)state;
    assert_int_equal(ask(steps, 2), IM_MORE);
    assert_int_equal(ask(steps, 4), IM_YES);
    assert_string_equal(out.finding.value, "RTP of payload type 111");
    assert_null(out.finding.service);
    assert_string_equal(out.record.text, "activity call\n");
}

static void test_both_directions_and_rtcp_may_be_mixed(void **state)
{
    static const struct step steps[] = {
        CLIENT(RTP("\0", "\1", "ssrc")), SERVER(RTP("\0", "\x9", "CRSS")), SERVER(RTCP),
        CLIENT(RTP("\0", "\2", "ssrc")), SERVER(RTP("\0", "\xa", "CRSS")), CLIENT(RTP("\0", "\3", "ssrc"))
    };

    (void)state;
    assert_int_equal(ask(steps, 5), IM_MORE);
    assert_int_equal(ask(steps, 6), IM_YES);
}

static void test_a_source_that_changes_or_stands_still_is_none(void **state)
{
    static const struct step sources[] = { CLIENT(RTP("\0", "\1", "one.")), CLIENT(RTP("\0", "\2", "two.")),
                                           CLIENT(RTP("\0", "\3", "tri.")) };
    static const struct step still[] = { CLIENT(RTP("\0", "\1", "ssrc")), CLIENT(RTP("\0", "\1", "ssrc")),
                                         CLIENT(RTP("\0", "\1", "ssrc")) };
    static const struct step back[] = { CLIENT(RTP("\0", "\3", "ssrc")), CLIENT(RTP("\0", "\2", "ssrc")),
                                        CLIENT(RTP("\0", "\1", "ssrc")) };
    struct step eight[8];

    (void)state;
    assert_int_equal(ask(sources, 3), IM_MORE);
    assert_int_equal(ask(still, 3), IM_MORE);
    assert_int_equal(ask(back, 3), IM_MORE);
    for (int i = 0; i < 8; i++)
        eight[i] = still[0];
    assert_int_equal(ask(eight, 7), IM_MORE);
    assert_int_equal(ask(eight, 8), IM_NO);
}

static void test_anything_else_ends_it(void **state)
{
    static const struct step cases[] = {
        CLIENT("\x80\x6f\0\1\0\0\0\1ssr"),                   /* a header cut short */
        CLIENT("\x40\x6f\0\1\0\0\0\1ssrcvoice"),             /* version 1 */
        CLIENT("\x80\x40\0\1\0\0\0\1ssrcvoice"),             /* payload type 64 */
        CLIENT("\x80\x01\0\1\0\0\0\1ssrcvoice"),             /* payload type 1 */
        CLIENT("\x8f\x6f\0\1\0\0\0\1ssrcvoice"),             /* fifteen sources that are not there */
        CLIENT("\x90\x6f\0\1\0\0\0\1ssrc\xbe\xde\0\5voice"), /* an extension beyond the end */
        CLIENT("\x80\xc8\0\x10ssrc"),                        /* RTCP longer than its datagram */
        CLIENT("HTTP/1.1 200 OK\r\n"),
    };
    static const struct step extended = CLIENT("\x90\x6f\0\1\0\0\0\1ssrc\xbe\xde\0\1voice");

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(ask(&cases[i], 1), IM_NO);
    assert_int_equal(ask(&extended, 1), IM_MORE);
}

static void test_stun_in_the_flow_still_names_the_service(void **state)
{
    static const struct step steps[] = {
        CLIENT(RTP("\0", "\1", "ssrc")),
        CLIENT(RTP("\0", "\2", "ssrc")),
        CLIENT(RTP("\0", "\3", "ssrc")),
        CLIENT("\x08\0\0\0\x21\x12\xa4\x42"
               "abcdefghijkl"),
    };

    (void)state;
    assert_int_equal(ask(steps, 4), IM_YES);
    assert_true(recorder_has(&out.record, "evidence stun whatsapp message type of its own"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_datagrams_in_a_row),
        cmocka_unit_test(test_both_directions_and_rtcp_may_be_mixed),
        cmocka_unit_test(test_a_source_that_changes_or_stands_still_is_none),
        cmocka_unit_test(test_anything_else_ends_it),
        cmocka_unit_test(test_stun_in_the_flow_still_names_the_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
