/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of mail, and its settings. */
#include "program/mail.h"
#include "base/log.h"
#include "program/shape.h"
#include <stdlib.h>

enum { GIVE_UP_HOURS = 72, LATER_MOST_MINUTES = 240, COMPLIANCE_MOST = 64 };
static const uint64_t minute_us = UINT64_C(60000000);

bool mail_address_is_good(const char *address)
{
    const char *at = strchr(address, '@');

    if (at == NULL || at == address || strchr(at + 1, '@') != NULL || at[1] == '\0' || at[1] == '.' ||
        strlen(address) >= MAIL_ADDRESS_SIZE || address[0] == '-')
        return false;
    for (const char *c = address; *c != '\0'; c++)
        if (*c <= ' ' || *c >= 0x7f || strchr("<>()[]\\,;:\"", *c) != NULL)
            return false;
    return true;
}

/* ---- settings ---- */

bool mail_is_on(struct db *db, bool *out, struct imw_error_info *err)
{
    int64_t on = 0;

    if (!setting_number(db, SETTING_ID_MAIL_ON, &on, err))
        return false;
    *out = on != 0;
    return true;
}

bool mail_link(struct db *db, const char *page, char *out, size_t size, struct imw_error_info *err)
{
    char *base = NULL;

    if (!setting_get(db, SETTING_ID_MAIL_CONSOLE, &base, err))
        return false;
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    out[0] = '\0';
    if (len > 0)
        snprintf(out, size, "%.*s%s", (int)len, base, page);
    free(base);
    return true;
}

void mail_server_fini(struct mail_server *s)
{
    free(s->host);
    free(s->ca);
    free(s->user);
    if (s->password != NULL)
        explicit_bzero(s->password, strlen(s->password));
    free(s->password);
    free(s->from);
    free(s->institution);
    *s = (struct mail_server){ 0 };
}

static bool wrong(struct imw_error_info *err, const char *key, const char *text)
{
    error_set(err, IMW_ERROR_VALUE, "%s", text);
    if (err != NULL)
        snprintf(err->key, sizeof err->key, "mail.%s", key);
    return false;
}

/* A name or an address, nothing that a URL could be broken with. */
static bool is_host(const char *host)
{
    size_t len = strlen(host);

    return len > 0 && len <= 253 &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") == len;
}

static bool check_server(struct mail_server *s, const char *security, bool has_password,
                         struct imw_error_info *err)
{
    if (!is_host(s->host))
        return wrong(err, "host", "the mail server's name or address is needed");
    if (!mail_address_is_good(s->from))
        return wrong(err, "from", "the address that mail comes from is needed: imward@bank.example");
    if (strcmp(security, "starttls") == 0)
        s->security = MAIL_STARTTLS;
    else if (strcmp(security, "tls") == 0)
        s->security = MAIL_TLS;
    else if (strcmp(security, "plain") == 0)
        s->security = MAIL_PLAIN;
    else
        return wrong(err, "security", "it is starttls, tls or plain");
    if (s->security == MAIL_PLAIN && has_password)
        return wrong(err, "security", "a password does not go over a connection that is not encrypted");
    if (has_password && s->user[0] == '\0')
        return wrong(err, "user", "the name that the password is for is needed");
    return true;
}

static bool check_console(struct db *db, struct imw_error_info *err)
{
    char *url = NULL;

    if (!setting_get(db, SETTING_ID_MAIL_CONSOLE, &url, err))
        return false;
    bool good = url[0] == '\0' || strncmp(url, "https://", 8) == 0;
    for (const char *c = url; good && *c != '\0'; c++)
        good = *c > ' ' && *c < 0x7f && strchr("<>\"", *c) == NULL;
    free(url);
    return good || wrong(err, "console", "the console's address begins with https://");
}

