/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The need for other security products: for each capability that the guidance's threats ask for, what covers
 * it: imward, where it is found at work here, a product of others that people name, or nothing.
 */
#include "content/settings.h"
#include "policy/policy.h"
#include "program/assessment.h"
#include "program/shape_list.h"
#include "store/event_store.h"

enum { PRODUCT_BYTES = 200, SEEN_DAYS = 30 };

/* What the policy in force does. */
enum policy_use { USES_SCAN = 1, USES_FILE_RULES = 2, USES_KEEP = 4, USES_LEAKS = 8 };

/* Is it at work? A count (of sums, with one argument: the day, or none), or a use of the policy in force. */
static const struct probe {
    const char *name, *sql, *yes, *no;
    bool by_day;
    enum policy_use use; /* instead of sql */
} probes[] = {
#define SUM(column) "select coalesce(sum(" column "), 0) from usage_service_day where day >= ?"
    { "flows", SUM("flows"), "%lld flows seen in 30 days", "no flows were seen in 30 days", true, 0 },
    { "blocked", SUM("stopped"), "%lld flows stopped in 30 days", "nothing was stopped in 30 days", true, 0 },
    { "scan", NULL, "the policy in force scans files", "the policy in force scans no files", false,
      USES_SCAN },
    { "no-files", NULL, "the policy in force has rules on files",
      "no rule of the policy in force is about files", false, USES_FILE_RULES },
    { "keep", NULL, "the policy in force keeps messages or files",
      "the policy in force keeps no messages and no files", false, USES_KEEP },
    { "versions", "select count(*) from client_install where state <> 'gone'",
      "%lld installations of client software are judged by their version", "no client software was seen yet",
      false, 0 },
    { "leaks", NULL, "the policy in force searches for leaks", "the policy in force searches for no leaks",
      false, USES_LEAKS },
    { "incidents", SUM("alerts"), "%lld alerts in 30 days",
      "no alert came in 30 days: see that detectors are on", true, 0 },
    { "channels",
      "select count(*) from approved_channel c where c.state = 'active' and exists "
      "(select 1 from approved_day d where d.channel = c.id)",
      "%lld approved channels are counted", "no counts of an approved channel were brought in yet", false,
      0 },
    { "signed", "select count(*) from document_version where state = 'published' and sign = 1",
      "%lld documents in force are signed by people", "no document in force is signed by people", false, 0 },
    { "trained", "select count(*) from training_assignment where state = 'active'",
      "%lld courses are assigned", "no course is assigned", false, 0 },
    { "audit", "select count(*) from audit_checkpoint", "the trail is signed", "no checkpoint was signed yet",
      false, 0 },
#undef SUM
};

/* What the policy in force does, by enum policy_use: as it is read, not as it is written. */
static bool policy_uses(struct act *a, const struct catalog *catalog, unsigned *out,
                        struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct policy *p = NULL;
    struct db_rows *rows;
    bool until;

    *out = 0;
    if (!db_query(a->db, "select text from policy_text where state = 'published' order by id desc limit 1",
                  DB_NONE, &rows, err))
        return false;
    /* A newer catalog may not know what an older policy names: then nothing is said to be at work. */
    if (db_next(rows, &why) &&
        !policy_parse_alone(db_get_text(rows, 0), catalog, &p, &(struct imw_error_info){ .code = IMW_OK }))
        p = NULL;
    if (p != NULL) {
        const uint32_t keys = policy_asks(p, &until);
        for (unsigned n = 1; n <= policy_rules(p); n++)
            *out |= policy_rule_place(p, n).action == POLICY_SCAN ? USES_SCAN : 0;
        *out |= (keys >> POLICY_KEY_ACTIVITY & 1) != 0 ? USES_FILE_RULES : 0;
        *out |= policy_keeps(p) ? USES_KEEP : 0;
        *out |= policy_content(p)->leaks.wanted ? USES_LEAKS : 0;
    }
    policy_free(p);
    return rows_done(rows, &why, err);
}

