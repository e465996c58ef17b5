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
        "<streamhost jid='p.example' host='proxy.example' port='7777'/>"
        "<streamhost jid='p.example' host='203.0.113.9' port='7777'/></query></iq>");
    assert_true(recorder_has(&out.record, "expect tcp 10.0.0.1:5086 file xmpp-bytestream"));
    assert_false(recorder_has(&out.record, "expect tcp 10.0.0.1:5086 file xmpp-bytestream relayed"));
    assert_true(recorder_has(&out.record, "expect tcp 203.0.113.9:7777 file xmpp-bytestream relayed"));
    assert_true(recorder_has(&out.record, "delivery server-broker"));
    assert_int_equal(recorder_count(&out.record, "expect"), 2);
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
        &out.record,
        "activity chat account=alice@a.example peer=bob@b.example out again text=from my phone"));
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

#define BOUND                                                                                                \
    HEADER_S "<iq type='result' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"                      \
             "<jid>alice@a.example/home</jid></bind></iq>"

/* What the server sends to alice@a.example/home. */
static void from_server(const char *text)
{
    struct step steps[] = { CLIENT(HEADER_C),
                            SERVER(BOUND),
                            { FROM_SERVER, { (const uint8_t *)text, strlen(text) } } };

    check_laws(&parser_xmpp, steps, 3, &out);
    assert_int_equal(out.answer, IM_YES);
}

#define INNER(from, to)                                                                                      \
    "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>"     \
    "<message xmlns='jabber:client' from='" from "' to='" to "' type='chat'><body>old</body></message>"      \
    "</forwarded>"
#define ARCHIVED(outer, from, to)                                                                            \
    "<message from='" outer                                                                                  \
    "' to='alice@a.example/home'><result xmlns='urn:xmpp:mam:2' queryid='q' id='1'>" INNER(                  \
        from, to) "</result></message>"

static void test_xmpp_messages_of_the_archive_have_their_time(void **state)
{
    (void)state;
    from_server(ARCHIVED("alice@a.example", "bob@b.example/x", "alice@a.example"));
    assert_true(recorder_has(&out.record, "activity chat account=alice@a.example peer=bob@b.example "
                                          "sent=1767225600000000 in again text=old"));
    from_server(ARCHIVED("alice@a.example", "alice@a.example/phone", "bob@b.example"));
    assert_true(recorder_has(&out.record, "activity chat account=alice@a.example peer=bob@b.example "
                                          "sent=1767225600000000 out again text=old"));
}

/* Else anybody could put words into the mouths of others. */
static void test_xmpp_copies_from_strangers_are_none(void **state)
{
    (void)state;
    from_server(ARCHIVED("eve@e.example/x", "bob@b.example/x", "alice@a.example"));
    assert_true(recorder_has(&out.record, "activity chat account=alice@a.example peer=eve@e.example "
                                          "sent=1767225600000000 in text=old"));
    from_server(
        "<message from='eve@e.example' to='alice@a.example/home'><received xmlns='urn:xmpp:carbons:2'>" INNER(
            "bob@b.example/x", "alice@a.example") "</received></message>");
    assert_true(recorder_has(&out.record, "activity chat account=alice@a.example peer=eve@e.example "
                                          "sent=1767225600000000 in text=old"));
}

static void test_xmpp_late_messages_and_nicks(void **state)
{
    (void)state;
    from_server("<message from='bob@b.example/x' to='alice@a.example' type='chat'><body>x</body>"
                "<nick xmlns='http://jabber.org/protocol/nick'>Bob &amp; Co</nick>"
                "<x xmlns='jabber:x:delay' stamp='20260101T00:00:00'/></message>");
    assert_true(recorder_has(&out.record, "activity chat account=alice@a.example peer=bob@b.example "
                                          "display=Bob & Co sent=1767225600000000 in text=x"));
}