bool mail_server_load(struct db *db, mail_open_secret *open, void *context, struct mail_server *out,
                      bool *out_on, struct imw_error_info *err)
{
    struct mail_server s = { 0 };
    char *security = NULL, *sealed = NULL;
    int64_t port = 0;
    bool ok = false;

    *out_on = false;
    if (!mail_is_on(db, out_on, err))
        return false;
    if (!*out_on)
        return true;
    if (!setting_get(db, SETTING_ID_MAIL_HOST, &s.host, err) ||
        !setting_number(db, SETTING_ID_MAIL_PORT, &port, err) ||
        !setting_get(db, SETTING_ID_MAIL_SECURITY, &security, err) ||
        !setting_get(db, SETTING_ID_MAIL_CA, &s.ca, err) ||
        !setting_get(db, SETTING_ID_MAIL_USER, &s.user, err) ||
        !setting_get(db, SETTING_ID_MAIL_FROM, &s.from, err) ||
        !setting_get(db, SETTING_ID_INSTITUTION, &s.institution, err) ||
        !setting_get(db, SETTING_ID_MAIL_PASSWORD, &sealed, err))
        goto out;
    s.port = (unsigned)port;
    if (!check_server(&s, security, sealed[0] != '\0', err) || !check_console(db, err))
        goto out;
    if (open != NULL && sealed[0] != '\0' && !open(context, sealed, &s.password, err))
        goto out;
    ok = true;
out:
    free(security);
    free(sealed);
    if (ok)
        *out = s;
    else
        mail_server_fini(&s);
    return ok;
}

/* ---- into the queue ---- */

static bool find_address(struct act *a, const struct mail *m, char out[MAIL_ADDRESS_SIZE],
                         struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    out[0] = '\0';
    if (m->address != NULL) {
        snprintf(out, MAIL_ADDRESS_SIZE, "%s", m->address);
        return true;
    }
    if (!db_query(
            a->db,
            m->person != 0
                ? "select email from person where id = ?"
                : "select coalesce(p.email, c.email) from account c left join person p on p.id = c.person "
                  "where c.id = ?",
            DB_ARGS(db_int(m->person != 0 ? m->person : m->account)), &rows, err))
        return false;
    if (db_next(rows, &why)) {
        struct view v = view_trim(db_get_text(rows, 0));
        if (v.len < MAIL_ADDRESS_SIZE)
            snprintf(out, MAIL_ADDRESS_SIZE, "%.*s", (int)v.len, (const char *)v.at);
    }
    return rows_done(rows, &why, err);
}

bool mail_add_told(struct act *a, const struct mail *m, bool *out_queued, struct imw_error_info *err)
{
    char address[MAIL_ADDRESS_SIZE], subject[MAIL_SUBJECT_BYTES + 1];
    struct text t = TEXT(subject);
    uint64_t added = 0;

    if (!find_address(a, m, address, err))
        return false;
    text_printable(&t, view_string(m->subject));
    const bool good = mail_address_is_good(address);
    if (!db_run(a->db,
                "insert into mail (key, kind, person, address, subject, text, state, created_us, "
                "next_us, ended_us, "
                "error) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (key) do nothing",
                DB_ARGS(db_text(m->key), db_text(m->kind), m->person != 0 ? db_int(m->person) : db_null(),
                        db_text(good ? address : ""), db_text(subject),
                        db_view(view_slice(view_string(m->text), 0, MAIL_TEXT_BYTES)),
                        db_text(good ? "waiting" : "failed"), db_int((int64_t)a->now_us),
                        db_int((int64_t)a->now_us), good ? db_null() : db_int((int64_t)a->now_us),
                        good ? db_null()
                             : db_text("there is no address of this person that mail can be sent to")),
                &added, err))
        return false;
    if (out_queued != NULL)
        *out_queued = good && added > 0;
    return true;
}

bool mail_add(struct act *a, const struct mail *m, struct imw_error_info *err)
{
    return mail_add_told(a, m, NULL, err);
}

