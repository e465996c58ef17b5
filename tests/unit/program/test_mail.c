/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of mail, its messages, and what becomes of what a server says: against a server of a few lines.
 */
#include "base/thread.h"
#include "program/cases.h"
#include "program/mail.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct actor the_system = { .name = "system" };

static bool add(struct database *d, struct act *a, const char *key, const char *to)
{
    const struct mail m = {
        .address = to, .kind = "test", .key = key, .subject = "Subject", .text = "Text\n"
    };
    bool queued = false;

    good(d, DO(d, a, mail_add_told(a, &m, &queued, &d->err)));
    return queued;
}

static void test_a_key_goes_once_and_an_address_must_be_good(struct database *d)
{
    struct act a = act_by(d, &the_system);
    const struct mail injected = {
        .address = "a@b", .kind = "test", .key = "i", .subject = "one\r\nBcc: x@y", .text = ""
    };

    assert_true(add(d, &a, "k1", "anna@bank.example"));
    assert_false(add(d, &a, "k1", "anna@bank.example"));
    assert_false(add(d, &a, "k2", "no address"));
    assert_false(add(d, &a, "k3", "a@b\r\nRCPT TO:<x@y>"));
    assert_int_equal(database_number(d, "select count(*) from mail where state = 'failed' and address = ''"),
                     2);
    good(d, DO(d, &a, mail_add(&a, &injected, &d->err)));
    assert_int_equal(database_number(d, "select count(*) from mail where subject = 'one??Bcc: x@y'"), 1);
    assert_true(mail_address_is_good("a.b+c@x.example"));
    assert_false(mail_address_is_good("a@"));
    assert_false(mail_address_is_good("@b"));
    assert_false(mail_address_is_good("a@b@c"));
    assert_false(mail_address_is_good("-a@b"));
    assert_false(mail_address_is_good("a@b>"));
    assert_false(mail_address_is_good("\xc3\xa4@b"));
}

static struct mail_server server_at(unsigned port)
{
    return (struct mail_server){ .host = (char *)"127.0.0.1",
                                 .ca = (char *)"",
                                 .user = (char *)"",
                                 .from = (char *)"imward@bank.example",
                                 .institution = (char *)"M\xc3\xbcller Bank",
                                 .port = port,
                                 .security = MAIL_PLAIN };
}

static void test_a_message_is_one(void **state)
{
    const struct mail_server s = server_at(25);
    const struct mail_letter l = { 7, cases_now, "anna@bank.example",
                                   "Bitte unterschreiben: \xc3\x9c"
                                   "ber Sofortnachrichten und anderes, das recht lang ist",
                                   "Zeile \xc3\xa4\nnoch eine\n" };
    size_t len;
    char *m = mail_message(&s, &l, &len);

    (void)state;
    assert_non_null(m);
    assert_int_equal(strlen(m), len);
    assert_non_null(strstr(m, "Message-ID: <imward.7.1795600000000000@bank.example>\r\n"));
    assert_non_null(strstr(m, "To: <anna@bank.example>\r\n"));
    assert_non_null(strstr(m, "Subject: =?UTF-8?B?"));
    assert_non_null(strstr(m, "Date: Wed, 25 Nov 2026 "));
    assert_non_null(strstr(m, "Auto-Submitted: auto-generated\r\n"));
    assert_non_null(strstr(m, "\r\n\r\nWmVpbGUgw6QNCm5vY2ggZWluZQ0K\r\n"));
    for (char *line = m; *line != '\0';) {
        char *end = strstr(line, "\r\n");
        assert_non_null(end);
        assert_true(end - line <= 78);
        line = end + 2;
    }
    free(m);
}

/* ---- a server of a few lines: says to RCPT what it is told to ---- */

struct smtp {
    pthread_t thread;
    int listener;
    unsigned port, mails;
    const char *rcpt; /* answer to RCPT */
    char heard[8192];
};

