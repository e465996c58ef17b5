/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_sip;

static struct outcome out;

#define PEOPLE                                                                                               \
    "From: \"Alice\" <sip:alice@a.example>;tag=1\r\nTo: <sip:bob@b.example>\r\nCall-ID: x\r\nCSeq: 1 X\r\n"
#define SDP_CHAT                                                                                             \
    "v=0\r\nc=IN IP4 192.0.2.5\r\nm=audio 4000 RTP/AVP 0\r\nm=message 7654 TCP/MSRP *\r\n"                   \
    "a=accept-types:text/plain\r\na=path:msrp://192.0.2.5:7654/jshA7we;tcp\r\n"

static const struct step chat[] = {
    CLIENT("REGISTER sip:a.example SIP/2.0\r\n" PEOPLE
           "User-Agent: Example/1.0\r\nContent-Length: 0\r\n\r\n"),
    SERVER("SIP/2.0 200 OK\r\n" PEOPLE "Content-Length: 0\r\n\r\n"),
    CLIENT("\r\n\r\nPUBLISH sip:alice@a.example SIP/2.0\r\n" PEOPLE
           "Event: presence\r\nContent-Type: application/pidf+xml\r\n"
           "Content-Length: 3\r\n\r\n<p>"),
    CLIENT("MESSAGE sip:bob@b.example SIP/2.0\r\n" PEOPLE
           "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
           "MESSAGE sip:bob@b.example SIP/2.0\r\nf: sip:alice@a.example;tag=2\r\nt: sip:bob@b.example\r\n"
           "c: application/im-iscomposing+xml\r\nl: 4\r\n\r\n<i/>"),
    SERVER("SIP/2.0 202 Accepted\r\n" PEOPLE "Content-Length: 0\r\n\r\n"),
    CLIENT("INVITE sip:bob@b.example SIP/2.0\r\n" PEOPLE
           "Content-Type: application/sdp\r\nContent-Length: 145\r\n\r\n" SDP_CHAT),
};

static void test_sip_messages_over_tcp_keep_the_laws(void **state)
{
    (void)state;
    assert_int_equal(sizeof SDP_CHAT - 1, 145);
    check_laws(&parser_sip, chat, sizeof chat / sizeof chat[0], &out);
    assert_int_equal(out.answer, IM_YES);
    assert_null(parser_sip.service);
    assert_string_equal(out.record.text,
                        "client Example/1.0\n"
                        "evidence payload simple SIP presence\n"
                        "activity presence account=alice@a.example peer=bob@b.example out\n"
                        "evidence payload simple SIP MESSAGE\n"
                        "delivery server-proxy\n"
                        "activity chat account=alice@a.example peer=bob@b.example out text=hello\n"
                        "activity presence account=alice@a.example peer=bob@b.example out\n"
                        "activity call account=alice@a.example peer=bob@b.example out\n"
                        "evidence payload simple MSRP session in SIP\n"
                        "activity chat account=alice@a.example peer=bob@b.example out\n"
                        "announce msrp msrp://192.0.2.5:7654/jshA7we;tcp account=alice@a.example "
                        "peer=bob@b.example out\n"
                        "expect tcp 192.0.2.5:7654 chat msrp simple\n");
}

static void test_sip_texts_of_each_type(void **state)
{
    static const struct step steps[] = {
        SERVER("MESSAGE sip:a@a SIP/2.0\r\n" PEOPLE "Content-Type: text/html\r\n\r\n<b>hi</b>"),
        SERVER("MESSAGE sip:a@a SIP/2.0\r\nf: sip:bob@b\r\nt: sip:alice@a\r\ni: y\r\nCSeq: 2 MESSAGE\r\n"
               "c: message/cpim\r\n\r\nFrom: Bob <im:bob@b>\r\nTo: <im:alice@a>\r\n\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n\r\nin an envelope"),
        SERVER(
            "MESSAGE sip:a@a SIP/2.0\r\nf: sip:bob@b\r\nt: sip:alice@a\r\ni: y\r\nCSeq: 3 MESSAGE\r\n"
            "c: message/cpim\r\n\r\nFrom: <im:bob@b>\r\n\r\nContent-Type: message/imdn+xml\r\n\r\n<imdn/>"),
        SERVER("MESSAGE sip:a@a SIP/2.0\r\nf: sip:bob@b\r\nt: sip:alice@a\r\nc: text/plain\r\n\r\ncaf\xe9"),
    };

    (void)state;
    converse_udp(&parser_sip, steps, 4, &out);
    assert_true(recorder_has(
        &out.record, "activity chat account=bob@b.example peer=alice@a.example in html text=<b>hi</b>"));
    assert_true(recorder_has(&out.record, "activity chat account=alice@a peer=bob@b in text=in an envelope"));
    assert_true(recorder_has(&out.record, "activity presence account=alice@a peer=bob@b in"));
    assert_true(recorder_has(&out.record, "activity chat account=alice@a peer=bob@b in text=caf\xc3\xa9"));
    assert_int_equal(recorder_count(&out.record, "activity chat"), 3);
}

