/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"
#include "test.h"

#define WORD(literal)                                                                                        \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }

extern const struct parser parser_irc;

static struct outcome out;

static const struct step talk[] = {
    CLIENT("CAP LS 302\r\nPASS secret\r\nNICK alice\r\nUSER alice 0 * :Alice Example\r\n"),
    SERVER(":irc.example.net NOTICE * :*** Looking up your hostname...\r\n"
           ":irc.example.net CAP * LS :multi-prefix sasl\r\n"),
    CLIENT("CAP END\r\n"),
    SERVER(":irc.example.net 001 alice1 :Welcome to the Example network alice1!alice@host\r\n"
           ":irc.example.net 004 alice1 irc.example.net exampled-4.2 abc def\r\n"),
    CLIENT("JOIN #desk\r\n"),
    SERVER(":alice1!alice@host JOIN #desk\r\n:bob!b@h.example.org PRIVMSG #desk :good morning\r\n"),
    CLIENT("PRIVMSG #desk :hello all\r\nPRIVMSG bob :\001ACTION waves\001\r\n"),
    SERVER("@time=2026-01-01T00:00:00.000Z;msgid=1 :bob!b@h.example.org PRIVMSG alice1 :\001VERSION\001\r\n"),
    CLIENT("NOTICE bob :\001VERSION ExampleClient 1.5\001\r\n"),
    SERVER(":bob!b@h.example.org PRIVMSG alice1 :\001DCC SEND \"year end.xls\" 3232235777 5001 8192\001\r\n"),
    CLIENT("PRIVMSG bob :\001DCC CHAT chat 10.0.0.1 5002\001\r\n"),
    CLIENT("TOPIC #desk :new\nPART #desk\nQUIT :bye\n"),
};

static void test_irc_conversation_keeps_the_laws(void **state)
{
    (void)state;
    check_laws(&parser_irc, talk, sizeof talk / sizeof talk[0], &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text,
                        "activity login account=alice out\n"
                        "version exampled-4.2\n"
                        "activity presence account=alice1 room=#desk out\n"
                        "activity presence account=alice1 peer=alice1 room=#desk in\n"
                        "delivery server-proxy\n"
                        "activity chat account=alice1 peer=bob room=#desk in text=good morning\n"
                        "activity chat account=alice1 room=#desk out text=hello all\n"
                        "activity chat account=alice1 peer=bob out text=waves\n"
                        "client ExampleClient 1.5\n"
                        "activity file account=alice1 peer=bob file=year end.xls size=8192 in\n"
                        "delivery server-broker\n"
                        "expect tcp 192.168.1.1:5001 file dcc\n"
                        "activity chat account=alice1 peer=bob out\n"
                        "expect tcp 10.0.0.1:5002 chat dcc\n"
                        "activity presence account=alice1 room=#desk out\n"
                        "activity presence account=alice1 room=#desk out\n");
}

static void test_irc_is_known_by_its_server_alone(void **state)
{
    static const struct step steps[] = {
        SERVER("NOTICE AUTH :*** Looking up your hostname\r\n"),
    };

    (void)state;
    check_laws(&parser_irc, steps, 1, &out);
    assert_int_equal(out.answer, IM_YES);
}

static void test_irc_registration_needs_nick_and_user(void **state)
{
    (void)state;
    assert_int_equal(probe_bytes(&parser_irc, VIEW("NICK alice\r\n")), IM_MORE);
    assert_int_equal(probe_bytes(&parser_irc, VIEW("NICK alice\r\nUSER a b c :d\r\n")), IM_YES);
    assert_int_equal(probe_bytes(&parser_irc, VIEW("USER a b c d\r\nNICK [DEU|XP]12345\r\n")), IM_YES);
}

static void test_irc_dcc_in_the_first_line_leaves_an_expectation(void **state)
{
    static const struct step steps[] = {
        CLIENT("PRIVMSG bob :\001DCC SEND hello.txt 3221225985 5555 12\001\r\n"),
    };

    (void)state;
    check_laws(&parser_irc, steps, 1, &out);
    assert_string_equal(
        out.record.text,
        "activity file peer=bob file=hello.txt size=12 out\n"
        "delivery server-broker\n"
        "expect tcp 192.0.2.1:5555 file dcc\n"
        "expect tcp 10.0.0.1:5555 file dcc\n"); /* behind address translation the leg comes here */
}

static void one_line(struct view line)
{
    struct step step = { FROM_CLIENT, line };

    converse(&parser_irc, &step, 1, &out);
    assert_int_equal(out.answer, IM_YES);
}

