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
    assert_string_equal(
        out.record.text,
        "activity login account=alice out\n"
        "version exampled-4.2\n"
        "activity presence account=alice1 room=#desk out\n"
        "activity presence account=alice1 peer=alice1 room=#desk in\n"
        "delivery server-proxy\n"
        "activity chat account=alice1 peer=bob room=#desk in irc text=good morning\n"
        "activity chat account=alice1 room=#desk display=Alice Example out irc text=hello all\n"
        "activity chat account=alice1 peer=bob display=Alice Example out irc text=waves\n"
        "client ExampleClient 1.5\n"
        "delivery server-broker\n"
        "activity file account=alice1 peer=bob file=year end.xls size=8192 in\n"
        "announce dcc 192.168.1.1:5001 name=year end.xls account=alice1 peer=bob size=8192 in\n"
        "expect tcp 192.168.1.1:5001 file dcc\n"
        "activity chat account=alice1 peer=bob display=Alice Example out\n"
        "announce dcc-chat 10.0.0.1:5002 account=alice1 peer=bob out\n"
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
        "delivery server-broker\n"
        "activity file peer=bob file=hello.txt size=12 out\n"
        "announce dcc 192.0.2.1:5555 name=hello.txt peer=bob size=12 out\n"
        "announce dcc 10.0.0.1:5555 name=hello.txt peer=bob size=12 out\n"
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
    assert_true(recorder_has(&out.record, "announce dcc-xmit 10.0.0.1:4000 name=a.zip peer=b size=99 out"));
    assert_true(recorder_has(&out.record, "expect tcp 10.0.0.1:4000 file dcc"));
    one_line(VIEW("PRIVMSG b :\001DCC RESUME a.zip 4000 50\001\r\n"));
    assert_true(recorder_has(&out.record, "activity file peer=b file=a.zip out"));
    assert_int_equal(recorder_count(&out.record, "expect"), 0);
    one_line(VIEW("PRIVMSG b :\001DCC SEND f 167772161 0 7 31\001\r\n"));
    assert_true(recorder_has(&out.record, "delivery server-broker"));
    assert_int_equal(recorder_count(&out.record, "expect"), 0);
}

#define BOB ":bob!b@h.example.org PRIVMSG alice :"

static void test_irc_dcc_resume_is_announced_again_once_accepted(void **state)
{
    static const struct step steps[] = {
        CLIENT("NICK alice\r\nUSER a 0 * :A\r\n"),
        SERVER(BOB "\001DCC SEND a.zip 3221225985 4000 900\001\r\n"),
        CLIENT("PRIVMSG bob :\001DCC RESUME a.zip 4000 500\001\r\n"),
        SERVER(BOB "\001DCC ACCEPT a.zip 4001 500\001\r\n" BOB "\001DCC ACCEPT file.ext 4000 500\001\r\n"),
    };

    (void)state;
    check_laws(&parser_irc, steps, 4, &out);
    assert_int_equal(recorder_count(&out.record, "announce"), 2);
    assert_true(recorder_has(&out.record,
                             "announce dcc 192.0.2.1:4000 name=a.zip account=alice peer=bob size=900 in"));
    assert_true(recorder_has(&out.record, "announce dcc 192.0.2.1:4000 name=a.zip size=900 offset=500 in"));
}

/* bob offers and asks alice to listen; she listens, and the file comes to her. */
static void test_irc_dcc_may_be_reversed_and_resumed(void **state)
{
    static const struct step steps[] = {
        CLIENT("NICK alice\r\nUSER a 0 * :A\r\n"),
        SERVER(BOB "\001DCC SEND a.zip 199 0 900 77\001\r\n"),
        CLIENT("PRIVMSG bob :\001DCC RESUME a.zip 0 500 77\001\r\n"),
        SERVER(BOB "\001DCC ACCEPT a.zip 0 500 77\001\r\n"),
        CLIENT("PRIVMSG bob :\001DCC SEND a.zip 167772161 4000 900 77\001\r\n"),
        CLIENT("PRIVMSG bob :\001DCC CHAT chat 167772161 4001 78\001\r\n"),
    };

    (void)state;
    check_laws(&parser_irc, steps, 6, &out);
    assert_int_equal(recorder_count(&out.record, "announce"), 2);
    assert_true(recorder_has(
        &out.record,
        "announce dcc-reverse 10.0.0.1:4000 name=a.zip account=alice peer=bob size=900 offset=500 in"));
    assert_true(recorder_has(&out.record, "expect tcp 10.0.0.1:4000 file dcc"));
    assert_true(recorder_has(&out.record, "announce dcc-chat 10.0.0.1:4001 account=alice peer=bob out"));
}

