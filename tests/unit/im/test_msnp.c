/* SPDX-License-Identifier: Apache-2.0 */
/* MSNP: login, conversation, files of both generations, payloads that must be skipped exactly, and
   look-alikes. */
#include "build.h"
#include "conversation.h"
#include <stdio.h>
#include <stdlib.h>

extern const struct parser parser_msnp;

#define COUNT(steps) (sizeof(steps) / sizeof((steps)[0]))
#define SIGN_ON                                                                                              \
    CLIENT("USR 1 alice@example.org;{f26a} 17262740.1050826919.32308\r\n"),                                  \
        SERVER("USR 1 OK alice@example.org Alice\r\n")

/* "MSG … length", headers, body. */
static void put_msg(struct build *b, const char *line, const char *type, struct view body)
{
    char text[512];
    struct text t = TEXT(text);
    size_t head_len = strlen("MIME-Version: 1.0\r\nContent-Type: \r\n\r\n") + strlen(type);

    text_format(&t, "MSG %s %zu\r\nMIME-Version: 1.0\r\nContent-Type: %s\r\n\r\n", line, head_len + body.len,
                type);
    put_text(b, text);
    put(b, body);
}

static int setup(void **state)
{
    *state = malloc(sizeof(struct outcome));
    return *state == NULL;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void test_login_by_md5_tells_version_client_account_and_next_servers(void **state)
{
    struct outcome *out = *state;
    struct step steps[] = {
        CLIENT("VER 1 MSNP8 MSNP7 CVR0\r\n"),
        SERVER("VER 1 MSNP8\r\n"),
        CLIENT("CVR 2 0x0409 winnt 5.1 i386 MSMSGS 8.5.1302 msmsgs alice@example.org\r\n"),
        SERVER("CVR 2 6.0.0602 6.0.0602 1.0.0000 http://download.example.org/a.exe http://example.org\r\n"),
        CLIENT("USR 3 MD5 I alice@example.org\r\n"),
        SERVER("XFR 3 NS 198.51.100.9:1863 0 198.51.100.1:1863\r\n"),
        SERVER("USR 3 OK alice@example.org Alice 1 0\r\n"),
        CLIENT("SYN 4 0\r\nCHG 5 NLN 0\r\n"),
        SERVER("ILN 5 NLN bob@example.org Bob 0\r\n911 6\r\n"),
        CLIENT("XFR 6 SB\r\n"),
        SERVER("XFR 6 SB 198.51.100.20:1863 CKI 17262740.1050826919.32308\r\n"),
        SERVER("RNG 11742066 198.51.100.21:1863 CKI 849102291.520491113 bob@example.org Bob\r\n"),
    };
    check_laws(&parser_msnp, steps, COUNT(steps), out);
    assert_int_equal(out->answer, IM_YES);
    assert_string_equal(out->finding.value, "VER MSNP8");
    assert_string_equal(out->record.text,
                        "delivery server-proxy\n"
                        "version MSNP8\n"
                        "client MSMSGS 8.5.1302\n"
                        "activity login account=alice@example.org out\n"
                        "expect tcp 198.51.100.9:1863 login msnp\n"
                        "activity presence\n"
                        "activity presence\n"
                        "activity presence\n"
                        "contact account=alice@example.org peer=bob@example.org display=Bob "
                        "online\n"
                        "expect tcp 198.51.100.20:1863 chat msnp\n"
                        "activity chat\n"
                        "expect tcp 198.51.100.21:1863 chat msnp\n");
}

static void test_conversation_in_a_switchboard(void **state)
{
    struct outcome *out = *state;
    struct build sent = { .len = 0 }, received = { .len = 0 };

    put_msg(&sent, "3 U", "text/x-msmsgscontrol", VIEW("TypingUser: alice@example.org\r\n\r\n"));
    put_msg(&sent, "4 N", "text/plain; charset=UTF-8",
            VIEW("hi \xe2\x82\xac\r\nUSR 9 MD5 I mallory@example.org\r\n"));
    put_msg(&received, "bob@example.org Bob%20B", "text/plain", VIEW("hello"));
    put_text(&received, "MSG bob@example.org Bob 37\r\nMessage-ID: {1}\r\nChunk: 1\r\n\r\nthe rest");
    struct step steps[] = {
        SIGN_ON,
        CLIENT("CAL 2 bob@example.org\r\n"),
        SERVER("CAL 2 RINGING 11742066\r\nJOI bob@example.org Bob\r\n"),
        { FROM_CLIENT, built(&sent) },
        { FROM_SERVER, built(&received) },
        SERVER("BYE bob@example.org\r\n"),
        CLIENT("OUT\r\n"),
    };
    check_laws(&parser_msnp, steps, COUNT(steps), out);
    assert_int_equal(out->answer, IM_YES);
    assert_string_equal(
        out->record.text,
        "delivery server-proxy\n"
        "ticket 17262740.1050826919.32308\n"
        "activity chat\n"
        "activity chat\n"
        "activity chat\n"
        "activity presence\n"
        "activity chat account=alice@example.org peer=bob@example.org display=Alice out text="
        "hi \xe2\x82\xac??USR 9 MD5 I mallory@example.org??\n"
        "activity chat account=alice@example.org peer=bob@example.org display=Bob B in text=hello\n"
        "activity chat account=alice@example.org peer=bob@example.org display=Bob in text=the rest\n");
}

static void test_several_in_a_switchboard_are_a_room_called_by_its_members(void **state)
{
    struct outcome *out = *state;
    struct build first = { .len = 0 }, heard = { .len = 0 }, last = { .len = 0 };

    put_msg(&first, "4 N", "text/plain", VIEW("both?"));
    put_msg(&heard, "carol@example.org Carol%20C%c3%a9", "text/plain", VIEW("me"));
    put_msg(&last, "5 N", "text/plain", VIEW("you"));
    struct step steps[] = {
        SIGN_ON,
        SERVER("IRO 1 1 3 bob@example.org;{e1} Bob\r\nIRO 1 2 3 bob@example.org Bob\r\n"
               "IRO 1 3 3 alice@example.org;{e2} Alice\r\nJOI carol@example.org Carol\r\n"),
        { FROM_CLIENT, built(&first) },
        { FROM_SERVER, built(&heard) },
        SERVER("BYE bob@example.org 1\r\n"),
        { FROM_CLIENT, built(&last) },
    };
    check_laws(&parser_msnp, steps, COUNT(steps), out);
    assert_true(recorder_has(&out->record,
                             "activity chat account=alice@example.org "
                             "room=bob@example.org,carol@example.org display=Alice out text=both?"));
    assert_true(recorder_has(&out->record,
                             "activity chat account=alice@example.org peer=carol@example.org "
                             "room=bob@example.org,carol@example.org display=Carol C\xc3\xa9 in text=me"));
    assert_true(recorder_has(&out->record, "activity chat account=alice@example.org peer=carol@example.org "
                                           "display=Alice out text=you"));
}

static void test_name_to_show_in_a_message_counts_more_than_its_line(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 };

    put_msg(&b, "bob@example.org Bob",
            "text/plain; charset=UTF-8\r\nX-MMS-IM-Format: FN=Arial; EF=\r\nP4-Context: Bobby", VIEW("hi"));
    struct step steps[] = { SIGN_ON, { FROM_SERVER, built(&b) } };
    check_laws(&parser_msnp, steps, COUNT(steps), out);
    assert_true(recorder_has(&out->record, "activity chat account=alice@example.org peer=bob@example.org "
                                           "display=Bobby in text=hi"));
}