static void test_xmpp_rooms_tell_echoes_and_history(void **state)
{
    static const struct step steps[] = {
        CLIENT(HEADER_C),
        SERVER(BOUND),
        CLIENT("<presence to='desk@r.example/ally'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
               "<message to='desk@r.example' type='groupchat'><body>mine</body></message>"),
        SERVER(
            "<presence from='desk@r.example/carol' to='alice@a.example/home'>"
            "<x xmlns='http://jabber.org/protocol/muc#user'><item jid='carol@c.example/y' role='participant'/></x>"
            "</presence>"
            "<presence from='desk@r.example/dave' to='alice@a.example/home' type='unavailable'>"
            "<x xmlns='http://jabber.org/protocol/muc#user'><item role='none'/></x></presence>"
            "<presence from='desk@r.example/ally' to='alice@a.example/home'>"
            "<x xmlns='http://jabber.org/protocol/muc#user'><item role='participant'/></x></presence>"),
        SERVER(
            "<message from='desk@r.example/carol' to='alice@a.example/home' type='groupchat'><body>old</body>"
            "<delay xmlns='urn:xmpp:delay' stamp='1970-01-01T00:00:01Z'/></message>"
            "<message from='desk@r.example/ally' to='alice@a.example/home' type='groupchat'><body>mine</body>"
            "</message><message from='desk@r.example/carol' to='alice@a.example/home' type='groupchat'>"
            "<body>new</body></message>"),
    };

    (void)state;
    check_laws(&parser_xmpp, steps, 5, &out);
    assert_string_equal(
        out.record.text,
        "activity login\nversion XMPP 1.0\nactivity login account=alice@a.example out\n"
        "activity presence account=alice@a.example peer=desk@r.example out\n"
        "delivery server-proxy\n"
        "activity chat account=alice@a.example room=desk@r.example out text=mine\n"
        "activity presence account=alice@a.example peer=desk@r.example in\n"
        "contact account=alice@a.example peer=carol@c.example display=carol group=desk@r.example online\n"
        "activity presence account=alice@a.example peer=desk@r.example in\n"
        "contact account=alice@a.example peer=dave group=desk@r.example offline\n"
        "activity presence account=alice@a.example peer=desk@r.example in\n"
        "activity chat account=alice@a.example peer=carol room=desk@r.example sent=1000000 in again text=old\n"
        "activity chat account=alice@a.example room=desk@r.example out again text=mine\n"
        "activity chat account=alice@a.example peer=carol room=desk@r.example in text=new\n");
}

static void test_xmpp_encrypted_messages_have_no_text(void **state)
{
    static const char *const bodies[] = {
        "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/><payload>AAAA</payload></encrypted>"
        "<body>I sent you an OMEMO encrypted message</body>",
        "<body>unreadable</body><encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:omemo:2'/>",
        "<openpgp xmlns='urn:xmpp:openpgp:0'>AAAA</openpgp>",
        "<body>[encrypted]</body><x xmlns='jabber:x:encrypted'>AAAA</x>",
        "<body>?OTR:AAMC</body>",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        char text[512];
        struct text t = TEXT(text);
        text_format(&t, "<message to='b@c' type='chat'>%s</message>", bodies[i]);
        stanza(text);
        assert_true(recorder_has(&out.record, "activity chat peer=b@c out"));
    }
    stanza("<message to='b@c'><encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'/></encrypted></message>");
    assert_int_equal(recorder_count(&out.record, "activity chat"), 0); /* keys, no message */
}

static void test_xmpp_buddy_lists_and_presence_are_contacts(void **state)
{
    (void)state;
    from_server(
        "<iq type='result' id='r' to='alice@a.example/home'><query xmlns='jabber:iq:roster'>"
        "<item jid='bob@b.example' name='Bob' subscription='both'><group>Desk</group><group>2</group></item>"
        "<item jid='carol@c.example' subscription='none'/></query></iq>"
        "<iq type='set' id='p'><query xmlns='jabber:iq:roster'>"
        "<item jid='dave@d.example' subscription='remove'/></query></iq>"
        "<presence from='bob@b.example/x' to='alice@a.example/home'><show>dnd</show></presence>"
        "<presence from='carol@c.example/x' to='alice@a.example/home'/>"
        "<presence from='carol@c.example/x' to='alice@a.example/home' type='unavailable'/>"
        "<presence from='eve@e.example' to='alice@a.example' type='subscribe'/>"
        "<presence from='alice@a.example/phone' to='alice@a.example/home'/>");
    assert_int_equal(recorder_count(&out.record, "contact"), 6);
    assert_true(recorder_has(&out.record,
                             "contact account=alice@a.example peer=bob@b.example display=Bob group=Desk"));
    assert_true(recorder_has(&out.record, "contact account=alice@a.example peer=carol@c.example"));
    assert_true(recorder_has(&out.record, "contact account=alice@a.example peer=dave@d.example removed"));
    assert_true(recorder_has(&out.record, "contact account=alice@a.example peer=bob@b.example busy"));
    assert_true(recorder_has(&out.record, "contact account=alice@a.example peer=carol@c.example online"));
    assert_true(recorder_has(&out.record, "contact account=alice@a.example peer=carol@c.example offline"));
}

