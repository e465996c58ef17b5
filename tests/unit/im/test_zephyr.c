/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_zephyr;

static struct outcome out;

#define HEAD(kind) HEAD_OF(kind, "1")
#define HEAD_OF(kind, id)                                                                                    \
    "ZEPH0.2\0"                                                                                              \
    "0x00000013\0" kind "\0"                                                                                 \
    "0x0A000001 0x4A000000 0x0000000" id "\0"                                                                \
    "0x08F5\0"                                                                                               \
    "0x00000000\0"                                                                                           \
    "0x00000000\0\0"
#define TAIL                                                                                                 \
    "\0"                                                                                                     \
    "0x00000000\0\0"                                                                                         \
    "0x0A000001 0x4A000000 0x00000001\0\0\0"

static void test_zephyr_notices_are_read(void **state)
{
    static const struct step steps[] = {
        CLIENT(HEAD("0x00000002") "LOGIN\0alice\0USER_LOGIN\0alice@A.EXAMPLE\0\0" TAIL),
        CLIENT(HEAD("0x00000002") "MESSAGE\0PERSONAL\0\0alice@A.EXAMPLE\0bob@A.EXAMPLE\0" TAIL
                                  "Alice\0hello\0"),
        SERVER(HEAD("0x00000005") "MESSAGE\0PERSONAL\0\0alice@A.EXAMPLE\0bob@A.EXAMPLE\0" TAIL "SENT\0"),
        SERVER(HEAD_OF("0x00000002", "2") "MESSAGE\0desk\0\0carol@A.EXAMPLE\0\0" TAIL "Carol\0all\0"),
        CLIENT(HEAD("0x00000002") "ZEPHYR_CTL\0CLIENT\0SUBSCRIBE\0alice@A.EXAMPLE\0\0" TAIL),
    };

    (void)state;
    converse_udp(&parser_zephyr, steps, 5, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(
        out.record.text,
        "version ZEPH0.2\n"
        "activity login account=alice@A.EXAMPLE out\n"
        "delivery server-proxy\n"
        "activity chat account=alice@A.EXAMPLE peer=bob@A.EXAMPLE display=Alice out text=hello\n"
        "activity chat peer=carol@A.EXAMPLE room=desk display=Carol in text=all\n"
        "activity presence\n");
}

static void test_zephyr_rooms_typing_and_what_is_sent_again(void **state)
{
    static const struct step steps[] = {
        SERVER(HEAD_OF("0x00000002", "1") "help\0c\0\0carol@A.EXAMPLE\0\0" TAIL "Carol\0caf\xe9\0"),
        SERVER(HEAD_OF("0x00000002", "1") "help\0c\0\0carol@A.EXAMPLE\0\0" TAIL "Carol\0caf\xe9\0"),
        SERVER(HEAD_OF("0x00000002", "2") "MESSAGE\0PERSONAL\0PING\0carol@A.EXAMPLE\0al@A\0" TAIL "\0\0"),
        SERVER(HEAD_OF("0x00000002", "3") "MESSAGE\0PERSONAL\0\0carol@A.EXAMPLE\0al@A\0" TAIL "text alone"),
    };

    (void)state;
    converse_udp(&parser_zephyr, steps, 4, &out);
    assert_string_equal(strstr(out.record.text, "activity"),
                        "activity chat peer=carol@A.EXAMPLE room=help,c display=Carol in text=caf\xc3\xa9\n"
                        "activity presence\n"
                        "activity chat account=al@A peer=carol@A.EXAMPLE in text=text alone\n");
}

static void test_zephyr_every_prefix_is_safe_and_none_is_more(void **state)
{
    static const char notice[] = HEAD("0x00000002") "MESSAGE\0PERSONAL\0\0a\0b\0" TAIL "A\0hello\0";

    (void)state;
    for (size_t n = 0; n < sizeof notice - 1; n++) {
        struct step step = { FROM_CLIENT, view_of(notice, n) };
        converse_udp(&parser_zephyr, &step, 1, &out);
        assert_int_not_equal(out.answer, IM_MORE); /* a datagram never grows */
    }
}

static void test_zephyr_leaves_others_alone(void **state)
{
    static const struct step steps[] = {
        CLIENT("ZEPH0.2"),
        CLIENT("ZEPH0.2\0"
               "13\0"),
        CLIENT("ZEPH0.2\0"
               "0x0000001G\0"
               "0x2\0"),
        CLIENT("ZEPH0.3\0"
               "0x13\0"),
        CLIENT("ZEPH0.2\0"
               "0x00000013\0"
               "0x00000009\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        converse_udp(&parser_zephyr, &steps[i], 1, &out);
        assert_int_equal(out.answer, IM_NO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zephyr_notices_are_read),
        cmocka_unit_test(test_zephyr_rooms_typing_and_what_is_sent_again),
        cmocka_unit_test(test_zephyr_every_prefix_is_safe_and_none_is_more),
        cmocka_unit_test(test_zephyr_leaves_others_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