static bool probe(struct act *a, const char *name, unsigned uses, int64_t *out, char *said, size_t size,
                  struct imw_error_info *err)
{
    const int64_t since = (int64_t)a->now_us - SEEN_DAYS * DAY_US;
    const struct db_value day = db_int(day_of(since));

    *out = 0;
    snprintf(said, size, "%s", "");
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        const struct probe *p = &probes[i];
        if (strcmp(p->name, name) != 0)
            continue;
        if (p->sql == NULL)
            *out = (uses & p->use) != 0;
        else if (!db_query_int(a->db, p->sql, p->by_day ? &day : NULL, p->by_day ? 1 : 0, out, NULL, err))
            return false;
        const char *mark = strstr(p->yes, "%lld");
        if (*out == 0)
            snprintf(said, size, "%s", p->no);
        else if (mark == NULL)
            snprintf(said, size, "%s", p->yes);
        else
            snprintf(said, size, "%lld%s", (long long)*out, mark + strlen("%lld"));
    }
    return true;
}

static json_t *product_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so so so so so}", "id", shape_int(rows, 0), "product", shape_text(rows, 1),
                     "covers", shape_text(rows, 2), "owner", shape_text(rows, 3), "note", shape_text(rows, 4),
                     "by", shape_text(rows, 5), "changed", shape_time_of(rows, 6), "capability",
                     shape_text(rows, 7));
}

static json_t *words_of(const char *words)
{
    json_t *list = json_pack("[]");

    for (struct view v = view_string(words); v.len > 0;) {
        const struct view one = view_token(&v, ' ');
        json_array_append_new(list, json_stringn((const char *)one.at, one.len));
    }
    return list;
}

/* covered: fully by one; part: by one in part; gap: by none. */
static bool row_of(struct act *a, const struct risk_capability *c, unsigned uses, const json_t *products,
                   json_t **out, struct imw_error_info *err)
{
    json_t *mine = json_pack("[]"), *one;
    bool full, part;
    char said[160];
    int64_t found;
    size_t i;

    if (!probe(a, c->probe, uses, &found, said, sizeof said, err)) {
        json_decref(mine);
        return false;
    }
    full = found > 0 && strcmp(c->covers, "full") == 0;
    part = found > 0 && strcmp(c->covers, "part") == 0;
    json_array_foreach((json_t *)(uintptr_t)products, i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "capability")), c->key) != 0)
            continue;
        if (strcmp(json_string_value(json_object_get(one, "covers")), "full") == 0)
            full = true;
        part = true;
        json_t *copy = json_copy(one);
        json_object_del(copy, "capability");
        json_array_append_new(mine, copy);
    }
    *out = json_pack("{ss ss ss ss so ss ss sb ss ss so ss}", "key", c->key, "title", c->title, "about",
                     c->about, "guidance", c->guidance, "threats", words_of(c->threats), "imward", c->imward,
                     "limit", c->limit, "active", found > 0, "evidence", said, "covers", c->covers,
                     "products", mine, "state",
                     full   ? "covered"
                     : part ? "part"
                            : "gap");
    return *out != NULL || error_memory(err);
}

bool protections_json(struct act *a, const struct catalog *catalog, json_t **out, struct imw_error_info *err)
{
    json_t *products = NULL, *list = json_pack("[]"), *row = NULL;
    int covered = 0, part = 0, gaps = 0;
    unsigned uses = 0;
    bool ok =
        policy_uses(a, catalog, &uses, err) &&
        shape_list(a->db,
                   "select p.id, p.product, p.covers, p.owner, p.note, x.name, p.changed_us, p.capability "
                   "from protection p left join account x on x.id = p.account order by p.product, p.id "
                   "limit 1000",
                   DB_NONE, product_row, NULL, &products, err);

    for (unsigned i = 0; ok && i < risk_capabilities_count; i++) {
        ok = row_of(a, &risk_capabilities[i], uses, products, &row, err);
        if (!ok)
            break;
        const char *state = json_string_value(json_object_get(row, "state"));
        covered += strcmp(state, "covered") == 0;
        part += strcmp(state, "part") == 0;
        gaps += strcmp(state, "gap") == 0;
        json_array_append_new(list, row);
    }
    json_decref(products);
    if (!ok) {
        json_decref(list);
        return false;
    }
    *out = json_pack("{so si si si so}", "protections", list, "covered", covered, "part", part, "gaps", gaps,
                     "checked", shape_time(a->now_us));
    return *out != NULL || error_memory(err);
}