bool mail_add_to_compliance(struct act *a, enum permission may, int64_t but_person, const struct mail *m,
                            struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    int64_t accounts[COMPLIANCE_MOST];
    struct db_rows *rows;
    unsigned count = 0;
    bool on = false;

    if (!mail_is_on(a->db, &on, err))
        return false;
    if (!on)
        return true;
    if (!db_query(
            a->db,
            "select id, roles from account where state = 'active' and (expires_us is null or expires_us > ?) "
            "and roles like '%compliance%' and id <> ? and coalesce(person, 0) not in (?, ?) order by id",
            DB_ARGS(db_int((int64_t)a->now_us), db_int(a->actor->account),
                    db_int(a->actor->person != 0 ? a->actor->person : -1),
                    db_int(but_person != 0 ? but_person : -1)),
            &rows, err))
        return false;
    while (count < COMPLIANCE_MOST && db_next(rows, &why)) {
        char words[256];
        unsigned roles = 0;
        struct text t = TEXT(words);
        text_add(&t, db_get_text(rows, 1));
        if (roles_parse(words, &roles) && (permissions_of(roles) >> may & 1) != 0)
            accounts[count++] = db_get_int(rows, 0);
    }
    bool ok = rows_done(rows, &why, err);
    for (unsigned i = 0; ok && i < count; i++) {
        struct mail one = *m;
        char key[160];
        snprintf(key, sizeof key, "%s %lld", m->key, (long long)accounts[i]);
        one.account = accounts[i];
        one.key = key;
        ok = mail_add(a, &one, err);
    }
    return ok;
}

/* ---- the clerk ---- */

struct waiting {
    int64_t id;
    uint64_t created_us;
    unsigned tries;
    char *address, *subject, *text;
};

static void waiting_fini(struct waiting *w, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        free(w[i].address);
        free(w[i].subject);
        free(w[i].text);
    }
}

static char *copy(struct view v)
{
    return strndup((const char *)v.at, v.len);
}

static bool take(struct db *db, struct waiting *out, unsigned most, uint64_t now_us, unsigned *out_count,
                 struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    unsigned n = 0;
    bool ok = true;

    *out_count = 0;
    if (!db_query(
            db,
            "select id, created_us, tries, address, subject, text from mail where state = 'waiting' and "
            "next_us <= ? order by next_us, id limit ?",
            DB_ARGS(db_int((int64_t)now_us), db_int(most)), &rows, err))
        return false;
    while (ok && n < most && db_next(rows, &why)) {
        struct waiting *w = &out[n++];
        *w = (struct waiting){ db_get_int(rows, 0),           (uint64_t)db_get_int(rows, 1),
                               (unsigned)db_get_int(rows, 2), copy(db_get_text(rows, 3)),
                               copy(db_get_text(rows, 4)),    copy(db_get_text(rows, 5)) };
        ok = w->address != NULL && w->subject != NULL && w->text != NULL;
    }
    *out_count = n;
    if (!rows_done(rows, &why, err))
        return false;
    return ok || error_memory(err);
}

static bool given_up(struct db *db, const struct waiting *w, const char *text, uint64_t now_us,
                     struct imw_error_info *err)
{
    static const struct actor the_system = { .name = "system" };
    char object[48];
    json_t *detail = json_pack("{s:s,s:i}", "error", text, "tries", (int)w->tries + 1);

    snprintf(object, sizeof object, "mail %lld", (long long)w->id);
    log_error("mail_given_up", "mail=%lld: it could not be sent and is not tried again: %s", (long long)w->id,
              text);
    bool ok = detail != NULL ? audit_add(db, &the_system, NULL, "mail.failed", object, detail, now_us, err)
                             : error_memory(err);
    json_decref(detail);
    return ok;
}

/* What a server said, without the address: the list of mail is also for those who see pseudonyms. */
static void said(const char *why, const char *address, struct text *out)
{
    struct view left = view_string(why), name = view_string(address);

    while (left.len > 0) {
        size_t at = name.len > 0 ? view_find_nocase(left, name) : left.len;
        text_printable(out, view_slice(left, 0, at));
        if (at < left.len)
            text_string(out, "…");
        left = view_from(left, at < left.len ? at + name.len : at);
    }
}