static void put_chunk(struct build *b, const char *head, const char *text)
{
    char line[64];

    snprintf(line, sizeof line, "MSG bob@example.org Bob %zu\r\n", strlen(head) + strlen(text) + 2);
    put_text(b, line);
    put_text(b, head);
    put_text(b, "\r\n");
    put_text(b, text);
}

#define TEXT_OF_THREE                                                                                        \
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nMessage-ID: {7}\r\nChunks: 3\r\n"

static void test_text_in_parts_is_one_message(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 };

    put_chunk(&b, TEXT_OF_THREE, "caf\xc3");
    put_chunk(&b, "Message-ID: {7}\r\nChunk: 1\r\n", "\xa9 and");
    put_msg(&b, "bob@example.org bob@example.org", "text/x-msmsgscontrol",
            VIEW("TypingUser: bob@example.org\r\n"));
    put_chunk(&b, "Message-ID: {7}\r\nChunk: 2\r\n", " more");
    struct step steps[] = { SIGN_ON, { FROM_SERVER, built(&b) } };
    check_laws(&parser_msnp, steps, COUNT(steps), out);
    assert_int_equal(recorder_count(&out->record, "activity chat account"), 1);
    assert_true(recorder_has(&out->record,
                             "activity chat account=alice@example.org peer=bob@example.org display=Bob in "
                             "text=caf\xc3\xa9 and more"));
}

