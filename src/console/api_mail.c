/* SPDX-License-Identifier: Apache-2.0 */
/* Mail: what waits and what failed, a test, and another try: program/mail.h. */
#include "base/log.h"
#include "console/answer_act.h"
#include "console/routes.h"
#include "program/mail.h"

enum { TEST_WAIT_MS = 60000 };

void mail_show(struct call *c)
{
    answer_asked(c, mail_state);
}

/* The clerk goes out: nobody waits for that with a transaction open. */
void mail_test(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *answer = NULL;
    const char *to;

    if (!call_text(c, "to", MAIL_ADDRESS_SIZE - 1, &to))
        return;
    if (!mail_address_is_good(to)) {
        call_problem(c, 422, "to", "an address is needed: name@bank.example");
        return;
    }
    if (!call_strong(c) || !call_audit(c, "mail.test", NULL, "mail to %s", to))
        return;
    if (!db_commit(c->db, &err)) {
        call_failed(c, &err);
        return;
    }
    if (!role_ask(c->api->clerk, json_pack("{s:s,s:s}", "ask", "mail-test", "to", to), TEST_WAIT_MS, &answer,
                  &err)) {
        if (err.code != IMW_ERROR_VALUE)
            log_warning("mail_test", "%s", err.text);
        call_problem(c, 422, "to", "%s", err.text);
        return;
    }
    json_decref(answer);
    call_json(c, 200, json_pack("{s:b}", "ok", true));
}

void mail_retry_all(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    unsigned waiting = 0;

    if (!call_strong(c))
        return;
    if (!mail_retry(&a, &waiting, &err)) {
        answer_refused(c, &a, &err);
        return;
    }
    call_wake(c, "mail");
    call_json(c, 200, json_pack("{s:I}", "waiting", (json_int_t)waiting));
}