static void test_xmpp_long_lists_do_not_fill_the_memory(void **state)
{
    static char list[16384];
    struct text t = TEXT(list);

    (void)state;
    text_string(&t, "<iq type='result' id='r'><query xmlns='jabber:iq:roster'>");
    for (int i = 0; i < 200; i++)
        text_format(&t, "<item jid='user%d@b.example' name='User %d'><group>Desk</group></item>", i, i);
    text_string(&t, "</query></iq>");
    struct step steps[] = { CLIENT(HEADER_C), SERVER(BOUND), { FROM_SERVER, view_string(list) } };
    converse(&parser_xmpp, steps, 3, &out);
    assert_int_equal(recorder_count(&out.record, "contact"), 200);
    assert_true(recorder_has(
        &out.record, "contact account=alice@a.example peer=user199@b.example display=User 199 group=Desk"));
}

#define OFFER(id, name, size)                                                                                \
    "<iq type='set' id='o1' to='bob@b.example/x'><si xmlns='http://jabber.org/protocol/si' id='" id "'>"     \
    "<file xmlns='http://jabber.org/protocol/si/profile/file-transfer' name='" name "' size='" size          \
    "'/></si></iq>"
#define OPEN(id, size)                                                                                           \
    "<iq type='set' id='o2' to='bob@b.example/x'><open xmlns='http://jabber.org/protocol/ibb' block-size='" size \
    "' sid='" id "'/></iq>"
#define BLOCK(id, seq, text)                                                                                 \
    "<iq type='set' id='o3' to='bob@b.example/x'><data xmlns='http://jabber.org/protocol/ibb' seq='" seq     \
    "' sid='" id "'>" text "</data></iq>"
#define CLOSE(id)                                                                                            \
    "<iq type='set' id='o4' to='bob@b.example/x'><close xmlns='http://jabber.org/protocol/ibb' sid='" id     \
    "'/></iq>"

static void test_xmpp_files_in_band_are_carried(void **state)
{
    static const struct step steps[] = {
        CLIENT(HEADER_C),
        SERVER(BOUND),
        CLIENT(OFFER("s1", "a.txt", "11") OPEN("s1", "6") BLOCK("s1", "0", "aGVs\nbG8g")),
        CLIENT("<message to='bob@b.example/x'><data xmlns='http://jabber.org/protocol/ibb' seq='1' sid='s1'>"
               "d29ybGQ=</data></message>" CLOSE("s1")),
    };

    (void)state;
    check_laws(&parser_xmpp, steps, 4, &out);
    assert_true(recorder_has(&out.record,
                             "file 1 name=a.txt account=alice@a.example peer=bob@b.example size=11 out"));
    assert_true(recorder_has(&out.record, "bytes 1 at 0 hello "));
    assert_true(recorder_has(&out.record, "bytes 1 at 6 world"));
    assert_true(recorder_has(&out.record, "file 1 whole"));
    assert_int_equal(recorder_count(&out.record, "file 1 "), 2);
}

static void test_xmpp_files_in_band_without_an_offer_end_by_close(void **state)
{
    (void)state;
    stanza(OPEN("s1", "4096") BLOCK("s1", "0", "aGVsbG8g") BLOCK("s1", "1", "d29ybGQ=") CLOSE("s1"));
    assert_true(recorder_has(&out.record, "file 1 peer=bob@b.example out"));
    assert_true(recorder_has(&out.record, "bytes 1 at 6 world"));
    assert_true(recorder_has(&out.record, "file 1 whole"));
    /* The first block did not come, and nobody said how long blocks are: this is not all of it. */
    stanza(BLOCK("s1", "1", "d29ybGQ=") CLOSE("s1"));
    assert_true(recorder_has(&out.record, "file 1 cut"));
    stanza(OPEN("s1", "6") BLOCK("s1", "1", "d29ybGQ=") CLOSE("s1"));
    assert_true(recorder_has(&out.record, "bytes 1 at 6 world"));
    stanza(OFFER("s1", "a", "12") OPEN("s1", "4096") BLOCK("s1", "0", "aGVsbG8g") CLOSE("s1"));
    assert_true(recorder_has(&out.record, "file 1 cut"));
    stanza(OFFER("s1", "a", "5") OPEN("s1", "4096") BLOCK("s1", "0", "aGVsbG8g") CLOSE("s1"));
    assert_true(recorder_has(&out.record, "bytes 1 at 0 hello"));
    assert_true(recorder_has(&out.record, "anomaly overlong file in band"));
}