static void test_parts_that_miss_one_and_parts_of_ink(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, ink = { .len = 0 };
    char longest[2000];

    put_chunk(&b, TEXT_OF_THREE, "first");
    put_chunk(&b, TEXT_OF_THREE + 1, "second");
    put_chunk(&b, "Message-ID: {9}\r\nChunk: 1\r\n", "of a third");
    struct step steps[] = { SIGN_ON, { FROM_SERVER, built(&b) } };
    check_laws(&parser_msnp, steps, COUNT(steps), out);
    assert_int_equal(recorder_count(&out->record, "activity chat account"), 3);
    put_chunk(&ink, "Content-Type: application/x-ms-ink\r\nMessage-ID: {8}\r\nChunks: 2\r\n", "base64:AAA");
    put_chunk(&ink, "Message-ID: {8}\r\nChunk: 1\r\n", "AAA");
    struct step inked[] = { SIGN_ON, { FROM_SERVER, built(&ink) } };
    check_laws(&parser_msnp, inked, COUNT(inked), out);
    assert_int_equal(recorder_count(&out->record, "activity chat account"), 0);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    b.len = 0;
    put_chunk(&b, TEXT_OF_THREE, longest);
    put_chunk(&b, "Message-ID: {7}\r\nChunk: 1\r\n", longest);
    put_chunk(&b, "Message-ID: {7}\r\nChunk: 2\r\n", "end");
    struct step big[] = { SIGN_ON, { FROM_SERVER, built(&b) } };
    check_laws(&parser_msnp, big, COUNT(big), out);
    assert_int_equal(recorder_count(&out->record, "activity chat account"), 2);
}

static void test_nudges_and_winks_are_no_messages(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 };

    put_msg(&b, "bob@example.org Bob", "text/x-msnmsgr-datacast", VIEW("ID: 1\r\n\r\n"));
    put_msg(&b, "bob@example.org Bob", "application/x-ms-ink", VIEW("base64:AAAA"));
    struct step steps[] = { SIGN_ON, { FROM_SERVER, built(&b) } };
    check_laws(&parser_msnp, steps, COUNT(steps), out);
    assert_int_equal(recorder_count(&out->record, "activity chat account"), 0);
    assert_int_equal(recorder_count(&out->record, "activity chat"), 3);
}

