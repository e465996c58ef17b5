/* SPDX-License-Identifier: Apache-2.0 */
/* Reminders and escalation: what is due becomes mail in the queue. */
#include "base/text.h"
#include "program/duty.h"
#include "program/mail.h"
#include "program/shape.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH = 500, MANAGERS = 200, NAMED = 50, SHOWN = 400 };
static const uint64_t day_us = UINT64_C(86400000000);

static const struct actor the_system = { .name = "system" };

static struct db_value time_or_null(uint64_t us)
{
    return us != 0 ? db_int((int64_t)us) : db_null();
}

static void day_text(uint64_t us, char out[16])
{
    time_t s = (time_t)(us / 1000000);
    struct tm tm = { 0 };

    (void)localtime_r(&s, &tm);
    (void)strftime(out, 16, "%Y-%m-%d", &tm);
}

/* ---- who signs ---- */

struct due {
    int64_t document, version, person;
    uint64_t due_us, excused_us;
    unsigned reminders, before, every;
    char title[SHOWN], edition[64], name[SHOWN];
};

static void copy_text(char *out, size_t size, struct view v)
{
    struct text t = text_over(out, size);

    text_printable(&t, v);
}

static bool load_due(struct db *db, struct due *out, uint64_t now_us, unsigned *out_count,
                     struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    unsigned n = 0;

    if (!db_query(
            db,
            "select u.document, u.version, u.person, u.due_us, u.excused_us, u.reminders, d.remind_before, "
            "d.remind_every, d.title, v.edition, p.name from duty u join document d on d.id = "
            "u.document join "
            "document_version v on v.id = u.version join person p on p.id = u.person where "
            "u.done_us is null and "
            "u.next_us is not null and u.next_us <= ? order by u.next_us limit ?",
            DB_ARGS(db_int((int64_t)now_us), db_int(BATCH)), &rows, err))
        return false;
    while (n < BATCH && db_next(rows, &why)) {
        struct due *d = &out[n++];
        *d = (struct due){ .document = db_get_int(rows, 0),
                           .version = db_get_int(rows, 1),
                           .person = db_get_int(rows, 2),
                           .due_us = (uint64_t)db_get_int(rows, 3),
                           .excused_us = (uint64_t)db_get_int(rows, 4),
                           .reminders = (unsigned)db_get_int(rows, 5),
                           .before = (unsigned)db_get_int(rows, 6),
                           .every = (unsigned)db_get_int(rows, 7) };
        copy_text(d->title, sizeof d->title, db_get_text(rows, 8));
        copy_text(d->edition, sizeof d->edition, db_get_text(rows, 9));
        copy_text(d->name, sizeof d->name, db_get_text(rows, 10));
    }
    *out_count = n;
    return rows_done(rows, &why, err);
}

/* After a reminder at `now_us`; 0: no more. */
static uint64_t next_reminder(const struct due *d, uint64_t now_us)
{
    const uint64_t before_us = d->due_us - (uint64_t)d->before * day_us;

    if (d->before > 0 && now_us < before_us)
        return before_us;
    if (now_us < d->due_us)
        return d->due_us;
    return d->every > 0 ? now_us + (uint64_t)d->every * day_us : 0;
}

static bool remind_one(struct act *a, const struct due *d, const char *link, bool *out_queued,
                       struct imw_error_info *err)
{
    char key[96], subject[MAIL_SUBJECT_BYTES], day[16], *text = NULL;
    const bool late = d->due_us <= a->now_us;