static void test_irc_dcc_kinds_are_read(void **state)
{
    (void)state;
    one_line(VIEW("PRIVMSG b :\001DCC SEND f 2001:db8::1 4000 7\001\r\n"));
    assert_true(recorder_has(&out.record, "expect tcp 2001:db8::1:4000 file dcc"));
    one_line(VIEW("PRIVMSG b :\001DCC SSEND f 167772161 4000 7\001\r\n"));
    assert_int_equal(recorder_count(&out.record, "expect"), 1);
    one_line(VIEW("PRIVMSG b :\001DCC SCHAT chat 167772161 4000\001\r\n"));
    assert_true(recorder_has(&out.record, "expect tcp 10.0.0.1:4000 chat dcc"));
    one_line(VIEW("PRIVMSG b :\001DCC XMIT clear 167772161 4000 a.zip 99\001\r\n"));
    assert_true(recorder_has(&out.record, "activity file peer=b file=a.zip size=99 out"));
    assert_true(recorder_has(&out.record, "expect tcp 10.0.0.1:4000 file dcc"));
    one_line(VIEW("PRIVMSG b :\001DCC RESUME a.zip 4000 50\001\r\n"));
    assert_true(recorder_has(&out.record, "activity file peer=b file=a.zip out"));
    assert_int_equal(recorder_count(&out.record, "expect"), 0);
    one_line(VIEW("PRIVMSG b :\001DCC SEND f 167772161 0 7 31\001\r\n"));
    assert_true(recorder_has(&out.record, "delivery server-broker"));
    assert_int_equal(recorder_count(&out.record, "expect"), 0);
}