static bool note(struct db *db, const struct waiting *w, enum mail_outcome outcome, const char *why,
                 uint64_t now_us, struct mail_counts *counts, struct imw_error_info *err)
{
    const bool late = now_us > w->created_us + (uint64_t)GIVE_UP_HOURS * 60 * minute_us;
    unsigned minutes = 1U << (w->tries < 8 ? w->tries : 8);
    char text[300];
    struct text t = TEXT(text);

    said(why, w->address, &t);
    if (outcome == MAIL_SENT) {
        counts->sent++;
        return db_run(
            db, "update mail set state = 'sent', ended_us = ?, tries = tries + 1, error = null where id = ?",
            DB_ARGS(db_int((int64_t)now_us), db_int(w->id)), NULL, err);
    }
    if (outcome == MAIL_LATER && !late) {
        counts->later++;
        minutes = minutes < LATER_MOST_MINUTES ? minutes : LATER_MOST_MINUTES;
        return db_run(db, "update mail set next_us = ?, tries = tries + 1, error = ? where id = ?",
                      DB_ARGS(db_int((int64_t)(now_us + minutes * minute_us)), db_text(text), db_int(w->id)),
                      NULL, err);
    }
    counts->failed++;
    return db_run(db,
                  "update mail set state = 'failed', ended_us = ?, tries = tries + 1, error = ? where id = ?",
                  DB_ARGS(db_int((int64_t)now_us), db_text(text), db_int(w->id)), NULL, err) &&
           given_up(db, w, text, now_us, err);
}

enum { AT_ONCE = 50 };

static bool run_some(struct db *db, struct mail_sender *sender, struct waiting *w, unsigned count,
                     uint64_t now_us, struct mail_counts *out, struct imw_error_info *err)
{
    enum mail_outcome outcomes[AT_ONCE];
    char why[AT_ONCE][300];
    unsigned done = 0;

    for (; done < count; done++) {
        struct mail_letter l = { w[done].id, w[done].created_us, w[done].address, w[done].subject,
                                 w[done].text };
        outcomes[done] = mail_send(sender, &l, why[done], sizeof why[done]);
        if (outcomes[done] == MAIL_AWAY) {
            out->away = true;
            struct text t = TEXT(out->why);
            text_string(&t, why[done]);
            break;
        }
    }
    if (done == 0)
        return true;
    bool ok = db_begin(db, true, err);
    for (unsigned i = 0; ok && i < done; i++)
        ok = note(db, &w[i], outcomes[i], why[i], now_us, out, err);
    ok = ok && db_commit(db, err);
    if (!ok)
        db_rollback(db);
    return ok;
}

bool mail_run(struct db *db, struct mail_sender *sender, unsigned most, uint64_t now_us,
              struct mail_counts *out, struct imw_error_info *err)
{
    struct waiting w[AT_ONCE];
    unsigned count = AT_ONCE, all = 0;
    bool ok = true;

    *out = (struct mail_counts){ 0 };
    while (ok && !out->away && count == AT_ONCE && all < most) {
        ok = db_begin(db, false, err) && take(db, w, AT_ONCE, now_us, &count, err);
        db_rollback(db);
        ok = ok && run_some(db, sender, w, count, now_us, out, err);
        waiting_fini(w, count);
        all += count;
    }
    out->more = ok && !out->away && count == AT_ONCE;
    return ok;
}

bool mail_note_problem(struct db *db, const char *text, uint64_t now_us, struct imw_error_info *err)
{
    static const struct actor the_system = { .name = "system" };
    int64_t there = 0;
    json_t *detail = NULL;
    char shown[300];
    struct text t = TEXT(shown);

    text_printable(&t, view_string(text));
    if (!db_query_int(db, "select count(*) from mail_problem", DB_NONE, &there, NULL, err))
        return false;
    if (text == NULL && there == 0)
        return true;
    if (!db_begin(db, true, err))
        return false;
    bool ok =
        text == NULL
            ? db_run(db, "delete from mail_problem", DB_NONE, NULL, err)
            : db_run(db,
                     "insert into mail_problem (id, since_us, text) values (1, ?, ?) on conflict (id) do "
                     "update set text = excluded.text",
                     DB_ARGS(db_int((int64_t)now_us), db_text(shown)), NULL, err);
    if (ok && (text == NULL || there == 0)) {
        detail = text != NULL ? json_pack("{s:s}", "error", shown) : json_pack("{}");
        ok = detail != NULL ? audit_add(db, &the_system, NULL, text != NULL ? "mail.away" : "mail.back",
                                        "mail server", detail, now_us, err)
                            : error_memory(err);
        json_decref(detail);
    }
    ok = ok && db_commit(db, err);
    if (!ok)
        db_rollback(db);
    return ok;
}

