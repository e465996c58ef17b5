/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_msrp;

static struct outcome out;

#define PATHS "To-Path: msrp://b.example:8888/9di4ea;tcp\r\nFrom-Path: msrp://a.example:7777/iau39;tcp\r\n"

static const struct step talk[] = {
    CLIENT("MSRP d93kswow SEND\r\n" PATHS
           "Message-ID: 1\r\nByte-Range: 1-8/8\r\nContent-Type: text/plain\r\n\r\n"
           "Hi, I'm Alice!\r\n-------d93kswow$\r\n"),
    SERVER("MSRP d93kswow 200 OK\r\n" PATHS "-------d93kswow$\r\n"),
    CLIENT("MSRP d93kabcd SEND\r\n" PATHS
           "Message-ID: 2\r\nContent-Disposition: attachment; filename=\"a.jpg\"\r\n"
           "Content-Type: image/jpeg\r\n\r\n\xff\xd8\xff\r\n-------d93kabcd+\r\n"),
    CLIENT("MSRP keepalive SEND\r\n" PATHS "Message-ID: 3\r\n-------keepalive$\r\n"),
    CLIENT("MSRP typing00 SEND\r\n" PATHS
           "Content-Type: application/im-iscomposing+xml\r\n\r\n<i/>\r\n-------typing00$\r\n"),
};

#define ENDS_OUT "account=msrp://a.example:7777/iau39;tcp peer=msrp://b.example:8888/9di4ea;tcp"

static void test_msrp_session_keeps_the_laws(void **state)
{
    (void)state;
    check_laws(&parser_msrp, talk, sizeof talk / sizeof talk[0], &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "delivery peer\n"
                                         "activity chat " ENDS_OUT " out text=Hi, I'm Alice!\n"
                                         "activity file " ENDS_OUT " file=a.jpg out\n"
                                         "activity presence " ENDS_OUT " out\n");
}

static void test_msrp_large_message_is_skipped_to_its_end(void **state)
{
    static char body[20000];
    struct step steps[] = {
        CLIENT("MSRP d93kswow SEND\r\n" PATHS "Content-Type: text/plain\r\n\r\n"),
        { FROM_CLIENT, { (const uint8_t *)body, sizeof body } },
        CLIENT("\r\n-------d93kswow$\r\nMSRP d93kabcd SEND\r\n" PATHS
               "Content-Type: text/plain\r\n\r\nend\r\n-------d93kabcd$\r\n"),
    };

    (void)state;
    memset(body, '-', sizeof body);
    check_laws(&parser_msrp, steps, 3, &out);
    assert_int_equal(recorder_count(&out.record, "activity chat"), 2);
    assert_true(recorder_has(&out.record, "activity chat " ENDS_OUT " out text=end"));
}

static void test_msrp_leaves_other_text_alone(void **state)
{
    (void)state;
    assert_int_equal(probe_bytes(&parser_msrp, VIEW("MSRP d93kswow SEND\r\nHost: a\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_msrp, VIEW("MSRP d93kswow GET\r\nTo-Path: msrp://a\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_msrp, VIEW("MSRP abc SEND\r\nTo-Path: msrp://a\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_msrp, VIEW("MAIL FROM:<a@b>\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_msrp, VIEW("MSRP d93kswow SEND\r\nTo-")), IM_MORE);
}

static void test_msrp_nonsense_behind_a_message_ends_reading(void **state)
{
    static const struct step steps[] = {
        CLIENT("MSRP d93kswow SEND\r\n" PATHS "-------d93kswow$\r\nnonsense\r\nMSRP d93kabcd SEND\r\n" PATHS
               "Content-Type: text/plain\r\n\r\nend\r\n-------d93kabcd$\r\n"),
    };

    (void)state;
    check_laws(&parser_msrp, steps, 1, &out);
    assert_string_equal(out.record.text, "settle\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_msrp_session_keeps_the_laws),
        cmocka_unit_test(test_msrp_large_message_is_skipped_to_its_end),
        cmocka_unit_test(test_msrp_leaves_other_text_alone),
        cmocka_unit_test(test_msrp_nonsense_behind_a_message_ends_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