static void say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void *serve(void *context)
{
    struct smtp *s = context;
    char line[2048];
    int fd;

    while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
        FILE *in = fdopen(fd, "r");
        bool data = false;
        say(fd, "220 test\r\n");
        while (fgets(line, sizeof line, in) != NULL) {
            if (strlen(s->heard) + strlen(line) < sizeof s->heard)
                memcpy(s->heard + strlen(s->heard), line, strlen(line) + 1);
            if (data) {
                if (strcmp(line, ".\r\n") == 0) {
                    data = false;
                    s->mails++;
                    say(fd, "250 taken\r\n");
                }
            } else if (strncmp(line, "EHLO", 4) == 0) {
                say(fd, "250-test\r\n250 8BITMIME\r\n");
            } else if (strncmp(line, "RCPT", 4) == 0) {
                say(fd, s->rcpt);
            } else if (strncmp(line, "DATA", 4) == 0) {
                data = true;
                say(fd, "354 go on\r\n");
            } else if (strncmp(line, "QUIT", 4) == 0) {
                say(fd, "221 bye\r\n");
                break;
            } else {
                say(fd, "250 fine\r\n");
            }
        }
        fclose(in);
    }
    return NULL;
}

static void smtp_begin(struct smtp *s, const char *rcpt)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    struct imw_error_info err;

    *s = (struct smtp){ .rcpt = rcpt };
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->listener, 8), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &len), 0);
    s->port = ntohs(at.sin_port);
    assert_true(thread_start(&s->thread, "smtp", serve, s, &err));
}

static void smtp_end(struct smtp *s)
{
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
}

static struct mail_counts run(struct database *d, unsigned port, uint64_t now_us)
{
    const struct mail_server s = server_at(port);
    struct mail_sender *sender;
    struct mail_counts counts;

    good(d, mail_sender_new(&s, &sender, &d->err));
    good(d, mail_run(d->db, sender, 500, now_us, &counts, &d->err));
    mail_sender_free(sender);
    return counts;
}

static void test_what_a_server_takes_is_sent_once(struct database *d)
{
    struct act a = act_by(d, &the_system);
    struct smtp s;
    char key[16];

    for (unsigned i = 0; i < 120; i++) { /* more than one handful, over one connection */
        snprintf(key, sizeof key, "k%u", i);
        assert_true(add(d, &a, key, "anna@bank.example"));
    }
    smtp_begin(&s, "250 known\r\n");
    struct mail_counts counts = run(d, s.port, cases_now);
    assert_int_equal(counts.sent, 120);
    counts = run(d, s.port, cases_now);
    assert_int_equal(counts.sent, 0);
    smtp_end(&s);
    assert_int_equal(s.mails, 120);
    assert_non_null(strstr(s.heard, "MAIL FROM:<imward@bank.example>"));
    assert_non_null(strstr(s.heard, "RCPT TO:<anna@bank.example>"));
    assert_int_equal(database_number(d, "select count(*) from mail where state = 'sent' and tries = 1"), 120);
}

static void test_refusals_for_good_and_for_now(struct database *d)
{
    const uint64_t minute_us = UINT64_C(60000000);
    struct act a = act_by(d, &the_system);
    struct smtp s;
    json_t *state;
    unsigned waiting = 0;

    assert_true(add(d, &a, "k1", "gone@bank.example"));
    smtp_begin(&s, "550 no such user here: <Gone@bank.example>\r\n");
    assert_int_equal(run(d, s.port, cases_now).failed, 1);
    smtp_end(&s);
    assert_int_equal(
        database_number(d, "select count(*) from mail where state = 'failed' and error like '%550%'"), 1);
    assert_int_equal(database_number(d, "select count(*) from mail where error like '%ank.example%'"), 0);
    assert_int_equal(audit_count(d, "mail.failed"), 1);
    good(d, DO(d, &a, mail_retry(&a, &waiting, &d->err)));
    assert_int_equal(waiting, 1);

    smtp_begin(&s, "450 try again later\r\n");
    assert_int_equal(run(d, s.port, cases_now).later, 1);
    assert_int_equal(run(d, s.port, cases_now).later, 0); /* not at once */
    assert_int_equal(run(d, s.port, cases_now + minute_us).later, 1);
    assert_int_equal(run(d, s.port, cases_now + 2 * minute_us).later, 0); /* the pause grows */
    assert_int_equal(run(d, s.port, cases_now + 3 * minute_us).later, 1);
    assert_int_equal(run(d, s.port, cases_now + 73 * 60 * minute_us).failed, 1); /* and ends */
    smtp_end(&s);
    good(d, DO(d, &a, mail_state(&a, &state, &d->err)));
    assert_int_equal(json_integer_value(json_object_get(state, "failed")), 1);
    json_decref(state);
}