static void test_sip_message_sent_again_is_told_once(void **state)
{
    static const struct step steps[] = {
        CLIENT("MESSAGE sip:b@b SIP/2.0\r\ni: a\r\nCSeq: 1 MESSAGE\r\nc: text/plain\r\n\r\none"),
        CLIENT("MESSAGE sip:b@b SIP/2.0\r\ni: a\r\nCSeq: 1 MESSAGE\r\nc: text/plain\r\n\r\none"),
        CLIENT("MESSAGE sip:b@b SIP/2.0\r\ni: a\r\nCSeq: 2 MESSAGE\r\nc: text/plain\r\n\r\none"),
        CLIENT("MESSAGE sip:b@b SIP/2.0\r\nc: text/plain\r\n\r\nnone"),
        CLIENT("MESSAGE sip:b@b SIP/2.0\r\nc: text/plain\r\n\r\nnone"),
    };

    (void)state;
    converse_udp(&parser_sip, steps, 5, &out);
    assert_int_equal(recorder_count(&out.record, "activity chat out text=one"), 2);
    assert_int_equal(recorder_count(&out.record, "activity chat out text=none"), 2);
}

#define NOTIFY                                                                                               \
    "NOTIFY sip:a@a SIP/2.0\r\nf: sip:bob@b\r\nt: sip:alice@a\r\no: presence\r\nc: application/pidf+xml\r\n\r\n"

static void test_sip_presence_of_others(void **state)
{
    static const struct step steps[] = {
        SERVER(
            NOTIFY
            "<presence entity=\"sip:bob@b\"><tuple><status><basic>open</basic></status></tuple></presence>"),
        SERVER(NOTIFY "<presence entity='pres:carol@b'><basic>open</basic><rpid:away/></presence>"),
        SERVER(NOTIFY "<p:presence entity=\"sip:bob@b\"><s:basic>closed</s:basic></p:presence>"),
        SERVER(NOTIFY "<presence entity="),
        SERVER(NOTIFY "<presence/>"),
    };

    (void)state;
    converse_udp(&parser_sip, steps, 5, &out);
    assert_true(recorder_has(&out.record, "contact account=alice@a peer=bob@b online"));
    assert_true(recorder_has(&out.record, "contact account=alice@a peer=carol@b away"));
    assert_true(recorder_has(&out.record, "contact account=alice@a peer=bob@b offline"));
    assert_int_equal(recorder_count(&out.record, "contact"), 3);
}

static void test_sip_file_offer_names_the_file(void **state)
{
    static const struct step steps[] = {
        CLIENT(
            "INVITE sip:bob@b.example SIP/2.0\r\n" PEOPLE "Content-Type: application/sdp\r\n\r\nv=0\r\n"
            "m=message 7394 TCP/MSRP *\r\na=file-selector:name:\"my pic.jpg\" type:image/jpeg size:4092 hash:sha-1:72\r\n"
            "a=path:msrp://[2001:db8::7]:7394/x;tcp\r\n"),
    };

    (void)state;
    converse_udp(&parser_sip, steps, 1, &out);
    assert_true(recorder_has(
        &out.record,
        "activity file account=alice@a.example peer=bob@b.example file=my pic.jpg size=4092 out"));
    assert_true(recorder_has(&out.record, "expect tcp 2001:db8::7:7394 file msrp simple"));
    assert_true(recorder_has(&out.record, "announce msrp msrp://[2001:db8::7]:7394/x;tcp name=my pic.jpg "
                                          "account=alice@a.example peer=bob@b.example size=4092 out"));
}