static void test_contacts_of_every_version(void **state)
{
    struct outcome *out = *state;
    struct step steps[] = {
        CLIENT("VER 1 MSNP8 CVR0\r\n"),
        SERVER("USR 3 OK alice@example.org Al 1 0\r\n"),
        SERVER("LST 4 FL 7 1 2 a@example.org A\r\nLST 4 RL 7 1 2 x@example.org X\r\n"),
        SERVER("LST b@example.org B%20b 3 0\r\nLST c@example.org C 4\r\nLST y@example.org Y 8\r\n"),
        SERVER("LST N=d@example.org F=D%20d C=f0e1 13 1 a4d2\r\nLST N=e@example.org F=E C=f0e2 3 1\r\n"),
        SERVER("ADC 5 FL N=f@example.org F=F\r\nADC 6 AL N=z@example.org\r\nADC 7 BL N=g@example.org\r\n"),
        SERVER(
            "ADD 8 FL 9 h@example.org H 0\r\nREM 9 FL 10 h@example.org 0\r\nREM 10 BL 11 g@example.org\r\n"),
        CLIENT(
            "ADL 11 104\r\n<ml l=\"1\"><d n=\"example.org\"><c n=\"i\" l=\"3\" t=\"1\"/><c n=\"j\" l=\"4\" t=\"1\"/>"
            "<c n=\"k\" l=\"2\" t=\"1\"/></d></ml>"),
        CLIENT("RML 12 60\r\n<ml><d n=\"example.org\"><c n=\"i\" l=\"1\" t=\"1\" f=\"I\"/></d></ml>"),
        SERVER("NLN AWY 1:l@example.org L 2788999228:48 0\r\nNLN BSY m@example.org 1 M 1342177280 0\r\n"),
        SERVER(
            "ILN 13 LUN n@example.org N%25 0\r\nFLN o@example.org\r\nFLN 1:p@example.org 2788999228:48\r\n"),
    };
    check_laws(&parser_msnp, steps, COUNT(steps), out);
    const char *told[] = {
        "a@example.org display=A",
        "b@example.org display=B b",
        "c@example.org display=C removed",
        "d@example.org display=D d removed",
        "e@example.org display=E",
        "f@example.org display=F",
        "g@example.org removed",
        "h@example.org display=H",
        "h@example.org removed",
        "g@example.org",
        "i@example.org",
        "j@example.org removed",
        "i@example.org display=I removed",
        "l@example.org display=L away",
        "m@example.org display=M busy",
        "n@example.org display=N% away",
        "o@example.org offline",
        "p@example.org offline",
    };
    for (size_t i = 0; i < COUNT(told); i++) {
        char line[128];
        snprintf(line, sizeof line, "contact account=alice@example.org peer=%s", told[i]);
        if (!recorder_has(&out->record, line))
            fail_msg("%s is not in\n%s", line, out->record.text);
    }
    assert_int_equal(recorder_count(&out->record, "contact"), COUNT(told));
}

static void test_loss_inside_a_long_payload_does_not_lose_the_lines_behind_it(void **state)
{
    struct outcome *out = *state;
    uint64_t memory[PARSER_STATE_BYTES / 8] = { 0 };
    struct session *s = recorder_session(&out->record);

    recorder_init(&out->record);
    assert_int_equal(parser_msnp.feed(memory, s, FROM_CLIENT, VIEW("ADL 2 20000\r\nxxxxxxxxxx")), 23);
    assert_true(parser_msnp.gap(memory, s, FROM_CLIENT, 19988));
    (void)parser_msnp.feed(memory, s, FROM_CLIENT, VIEW("xxUSR 3 MD5 I alice@example.org\r\n"));
    assert_true(recorder_has(&out->record, "activity login account=alice@example.org out"));
}

static void test_invited_user_answers(void **state)
{
    struct outcome *out = *state;
    struct build sent = { .len = 0 };

    put_msg(&sent, "4 N", "text/plain", VIEW("yo"));
    struct step steps[] = {
        CLIENT("ANS 1 bob@example.org 849102291.520491113 11742066\r\n"),
        SERVER("IRO 1 1 1 alice@example.org Alice\r\nANS 1 OK\r\n"),
        { FROM_CLIENT, built(&sent) },
    };
    check_laws(&parser_msnp, steps, COUNT(steps), out);
    assert_int_equal(out->answer, IM_YES);
    assert_true(recorder_has(&out->record,
                             "activity chat account=bob@example.org peer=alice@example.org out text=yo"));
}