    *out_queued = false;
    if (d->excused_us > a->now_us)
        return db_run(a->db, "update duty set next_us = ? where document = ? and person = ?",
                      DB_ARGS(db_int((int64_t)d->excused_us), db_int(d->document), db_int(d->person)), NULL,
                      err);
    day_text(d->due_us, day);
    snprintf(key, sizeof key, "duty %lld %lld %lld %u", (long long)d->document, (long long)d->version,
             (long long)d->person, d->reminders + 1);
    snprintf(subject, sizeof subject, "%s%.200s",
             late ? "Overdue: please sign " : "Please read and sign: ", d->title);
    if (asprintf(&text,
                 "%s,\n\nplease read \"%s\", edition %s, and sign it. It %s %s.\n\n%s%s\n\n"
                 "Until you have signed, the network may stop messaging that the policy allows only to "
                 "those who have.\n"
                 "This mail is made by a program; answers are not read.\n",
                 d->name, d->title, d->edition, late ? "was due on" : "is due on", day,
                 link[0] != '\0' ? "It is here: " : "It is in the console, under what is yours.", link) < 0)
        return error_memory(err);
    const bool ok =
        mail_add_told(a,
                      &(struct mail){
                          .person = d->person, .kind = "duty", .key = key, .subject = subject, .text = text },
                      out_queued, err) &&
        db_run(
            a->db,
            "update duty set reminders = reminders + 1, reminded_us = ?, next_us = ? where document = ? and "
            "person = ?",
            DB_ARGS(db_int((int64_t)a->now_us), time_or_null(next_reminder(d, a->now_us)),
                    db_int(d->document), db_int(d->person)),
            NULL, err);
    free(text);
    return ok;
}

static bool remind(struct act *a, unsigned *out_mails, bool *out_more, struct imw_error_info *err)
{
    struct due *due = calloc(BATCH, sizeof *due);
    char link[512];
    unsigned count = 0;
    bool ok = due != NULL || error_memory(err);

    ok = ok && db_begin(a->db, true, err) && load_due(a->db, due, a->now_us, &count, err) &&
         mail_link(a->db, "/mine/documents", link, sizeof link, err);
    for (unsigned i = 0; ok && i < count; i++) {
        bool queued = false;
        ok = remind_one(a, &due[i], link, &queued, err);
        *out_mails += queued;
    }
    if (ok && count > 0)
        ok = act_record(a, "duty.remind", "duties", (int64_t)count,
                        json_pack("{s:i}", "mails", (int)*out_mails), err);
    ok = ok && db_commit(a->db, err);
    db_rollback(a->db);
    *out_more = count == BATCH;
    free(due);
    return ok;
}

/* ---- who leads them ---- */

#define ESCALATES                                                                                            \
    "u.done_us is null and u.escalate_us is not null and u.escalate_us <= ? and u.escalated_us is "          \
    "null and "                                                                                              \
    "(u.excused_us is null or u.excused_us <= ?)"
#define MANAGER "coalesce(p.manager, d.manager, 0)"

struct lead {
    int64_t document, version, manager, count;
    char title[SHOWN];
};

static bool load_leads(struct act *a, struct lead *out, unsigned *out_count, struct imw_error_info *err)
{
    const struct db_value now = db_int((int64_t)a->now_us);
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    unsigned n = 0;

    if (!db_query(a->db,
                  "select u.document, u.version, " MANAGER
                  ", count(*), o.title from duty u join person p on p.id = "
                  "u.person left join department d on d.id = p.department join document o on o.id = "
                  "u.document where " ESCALATES " group by u.document, u.version, " MANAGER
                  ", o.title limit ?",
                  DB_ARGS(now, now, db_int(MANAGERS)), &rows, err))
        return false;
    while (n < MANAGERS && db_next(rows, &why)) {
        struct lead *l = &out[n++];
        *l = (struct lead){ db_get_int(rows, 0), db_get_int(rows, 1), db_get_int(rows, 2),
                            db_get_int(rows, 3), "" };
        copy_text(l->title, sizeof l->title, db_get_text(rows, 4));
    }
    *out_count = n;
    return rows_done(rows, &why, err);
}

static bool list_names(struct act *a, const struct lead *l, FILE *to, struct imw_error_info *err)
{
    const struct db_value now = db_int((int64_t)a->now_us);
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    if (!db_query(a->db,
                  "select p.name, u.due_us from duty u join person p on p.id = u.person left join "
                  "department d on d.id = "
                  "p.department where " ESCALATES " and u.document = ? and " MANAGER
                  " = ? order by p.name limit ?",
                  DB_ARGS(now, now, db_int(l->document), db_int(l->manager), db_int(NAMED)), &rows, err))
        return false;
    while (db_next(rows, &why)) {
        char name[SHOWN], day[16];
        copy_text(name, sizeof name, db_get_text(rows, 0));
        day_text((uint64_t)db_get_int(rows, 1), day);
        fprintf(to, "    %s (due %s)\n", name, day);
    }
    if (l->count > NAMED)
        fprintf(to, "    and %lld more\n", (long long)l->count - NAMED);
    return rows_done(rows, &why, err);
}