/* ---- for people ---- */

static bool load_problem(struct act *a, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    if (!db_query(a->db, "select since_us, text from mail_problem", DB_NONE, &rows, err))
        return false;
    *out = db_next(rows, &why)
               ? json_pack("{s:o,s:o}", "time", shape_time_of(rows, 0), "text", shape_text(rows, 1))
               : json_null();
    return rows_done(rows, &why, err);
}

static bool load_rows(struct act *a, json_t *list, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    bool ok = true;

    /* Of duties and the like the person's address is not shown: the list of people has it for those who may.
     */
    if (!db_query(
            a->db,
            "select m.id, m.kind, case when m.person is null then m.address else "
            "coalesce(p.pseudonym, '') end, "
            "m.subject, m.state, m.tries, m.created_us, case when m.state = 'waiting' then m.next_us end, "
            "case when m.state = 'sent' then m.ended_us end, m.error from mail m left join person p "
            "on p.id = "
            "m.person order by m.id desc limit ?",
            DB_ARGS(db_int(MAIL_ROWS)), &rows, err))
        return false;
    while (ok && db_next(rows, &why))
        ok = json_array_append_new(list,
                                   json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id",
                                             shape_int(rows, 0), "kind", shape_text(rows, 1), "to",
                                             shape_text(rows, 2), "subject", shape_text(rows, 3), "state",
                                             shape_text(rows, 4), "tries", shape_int(rows, 5), "created",
                                             shape_time_of(rows, 6), "next", shape_time_of(rows, 7), "sent",
                                             shape_time_of(rows, 8), "error", shape_text(rows, 9))) == 0;
    return rows_done(rows, &why, err) && (ok || error_memory(err));
}

bool mail_state(struct act *a, json_t **out, struct imw_error_info *err)
{
    int64_t waiting = 0, sent = 0, failed = 0;
    json_t *list = json_pack("[]"), *problem = NULL;
    bool on = false;

    if (list == NULL)
        return error_memory(err);
    if (!mail_is_on(a->db, &on, err) ||
        !db_query_int(a->db, "select count(*) from mail where state = 'waiting'", DB_NONE, &waiting, NULL,
                      err) ||
        !db_query_int(a->db, "select count(*) from mail where state = 'sent'", DB_NONE, &sent, NULL, err) ||
        !db_query_int(a->db, "select count(*) from mail where state = 'failed'", DB_NONE, &failed, NULL,
                      err) ||
        !load_problem(a, &problem, err) || !load_rows(a, list, err)) {
        json_decref(problem);
        json_decref(list);
        return false;
    }
    *out = json_pack("{s:b,s:I,s:I,s:I,s:o,s:o}", "on", on, "waiting", (json_int_t)waiting, "sent",
                     (json_int_t)sent, "failed", (json_int_t)failed, "problem", problem, "mails", list);
    return *out != NULL || error_memory(err);
}

bool mail_retry(struct act *a, unsigned *out_waiting, struct imw_error_info *err)
{
    uint64_t changed = 0;

    if (!db_run(a->db,
                "update mail set state = 'waiting', tries = 0, created_us = ?, next_us = ?, ended_us = "
                "null where "
                "state = 'failed' and address <> ''",
                DB_ARGS(db_int((int64_t)a->now_us), db_int((int64_t)a->now_us)), &changed, err))
        return false;
    *out_waiting = (unsigned)changed;
    return act_record(a, "mail.retry", "mail", 0, json_pack("{s:I}", "mails", (json_int_t)changed), err);
}