static void test_irc_copies_of_lines_are_told_as_such(void **state)
{
    static const struct step steps[] = {
        CLIENT("NICK alice\r\nUSER a 0 * :Alice\r\n"),
        SERVER("@time=2026-01-01T00:00:00.000Z :alice!a@h PRIVMSG #desk :mine\r\n"
               ":irc.example BATCH +x1 znc.in/playback #desk\r\n"
               "@batch=x1;time=1970-01-01T00:00:01.5Z :bob!b@h PRIVMSG #desk :old\r\n"
               "@batch=x2 :bob!b@h PRIVMSG #desk :new\r\n"
               ":irc.example BATCH -x1\r\n"
               "@batch=x1 :bob!b@h PRIVMSG #desk :newer\r\n"
               ":***!znc@znc.in PRIVMSG #desk :Buffer Playback...\r\n"
               ":bob!b@h PRIVMSG alice :[10:00:00] played\r\n"
               ":***!znc@znc.in PRIVMSG #desk :Playback Complete.\r\n"
               ":bob!b@h PRIVMSG alice :\001ACTION nods\001\r\n"),
    };

    (void)state;
    check_laws(&parser_irc, steps, 2, &out);
    assert_string_equal(
        out.record.text,
        "activity login account=alice out\n"
        "delivery server-proxy\n"
        "activity chat account=alice room=#desk display=Alice sent=1767225600000000 out again irc text=mine\n"
        "activity chat account=alice peer=bob room=#desk sent=1500000 in again irc text=old\n"
        "activity chat account=alice peer=bob room=#desk in irc text=new\n"
        "activity chat account=alice peer=bob room=#desk in irc text=newer\n"
        "activity chat account=alice peer=bob in again irc text=[10:00:00] played\n"
        "activity chat account=alice peer=bob in irc text=nods\n");
}

static void test_irc_tells_who_is_there(void **state)
{
    static const struct step steps[] = {
        CLIENT("NICK alice\r\nUSER a 0 * :Alice\r\n"),
        SERVER(":irc.example 353 alice = #desk :@alice +bob carol!c@h\r\n"
               ":irc.example 366 alice #desk :End\r\n"
               ":dave!d@h JOIN #desk dave :Dave Example\r\n"
               ":irc.example 352 alice #desk bob h irc.example bob G@ :0 Bob Example\r\n"
               ":irc.example 311 alice erin e h * :Erin\r\n"
               ":bob!b@h NICK bobby\r\n:carol!c@h QUIT :bye\r\n:alice!a@h NICK alicia\r\n"
               ":dave!d@h PRIVMSG alicia :hi\r\n"),
    };

    (void)state;
    check_laws(&parser_irc, steps, 2, &out);
    assert_string_equal(out.record.text,
                        "activity login account=alice out\n"
                        "contact account=alice peer=bob group=#desk online\n"
                        "contact account=alice peer=carol group=#desk online\n"
                        "activity presence account=alice peer=dave room=#desk in\n"
                        "contact account=alice peer=dave display=Dave Example group=#desk online\n"
                        "contact account=alice peer=bob display=Bob Example group=#desk away\n"
                        "contact account=alice peer=erin display=Erin online\n"
                        "contact account=alice peer=bob offline\n"
                        "contact account=alice peer=bobby online\n"
                        "contact account=alice peer=carol offline\n"
                        "delivery server-proxy\n"
                        "activity chat account=alicia peer=dave in irc text=hi\n");
}

static void test_irc_names_of_a_room_are_limited(void **state)
{
    static char list[2000];
    struct text t = TEXT(list);

    (void)state;
    struct step steps[] = { CLIENT("NICK alice\r\nUSER a 0 * :A\r\n"), { FROM_SERVER, { NULL, 0 } } };
    for (int line = 0; line < 2; line++) {
        text_string(&t, ":irc.example 353 alice = #desk :");
        for (int i = 0; i < 40; i++)
            text_format(&t, "n%d ", line * 40 + i);
        text_string(&t, "\r\n");
    }
    steps[1].bytes = view_string(list);
    converse(&parser_irc, steps, 2, &out);
    assert_int_equal(recorder_count(&out.record, "contact"), 64);
}

static void test_irc_text_of_other_encodings_becomes_utf8(void **state)
{
    (void)state;
    one_line(VIEW("PRIVMSG b :gr\xfcn\r\n"));
    assert_true(recorder_has(&out.record, "activity chat peer=b out irc text=gr\303\274n"));
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
    assert_true(recorder_has(&out.record, "activity chat peer=bob out irc text=two"));
    assert_true(recorder_has(&out.record, "anomaly overlong IRC line"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_irc_conversation_keeps_the_laws),
        cmocka_unit_test(test_irc_is_known_by_its_server_alone),
        cmocka_unit_test(test_irc_registration_needs_nick_and_user),
        cmocka_unit_test(test_irc_dcc_in_the_first_line_leaves_an_expectation),
        cmocka_unit_test(test_irc_dcc_kinds_are_read),
        cmocka_unit_test(test_irc_dcc_resume_is_announced_again_once_accepted),
        cmocka_unit_test(test_irc_dcc_may_be_reversed_and_resumed),
        cmocka_unit_test(test_irc_copies_of_lines_are_told_as_such),
        cmocka_unit_test(test_irc_tells_who_is_there),
        cmocka_unit_test(test_irc_names_of_a_room_are_limited),
        cmocka_unit_test(test_irc_text_of_other_encodings_becomes_utf8),
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