static bool escalate_one(struct act *a, const struct lead *l, const char *link, bool *out_queued,
                         struct imw_error_info *err)
{
    const struct db_value now = db_int((int64_t)a->now_us);
    char key[96], subject[MAIL_SUBJECT_BYTES], *text = NULL;
    size_t len = 0;
    bool ok = true;

    *out_queued = false;
    if (l->manager != 0) {
        FILE *to = open_memstream(&text, &len);
        if (to == NULL)
            return error_memory(err);
        fprintf(to, "Of the people whom you lead, %lld have not signed \"%s\", which is overdue:\n\n",
                (long long)l->count, l->title);
        ok = list_names(a, l, to, err);
        fprintf(to,
                "\nPlease see to it that they read and sign it, or tell compliance why they cannot.\n%s%s",
                link, link[0] != '\0' ? "\n" : "");
        ok = fclose(to) == 0 && ok;
        snprintf(key, sizeof key, "duty-escalation %lld %lld %lld %llu", (long long)l->document,
                 (long long)l->version, (long long)l->manager, (unsigned long long)(a->now_us / day_us));
        snprintf(subject, sizeof subject, "Overdue in your team: %.200s (%lld)", l->title,
                 (long long)l->count);
        ok = ok && mail_add_told(a,
                                 &(struct mail){ .person = l->manager,
                                                 .kind = "duty-escalation",
                                                 .key = key,
                                                 .subject = subject,
                                                 .text = text },
                                 out_queued, err);
        free(text);
    }
    return ok &&
           db_run(a->db,
                  "update duty set escalated_us = ? where document = ? and person in (select u.person "
                  "from duty u join "
                  "person p on p.id = u.person left join department d on d.id = p.department where " ESCALATES
                  " and u.document = ? and " MANAGER " = ?)",
                  DB_ARGS(now, db_int(l->document), now, now, db_int(l->document), db_int(l->manager)), NULL,
                  err);
}

static bool escalate(struct act *a, unsigned *out_mails, bool *out_more, struct imw_error_info *err)
{
    struct lead *leads = calloc(MANAGERS, sizeof *leads);
    char link[512];
    unsigned count = 0, mails = 0;
    bool ok = leads != NULL || error_memory(err);

    ok = ok && db_begin(a->db, true, err) && load_leads(a, leads, &count, err) &&
         mail_link(a->db, "/duties", link, sizeof link, err);
    for (unsigned i = 0; ok && i < count; i++) {
        bool queued = false;
        ok = escalate_one(a, &leads[i], link, &queued, err);
        mails += queued;
    }
    if (ok && count > 0)
        ok = act_record(a, "duty.escalate", "duties", (int64_t)count, json_pack("{s:i}", "mails", (int)mails),
                        err);
    ok = ok && db_commit(a->db, err);
    db_rollback(a->db);
    *out_mails += mails;
    *out_more = *out_more || count == MANAGERS;
    free(leads);
    return ok;
}

/* Is anything due? Asked without the writer's turn, which others want. */
static bool any_due(struct db *db, uint64_t now_us, bool *out, struct imw_error_info *err)
{
    const struct db_value now = db_int((int64_t)now_us);
    int64_t found = 0, escalates = 0;

    if (!db_begin(db, false, err))
        return false;
    const bool ok =
        db_query_int(db,
                     "select count(*) from (select 1 from duty u where u.done_us is null and u.next_us is "
                     "not null and "
                     "u.next_us <= ? limit 1) x",
                     DB_ARGS(now), &found, NULL, err) &&
        db_query_int(db, "select count(*) from (select 1 from duty u where " ESCALATES " limit 1) x",
                     DB_ARGS(now, now), &escalates, NULL, err);
    db_rollback(db);
    *out = found + escalates > 0;
    return ok;
}

bool duty_remind_due(struct db *db, uint64_t now_us, unsigned *out_mails, bool *out_more,
                     struct imw_error_info *err)
{
    struct act a = { .db = db, .actor = &the_system, .now_us = now_us };
    bool on = false, any = false;