static void test_irc_malformed_dcc_leaves_no_expectation(void **state)
{
    static const struct view lines[] = {
        WORD("PRIVMSG v :\001DCC SEND f \0\001\002\003 5000 1024\001\r\n"),
        WORD("PRIVMSG v :DCC SEND f \0\002\003 5000 1024\r\n"),
        WORD("PRIVMSG v :\001DCC SEND f 167772161 70000 1\001\r\n"),
        WORD("PRIVMSG v :\001DCC SEND f 167772161 x 1\001\r\n"),
        WORD("PRIVMSG v :\001DCC SEND f 99999999999 80 1\001\r\n"),
        WORD("PRIVMSG v :\001DCC SEND f 0 80 1\001\r\n"),
        WORD("PRIVMSG v :\001DCC SEND \"f\001\r\n"),
        WORD("PRIVMSG v :\001DCC\001\r\n"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        one_line(lines[i]);
        assert_int_equal(recorder_count(&out.record, "expect"), 0);
    }
}

static void test_irc_starttls_changes_over(void **state)
{
    static const struct step steps[] = {
        CLIENT("CAP LS 302\r\nSTARTTLS\r\n"),
        SERVER(":irc.example.net 670 * :STARTTLS successful, proceed with TLS handshake\r\n"),
    };

    (void)state;
    check_laws(&parser_irc, steps, 2, &out);
    assert_string_equal(out.record.text, "upgrade tls\n");
}

static void test_irc_midstream_begins_at_any_byte(void **state)
{
    struct finding finding = { 0 };
    struct sample s = { .l4 = L4_TCP, .midstream = true };

    (void)state;
    s.bytes[0] = VIEW("nd of a line\r\n:bob!b@host PRIVMSG #desk :text\r\n");
    s.bytes[1] = view_of(NULL, 0);
    assert_int_equal(parser_irc.probe(&s, &finding), IM_YES);
    assert_true(finding.reversed);
    s.bytes[0] = VIEW("nd of a line\r\nGET / HTTP/1.1\r\n");
    assert_int_equal(parser_irc.probe(&s, &finding), IM_NO);
}

static void test_irc_leaves_other_text_protocols_alone(void **state)
{
    static const struct view decoys[] = {
        WORD("USER anonymous\r\nPASS guest@\r\nNICK alice\r\n"),
        WORD("GET / HTTP/1.1\r\nHost: irc.example.net\r\n\r\n"),
        WORD("EHLO irc.example.net\r\n"),
        WORD("220 irc.example.net ESMTP\r\n"),
        WORD("+OK POP3 ready\r\n"),
        WORD("a1 LOGIN alice secret\r\n"),
        WORD("CAPA\r\n"),
        WORD("PRIVMSG\r\n"),
        WORD("NICK\r\n"),
        WORD("CAP SOMETHING\r\n"),
        WORD("SSH-2.0-OpenSSH_9.2\r\n"),
        WORD("NICK a b@c\rX\r\n"),
        WORD(": 001 x :y\r\n"),
        WORD("CONNECT irc.example.net:6667 HTTP/1.1\r\n"),
        WORD("USR 1 TWN I alice@example.org\r\n"),
        WORD(":irc.example.net 1234 alice :text\r\n"),
    };
    static const struct step ftp[] = {
        SERVER("220 ready\r\n"),
        CLIENT("USER alice\r\n"),
        SERVER("331 password\r\n"),
        CLIENT("PASS x\r\n"),
    };
    static const struct step nats[] = {
        SERVER("INFO {\"server_id\":\"x\"}\r\n"),
        CLIENT("CONNECT {}\r\nPING\r\n"),
        SERVER("PONG\r\n"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof decoys / sizeof decoys[0]; i++)
        assert_int_equal(probe_bytes(&parser_irc, decoys[i]), IM_NO);
    converse(&parser_irc, ftp, 4, &out);
    assert_int_equal(out.answer, IM_NO);
    converse(&parser_irc, nats, 3, &out);
    assert_int_equal(out.answer, IM_NO);
}

/* The data connection of an FTP server, say: users' lines come from users, a server passes them on with the
 * sender. */
static void test_a_file_that_quotes_a_client_is_no_server(void **state)
{
    static const char file[] = "NICK alice\r\nUSER alice 0 * :Alice\r\nJOIN #desk\r\n"
                               ":bob!bob@irc.example PRIVMSG #desk :Yes\r\n";
    static const char *const more[] = { "USER a 0 * :A\r\n", "PRIVMSG #desk :hi\r\n", "JOIN #desk\r\n" };
    const struct step link[] = { { FROM_CLIENT, VIEW("PASS x TS 6 :1AB\r\nCAPAB :QS EX\r\n") },
                                 { FROM_SERVER,
                                   VIEW("NICK bob 1 1700000000 +i bob host.example irc.example :Bob\r\n"
                                        "CAPAB :QS\r\n") } };

    (void)state;
    const struct step steps[] = { { FROM_SERVER, view_string(file) } };
    check_laws(&parser_irc, steps, 1, &out);
    assert_int_equal(out.answer, IM_NO);
    for (unsigned i = 0; i < sizeof more / sizeof more[0]; i++) {
        const struct step one[] = { { FROM_SERVER, view_string(more[i]) } };
        converse(&parser_irc, one, 1, &out);
        assert_int_equal(out.answer, IM_NO);
    }
    converse(&parser_irc, link, 2, &out);
    assert_int_equal(out.answer, IM_YES);
}

static void test_irc_line_of_513_octets_is_not_irc(void **state)
{
    char line[600];

    (void)state;
    memset(line, 'x', sizeof line);
    memcpy(line, "PRIVMSG bob :", 13);
    memcpy(line + 510, "\r\n", 2);
    assert_int_equal(probe_bytes(&parser_irc, view_of(line, 512)), IM_YES);
    memcpy(line + 510, "xx\r\n", 4);
    assert_int_equal(probe_bytes(&parser_irc, view_of(line, 514)), IM_NO);
}

static void test_irc_feed_skips_an_endless_line(void **state)
{
    static char flood[20000];
    struct step steps[] = { CLIENT("PRIVMSG bob :one\r\n"),
                            { FROM_CLIENT, { (const uint8_t *)flood, sizeof flood } },
                            CLIENT("PRIVMSG bob :lost\r\nPRIVMSG bob :two\r\n") };

    (void)state;
    memset(flood, 'x', sizeof flood);
    converse(&parser_irc, steps, 3, &out);
    assert_int_equal(recorder_count(&out.record, "activity chat"), 2);
    assert_true(recorder_has(&out.record, "activity chat peer=bob out text=two"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_irc_conversation_keeps_the_laws),
        cmocka_unit_test(test_irc_is_known_by_its_server_alone),
        cmocka_unit_test(test_irc_registration_needs_nick_and_user),
        cmocka_unit_test(test_irc_dcc_in_the_first_line_leaves_an_expectation),
        cmocka_unit_test(test_irc_dcc_kinds_are_read),
        cmocka_unit_test(test_irc_malformed_dcc_leaves_no_expectation),
        cmocka_unit_test(test_irc_starttls_changes_over),
        cmocka_unit_test(test_irc_midstream_begins_at_any_byte),
        cmocka_unit_test(test_irc_leaves_other_text_protocols_alone),
        cmocka_unit_test(test_irc_line_of_513_octets_is_not_irc),
        cmocka_unit_test(test_irc_feed_skips_an_endless_line),
        cmocka_unit_test(test_a_file_that_quotes_a_client_is_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