static void test_old_file_invitation_and_its_acceptance(void **state)
{
    struct outcome *out = *state;
    struct build sent = { .len = 0 };

    put_msg(
        &sent, "4 N", "text/x-msmsgsinvite; charset=UTF-8",
        VIEW("Application-Name: File Transfer\r\nApplication-GUID: {5D3E02AB-6190-11d3-BBBB-00C04F795683}\r\n"
             "Invitation-Command: INVITE\r\nInvitation-Cookie: 33267\r\nApplication-File: report.xls\r\n"
             "Application-FileSize: 30904\r\nConnectivity: N\r\n\r\n"));
    put_msg(&sent, "5 N", "text/x-msmsgsinvite; charset=UTF-8",
            VIEW("Invitation-Command: ACCEPT\r\nInvitation-Cookie: 33267\r\nIP-Address: 198.51.100.7\r\n"
                 "IP-Address-Internal: 192.168.0.2\r\nPort: 6891\r\nAuthCookie: 93301\r\nLaunch-Application: "
                 "FALSE\r\n"
                 "Request-Data: IP-Address:\r\n\r\n"));
    struct step steps[] = { SIGN_ON, SERVER("JOI bob@example.org Bob\r\n"), { FROM_CLIENT, built(&sent) } };
    check_laws(&parser_msnp, steps, COUNT(steps), out);
    assert_string_equal(
        out->record.text,
        "delivery server-proxy\n"
        "ticket 17262740.1050826919.32308\n"
        "activity chat\n"
        "activity file account=alice@example.org peer=bob@example.org file=report.xls size=30904 "
        "display=Alice out\n"
        "expect tcp 198.51.100.7:6891 file msnftp\n"
        "expect tcp 192.168.0.2:6891 file msnftp\n"
        "delivery server-broker\n"
        "announce msnftp 93301 name=report.xls account=alice@example.org peer=bob@example.org size=30904 out\n"
        "announce msnftp 93301 bob@example.org name=report.xls account=alice@example.org peer=bob@example.org "
        "size=30904 out\n");
}

static void put_p2p(struct build *b, const char *line, uint32_t session, struct view piece, uint32_t app)
{
    struct build body = { .len = 0 };

    put_le32(&body, session);
    put_le32(&body, 1);
    put_le64(&body, 0);
    put_le64(&body, piece.len);
    put_le32(&body, (uint32_t)piece.len);
    put_zeros(&body, 20);
    put(&body, piece);
    put32(&body, app);
    put_msg(b, line, "application/x-msnmsgrp2p", built(&body));
}

static void test_p2p_file_through_the_switchboard_and_its_direct_leg(void **state)
{
    struct outcome *out = *state;
    struct build received = { .len = 0 };

    put_p2p(&received, "bob@example.org Bob", 0,
            VIEW("INVITE MSNMSGR:alice@example.org MSNSLP/1.0\r\n\r\n"
                 "EUF-GUID: {5D3E02AB-6190-11D3-BBBB-00C04F795683}\r\nSessionID: 21\r\nAppID: 2\r\n"
                 "Context: PgIAAAIAAABwEQEAAAAAAAEAAABhAC4AdAB4AHQAAAA=\r\n\r\n\0"),
            0);
    put_p2p(
        &received, "bob@example.org Bob", 0,
        VIEW(
            "MSNSLP/1.0 200 OK\r\n\r\nBridge: TCPv1\r\nListening: true\r\nIPv4Internal-Addrs: 192.168.0.2\r\n"
            "IPv4Internal-Port: 3312\r\n\r\n\0"),
        0);
    put_p2p(&received, "bob@example.org Bob", 21, VIEW("bytes of the file"), 2);
    put_p2p(&received, "bob@example.org Bob", 22, VIEW("display picture"), 12);
    struct step steps[] = { SIGN_ON, { FROM_SERVER, built(&received) } };
    check_laws(&parser_msnp, steps, COUNT(steps), out);
    assert_string_equal(
        out->record.text,
        "delivery server-proxy\n"
        "ticket 17262740.1050826919.32308\n"
        "activity chat\n"
        "activity file account=alice@example.org peer=bob@example.org file=a.txt size=70000 in\n"
        "announce msn 21 name=a.txt account=alice@example.org peer=bob@example.org size=70000 in\n"
        "expect tcp 192.168.0.2:3312 file msnslp\n"
        "delivery server-broker\n"
        "file 1 name=a.txt account=alice@example.org peer=bob@example.org size=17 in\n"
        "bytes 1 at 0 bytes of the file\n"
        "file 1 whole\n");
}

