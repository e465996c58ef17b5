/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_xmpp;

#define WORD(literal)                                                                                        \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }
#define HEADER_C                                                                                             \
    "<?xml version='1.0'?><stream:stream to='example.org' xmlns='jabber:client' "                            \
    "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
#define HEADER_S                                                                                             \
    "<?xml version='1.0'?><stream:stream from='example.org' id='x1' xmlns='jabber:client' "                  \
    "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"

static struct outcome out;

static const struct step talk[] = {
    CLIENT(HEADER_C),
    SERVER(
        HEADER_S
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism>"
        "</mechanisms></stream:features>"),
    /* "\0alice\0secret" */
    CLIENT("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>"),
    SERVER("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"),
    CLIENT(HEADER_C "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"),
    SERVER(HEADER_S "<iq type='result' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                    "<jid>alice@example.org/home</jid></bind></iq>"),
    CLIENT(
        "<iq type='get' id='2'><query xmlns='jabber:iq:roster'/></iq> \n"
        "<presence><c xmlns='http://jabber.org/protocol/caps' node='https://client.example/' ver='x'/></presence>"),
    CLIENT(
        "<message to='bob@example.org/x' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"),
    CLIENT(
        "<message to='bob@example.org/x' type='chat'><body>fish &amp; chips &lt;3 &#64; <![CDATA[<b>]]></body>"
        "<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>no</body></html>"
        "</message>"),
    SERVER("<message from='desk@rooms.example.org/carol' to='alice@example.org/home' type='groupchat'>"
           "<body>hi all</body></message>"),
    SERVER("<iq type='get' id='v' from='bob@example.org/x'><query xmlns='jabber:iq:version'/></iq>"),
    CLIENT(
        "<iq type='result' id='v' to='bob@example.org/x'><query xmlns='jabber:iq:version'><name>Example</name>"
        "<version>1.2</version></query></iq>"),
    CLIENT("</stream:stream>"),
};

static void test_xmpp_conversation_keeps_the_laws(void **state)
{
    (void)state;
    check_laws(&parser_xmpp, talk, sizeof talk / sizeof talk[0], &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.finding.value, "stream to example.org");
    assert_string_equal(
        out.record.text,
        "activity login\n"
        "version XMPP 1.0\n"
        "activity login account=alice out\n"
        "activity presence\n"
        "client https://client.example/\n"
        "activity presence account=alice@example.org out\n"
        "activity presence account=alice@example.org peer=bob@example.org out\n"
        "delivery server-proxy\n"
        "activity chat account=alice@example.org peer=bob@example.org out text=fish & chips <3 &#64; <b>\n"
        "activity chat account=alice@example.org peer=carol room=desk@rooms.example.org in text=hi all\n"
        "client Example 1.2\n");
}

static void test_xmpp_password_is_never_told(void **state)
{
    (void)state;
    converse(&parser_xmpp, talk, sizeof talk / sizeof talk[0], &out);
    assert_null(strstr(out.record.text, "secret"));
}

static void test_xmpp_starttls_changes_over(void **state)
{
    static const struct step steps[] = {
        CLIENT("<?xml version='1.0'?>"),
        CLIENT("<stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
               "xmlns='jabber:server' xmlns:db='jabber:server:dialback' to='b.example' version='1.0'>"),
        SERVER(
            "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:server' "
            "id='1'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"),
        CLIENT("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        SERVER("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'></proceed>"),
    };

    (void)state;
    check_laws(&parser_xmpp, steps, 5, &out);
    assert_string_equal(out.record.text, "activity login\nversion XMPP 1.0\nupgrade tls\n");
}

static void test_xmpp_compression_ends_reading(void **state)
{
    static const struct step steps[] = {
        CLIENT(HEADER_C
               "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>"),
        SERVER(HEADER_S "<compressed xmlns='http://jabber.org/protocol/compress'/>"),
    };

    (void)state;
    check_laws(&parser_xmpp, steps, 2, &out);
    assert_true(recorder_has(&out.record, "settle"));
}

/* Follow one stanza of the client behind a header. */
static void stanza(const char *text)
{
    struct step steps[] = { CLIENT(HEADER_C), { FROM_CLIENT, { (const uint8_t *)text, strlen(text) } } };

    check_laws(&parser_xmpp, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
}

static void test_xmpp_login_names_are_read(void **state)
{
    static const struct step digest[] = {
        CLIENT(HEADER_C),
        /* username="alice",realm="example.org" */
        CLIENT(
            "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>dXNlcm5hbWU9ImFsaWNlIixyZWFsbT0iZXhhbXBsZS5vcmci"
            "</response>"),
        SERVER("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"),
    };
    static const struct step scram[] = {
        CLIENT(HEADER_C),
        /* n,,n=alice,r=abc */
        CLIENT(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>biwsbj1hbGljZSxyPWFiYw==</auth>"),
        SERVER("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>dj1h</success>"),
    };

    (void)state;
    check_laws(&parser_xmpp, digest, 3, &out);
    assert_true(recorder_has(&out.record, "activity login account=alice out"));
    check_laws(&parser_xmpp, scram, 3, &out);
    assert_true(recorder_has(&out.record, "activity login account=alice out"));
    stanza(
        "<iq type='set' id='a'><query xmlns='jabber:iq:auth'><username>alice</username><digest>x</digest></query></iq>");
    assert_true(recorder_has(&out.record, "activity login account=alice out"));
}

static void test_xmpp_files_are_read(void **state)
{
    (void)state;
    stanza(
        "<iq type='set' id='s' to='bob@b.example/x'><si xmlns='http://jabber.org/protocol/si' "
        "profile='http://jabber.org/protocol/si/profile/file-transfer'><file "
        "xmlns='http://jabber.org/protocol/si/profile/file-transfer' name='a&amp;b.doc' size='1022'/></si></iq>");
    assert_true(recorder_has(&out.record, "activity file peer=bob@b.example file=a&b.doc size=1022 out"));
    stanza(
        "<iq type='set' id='s' to='bob@b.example/x'><query xmlns='http://jabber.org/protocol/bytestreams' sid='x'>"
        "<streamhost jid='a@a.example/x' host='10.0.0.1' port='5086'/>"
        "<streamhost jid='p.example' host='proxy.example' port='7777'/></query></iq>");
    assert_true(recorder_has(&out.record, "expect tcp 10.0.0.1:5086 file xmpp-bytestream"));
    assert_true(recorder_has(&out.record, "delivery server-broker"));
    assert_int_equal(recorder_count(&out.record, "expect"), 1);
    stanza(
        "<iq type='set' id='s' to='bob@b.example/x'><open xmlns='http://jabber.org/protocol/ibb' block-size='4096' "
        "sid='x'/></iq>");
    assert_true(recorder_has(&out.record, "delivery server-proxy"));
    assert_true(recorder_has(&out.record, "activity file"));
    stanza(
        "<iq type='get' id='u' to='upload.b.example'><request xmlns='urn:xmpp:http:upload:0' filename='c.pdf' "
        "size='23456'/></iq>");
    assert_true(recorder_has(&out.record, "activity file peer=upload.b.example file=c.pdf size=23456 out"));
    stanza(
        "<iq type='set' id='j' to='bob@b.example/x'><jingle xmlns='urn:xmpp:jingle:1' action='session-initiate'>"
        "<content><description xmlns='urn:xmpp:jingle:apps:file-transfer:5'><file><name>d.txt</name><size>6144</size>"
        "</file></description><transport xmlns='urn:xmpp:jingle:transports:s5b:1'>"
        "<candidate cid='h' host='192.0.2.9' port='5087' type='direct'/></transport></content></jingle></iq>");
    assert_true(recorder_has(&out.record, "activity file peer=bob@b.example file=d.txt size=6144 out"));
    assert_true(recorder_has(&out.record, "expect tcp 192.0.2.9:5087 file xmpp-bytestream"));
}

static void test_xmpp_calls_are_read(void **state)
{
    (void)state;
    stanza(
        "<iq type='set' id='j' to='bob@b.example/x'><jingle xmlns='urn:xmpp:jingle:1' action='session-initiate'>"
        "<content><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>"
        "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'><candidate ip='2001:db8::5' port='8998' "
        "protocol='udp' type='host'/></transport></content></jingle></iq>");
    assert_true(recorder_has(&out.record, "activity call peer=bob@b.example out"));
    assert_true(recorder_has(&out.record, "expect udp 2001:db8::5:8998 call rtp"));
}

static void test_xmpp_malformed_addresses_leave_no_expectation(void **state)
{
    (void)state;
    stanza("<iq type='set' id='s'><query xmlns='http://jabber.org/protocol/bytestreams'>"
           "<streamhost host='10.0.0.300' port='5086'/><streamhost host='10.0.0.1' port='0'/>"
           "<streamhost host='10.0.0.1' port='65536'/><streamhost host='10.0.0.1'/><streamhost port='1'/>"
           "<streamhost host='0.0.0.0' port='1'/></query><streamhost/></iq>");
    assert_int_equal(recorder_count(&out.record, "expect"), 0);
}

static void test_xmpp_copies_of_messages_keep_their_people(void **state)
{
    static const struct step steps[] = {
        CLIENT(HEADER_C),
        SERVER(
            HEADER_S
            "<message from='alice@a.example' to='alice@a.example/home' type='chat'>"
            "<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' "
            "from='alice@a.example/phone' to='bob@b.example' type='chat'><body>from my phone</body></message>"
            "</forwarded></sent></message>"),
    };

    (void)state;
    check_laws(&parser_xmpp, steps, 2, &out);
    assert_true(recorder_has(
        &out.record, "activity chat account=alice@a.example peer=bob@b.example out text=from my phone"));
}

static void test_xmpp_frames_of_websocket_and_bosh_are_xmpp(void **state)
{
    (void)state;
    assert_int_equal(
        probe_bytes(&parser_xmpp, VIEW("<open xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\" to=\"a\"/>")),
        IM_YES);
    assert_int_equal(
        probe_bytes(&parser_xmpp, VIEW("<body rid='1' xmlns='http://jabber.org/protocol/httpbind' to='a'>")),
        IM_YES);
    stanza(
        "</stream:stream><open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/><message to='b@c'><body>x</body></message>");
    assert_true(recorder_has(&out.record, "activity chat peer=b@c out text=x"));
}

static void test_xmpp_midstream_finds_the_next_stanza(void **state)
{
    struct finding finding = { 0 };
    struct sample s = { .l4 = L4_TCP, .midstream = true };

    (void)state;
    s.bytes[0] = view_of(NULL, 0);
    s.bytes[1] = VIEW("y></message><message from='a@b.example/x' type='chat'><body>");
    assert_int_equal(parser_xmpp.probe(&s, &finding), IM_YES);
    s.bytes[1] = VIEW("y></message><message kind='a'>");
    assert_int_equal(parser_xmpp.probe(&s, &finding), IM_NO);
    s.bytes[1] = VIEW("</message><iq type='get' id='1'>");
    assert_int_equal(parser_xmpp.probe(&s, &finding), IM_YES);
    s.bytes[1] = VIEW("</stream:stream>");
    assert_int_equal(parser_xmpp.probe(&s, &finding), IM_YES);
    s.bytes[1] = VIEW("<presence to='room@c.example/a'>");
    assert_int_equal(parser_xmpp.probe(&s, &finding), IM_YES);
}

static void test_xmpp_leaves_other_xml_alone(void **state)
{
    static const struct view decoys[] = {
        WORD("<html xmlns='http://www.w3.org/1999/xhtml'>"),
        WORD("<!DOCTYPE html>"),
        WORD("<?xml version='1.0'?><soap:Envelope xmlns:soap='http://schemas.xmlsoap.org/soap/envelope/'>"),
        WORD("<?xml version='1.0'?><stream:stream xmlns:stream='http://example.org/streams'>"),
        WORD("<message>"),
        WORD("<message to='x' type='y'>"),
        WORD("<iq id='1'>"),
        WORD("<presence>"),
        WORD("<body xmlns='http://www.w3.org/1999/xhtml'>"),
        WORD("<open>"),
        WORD("<stream>"),
        WORD("<policy-file-request/>"),
        WORD("GET /http-bind HTTP/1.1\r\n\r\n<body xmlns='http://jabber.org/protocol/httpbind'>"),
        WORD("<message xmlns='urn:other' type='get' id='1' to='a@b'>"),
        WORD("<34>Oct 11 22:14:15 host su: <iq type='get' id='1'>"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof decoys / sizeof decoys[0]; i++)
        assert_int_equal(probe_bytes(&parser_xmpp, decoys[i]), IM_NO);
}

static void test_xmpp_goes_on_behind_an_endless_tag(void **state)
{
    static char flood[20000];
    struct step steps[] = { CLIENT(HEADER_C "<message a='"),
                            { FROM_CLIENT, { (const uint8_t *)flood, sizeof flood } },
                            CLIENT("'/><message to='b@c'><body>two</body></message>") };

    (void)state;
    memset(flood, 'x', sizeof flood);
    check_laws(&parser_xmpp, steps, 3, &out);
    assert_true(recorder_has(&out.record, "activity chat peer=b@c out text=two"));
}

static void test_xmpp_depth_is_limited(void **state)
{
    static char deep[100 * 3 + 64];
    struct text t = TEXT(deep);

    (void)state;
    for (int i = 0; i < 100; i++)
        text_string(&t, "<a>");
    text_string(&t, "<message to='b@c'><body>two</body></message>");
    stanza(deep);
    assert_true(recorder_has(&out.record, "activity chat peer=b@c out text=two"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xmpp_conversation_keeps_the_laws),
        cmocka_unit_test(test_xmpp_password_is_never_told),
        cmocka_unit_test(test_xmpp_starttls_changes_over),
        cmocka_unit_test(test_xmpp_compression_ends_reading),
        cmocka_unit_test(test_xmpp_login_names_are_read),
        cmocka_unit_test(test_xmpp_files_are_read),
        cmocka_unit_test(test_xmpp_calls_are_read),
        cmocka_unit_test(test_xmpp_malformed_addresses_leave_no_expectation),
        cmocka_unit_test(test_xmpp_copies_of_messages_keep_their_people),
        cmocka_unit_test(test_xmpp_frames_of_websocket_and_bosh_are_xmpp),
        cmocka_unit_test(test_xmpp_midstream_finds_the_next_stanza),
        cmocka_unit_test(test_xmpp_leaves_other_xml_alone),
        cmocka_unit_test(test_xmpp_goes_on_behind_an_endless_tag),
        cmocka_unit_test(test_xmpp_depth_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
