/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_groupwise;

static struct outcome out;

static const struct step talk[] = {
    CLIENT(
        "POST /login HTTP/1.0\r\nHost: im.example.org:8300\r\n\r\n"
        "&tag=NM_A_SZ_USERID&cmd=0&val=alice&type=10&tag=NM_A_SZ_CREDENTIALS&cmd=0&val=secret&type=10"
        "&tag=NM_A_SZ_USER_AGENT&cmd=0&val=Example%2f1.0&type=10&tag=NM_A_SZ_TRANSACTION_ID&cmd=0&val=1&type=10\r\n"),
    SERVER("HTTP/1.0 200\r\nDate: x\r\n\r\n\x0a\0\0\0\0\0\0\0"),
    CLIENT("POST /setstatus HTTP/1.0\r\n\r\n&tag=NM_A_SZ_STATUS&cmd=0&val=2&type=10\r\n"),
    CLIENT(
        "POST /sendmessage HTTP/1.0\r\n\r\n&tag=NM_A_FA_CONVERSATION&cmd=0&val=1&type=9&tag=NM_A_SZ_OBJECT_ID&cmd=0"
        "&val=%5bx%5d&type=10&tag=NM_A_FA_MESSAGE&cmd=0&val=3&type=9&tag=NM_A_SZ_MESSAGE_BODY&cmd=0&val=x&type=10"
        "&tag=NM_A_SZ_MESSAGE_TEXT&cmd=0&val=fish+%26+chips%2&type=10&tag=NM_A_SZ_DN&cmd=0&val=cn%3dbob%2co%3dx&type=10\r\n"),
};

static void test_groupwise_requests_keep_the_laws(void **state)
{
    (void)state;
    check_laws(&parser_groupwise, talk, sizeof talk / sizeof talk[0], &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text,
                        "client Example/1.0\n"
                        "activity login account=alice out\n"
                        "activity presence account=alice out\n"
                        "delivery server-proxy\n"
                        "activity chat account=alice peer=cn=bob,o=x out text=fish & chips%2\n");
}

static void test_groupwise_leaves_http_alone_at_once(void **state)
{
    (void)state;
    assert_int_equal(probe_bytes(&parser_groupwise, VIEW("POST /in")), IM_NO);
    assert_int_equal(probe_bytes(&parser_groupwise, VIEW("POST /login HTTP/1.1")), IM_NO);
    assert_int_equal(probe_bytes(&parser_groupwise, VIEW("POST /login?a=NM_A_ HTTP/1.0")), IM_NO);
    assert_int_equal(probe_bytes(&parser_groupwise, VIEW("POST /loginpage")), IM_NO);
    assert_int_equal(probe_bytes(&parser_groupwise, VIEW("POST /login HTTP/1.0\r\nC")), IM_NO);
    assert_int_equal(probe_bytes(&parser_groupwise, VIEW("POST /login HTTP/1.0\r\nHost: a\r\nC")), IM_NO);
    assert_int_equal(probe_bytes(&parser_groupwise, VIEW("POST /login HTTP/1.0\r\nHost: a\r\n\r\nuser=")),
                     IM_NO);
    assert_int_equal(probe_bytes(&parser_groupwise, VIEW("POST /login HTTP/1.0\r\nHost: a\r\n\r\n&tag=NM_B")),
                     IM_NO);
    assert_int_equal(probe_bytes(&parser_groupwise, VIEW("GET /login HTTP/1.0\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_groupwise, VIEW("POST /login HTTP/1.0\r\nHost: a\r\n\r\n&tag=NM_A")),
                     IM_MORE);
}

static void test_groupwise_server_never_speaks_first(void **state)
{
    static const struct step steps[] = { SERVER("220 ready\r\n") };

    (void)state;
    converse(&parser_groupwise, steps, 1, &out);
    assert_int_equal(out.answer, IM_NO);
}

static void test_groupwise_endless_request_ends_reading(void **state)
{
    static char flood[20000];
    struct step steps[] = { CLIENT("POST /login HTTP/1.0\r\n\r\n&tag=NM_A_"),
                            { FROM_CLIENT, { (const uint8_t *)flood, sizeof flood } } };

    (void)state;
    memset(flood, 'x', sizeof flood);
    check_laws(&parser_groupwise, steps, 2, &out);
    assert_string_equal(out.record.text, "anomaly malformed GroupWise request\nsettle\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groupwise_requests_keep_the_laws),
        cmocka_unit_test(test_groupwise_leaves_http_alone_at_once),
        cmocka_unit_test(test_groupwise_server_never_speaks_first),
        cmocka_unit_test(test_groupwise_endless_request_ends_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
