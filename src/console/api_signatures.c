/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures and what is to be signed: program/signature.h; who owes it: program/duty.h. */
#include "console/answer_act.h"
#include "console/routes.h"
#include "program/catalog_view.h"
#include "program/duty.h"
#include "program/signature.h"
#include "program/when.h"
#include <stdio.h>
#include <stdlib.h>

enum { PAGE_USUAL = 100 };

/* ---- mine ---- */

void mine_document_list(struct call *c)
{
    answer_asked(c, mine_documents);
}

void mine_document_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *row = NULL;
    int64_t id;

    if (!call_id(c, 0, &id))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    bool ok = mine_document(&a, catalog, id, &row, &err);
    catalog_view_close(catalog);
    answer_made(c, &a, ok, 200, row, &err);
}

void mine_document_sign(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const char *sha256, *name;
    int64_t document, version, id = 0;
    json_t *row = NULL;

    if (!call_id(c, 0, &document) || !call_number(c, "version", 1, INT64_MAX, &version) ||
        !call_text(c, "sha256", 64, &sha256) || !call_text(c, "name", SIGNATURE_NAME_BYTES, &name))
        return;
    if (!signature_is_fresh(&c->actor, c->now_us)) {
        call_problem(c, 401, "reauthenticate", "a signature asks for your password again");
        return;
    }
    bool ok =
        signature_add(&a, document, version, sha256, name, &id, &err) && signature_get(&a, id, &row, &err);
    if (ok) {
        call_changed(c, CHANGE_DUTIES);
        call_wake(c, "enforcement"); /* the gateway is to know within seconds */
    }
    answer_made(c, &a, ok, 201, row, &err);
}

void mine_signature_list(struct call *c)
{
    answer_asked(c, mine_signatures);
}

void mine_receipt_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    char *text = NULL, name[96];
    int64_t id;

    if (!call_id(c, 0, &id))
        return;
    if (!mine_receipt(&a, id, &text, &err)) {
        answer_refused(c, &a, &err);
        return;
    }
    snprintf(name, sizeof name, "attachment; filename=\"receipt-%lld.json\"", (long long)id);
    call_header(c, "Content-Disposition", name);
    call_bytes(c, "application/json", view_string(text));
    free(text);
}

/* ---- everybody's ---- */

void signature_list_show(struct call *c)
{
    int64_t document, version, cursor, limit;
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *list = NULL;

    if (!call_query_number(c, "document", 1, INT64_MAX, 0, &document) ||
        !call_query_number(c, "version", 1, INT64_MAX, 0, &version) ||
        !call_query_number(c, "cursor", 1, INT64_MAX, 0, &cursor) ||
        !call_query_number(c, "limit", 1, SIGNATURES_MOST, PAGE_USUAL, &limit))
        return;
    const struct signature_filter f = { .document = document,
                                        .version = version,
                                        .before = cursor,
                                        .text = call_query(c, "q"),
                                        .limit = (unsigned)limit };
    bool ok = signature_list(&a, &f, &list, &err);
    answer_made(c, &a, ok, 200, list, &err);
}

void signature_show(struct call *c)
{
    answer_id(c, signature_get);
}

void signature_verify_receipt(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const char *receipt;
    json_t *result = NULL;

    if (!call_text(c, "receipt", RECEIPT_BYTES, &receipt))
        return;
    bool ok = signature_verify(&a, receipt, &result, &err);
    answer_made(c, &a, ok, 200, result, &err);
}

/* ---- duties ---- */

void duty_list_show(struct call *c)
{
    const char *department = call_query(c, "department");
    int64_t document, limit;
    uint64_t number = 0;
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *list = NULL;

    if (!call_query_number(c, "document", 1, INT64_MAX, 0, &document) ||
        !call_query_number(c, "limit", 1, DUTY_LIMIT, PAGE_USUAL, &limit))
        return;
    const bool none = department != NULL && strcmp(department, "none") == 0;
    if (department != NULL && !none && !view_decimal(view_string(department), INT64_MAX, &number)) {
        call_problem(c, 422, "department", "a department's number is expected, or none");
        return;
    }
    const struct duty_filter f = { .document = document,
                                   .department = none ? -1 : (int64_t)number,
                                   .state = call_query(c, "state"),
                                   .text = call_query(c, "q"),
                                   .cursor = call_query(c, "cursor"),
                                   .limit = (unsigned)limit };
    bool ok = duty_list(&a, &f, &list, &err);
    answer_made(c, &a, ok, 200, list, &err);
}

void duty_summary_show(struct call *c)
{
    answer_asked(c, duty_summary);
}

void duty_remind_now(struct call *c)
{
    const json_t *people = json_object_get(c->body, "people");
    unsigned queued = 0, without = 0;
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t document;

    if (!call_number(c, "document", 1, INT64_MAX, &document))
        return;
    if (people != NULL && (!json_is_array(people) || json_array_size(people) > DUTY_LIMIT)) {
        call_problem(c, 422, "people", "a list of at most %d people's numbers is expected", DUTY_LIMIT);
        return;
    }
    if (!duty_remind(&a, document, people, &queued, &without, &err)) {
        answer_refused(c, &a, &err);
        return;
    }
    call_wake(c, "duties");
    call_json(c, 200,
              json_pack("{s:I,s:I}", "queued", (json_int_t)queued, "without_address", (json_int_t)without));
}

void duty_excuse_somebody(struct call *c)
{
    const char *until, *why;
    int64_t document, person;
    uint64_t until_us = 0;
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *row = NULL;

    if (!call_number(c, "document", 1, INT64_MAX, &document) ||
        !call_number(c, "person", 1, INT64_MAX, &person) || !call_text_optional(c, "until", 40, &until) ||
        !call_text_optional(c, "why", 500, &why))
        return;
    if (until != NULL && !when_read(until, &until_us)) {
        call_problem(c, 422, "until", "a day or a time is expected: 2026-12-01");
        return;
    }
    bool ok =
        duty_excuse(&a, document, person, until_us, why, &err) && duty_get(&a, document, person, &row, &err);
    if (ok)
        call_changed(c, CHANGE_DUTIES);
    answer_made(c, &a, ok, 200, row, &err);
}