static void test_payloads_of_every_command_are_skipped_exactly(void **state)
{
    struct outcome *out = *state;
    /* Each payload would be read as a login if it were taken for a line. */
    struct step steps[] = {
        CLIENT("VER 1 MSNP18 CVR0\r\n"),
        SERVER("VER 1 MSNP18\r\n"),
        CLIENT("UUX 7 14\r\nUSR 1 MD5 I x\n"),
        SERVER("UUX 7 0\r\n"),
        CLIENT("ADL 8 14\r\nUSR 1 MD5 I x\n"),
        SERVER("ADL 8 OK\r\n"),
        CLIENT("RML 9 14\r\nUSR 1 MD5 I x\n"),
        CLIENT("QRY 10 PROD0090YUAUV{2B 14\r\nUSR 1 MD5 I x\n"),
        SERVER("QRY 10\r\n"),
        CLIENT("FQY 11 14\r\nUSR 1 MD5 I x\n"),
        CLIENT("UUN 12 bob@example.org 4 14\r\nUSR 1 MD5 I x\n"),
        SERVER("UUN 12 OK\r\n"),
        CLIENT("GCF 13 Shields.xml\r\n"),
        SERVER("GCF 13 Shields.xml 14\r\nRNG 1 2 3 4 5\n"),
        SERVER("UBX bob@example.org 1 14\r\nRNG 1 2 3 4 5\n"),
        SERVER("UBX bob@example.org 0\r\n"),
        SERVER("NOT 14\r\nRNG 1 2 3 4 5\n"),
        SERVER("IPG 14\r\nRNG 1 2 3 4 5\n"),
        SERVER("UBN bob@example.org 3 14\r\nRNG 1 2 3 4 5\n"),
        SERVER("241 8 14\r\nRNG 1 2 3 4 5\n"),
        CLIENT("USR 14 SSO I alice@example.org\r\n"),
        SERVER("RNG 1 198.51.100.1:1863 CKI 1.2 b@c B\r\n"),
    };
    check_laws(&parser_msnp, steps, COUNT(steps), out);
    assert_int_equal(recorder_count(&out->record, "activity login"), 1);
    assert_true(recorder_has(&out->record, "activity login account=alice@example.org out"));
    assert_int_equal(recorder_count(&out->record, "activity chat"), 1);
    assert_true(recorder_has(&out->record, "expect tcp 198.51.100.1:1863 chat msnp"));
}

static void test_message_of_version_21(void **state)
{
    struct outcome *out = *state;
    const struct view message =
        VIEW("Routing: 1.0\r\nTo: 1:alice@example.org;epid={1}\r\nFrom: 1:bob@example.org;epid={2}\r\n\r\n"
             "Reliability: 1.0\r\n\r\nMessaging: 2.0\r\nMessage-Type: Text\r\nContent-Type: text/plain\r\n"
             "Content-Length: 5\r\n\r\nhello");
    struct build b = { .len = 0 };
    char line[32];

    snprintf(line, sizeof line, "SDG 0 %zu\r\n", message.len);
    put_text(&b, line);
    put(&b, message);
    struct step steps[] = { CLIENT("VER 1 MSNP21 CVR0\r\n"), { FROM_SERVER, built(&b) } };
    check_laws(&parser_msnp, steps, COUNT(steps), out);
    assert_true(recorder_has(&out->record, "activity chat peer=bob@example.org in text=hello"));
}

static void test_payload_over_the_limit_is_skipped(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 };

    put_text(&b, "VER 1 MSNP8 CVR0\r\nADL 2 13000\r\n");
    put_zeros(&b, 13000);
    put_text(&b, "USR 3 MD5 I alice@example.org\r\n");
    struct step steps[] = { { FROM_CLIENT, built(&b) } };
    check_laws(&parser_msnp, steps, 1, out);
    assert_true(recorder_has(&out->record, "activity login account=alice@example.org out"));
}

