/* SPDX-License-Identifier: Apache-2.0 */
/* Saved views. */
#include "program/saved_view.h"

bool saved_view_list(struct db *db, int64_t account, const char *page, json_t **out,
                     struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    json_t *views = json_pack("[]");
    struct db_rows *rows;
    bool ok = views != NULL;

    if (!db_query(db,
                  "select id, name, page, query, shared, account from saved_view "
                  "where (account = ? or shared = 1) and (page = ? or ? = 0) order by name, id limit 1000",
                  DB_ARGS(db_int(account), db_text(page != NULL ? page : ""), db_int(page != NULL)), &rows,
                  err)) {
        json_decref(views);
        return false;
    }
    while (ok && db_next(rows, &why))
        ok = json_array_append_new(
                 views, json_pack("{s:I,s:s,s:s,s:s,s:b,s:b}", "id", (json_int_t)db_get_int(rows, 0), "name",
                                  (const char *)db_get_text(rows, 1).at, "page",
                                  (const char *)db_get_text(rows, 2).at, "query",
                                  (const char *)db_get_text(rows, 3).at, "shared", (int)db_get_int(rows, 4),
                                  "mine", db_get_int(rows, 5) == account)) == 0;
    db_rows_end(rows);
    json_t *all = ok && why.code == IMW_OK ? json_pack("{s:O}", "views", views) : NULL;
    json_decref(views);
    if (all == NULL) {
        if (why.code == IMW_OK)
            return error_memory(err);
        if (err != NULL)
            *err = why;
        return false;
    }
    *out = all;
    return true;
}

bool saved_view_keep(struct db *db, int64_t account, const char *name, const char *page, const char *query,
                     bool shared, uint64_t now_us, int64_t *out_id, struct imw_error_info *err)
{
    int64_t count = 0;

    if (name[0] == '\0' || strlen(name) > 80)
        return error_key(err, "name", "a view's name has 1 to 80 bytes");
    if (page[0] == '\0' || strlen(page) > 40)
        return error_key(err, "page", "the page of a view has 1 to 40 bytes");
    if (strlen(query) > 4000)
        return error_key(err, "query", "the filter of a view has at most 4000 bytes");
    if (!db_query_int(db, "select count(*) from saved_view where account = ? and not (page = ? and name = ?)",
                      DB_ARGS(db_int(account), db_text(page), db_text(name)), &count, NULL, err))
        return false;
    if (count >= SAVED_VIEW_MOST)
        return error_key(err, "name", "there are %d views already: remove one", SAVED_VIEW_MOST);
    return db_insert(
        db,
        "insert into saved_view (account, name, page, query, shared, created_us) values (?, ?, ?, ?, ?, ?) "
        "on conflict (account, page, name) do update set query = excluded.query, shared = excluded.shared "
        "returning id",
        DB_ARGS(db_int(account), db_text(name), db_text(page), db_text(query), db_int(shared),
                db_int((int64_t)now_us)),
        out_id, err);
}

bool saved_view_remove(struct db *db, int64_t account, int64_t id, bool *out_found,
                       struct imw_error_info *err)
{
    uint64_t changed = 0;

    if (!db_run(db, "delete from saved_view where id = ? and account = ?",
                DB_ARGS(db_int(id), db_int(account)), &changed, err))
        return false;
    *out_found = changed > 0;
    return true;
}
