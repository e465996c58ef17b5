/* SPDX-License-Identifier: Apache-2.0 */
/* The board report: its statement (program/board.h), and its page, which the clerk draws. */
#include "base/log.h"
#include "console/answer_act.h"
#include "console/clerk_board.h"
#include "console/routes.h"
#include "program/board.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

enum { DRAW_WAIT_MS = 120000 };

static void answer_report(struct call *c, struct act *a, const char *quarter)
{
    struct imw_error_info err = { 0 };
    json_t *report = NULL;
    const bool ok = board_get(a, quarter, &report, &err);

    answer_made(c, a, ok, 200, report, &err);
}

static const char *asked_quarter(struct call *c)
{
    const char *quarter = call_query(c, "quarter");

    return quarter != NULL ? quarter : "";
}

void board_show(struct call *c)
{
    struct act a = act_of(c);

    answer_report(c, &a, asked_quarter(c));
}

void board_change(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const char *quarter, *statement;

    if (!call_text(c, "quarter", 16, &quarter) ||
        !call_text(c, "statement", BOARD_STATEMENT_BYTES, &statement))
        return;
    if (!board_write(&a, quarter, statement, &err)) {
        answer_refused(c, &a, &err);
        return;
    }
    answer_report(c, &a, quarter);
}

void board_sign_off(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const char *quarter, *sha256;

    if (!call_text(c, "quarter", 16, &quarter) || !call_text(c, "sha256", 64, &sha256) || !call_strong(c))
        return;
    if (!board_sign(&a, quarter, sha256, &err)) {
        answer_refused(c, &a, &err);
        return;
    }
    answer_report(c, &a, quarter);
}

struct page {
    uint8_t *at;
    size_t len;
};

static bool write_page(void *context, FILE *to, struct imw_error_info *err)
{
    const struct page *p = context;

    return fwrite(p->at, 1, p->len, to) == p->len || error_errno(err, "a temporary file");
}

/* The octets of a base64 text. The caller's. */
static bool decode(const char *text, struct page *out)
{
    const size_t len = strlen(text);

    out->at = malloc(len / 4 * 3 + 1);
    if (out->at == NULL || len % 4 != 0 || len > LINK_BYTES)
        return false;
    const int n = EVP_DecodeBlock(out->at, (const unsigned char *)text, (int)len);
    if (n < 0)
        return false;
    out->len = (size_t)n;
    for (size_t i = len; i > 0 && text[i - 1] == '=' && out->len > 0; i--)
        out->len--;
    return true;
}

void board_page(struct call *c)
{
    struct imw_error_info err = { 0 };
    const char *quarter = asked_quarter(c);
    struct evidence_period period;
    struct page page = { NULL, 0 };
    json_t *answer = NULL;
    char name[64];
    int64_t number;

    if (!board_quarter(quarter, &number, &period)) {
        call_problem(c, 422, "quarter", "a quarter is written as 2026-Q4");
        return;
    }
    db_rollback(c->db); /* nobody waits for the clerk with a transaction open */
    if (!role_ask(c->api->clerk,
                  json_pack("{s:s,s:s,s:s}", "ask", "board", "quarter", quarter, "by", c->actor.name),
                  DRAW_WAIT_MS, &answer, &err)) {
        if (!db_begin(c->db, false, &(struct imw_error_info){ 0 }))
            db_rollback(c->db);
        if (err.code == IMW_ERROR_VALUE)
            call_problem(c, 503, NULL, "%s", err.text);
        else
            call_failed(c, &err);
        return;
    }
    const char *text = json_string_value(json_object_get(answer, "pdf"));
    const bool ok = text != NULL && decode(text, &page);
    json_decref(answer);
    if (!db_begin(c->db, false, &err)) {
        call_failed(c, &err);
    } else if (!ok) {
        error_set(&err, IMW_ERROR_FORMAT, "the clerk's report cannot be read");
        call_failed(c, &err);
    } else {
        snprintf(name, sizeof name, "board-report-%s.pdf", quarter);
        call_file(c, "application/pdf", name, write_page, &page);
    }
    free(page.at);
}