static void test_a_passport_ticket_is_told(void **state)
{
    struct outcome *out = *state;
    struct step steps[] = { CLIENT("VER 1 MSNP8 CVR0\r\n"),
                            SERVER("VER 1 MSNP8\r\n"),
                            CLIENT("USR 2 TWN I alice@example.org\r\n"),
                            SERVER("USR 2 TWN S lc=1033,id=507,tw=40,ct=1,kpp=1\r\n"),
                            CLIENT("USR 3 TWN S t=53*1hAu8ADuD3TEwdXoOMi08sD&p=\r\n"),
                            SERVER("USR 3 OK alice@example.org Alice 1 0\r\n") };

    check_laws(&parser_msnp, steps, COUNT(steps), out);
    assert_int_equal(recorder_count(&out->record, "ticket "), 1); /* and not what the server asks */
    assert_true(recorder_has(&out->record, "ticket t=53*1hAu8ADuD3TEwdXoOMi08sD&p="));
}

static void test_endless_lines_are_overlong(void **state)
{
    struct outcome *out = *state;
    static char line[40000];
    struct step steps[] = { CLIENT("VER 1 MSNP8 CVR0\r\n"),
                            { FROM_CLIENT, { (const uint8_t *)line, sizeof line } } };

    memset(line, 'A', sizeof line);
    check_laws(&parser_msnp, steps, COUNT(steps), out);
    assert_true(recorder_has(&out->record, "anomaly overlong MSNP line"));
}

static void test_lines_are_found_again_after_a_gap(void **state)
{
    struct outcome *out = *state;
    uint64_t memory[PARSER_STATE_BYTES / 8] = { 0 };
    struct view rest = VIEW("of a message\r\nXYZ 1\r\nUSR 3 MD5 I alice@example.org\r\nUBX");

    recorder_init(&out->record);
    assert_true(parser_msnp.gap(memory, NULL, FROM_CLIENT, 100));
    assert_int_equal(parser_msnp.feed(memory, recorder_session(&out->record), FROM_CLIENT, rest),
                     rest.len - 3);
    assert_string_equal(out->record.text,
                        "delivery server-proxy\nactivity login account=alice@example.org out\n");
}

static enum im_answer midstream(struct view client, struct view server, struct finding *out)
{
    struct sample s = { .l4 = L4_TCP, .midstream = true, .bytes = { client, server } };

    memset(out, 0, sizeof *out);
    return parser_msnp.probe(&s, out);
}

static void test_midstream_is_known_by_lines_that_stand_for_themselves(void **state)
{
    const struct view nothing = view_of(NULL, 0);
    const struct view message =
        VIEW("MSG bob@example.org Bob 91\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n");
    struct finding f;

    (void)state;
    assert_int_equal(midstream(nothing, message, &f), IM_YES);
    assert_false(f.reversed);
    assert_int_equal(midstream(message, nothing, &f), IM_YES);
    assert_true(f.reversed);
    assert_int_equal(midstream(VIEW("PNG\r\n"), nothing, &f), IM_MORE);
    assert_int_equal(midstream(VIEW("PNG\r\n"), VIEW("QNG 50\r\nNLN BSY bob@example.org Bob 0\r\n"), &f),
                     IM_YES);
    assert_int_equal(midstream(VIEW("rest of a message"), VIEW("UBX bob@example.org 57\r\n<Data>"), &f),
                     IM_YES);
    assert_int_equal(midstream(VIEW("rest of a message"), VIEW("UBX bob@example.org 57\r\n<Dat"), &f),
                     IM_MORE);
    assert_int_equal(midstream(VIEW("ADL 8 4\r\n<ml>MSG 5 N 40\r\nMIME-Version: 1.0\r\n"), nothing, &f),
                     IM_YES);
    assert_int_equal(midstream(VIEW("USR 3 TWN I alice@example.org\r\n"), nothing, &f), IM_YES);
    assert_int_equal(midstream(VIEW("USR 4 SSO S t=abc def\r\n"), nothing, &f), IM_YES);
    assert_int_equal(midstream(VIEW("USR 4 TWN X alice@example.org\r\n"), nothing, &f), IM_MORE);
    assert_int_equal(midstream(nothing, VIEW("XFR 3 NS 192.0.2.1:1863 0 192.0.2.2:1863\r\n"), &f), IM_YES);
    assert_int_equal(midstream(nothing, VIEW("XFR 3 NS host:port 0\r\n"), &f), IM_MORE);
    assert_int_equal(midstream(VIEW("GET / HTTP/1.1\r\n"), VIEW("HTTP/1.1 200 OK\r\n"), &f), IM_NO);
}

