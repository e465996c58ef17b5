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
                                         "file 1 name=a.jpg type=image/jpeg " ENDS_OUT " out\n"
                                         "bytes 1 at 0 ???\n"
                                         "activity presence " ENDS_OUT " out\n");
}

static void test_msrp_file_in_pieces(void **state)
{
    static const struct step steps[] = {
        CLIENT("MSRP piece001 SEND\r\n" PATHS "Message-ID: f\r\nByte-Range: 1-5/12\r\n"
               "Content-Disposition: attachment; filename=\"a.bin\"\r\nContent-Type: x/y\r\n\r\n"
               "hello\r\n-------piece001+\r\n"),
        SERVER("MSRP piece001 200 OK\r\n" PATHS "-------piece001$\r\n"),
        CLIENT("MSRP message1 SEND\r\n" PATHS "Message-ID: m\r\nContent-Type: text/plain\r\n\r\n"
               "between\r\n-------message1$\r\n"),
        CLIENT("MSRP piece002 SEND\r\n" PATHS "Message-ID: f\r\nByte-Range: 6-*/12\r\n"
               "Content-Type: x/y\r\n\r\n\r\n-----w\r\n-------piece002$\r\n"),
        CLIENT("MSRP refused1 SEND\r\n" PATHS "Message-ID: g\r\nByte-Range: 1-*/999\r\n"
               "Content-Type: x/y\r\n\r\nhel\r\n-------refused1#\r\n"),
    };

    (void)state;
    check_laws(&parser_msrp, steps, sizeof steps / sizeof steps[0], &out);
    assert_string_equal(out.record.text, "delivery peer\n"
                                         "activity file " ENDS_OUT " file=a.bin size=12 out\n"
                                         "file 1 name=a.bin type=x/y " ENDS_OUT " size=12 out\n"
                                         "bytes 1 at 0 hello\n"
                                         "activity chat " ENDS_OUT " out text=between\n"
                                         "bytes 1 at 5 \?\?-----w\n"
                                         "file 1 whole\n"
                                         "activity file " ENDS_OUT " size=999 out\n"
                                         "file 2 type=x/y " ENDS_OUT " size=999 out\n"
                                         "bytes 2 at 0 hel\n"
                                         "file 2 cut\n");
}

static void test_msrp_text_in_pieces_and_in_an_envelope(void **state)
{
    static const struct step steps[] = {
        CLIENT("MSRP piece001 SEND\r\n" PATHS "Message-ID: m\r\nByte-Range: 1-4/9\r\n"
               "Content-Type: text/plain\r\n\r\none \r\n-------piece001+\r\n"),
        CLIENT("MSRP piece002 SEND\r\n" PATHS "Message-ID: m\r\nByte-Range: 5-9/9\r\n"
               "Content-Type: text/plain\r\n\r\nwords\r\n-------piece002$\r\n"),
        SERVER("MSRP envelope SEND\r\n" PATHS "Message-ID: e\r\nContent-Type: message/cpim\r\n\r\n"
               "From: <sip:carol@c>\r\nTo: <sip:alice@a>\r\n\r\nContent-Type: text/html\r\n\r\n<b>x</b>"
               "\r\n-------envelope$\r\n"),
    };

    (void)state;
    check_laws(&parser_msrp, steps, 3, &out);
    assert_true(recorder_has(&out.record, "activity chat " ENDS_OUT " out text=one words"));
    assert_true(
        recorder_has(&out.record, "activity chat account=alice@a peer=carol@c in html text=<b>x</b>"));
    assert_int_equal(recorder_count(&out.record, "activity chat"), 2);
}

static void test_msrp_file_that_sip_announced(void **state)
{
    static const struct view sent = { (const uint8_t *)"MSRP piece001 SEND\r\n" PATHS
                                                       "Message-ID: f\r\nByte-Range: 1-20/20\r\n"
                                                       "Content-Type: text/plain\r\n\r\n",
                                      sizeof("MSRP piece001 SEND\r\n" PATHS
                                             "Message-ID: f\r\nByte-Range: 1-20/20\r\n"
                                             "Content-Type: text/plain\r\n\r\n") -
                                          1 };
    static uint64_t memory[PARSER_STATE_BYTES / 8];
    struct session *s = recorder_session(&out.record);

    (void)state;
    recorder_init(&out.record);
    session_announce(s, VIEW("msrp msrp://a.example:7777/iau39;tcp"),
                     &(struct im_file){ .name = VIEW("plan.txt"), .size = 20, .outgoing = true });
    strcpy(out.record.announced.account, "alice@a");
    strcpy(out.record.announced.peer, "bob@b");
    parser_msrp.feed(memory, s, FROM_SERVER, sent); /* Alice was called by Bob, who opened the connection */
    parser_msrp.feed(memory, s, FROM_SERVER, VIEW("abcde"));
    assert_true(parser_msrp.gap(memory, s, FROM_SERVER, 10));
    parser_msrp.feed(memory, s, FROM_SERVER, VIEW("pqrst\r\n-------piece001$\r\n"));
    assert_false(parser_msrp.gap(memory, s, FROM_SERVER, 10));
    assert_string_equal(strstr(out.record.text, "activity"),
                        "activity file account=alice@a peer=bob@b file=plan.txt size=20 out\n"
                        "file 1 name=plan.txt type=text/plain account=alice@a peer=bob@b size=20 out\n"
                        "bytes 1 at 0 abcde\n"
                        "bytes 1 at 15 pqrst\n"
                        "file 1 whole\n");
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
        cmocka_unit_test(test_msrp_file_in_pieces),
        cmocka_unit_test(test_msrp_text_in_pieces_and_in_an_envelope),
        cmocka_unit_test(test_msrp_file_that_sip_announced),
        cmocka_unit_test(test_msrp_large_message_is_skipped_to_its_end),
        cmocka_unit_test(test_msrp_leaves_other_text_alone),
        cmocka_unit_test(test_msrp_nonsense_behind_a_message_ends_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
