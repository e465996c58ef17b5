/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_nateon;

static struct outcome out;

static const struct step talk[] = {
    CLIENT("PVER 1 4.0 4.1.2485\r\n"),
    SERVER("PVER 1 4.0 4.0\r\n"),
    CLIENT("AUTH 2 DES\r\nREQS 3 DES alice@nate.com\r\n"),
    SERVER("REQS 3 dp1:1 192.0.2.4 5004\r\n"),
    CLIENT("LSIN 4 alice@nate.com 0123456789abcdef0123456789abcdef MD5 4.0 UTF8\r\n"),
    CLIENT("ONST 5 O 0 %00 1\r\n"),
    CLIENT("MESG 6 bob@nate.com MSG Gulim%09333333%09B%09hi%20there,%0A%EA%B0%80\r\n"),
    CLIENT("MESG 7 bob@nate.com TYPING 1\r\n"),
    SERVER("MESG 0 bob@nate.com MSG text\r\n"),
    CLIENT("CTOC 7 bob@nate.com N 12\r\nIPMSG hello\n"),
};

static void test_nateon_conversation_keeps_the_laws(void **state)
{
    (void)state;
    check_laws(&parser_nateon, talk, sizeof talk / sizeof talk[0], &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(
        out.record.text,
        "version 4.0\n"
        "client 4.1.2485\n"
        "activity login account=alice@nate.com out\n"
        "activity presence\n"
        "delivery server-proxy\n"
        "activity chat account=alice@nate.com peer=bob@nate.com out text=hi there,?\xea\xb0\x80\n"
        "activity presence account=alice@nate.com peer=bob@nate.com out\n"
        "activity chat account=alice@nate.com peer=bob@nate.com in text=text\n");
}

static void test_nateon_sign_in_alone_is_enough(void **state)
{
    (void)state;
    assert_int_equal(
        probe_bytes(&parser_nateon, VIEW("LSIN 1 a@nate.com 0123456789ABCDEF0123456789ABCDEF MD5 3.1\r\n")),
        IM_YES);
}

static void test_nateon_leaves_other_text_alone(void **state)
{
    (void)state;
    assert_int_equal(probe_bytes(&parser_nateon, VIEW("PVER one 4.0\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_nateon, VIEW("PVER 1\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_nateon, VIEW("PVER 1 four\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_nateon, VIEW("PASS secret\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_nateon, VIEW("LIST 1\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_nateon, VIEW("LSIN 1 a@nate.com secret MD5\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_nateon, VIEW("PVER")), IM_MORE);
}

static enum im_answer midstream(struct view client, struct view server)
{
    struct sample s = { .l4 = L4_TCP, .midstream = true, .bytes = { client, server } };
    struct finding f = { 0 };

    return parser_nateon.probe(&s, &f);
}

static void test_nateon_midstream_needs_two_commands(void **state)
{
    const struct view nothing = view_of(NULL, 0);

    (void)state;
    assert_int_equal(midstream(VIEW("rest\r\nREQS 3 DES alice@nate.com\r\n"), VIEW("AUTH 2 DES\r\n")),
                     IM_YES);
    assert_int_equal(midstream(nothing, VIEW("NTFY 0 bob@nate.com O 0\r\nONST 6 O 0\r\n")), IM_YES);
    assert_int_equal(midstream(nothing, VIEW("NTFY 0 bob@nate.com O 0\r\n")), IM_MORE);
    assert_int_equal(midstream(VIEW("AUTH LOGIN secret\r\nLIST 1 2\r\n"), nothing), IM_MORE);
    assert_int_equal(midstream(VIEW("\x16\3\1\2"), nothing), IM_NO);
    assert_int_equal(midstream(VIEW("a\nb\nc\nd\ne\nf\ng\nh\n"), nothing), IM_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nateon_conversation_keeps_the_laws),
        cmocka_unit_test(test_nateon_sign_in_alone_is_enough),
        cmocka_unit_test(test_nateon_leaves_other_text_alone),
        cmocka_unit_test(test_nateon_midstream_needs_two_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