static void test_a_server_that_is_away_is_no_fault_of_a_mail(struct database *d)
{
    struct act a = act_by(d, &the_system);
    struct smtp s;
    json_t *state;

    assert_true(add(d, &a, "k1", "anna@bank.example"));
    smtp_begin(&s, "");
    const unsigned port = s.port;
    smtp_end(&s); /* now nobody listens there */
    struct mail_counts counts = run(d, port, cases_now);
    assert_true(counts.away);
    assert_string_not_equal(counts.why, "");
    assert_int_equal(database_number(d, "select count(*) from mail where state = 'waiting' and tries = 0"),
                     1);
    good(d, mail_note_problem(d->db, counts.why, cases_now, &d->err));
    good(d, mail_note_problem(d->db, counts.why, cases_now, &d->err));
    assert_int_equal(audit_count(d, "mail.away"), 1);
    good(d, DO(d, &a, mail_state(&a, &state, &d->err)));
    assert_true(json_is_object(json_object_get(state, "problem")));
    json_decref(state);
    good(d, mail_note_problem(d->db, NULL, cases_now, &d->err));
    assert_int_equal(audit_count(d, "mail.back"), 1);
}

static bool open_none(void *context, const char *sealed, char **out, struct imw_error_info *err)
{
    (void)context;
    (void)sealed;
    (void)err;
    *out = strdup("secret");
    return true;
}

static void test_settings_must_fit_together(struct database *d)
{
    static const struct {
        enum setting s;
        const char *value, *key;
    } wrong[] = {
        { SETTING_ID_MAIL_HOST, "", "mail.host" },
        { SETTING_ID_MAIL_HOST, "host/path", "mail.host" },
        { SETTING_ID_MAIL_FROM, "nobody", "mail.from" },
        { SETTING_ID_MAIL_SECURITY, "ssl", "mail.security" },
        { SETTING_ID_MAIL_CONSOLE, "http://console", "mail.console" },
        { SETTING_ID_MAIL_PASSWORD, "c2VhbGVk", "mail.user" },
    };
    struct mail_server s = { 0 };
    bool on = true;

    good(d, mail_server_load(d->db, NULL, NULL, &s, &on, &d->err));
    assert_false(on);
    good(d, setting_set(d->db, SETTING_ID_MAIL_ON, "1", cases_now, &d->err));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        good(d, setting_set(d->db, SETTING_ID_MAIL_HOST, "mail.bank.example", cases_now, &d->err));
        good(d, setting_set(d->db, SETTING_ID_MAIL_FROM, "imward@bank.example", cases_now, &d->err));
        good(d, setting_set(d->db, SETTING_ID_MAIL_SECURITY, NULL, cases_now, &d->err));
        good(d, setting_set(d->db, SETTING_ID_MAIL_CONSOLE, NULL, cases_now, &d->err));
        good(d, setting_set(d->db, wrong[i].s, wrong[i].value, cases_now, &d->err));
        assert_false(mail_server_load(d->db, NULL, NULL, &s, &on, &d->err));
        assert_string_equal(d->err.key, wrong[i].key);
    }
    good(d, setting_set(d->db, SETTING_ID_MAIL_USER, "imward", cases_now, &d->err));
    good(d, mail_server_load(d->db, open_none, NULL, &s, &on, &d->err));
    assert_true(on);
    assert_string_equal(s.password, "secret");
    mail_server_fini(&s);
    good(d, setting_set(d->db, SETTING_ID_MAIL_SECURITY, "plain", cases_now, &d->err));
    assert_false(mail_server_load(d->db, NULL, NULL, &s, &on, &d->err)); /* a password in the clear */
    assert_string_equal(d->err.key, "mail.security");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_a_key_goes_once_and_an_address_must_be_good),
        cmocka_unit_test(test_a_message_is_one),
        ON_BOTH(test_what_a_server_takes_is_sent_once),
        ON_BOTH(test_refusals_for_good_and_for_now),
        ON_BOTH(test_a_server_that_is_away_is_no_fault_of_a_mail),
        ON_BOTH(test_settings_must_fit_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
