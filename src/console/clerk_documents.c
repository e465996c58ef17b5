/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs of the clerk for the written program: "documents" publishes what is due, "duties" keeps who owes what
 * as the directory is and puts reminders into the queue, "mail" sends it. It is asked:
 *
 *     "mail-test"   to -> (nothing); refused: what the server said
 */
#include "base/log.h"
#include "base/thread.h"
#include "console/clerk.h"
#include "program/catalog_view.h"
#include "program/document.h"
#include "program/duty.h"
#include "program/mail.h"
#include <stdlib.h>

enum { OPEN_MS = 10000, MAILS_A_RUN = 500 };

bool job_documents(struct clerk_task *t, struct imw_error_info *err)
{
    struct catalog *catalog = NULL;
    int64_t due = 0;
    unsigned published = 0;

    if (!db_query_int(t->db,
                      "select count(*) from document_version where publish_us <= ? and state = 'approved'",
                      DB_ARGS(db_int((int64_t)t->now_us)), &due, NULL, err))
        return false;
    if (due == 0)
        return true;
    if (!catalog_view_open(t->clerk->context->config->catalog, &catalog, err))
        return false;
    const bool ok = document_publish_due(t->db, catalog, t->now_us, &published, err);
    catalog_view_close(catalog);
    changes_tell(t->clerk->context->changes, CHANGE_DOCUMENTS);
    if (published > 0) {
        changes_tell(t->clerk->context->changes, CHANGE_DUTIES);
        changes_tell(t->clerk->context->changes, CHANGE_POLICY);
        (void)clerk_wake(t->clerk, "duties");
        (void)clerk_wake(t->clerk, "enforcement");
    }
    return ok;
}

static bool refresh(struct clerk_task *t, struct imw_error_info *err)
{
    bool stale = false, changed = false;

    if (!db_begin(t->db, false, err))
        return false;
    bool ok = duty_is_stale(t->db, &stale, err);
    db_rollback(t->db);
    if (!ok || !stale)
        return ok;
    ok = db_begin(t->db, true, err) && duty_refresh(t->db, 0, t->now_us, &changed, err) &&
         db_commit(t->db, err);
    db_rollback(t->db);
    if (ok && changed)
        changes_tell(t->clerk->context->changes, CHANGE_DUTIES);
    return ok;
}

bool job_duties(struct clerk_task *t, struct imw_error_info *err)
{
    unsigned mails = 0;

    if (!refresh(t, err) || !duty_remind_due(t->db, t->now_us, &mails, &t->more, err))
        return false;
    if (mails > 0) {
        changes_tell(t->clerk->context->changes, CHANGE_DUTIES);
        (void)clerk_wake(t->clerk, "mail");
    }
    return true;
}

/* ---- mail ---- */

static bool open_sealed(void *context, const char *sealed, char **out, struct imw_error_info *err)
{
    const struct clerk *c = context;
    json_t *answer = NULL;

    if (c->keeper == NULL)
        return error_set(err, IMW_ERROR_SYSTEM, "there is no keeper to open a secret");
    if (!role_ask(c->keeper, json_pack("{s:s, s:s}", "ask", "open", "sealed", sealed), OPEN_MS, &answer, err))
        return false;
    const char *text = json_string_value(json_object_get(answer, "text"));
    *out = text != NULL ? strdup(text) : NULL;
    json_decref(answer);
    return *out != NULL || error_set(err, IMW_ERROR_SYSTEM, "the keeper's answer has no text");
}

bool job_mail(struct clerk_task *t, struct imw_error_info *err)
{
    struct mail_server server = { 0 };
    struct mail_sender *sender = NULL;
    struct mail_counts counts = { 0 };
    int64_t waiting = 0;
    bool on = false;

    if (!db_query_int(
            t->db,
            "select count(*) from (select 1 from mail where state = 'waiting' and next_us <= ? limit 1) x",
            DB_ARGS(db_int((int64_t)t->now_us)), &waiting, NULL, err))
        return false;
    if (waiting == 0)
        return true;
    if (!mail_server_load(t->db, open_sealed, t->clerk, &server, &on, err))
        return false;
    if (!on)
        return true;
    bool ok = mail_sender_new(&server, &sender, err) &&
              mail_run(t->db, sender, MAILS_A_RUN, t->now_us, &counts, err) &&
              mail_note_problem(t->db, counts.away ? counts.why : NULL, t->now_us, err);
    mail_sender_free(sender);
    mail_server_fini(&server);
    if (counts.sent > 0)
        log_info("mail_sent", "sent=%u later=%u failed=%u", counts.sent, counts.later, counts.failed);
    t->more = ok && counts.more;
    if (ok && counts.away) /* the pause grows, as that of every job that fails */
        return error_set(err, IMW_ERROR_LIMIT, "mail: %s", counts.why);
    return ok;
}

bool ask_mail_test(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    struct clerk *c = context;
    struct mail_server server = { 0 };
    struct mail_sender *sender = NULL;
    struct db *db = NULL;
    const char *to;
    char why[300] = "";
    bool on = false;

    *out = NULL;
    if (!ask_text(question, "to", MAIL_ADDRESS_SIZE - 1, &to, err) ||
        !db_open(c->context->config->database, &db, err))
        return false;
    bool ok = mail_server_load(db, open_sealed, c, &server, &on, err);
    db_close(db);
    if (!ok)
        return false;
    if (!on)
        return error_set(err, IMW_ERROR_VALUE, "mail is turned off: turn it on and save first");
    const struct mail_letter letter = { .id = 0,
                                        .time_us = clock_us(),
                                        .address = to,
                                        .subject = "A test of imward's mail",
                                        .text =
                                            "This mail is a test, sent from the settings of the console.\n"
                                            "If you read it, reminders will arrive, too.\n" };
    ok = mail_sender_new(&server, &sender, err);
    if (ok && mail_send(sender, &letter, why, sizeof why) != MAIL_SENT)
        ok = error_set(err, IMW_ERROR_VALUE, "the mail server did not take it: %s", why);
    mail_sender_free(sender);
    mail_server_fini(&server);
    return ok;
}
