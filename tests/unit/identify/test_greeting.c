/* SPDX-License-Identifier: Apache-2.0 */
/* Greetings of protocols that are not IM: each is recognised by its own parser only, near misses by none. */
#include "conversation.h"
#include "test.h"

#define PARSERS(X)                                                                                           \
    X(ssh)                                                                                                   \
    X(smtp)                                                                                                  \
    X(ftp) X(pop3) X(imap) X(nntp) X(vnc) X(amqp) X(bittorrent) X(postgres) X(rdp) X(smb) X(ldap) X(mysql)   \
        X(redis) X(rtsp) X(telnet)

#define X(name) extern const struct parser parser_##name;
PARSERS(X)
#undef X

static const struct parser *const parsers[] = {
#define X(name) &parser_##name,
    PARSERS(X)
#undef X
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct outcome outcome;

struct greeting {
    const struct parser *parser; /* who must say yes; NULL: nobody */
    struct step steps[2];
};

#define LDAP_TLS                                                                                             \
    "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"                                                                   \
    "1.3.6.1.4.1.1466.20037"
#define RDP_REQUEST "\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00"
#define RDP_COOKIE                                                                                           \
    "\x03\x00\x00\x22\x1d\xe0\x00\x00\x12\x34\x00"                                                           \
    "Cookie: mstshash=user\r\n"
#define NETBIOS_NAME "CKFDENECFDEFFCFGEFFCCACACACACACA"

static const struct greeting greetings[] = {
    { &parser_ssh, { SERVER("SSH-2.0-OpenSSH_9.2\r\n"), CLIENT("SSH-2.0-x\r\n") } },
    { &parser_ssh, { CLIENT("SSH-2.0-PuTTY\r\n"), SERVER("") } },
    { &parser_ssh, { SERVER("SSH-1.99-Cisco-1.25\n"), SERVER("") } },
    { &parser_smtp, { SERVER("220 mx.example.org ESMTP ready\r\n"), SERVER("") } },
    { &parser_smtp, { SERVER("220 ready\r\n"), CLIENT("ehlo client.example\r\n") } },
    { &parser_smtp, { SERVER("220-mx.example.org\r\n220 go on\r\n"), CLIENT("HELO c\r\n") } },
    { &parser_ftp, { SERVER("220 ProFTPD Server\r\n"), SERVER("") } },
    { &parser_ftp, { SERVER("220 Welcome\r\n"), CLIENT("USER anonymous\r\n") } },
    { &parser_ftp, { SERVER("220 Welcome\r\n"), CLIENT("AUTH TLS\r\n") } },
    { &parser_pop3, { SERVER("+OK POP3 server ready <1.2@example.org>\r\n"), SERVER("") } },
    { &parser_pop3, { SERVER("+OK\r\n"), CLIENT("CAPA\r\n") } },
    { &parser_imap, { SERVER("* OK [CAPABILITY IMAP4rev1] ready\r\n"), SERVER("") } },
    { &parser_imap, { SERVER("* OK ready\r\n"), CLIENT("a001 login bob pw\r\n") } },
    { &parser_nntp, { SERVER("200 news.example.org NNTP service ready\r\n"), SERVER("") } },
    { &parser_nntp, { SERVER("201 hello\r\n"), CLIENT("MODE READER\r\n") } },
    { &parser_vnc, { SERVER("RFB 003.008\n"), CLIENT("RFB 003.008\n") } },
    { &parser_amqp, { CLIENT("AMQP\x00\x00\x09\x01"), SERVER("") } },
    { &parser_amqp, { CLIENT("AMQP\x03\x01\x00\x00"), SERVER("") } },
    { &parser_bittorrent,
      { CLIENT("\x13"
               "BitTorrent protocol\0\0\0\0\0\0\0\0"),
        SERVER("") } },
    { &parser_postgres, { CLIENT("\x00\x00\x00\x08\x04\xd2\x16\x2f"), SERVER("S") } },
    { &parser_postgres, { CLIENT("\x00\x00\x00\x16\x00\x03\x00\x00user\x00postgres\x00\x00"), SERVER("") } },
    { &parser_rdp, { CLIENT(RDP_REQUEST), SERVER("") } },
    { &parser_rdp, { CLIENT(RDP_COOKIE), SERVER("") } },
    { &parser_smb,
      { CLIENT("\x00\x00\x00\x54\xff"
               "SMB\x72\x00\x00\x00\x00"),
        SERVER("") } },
    { &parser_smb,
      { CLIENT("\x00\x00\x00\x6c\xfe"
               "SMB\x40\x00"),
        SERVER("") } },
    { &parser_smb, { CLIENT("\x81\x00\x00\x44\x20" NETBIOS_NAME "\x00\x20"), SERVER("") } },
    { &parser_ldap, { CLIENT("\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"), SERVER("") } },
    { &parser_ldap,
      { CLIENT("\x30\x84\x00\x00\x00\x10\x02\x01\x05\x60\x84\x00\x00\x00\x07\x02\x01\x03\x04\x00\x80\x00"),
        SERVER("") } },
    { &parser_ldap, { CLIENT(LDAP_TLS), SERVER("") } },
    { &parser_mysql,
      { SERVER("\x4a\x00\x00\x00\x0a"
               "8.0.36\x00\x01\x00\x00\x00"
               "saltsalt\x00\xff\xff"),
        SERVER("") } },
    { &parser_mysql,
      { SERVER("\x6e\x00\x00\x00\x0a"
               "11.4.2-MariaDB\x00\x01\x00\x00\x00"
               "saltsalt\x00"),
        SERVER("") } },
    { &parser_redis, { CLIENT("*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n"), SERVER("+OK\r\n") } },
    { &parser_rtsp, { CLIENT("OPTIONS rtsp://camera.example/1 RTSP/1.0\r\n"), SERVER("") } },
    { &parser_telnet, { SERVER("\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23"), SERVER("") } },

    { NULL, { SERVER("220 chat service\r\n"), CLIENT("NICK bob\r\n") } },
    { NULL, { CLIENT("NICK bob\r\nUSER bob 0 * :b\r\n"), SERVER("220 x ESMTP\r\n") } },
    { NULL, { CLIENT("USER bob 0 * :b\r\n"), SERVER("* OK\r\n") } },
    { NULL, { SERVER("+OKAY then\r\n"), CLIENT("USER x\r\n") } },
    { NULL, { SERVER("* OK hi\r\n"), CLIENT("a001 PRIVMSG x\r\n") } },
    { NULL, { SERVER("200 OK\r\n"), CLIENT("VER 1 MSNP15\r\n") } },
    { NULL, { CLIENT("SSH 2.0 is old\r\n"), SERVER("SSG") } },
    { NULL,
      { CLIENT("\x13"
               "BitTorrent protocoX"),
        SERVER("") } },
    { NULL,
      { CLIENT("\x03\x00\x00\x13\x0e\xd0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00"),
        SERVER("") } },
    { NULL,
      { CLIENT("\x03\x00\x00\x16\x11\xe0\x00\x00\x00\x01\x00\xc0\x01\x0a\xc1\x02\x01\x00\xc2\x02\x01\x02"),
        SERVER("") } }, /* S7: the same transport */
    { NULL,
      { CLIENT("\x00\x00\x00\x04\xff"
               "SMB"),
        SERVER("") } }, /* too short for its head */
    { NULL,
      { CLIENT("\x30\x0d\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00\x00"), SERVER("") } }, /* lengths */
    { NULL,
      { CLIENT("\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x02\x04\x00\x80\x00"), SERVER("") } }, /* version 2 */
    { NULL,
      { SERVER("\x4a\x00\x00\x00\x09"
               "8.0.36\x00\x01\x00\x00\x00"
               "saltsalt\x00"),
        SERVER("") } },
    { NULL,
      { SERVER("\x4a\x00\x00\x00\x0a"
               "8.0.36\x00\x01\x00\x00\x00"
               "saltsalt\x01"),
        SERVER("") } },
    { NULL, { CLIENT("*2\r\n$4\r\nAU\x00H\r\n"), SERVER("") } },
    { NULL, { CLIENT("*1\r\n$9\r\nAUTH\r\n$2\r\n"), SERVER("") } },
    { NULL, { CLIENT("OPTIONS sip:bob@example.org SIP/2.0\r\n"), SERVER("") } },
    { NULL, { SERVER("\xff\xd8\xff\xe0\x00\x10JFIF"), SERVER("") } },
    { NULL, { CLIENT("\x00\x00\x00\x10\x00\x03\x00\x00name\x00xx\x00"), SERVER("") } },
};

static void check_one(const struct greeting *g, const struct parser *p)
{
    size_t count = g->steps[1].bytes.len > 0 ? 2 : 1;

    check_laws(p, g->steps, count, &outcome);
    if (p == g->parser) {
        assert_int_equal(outcome.answer, IM_YES);
        assert_true(outcome.finding.value[0] != '\0');
        assert_true(p->starts(g->steps[0].bytes.at[0], g->steps[0].from));
    } else {
        assert_int_not_equal(outcome.answer, IM_YES);
    }
}

static void test_each_greeting_has_one_parser(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(greetings); i++)
        for (size_t p = 0; p < COUNT(parsers); p++)
            check_one(&greetings[i], parsers[p]);
}