static void test_what_only_looks_like_it_is_refused(void **state)
{
    struct outcome *out = *state;
    struct step smtp[] = {
        SERVER("220 mail.example.org ESMTP\r\n"),
        CLIENT("EHLO x\r\n"),
        SERVER("250 OK\r\n"),
        CLIENT("DATA\r\n"),
        CLIENT("VER 1 MSNP18 CVR0\r\nUSR 3 MD5 I alice@example.org\r\n.\r\n"),
    };
    const struct view decoys[] = {
        VIEW("VER MSNFTP\r\n"),
        VIEW("VER 1 MSNPX CVR0\r\n"),
        VIEW("VER x MSNP8\r\n"),
        VIEW("VERB 1 MSNP8\r\n"),
        VIEW("USR anonymous\r\n"),
        VIEW("USR 1 alice 17262740.1050826919\r\n"),
        VIEW("USR 1 alice@example.org pass\r\n"),
        VIEW("MSG 1 N 20\r\nhello, not MIME text"),
        VIEW("NLN hello world now\r\n"),
        VIEW("MSG bob@example.org Bob x\r\n"),
        VIEW("GET /?q=VER 1 MSNP18 HTTP/1.0\r\n\r\n"),
        VIEW("USER alice\r\n"),
        VIEW("ANS 1 a@b 1.2\r\n"),
    };

    converse(&parser_msnp, smtp, COUNT(smtp), out);
    assert_int_equal(out->answer, IM_NO);
    for (size_t i = 0; i < COUNT(decoys); i++)
        assert_int_equal(probe_bytes(&parser_msnp, decoys[i]), IM_NO);
    assert_int_equal(probe_bytes(&parser_msnp, VIEW("VER 1 MSN")), IM_MORE);
    assert_int_equal(probe_bytes(&parser_msnp, VIEW("MSG 1 N 20\r\nMIME-Ver")), IM_MORE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_login_by_md5_tells_version_client_account_and_next_servers),
        TEST(test_conversation_in_a_switchboard),
        TEST(test_several_in_a_switchboard_are_a_room_called_by_its_members),
        TEST(test_name_to_show_in_a_message_counts_more_than_its_line),
        TEST(test_text_in_parts_is_one_message),
        TEST(test_parts_that_miss_one_and_parts_of_ink),
        TEST(test_nudges_and_winks_are_no_messages),
        TEST(test_contacts_of_every_version),
        TEST(test_loss_inside_a_long_payload_does_not_lose_the_lines_behind_it),
        TEST(test_invited_user_answers),
        TEST(test_old_file_invitation_and_its_acceptance),
        TEST(test_p2p_file_through_the_switchboard_and_its_direct_leg),
        TEST(test_payloads_of_every_command_are_skipped_exactly),
        TEST(test_message_of_version_21),
        TEST(test_payload_over_the_limit_is_skipped),
        TEST(test_a_passport_ticket_is_told),
        TEST(test_endless_lines_are_overlong),
        TEST(test_lines_are_found_again_after_a_gap),
        TEST(test_midstream_is_known_by_lines_that_stand_for_themselves),
        TEST(test_what_only_looks_like_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