bool protection_gaps(struct act *a, const struct catalog *catalog, int64_t *out, struct imw_error_info *err)
{
    json_t *all = NULL;

    if (!protections_json(a, catalog, &all, err))
        return false;
    *out = json_integer_value(json_object_get(all, "gaps"));
    json_decref(all);
    return true;
}

static const char *text_of(const json_t *body, const char *key)
{
    const char *text = json_string_value(json_object_get(body, key));

    return text != NULL ? text : "";
}

bool protection_put(struct act *a, int64_t id, const json_t *body, struct imw_error_info *err)
{
    static const char *const covers[] = { "full", "part", NULL };
    const char *capability = text_of(body, "capability");
    const struct view product = view_trim(view_string(text_of(body, "product")));
    bool known = id != 0;
    uint64_t changed = 1;

    for (unsigned i = 0; i < risk_capabilities_count; i++)
        known = known || strcmp(risk_capabilities[i].key, capability) == 0;
    if (!known)
        return act_no(a, err, ACT_WRONG, "capability", "there is no such capability");
    if (product.len == 0 || product.len > PRODUCT_BYTES)
        return act_no(a, err, ACT_WRONG, "product", "the product's name is needed, at most %d bytes",
                      PRODUCT_BYTES);
    if (!risk_is_word(text_of(body, "covers"), covers))
        return act_no(a, err, ACT_WRONG, "covers", "it covers it in full or in part");
    if (strlen(text_of(body, "owner")) > PRODUCT_BYTES)
        return act_no(a, err, ACT_WRONG, "owner", "a shorter text is needed");
    if (strlen(text_of(body, "note")) > RISK_NOTE_BYTES)
        return act_no(a, err, ACT_WRONG, "note", "a shorter text is needed");
    const struct db_value who = a->actor->account != 0 ? db_int(a->actor->account) : db_null(),
                          now = db_int((int64_t)a->now_us);
    const bool ok =
        id == 0
            ? db_insert(a->db,
                        "insert into protection (capability, product, covers, owner, note, account, "
                        "changed_us) values (?, ?, ?, ?, ?, ?, ?) returning id",
                        DB_ARGS(db_text(capability), db_view(product), db_text(text_of(body, "covers")),
                                db_text(text_of(body, "owner")), db_text(text_of(body, "note")), who, now),
                        &id, err)
            : db_run(a->db,
                     "update protection set product = ?, covers = ?, owner = ?, note = ?, account = ?, "
                     "changed_us = ? where id = ?",
                     DB_ARGS(db_view(product), db_text(text_of(body, "covers")),
                             db_text(text_of(body, "owner")), db_text(text_of(body, "note")), who, now,
                             db_int(id)),
                     &changed, err);
    if (ok && changed == 0)
        return act_no(a, err, ACT_MISSING, "", "there is no such product");
    return ok && act_record(a, "protection.set", "protection", id, json_deep_copy(body), err);
}

bool protection_drop(struct act *a, int64_t id, struct imw_error_info *err)
{
    uint64_t changed = 0;

    return db_run(a->db, "delete from protection where id = ?", DB_ARGS(db_int(id)), &changed, err) &&
           (changed > 0 || act_no(a, err, ACT_MISSING, "", "there is no such product")) &&
           act_record(a, "protection.remove", "protection", id, json_pack("{}"), err);
}