static void nothing(struct view datagram)
{
    struct step step = { FROM_CLIENT, datagram };

    converse_udp(&parser_sip, &step, 1, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_int_equal(recorder_count(&out.record, "evidence"), 0);
    assert_int_equal(recorder_count(&out.record, "activity"), 0);
    assert_int_equal(recorder_count(&out.record, "expect"), 0);
}

static void test_sip_calls_and_machines_are_not_im(void **state)
{
    (void)state;
    nothing(VIEW("INVITE sip:bob@b.example SIP/2.0\r\n" PEOPLE "Content-Type: application/sdp\r\n\r\nv=0\r\n"
                 "c=IN IP4 192.0.2.5\r\nm=audio 4000 RTP/AVP 0\r\na=path:msrp://192.0.2.5:7654/x;tcp\r\n"));
    nothing(VIEW("MESSAGE sip:bob@b.example SIP/2.0\r\n" PEOPLE
                 "Content-Type: Application/MANSCDP+xml\r\n\r\n<Control/>"));
    nothing(VIEW("MESSAGE sip:bob@b.example SIP/2.0\r\n" PEOPLE
                 "Content-Type: application/vnd.3gpp.sms\r\n\r\nx"));
    nothing(VIEW("SUBSCRIBE sip:bob@b.example SIP/2.0\r\n" PEOPLE "Event: message-summary\r\n\r\n"));
    nothing(VIEW("NOTIFY sip:bob@b.example SIP/2.0\r\n" PEOPLE "Event: dialog\r\n\r\n"));
    nothing(VIEW("SIP/2.0 200 OK\r\n" PEOPLE "\r\n"));
}

static void test_sip_bad_path_leaves_no_expectation(void **state)
{
    static const struct view paths[] = {
        { (const uint8_t *)"msrp://host.example:1/x", 23 },  { (const uint8_t *)"msrp://192.0.2.5:0/x", 20 },
        { (const uint8_t *)"msrp://192.0.2.5:70000/x", 24 }, { (const uint8_t *)"msrp://192.0.2.5", 16 },
        { (const uint8_t *)"http://192.0.2.5:80/", 20 },     { (const uint8_t *)"msrp://[2001:db8::1", 19 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char text[512];
        struct text t = TEXT(text);
        text_string(
            &t,
            "INVITE sip:b@b SIP/2.0\r\nContent-Type: application/sdp\r\n\r\nm=message 1 TCP/MSRP *\r\na=path:");
        text_add(&t, paths[i]);
        text_string(&t, "\r\n");
        struct step step = { FROM_CLIENT, view_of(text, t.len) };
        converse_udp(&parser_sip, &step, 1, &out);
        assert_int_equal(recorder_count(&out.record, "evidence"), 1);
        assert_int_equal(recorder_count(&out.record, "expect"), 0);
    }
}

static void test_sip_large_body_is_skipped(void **state)
{
    static char body[15000];
    struct step steps[] = {
        CLIENT("MESSAGE sip:b@b SIP/2.0\r\n" PEOPLE
               "Content-Type: text/plain\r\nContent-Length: 15000\r\n\r\n"),
        { FROM_CLIENT, { (const uint8_t *)body, sizeof body } },
        CLIENT("MESSAGE sip:b@b SIP/2.0\r\n" PEOPLE
               "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"),
    };

    (void)state;
    memset(body, 'x', sizeof body);
    check_laws(&parser_sip, steps, 3, &out);
    assert_int_equal(recorder_count(&out.record, "activity chat"), 2);
    assert_true(
        recorder_has(&out.record, "activity chat account=alice@a.example peer=bob@b.example out text=hi"));
}

static void test_sip_leaves_other_text_alone(void **state)
{
    (void)state;
    assert_int_equal(probe_bytes(&parser_sip, VIEW("GET / HTTP/1.1\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_sip, VIEW("OPTIONS * HTTP/1.1\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_sip, VIEW("OPTIONS rtsp://a/b RTSP/1.0\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_sip, VIEW("MESSAGE SIP/2.0\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_sip, VIEW("SIP/2.0 20 OK\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_sip, VIEW("MAIL FROM:<sip:a@b>\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_sip, VIEW("INVITE sip:b@b")), IM_MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sip_messages_over_tcp_keep_the_laws),
        cmocka_unit_test(test_sip_texts_of_each_type),
        cmocka_unit_test(test_sip_message_sent_again_is_told_once),
        cmocka_unit_test(test_sip_presence_of_others),
        cmocka_unit_test(test_sip_file_offer_names_the_file),
        cmocka_unit_test(test_sip_calls_and_machines_are_not_im),
        cmocka_unit_test(test_sip_bad_path_leaves_no_expectation),
        cmocka_unit_test(test_sip_large_body_is_skipped),
        cmocka_unit_test(test_sip_leaves_other_text_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