/* What is not a greeting must be refused, not waited for: a parser that waits holds up all behind it. */
static void test_other_traffic_is_refused_at_once(void **state)
{
    static const struct step others[] = {
        CLIENT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x01"),
        CLIENT("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        CLIENT("\xef\x12\x34\x56\x78\x9a\xbc\xde\xf0"),
        CLIENT("NICK bob\r\n"),
        SERVER(":irc.example NOTICE AUTH :x\r\n"),
        SERVER("<stream:stream>"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(others); i++)
        for (size_t p = 0; p < COUNT(parsers); p++) {
            converse(parsers[p], &others[i], 1, &outcome);
            assert_int_equal(outcome.answer, IM_NO);
        }
}

static void test_a_beginning_that_was_not_seen_is_no_greeting(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(greetings); i++) {
        struct sample s = { .l4 = L4_TCP,
                            .midstream = true,
                            .bytes = { view_of(NULL, 0), view_of(NULL, 0) } };
        struct finding found = { 0 };
        if (greetings[i].parser == NULL || greetings[i].parser->starts == NULL)
            continue;
        s.bytes[greetings[i].steps[0].from] = greetings[i].steps[0].bytes;
        enum im_answer answer = greetings[i].parser->probe(&s, &found);
        assert_int_not_equal(answer, IM_MORE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_greeting_has_one_parser),
        cmocka_unit_test(test_other_traffic_is_refused_at_once),
        cmocka_unit_test(test_a_beginning_that_was_not_seen_is_no_greeting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