/* A block of 60000 octets: a stanza of 80 KB. */
static void test_xmpp_blocks_may_be_longer_than_what_is_kept(void **state)
{
    static char data[80000];
    static struct recorder *r;
    static const char begin[] = OFFER("s1", "a", "60000")
        OPEN("s1", "65535") "<iq type='set' id='o3' to='bob@b.example/x'>"
                            "<data xmlns='http://jabber.org/protocol/ibb' seq='0' sid='s1'>";
    struct step steps[] = { CLIENT(HEADER_C),
                            { FROM_CLIENT, VIEW(begin) },
                            { FROM_CLIENT, { (const uint8_t *)data, 30001 } },
                            { FROM_CLIENT, { (const uint8_t *)data + 30001, 49999 } },
                            CLIENT("</data></iq><message to='b@c'><body>two</body></message>") };

    (void)state;
    for (size_t i = 0; i < sizeof data; i += 4)
        memcpy(data + i, "YWJj", 4);
    converse(&parser_xmpp, steps, 5, &out);
    r = &out.record;
    assert_true(recorder_has(r, "file 1 whole"));
    const char *bytes = strstr(r->text, "bytes 1 at 0 abcabc");
    assert_non_null(bytes);
    assert_int_equal(strcspn(bytes + strlen("bytes 1 at 0 "), "\n"), 60000);
    assert_true(recorder_has(r, "activity chat peer=b@c out text=two"));
}

static void feed_all(void *memory, struct session *s, const char *text)
{
    struct view left = view_string(text);

    for (size_t n = 1; n > 0 && left.len > 0; left = view_from(left, n))
        n = parser_xmpp.feed(memory, s, FROM_CLIENT, left);
}

static void test_xmpp_blocks_behind_lost_ones_have_their_place(void **state)
{
    static struct recorder r;
    static uint64_t memory[PARSER_STATE_BYTES / 8];
    struct session *s = recorder_session(&r);

    (void)state;
    recorder_init(&r);
    feed_all(memory, s, HEADER_C OFFER("s1", "a", "30") OPEN("s1", "6") BLOCK("s1", "0", "aGVsbG8g"));
    assert_true(parser_xmpp.gap(memory, s, FROM_CLIENT, 500));
    feed_all(memory, s, "data></iq>" BLOCK("s1", "3", "d29ybGQh"));
    feed_all(memory, s,
             "<iq type='set' id='o3' to='bob@b.example/x'>"
             "<data xmlns='http://jabber.org/protocol/ibb' seq='4' sid='s1'>aGVs");
    assert_true(parser_xmpp.gap(memory, s, FROM_CLIENT, 4));
    feed_all(memory, s, "</data></iq>" BLOCK("s1", "5", "aGVsbG8g"));
    assert_true(recorder_has(&r, "bytes 1 at 0 hello "));
    assert_true(recorder_has(&r, "bytes 1 at 18 world!"));
    assert_true(recorder_has(&r, "bytes 1 at 24 hel"));
    assert_int_equal(recorder_count(&r, "bytes 1 at 30"), 0); /* beyond the size */
    assert_true(recorder_has(&r, "file 1 whole"));
}

static void test_xmpp_files_of_jingle_come_in_band(void **state)
{
    (void)state;
    stanza(
        "<iq type='set' id='j' to='bob@b.example/x'><jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' "
        "sid='J1'><content senders='initiator'><description xmlns='urn:xmpp:jingle:apps:file-transfer:5'><file>"
        "<media-type>text/plain</media-type><name>d.txt</name><size>6</size></file></description>"
        "<transport xmlns='urn:xmpp:jingle:transports:s5b:1' sid='first'/></content></jingle></iq>"
        "<iq type='set' id='k' to='bob@b.example/x'><jingle xmlns='urn:xmpp:jingle:1' action='transport-replace' "
        "sid='J1'><content><transport xmlns='urn:xmpp:jingle:transports:ibb:1' block-size='4096' sid='s1'/>"
        "</content></jingle></iq>" OPEN("s1", "4096") BLOCK("s1", "0", "aGVsbG8g"));
    assert_true(recorder_has(&out.record, "file 1 name=d.txt type=text/plain peer=bob@b.example size=6 out"));
    assert_true(recorder_has(&out.record, "file 1 whole"));
}