    *out_mails = 0;
    *out_more = false;
    if (!mail_is_on(db, &on, err))
        return false;
    if (!on)
        return true;
    return any_due(db, now_us, &any, err) &&
           (!any || (remind(&a, out_mails, out_more, err) && escalate(&a, out_mails, out_more, err)));
}

/* ---- by hand ---- */

bool duty_excuse(struct act *a, int64_t document, int64_t person, uint64_t until_us, const char *why,
                 struct imw_error_info *err)
{
    uint64_t changed = 0;

    if (until_us != 0 && until_us <= a->now_us)
        return act_no(a, err, ACT_WRONG, "until", "a day to come is needed");
    if (until_us != 0 && until_us > a->now_us + 366 * day_us)
        return act_no(a, err, ACT_WRONG, "until", "at most a year: then it is looked at again");
    if (until_us != 0 && (why == NULL || view_trim(view_string(why)).len == 0))
        return act_no(a, err, ACT_WRONG, "why", "say why: it is shown to an examiner");
    if (!db_run(a->db,
                "update duty set excused_us = ?, excuse = ? where document = ? and person = ? and "
                "done_us is null",
                DB_ARGS(time_or_null(until_us), until_us != 0 ? db_text(why) : db_null(), db_int(document),
                        db_int(person)),
                &changed, err))
        return false;
    if (changed == 0)
        return act_no(a, err, ACT_MISSING, "person", "this person owes no signature of this document");
    return act_record(a, until_us != 0 ? "duty.excuse" : "duty.excuse-end", "document", document,
                      json_pack("{s:I,s:o,s:s}", "person", (json_int_t)person, "until",
                                until_us != 0 ? shape_time(until_us) : json_null(), "why",
                                why != NULL ? why : ""),
                      err);
}

static bool remind_set(struct act *a, int64_t document, int64_t person, uint64_t *out_set,
                       uint64_t *out_without, struct imw_error_info *err)
{
    const struct db_value now = db_int((int64_t)a->now_us);
    int64_t without = 0;

    if (!db_run(a->db,
                "update duty set next_us = ? where document = ? and (? = 0 or person = ?) and done_us "
                "is null and "
                "(excused_us is null or excused_us <= ?) and (reminded_us is null or reminded_us < ?)",
                DB_ARGS(now, db_int(document), db_int(person), db_int(person), now,
                        db_int((int64_t)(a->now_us - day_us / 24))),
                out_set, err) ||
        !db_query_int(
            a->db,
            "select count(*) from duty u join person p on p.id = u.person where u.document = ? and (? = 0 or "
            "u.person = ?) and u.done_us is null and u.next_us = ? and coalesce(p.email, '') = ''",
            DB_ARGS(db_int(document), db_int(person), db_int(person), now), &without, NULL, err))
        return false;
    *out_without = (uint64_t)without;
    return true;
}

bool duty_remind(struct act *a, int64_t document, const json_t *people, unsigned *out_queued,
                 unsigned *out_without_address, struct imw_error_info *err)
{
    uint64_t set = 0, without = 0, one_set = 0, one_without = 0;
    const json_t *one;
    size_t i;
    bool on = false, ok = true;

    if (!mail_is_on(a->db, &on, err))
        return false;
    if (!on)
        return act_no(a, err, ACT_LATE, "",
                      "mail is turned off: an administrator sets it up (settings, mail)");
    if (people == NULL)
        ok = remind_set(a, document, 0, &set, &without, err);
    json_array_foreach(people, i, one)
    {
        ok = ok &&
             (json_integer_value(one) > 0 ||
              act_no(a, err, ACT_WRONG, "people", "a list of people's numbers is needed")) &&
             remind_set(a, document, json_integer_value(one), &one_set, &one_without, err);
        set += ok ? one_set : 0;
        without += ok ? one_without : 0;
    }
    if (!ok)
        return false;
    *out_queued = (unsigned)(set - (without < set ? without : set));
    *out_without_address = (unsigned)without;
    return act_record(a, "duty.remind-now", "document", document,
                      json_pack("{s:I,s:b}", "people", (json_int_t)set, "all", people == NULL), err);
}
