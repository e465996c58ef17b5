/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail of the program: reminders, decisions that wait, what ended. It is put into a queue (table mail) in the
 * transaction of what it is about, and sent by the clerk: over SMTP (RFC 5321) with STARTTLS or TLS, by
 * libcurl. Plain text only. A mail goes at least once: a crash between the server's yes and ours sends it
 * again, with the same Message-ID, by which mail programs know it.
 *
 *     mail.c        the queue, settings
 *     mail_send.c   a mail as a message (RFC 5322, 2045, 2047), and the sending
 *
 * What the server refuses for good (5xx) is given up at once; for now (4xx), it is tried again with a pause
 * that doubles from a minute up to four hours, for three days. Where the server itself is away, or refuses
 * us, nothing is counted against a mail.
 */
#pragma once
#include "program/act.h"
#include "program/setting.h"

enum { MAIL_ADDRESS_SIZE = 255, MAIL_SUBJECT_BYTES = 300, MAIL_TEXT_BYTES = 60000, MAIL_ROWS = 100 };

struct mail {
    int64_t person, account; /* to whom: one of them */
    const char *address;     /* or this address; NULL: theirs */
    const char *kind;        /* a word of ours: "duty", "duty-escalation", "exception" … */
    const char *key;         /* what it is about, so that it goes once: "duty 3 7 1201 2" */
    const char *subject, *text;
};
/* Into the queue, unless one with this key is there or was. In the caller's write transaction. Somebody
 * without an address gets none: it stands in the list as failed, and *out_queued (may be NULL) is false. */
bool mail_add_told(struct act *a, const struct mail *m, bool *out_queued,
                   struct imw_error_info *err) IMW_MUST_USE;
bool mail_add(struct act *a, const struct mail *m, struct imw_error_info *err) IMW_MUST_USE;

/* To each of compliance who may do this, but whoever acts and the person that it is about (0: nobody); its
 * key is the mail's and the account. Where mail is turned off, to nobody: what waits stands in the console.
 */
bool mail_add_to_compliance(struct act *a, enum permission may, int64_t but_person, const struct mail *m,
                            struct imw_error_info *err) IMW_MUST_USE;

/* Is mail turned on in the settings? Reminders wait until it is. */
bool mail_is_on(struct db *db, bool *out, struct imw_error_info *err) IMW_MUST_USE;
/* A page of the console for a mail's text: "https://console.bank.example/mine", or "" where the settings do
 * not say where the console is. */
bool mail_link(struct db *db, const char *page, char *out, size_t size,
               struct imw_error_info *err) IMW_MUST_USE;
/* An address that a mail can be sent to: ASCII, one @, nothing that a header could be broken with. */
bool mail_address_is_good(const char *address);

/* ---- the server, out of the settings mail.… ---- */
struct mail_server {
    char *host, *ca, *user, *password, *from, *institution;
    unsigned port;
    enum { MAIL_STARTTLS, MAIL_TLS, MAIL_PLAIN } security;
};
typedef bool mail_open_secret(void *context, const char *sealed, char **out, struct imw_error_info *err);
/* *out_on false: it is turned off. `open` NULL: the password is only looked at, enough to check the rest
 * (IMW_ERROR_VALUE, err->key the setting). */
bool mail_server_load(struct db *db, mail_open_secret *open, void *context, struct mail_server *out,
                      bool *out_on, struct imw_error_info *err) IMW_MUST_USE;
void mail_server_fini(struct mail_server *s);

/* ---- sending ---- */
struct mail_letter {
    int64_t id;
    uint64_t time_us;
    const char *address, *subject, *text;
};
enum mail_outcome {
    MAIL_SENT,
    MAIL_LATER,   /* refused for now */
    MAIL_REFUSED, /* for good */
    MAIL_AWAY     /* no server, or it refuses us: nothing to do with this mail */
};
struct mail_sender; /* a connection that is kept between letters */
bool mail_sender_new(const struct mail_server *s, struct mail_sender **out,
                     struct imw_error_info *err) IMW_MUST_USE;
void mail_sender_free(struct mail_sender *m);
/* `why` gets the server's words, where it did not take it. */
enum mail_outcome mail_send(struct mail_sender *m, const struct mail_letter *l, char *why, size_t size);
/* The message as it goes out; the caller frees. NULL: out of memory. For tests, too. */
char *mail_message(const struct mail_server *s, const struct mail_letter *l, size_t *out_len);

/* ---- the clerk ---- */
struct mail_counts {
    unsigned sent, failed, later;
    bool more; /* there was more than one run takes */
    bool away; /* the server is; `why` says how */
    char why[300];
};
/* Send what is due, at most `most`; transactions of its own, none open while the server is spoken to. */
bool mail_run(struct db *db, struct mail_sender *sender, unsigned most, uint64_t now_us,
              struct mail_counts *out, struct imw_error_info *err) IMW_MUST_USE;
/* The server is away (`text`), or there again (NULL); the first of either leaves an audit record. */
bool mail_note_problem(struct db *db, const char *text, uint64_t now_us,
                       struct imw_error_info *err) IMW_MUST_USE;

/* MailState of the API. */
bool mail_state(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* What failed waits again. */
bool mail_retry(struct act *a, unsigned *out_waiting, struct imw_error_info *err) IMW_MUST_USE;