/* SHA-1 of "s1", alice@a.example/home and bob@b.example/x, and the other way round. */
#define HASH_OUT "d034636d1085447862f91db3d697ff237e757f95"
#define HASH_IN "84a33952e5864b18bc5c4f08efc8601d404dfa8e"

static void test_xmpp_bytestreams_are_announced_by_their_hash(void **state)
{
    static const struct step steps[] = {
        CLIENT(HEADER_C),
        SERVER(BOUND),
        CLIENT(OFFER("s1", "a.txt", "11")),
        SERVER(
            "<iq type='result' id='o1' from='bob@b.example/x' to='alice@a.example/home'>"
            "<si xmlns='http://jabber.org/protocol/si'>"
            "<file xmlns='http://jabber.org/protocol/si/profile/file-transfer'><range offset='6'/></file></si></iq>"),
        CLIENT(
            "<iq type='set' id='s' to='bob@b.example/x'><query xmlns='http://jabber.org/protocol/bytestreams' "
            "sid='s1'><streamhost jid='alice@a.example/home' host='10.0.0.1' port='5086'/></query></iq>"),
    };

    (void)state;
    check_laws(&parser_xmpp, steps, 5, &out);
    assert_true(recorder_has(&out.record, "announce " HASH_OUT " name=a.txt account=alice@a.example "
                                          "peer=bob@b.example size=11 offset=6 out"));
    assert_true(recorder_has(&out.record, "expect tcp 10.0.0.1:5086 file xmpp-bytestream"));
    from_server(
        "<iq type='set' id='j' from='bob@b.example/x' to='alice@a.example/home'>"
        "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='J1'><content>"
        "<description xmlns='urn:xmpp:jingle:apps:file-transfer:5'><file><name>d.txt</name><size>6</size>"
        "</file></description><transport xmlns='urn:xmpp:jingle:transports:s5b:1' sid='s1'>"
        "<candidate cid='h' host='192.0.2.9' port='5087'/></transport></content></jingle></iq>");
    assert_true(recorder_has(&out.record, "announce " HASH_IN " name=d.txt account=alice@a.example "
                                          "peer=bob@b.example size=6 in"));
    assert_true(recorder_has(&out.record, "announce " HASH_OUT " name=d.txt account=alice@a.example "
                                          "peer=bob@b.example size=6 in"));
}

static void test_xmpp_slots_of_uploads_are_announced(void **state)
{
    static const struct step steps[] = {
        CLIENT(HEADER_C),
        SERVER(BOUND),
        CLIENT("<iq type='get' id='u' to='upload.a.example'><request xmlns='urn:xmpp:http:upload:0' "
               "filename='c d.pdf' size='23456' content-type='application/pdf'/></iq>"),
        SERVER(
            "<iq type='result' id='u' from='upload.a.example' to='alice@a.example/home'>"
            "<slot xmlns='urn:xmpp:http:upload:0'><put url='http://Files.a.example:5280/u/c%20d.pdf?a=1&amp;b=2'>"
            "<header name='Authorization'>Basic x</header></put>"
            "<get url='https://files.a.example/u/c%20d.pdf'/></slot></iq>"),
        CLIENT("<message to='bob@b.example' type='chat'><body>http://files.a.example/u/c.pdf</body>"
               "<x xmlns='jabber:x:oob'><url>http://files.a.example/u/c.pdf</url></x></message>"),
    };

    (void)state;
    check_laws(&parser_xmpp, steps, 5, &out);
    assert_int_equal(recorder_count(&out.record, "announce"), 2);
    assert_true(recorder_has(&out.record, "announce http files.a.example/u/c%20d.pdf?a=1&b=2 name=c d.pdf "
                                          "type=application/pdf account=alice@a.example size=23456 out"));
    assert_true(recorder_has(&out.record, "announce http files.a.example/u/c.pdf name=c.pdf "
                                          "account=alice@a.example peer=bob@b.example out"));
}

static void long_message(const char *before, size_t tens, const char *behind)
{
    static char text[40000];
    struct text t = TEXT(text);
    struct step steps[] = { CLIENT(HEADER_C), SERVER(BOUND), { FROM_SERVER, { NULL, 0 } } };

    text_string(&t, before);
    for (size_t i = 0; i < tens; i++)
        text_string(&t, "ten &lt;oct");
    text_string(&t, behind);
    steps[2].bytes = view_string(text);
    converse(&parser_xmpp, steps, 3, &out);
}

