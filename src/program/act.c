/* SPDX-License-Identifier: Apache-2.0 */
/* What acts have in common: saying no, and the audit record. */
#include "program/act.h"
#include <stdarg.h>

bool act_no(struct act *a, struct imw_error_info *err, enum act_problem problem, const char *key,
            const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    a->problem = problem;
    error_set(err, IMW_ERROR_VALUE, "%s", text);
    if (err != NULL)
        snprintf(err->key, sizeof err->key, "%s", key);
    return false;
}

bool act_record(struct act *a, const char *word, const char *kind, int64_t id, json_t *detail,
                struct imw_error_info *err)
{
    char object[64];

    if (detail == NULL)
        return error_memory(err);
    snprintf(object, sizeof object, "%s %lld", kind, (long long)id);
    bool ok = audit_add(a->db, a->actor, a->address, word, object, detail, a->now_us, err);
    json_decref(detail);
    return ok;
}

bool act_is_other(struct act *a, int64_t account, bool *out_other, struct imw_error_info *err)
{
    int64_t same = 0;

    if (!db_query_int(a->db,
                      "select count(*) from account x join account y on y.id = ? where x.id = ? and "
                      "(x.id = y.id or x.person = y.person)",
                      DB_ARGS(db_int(account), db_int(a->actor->account)), &same, NULL, err))
        return false;
    *out_other = same == 0;
    return true;
}