static size_t told_text(void)
{
    const char *told = strstr(out.record.text, "text=ten <octten <oct");

    assert_non_null(told);
    return strcspn(told + strlen("text="), "\n");
}

static void test_xmpp_long_messages_are_told_whole(void **state)
{
    (void)state;
    long_message("<message from='b@c'><body>", 1300,
                 "</body><x/></message><message from='d@c'><body>two</body></message>");
    assert_int_equal(told_text(), 1300 * 8);
    assert_true(recorder_has(&out.record, "activity chat account=alice@a.example peer=d@c in text=two"));
    long_message("<message from='alice@a.example' to='alice@a.example/home'><result xmlns='urn:xmpp:mam:2'>"
                 "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='b@c'><body>",
                 1000, "</body></message></forwarded></result></message>");
    assert_int_equal(told_text(), 1000 * 8);
    assert_int_equal(recorder_count(&out.record, "activity chat account=alice@a.example peer=b@c in again"),
                     1);
}

static void test_xmpp_endless_messages_are_cut(void **state)
{
    (void)state;
    long_message("<message from='b@c'><body>", 3500, "</body></message>");
    assert_true(told_text() >= 2000);
    assert_int_equal(recorder_count(&out.record, "activity chat"), 1);
}

/* Nothing waits for the end of a message that is none. */
static void test_xmpp_bodies_of_other_stanzas_are_not_waited_for(void **state)
{
    static const struct step steps[] = {
        CLIENT(HEADER_C "<iq type='set' id='1'><pubsub><body>x</body></pubsub></iq>"
                        "<message to='b@c'><body>one</body><html xmlns='http://jabber.org/protocol/xhtml-im'>"
                        "<body xmlns='http://www.w3.org/1999/xhtml'>one</body></html></message>"
                        "<iq type='set' id='2'><query><body>x"),
        SERVER(HEADER_S "<presence from='b@c/x' to='a@b/y'/>"),
        CLIENT("</body></query></iq><presence to='b@c'/>"),
    };

    (void)state;
    check_laws(&parser_xmpp, steps, 3, &out);
    assert_true(recorder_has(&out.record, "activity chat peer=b@c out text=one"));
    assert_true(recorder_has(&out.record, "activity presence peer=b@c out"));
}

/* However its bytes come in. */
static void test_xmpp_message_in_pieces_is_told_once(void **state)
{
    static char text[5000];
    struct text t = TEXT(text);
    struct step steps[] = { CLIENT(HEADER_C), { FROM_CLIENT, { NULL, 0 } } };

    (void)state;
    text_string(&t, "<message to='b@c'><body>");
    for (int i = 0; i < 350; i++)
        text_string(&t, "ten &lt;oct");
    text_string(&t, "</body></message>");
    steps[1].bytes = view_string(text);
    check_laws(&parser_xmpp, steps, 2, &out);
    assert_int_equal(told_text(), 350 * 8);
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
        cmocka_unit_test(test_xmpp_messages_of_the_archive_have_their_time),
        cmocka_unit_test(test_xmpp_copies_from_strangers_are_none),
        cmocka_unit_test(test_xmpp_late_messages_and_nicks),
        cmocka_unit_test(test_xmpp_rooms_tell_echoes_and_history),
        cmocka_unit_test(test_xmpp_encrypted_messages_have_no_text),
        cmocka_unit_test(test_xmpp_buddy_lists_and_presence_are_contacts),
        cmocka_unit_test(test_xmpp_long_lists_do_not_fill_the_memory),
        cmocka_unit_test(test_xmpp_files_in_band_are_carried),
        cmocka_unit_test(test_xmpp_files_in_band_without_an_offer_end_by_close),
        cmocka_unit_test(test_xmpp_blocks_may_be_longer_than_what_is_kept),
        cmocka_unit_test(test_xmpp_blocks_behind_lost_ones_have_their_place),
        cmocka_unit_test(test_xmpp_files_of_jingle_come_in_band),
        cmocka_unit_test(test_xmpp_bytestreams_are_announced_by_their_hash),
        cmocka_unit_test(test_xmpp_slots_of_uploads_are_announced),
        cmocka_unit_test(test_xmpp_long_messages_are_told_whole),
        cmocka_unit_test(test_xmpp_endless_messages_are_cut),
        cmocka_unit_test(test_xmpp_message_in_pieces_is_told_once),
        cmocka_unit_test(test_xmpp_bodies_of_other_stanzas_are_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
