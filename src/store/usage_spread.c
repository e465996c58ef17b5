/* SPDX-License-Identifier: Apache-2.0 */
/* How something spread: alerts and files of events as a graph of clients and accounts. */
#include "base/text.h"
#include "store/event_parts.h"
#include <stdlib.h>

struct spread {
    json_t *nodes, *edges;
    json_t *by_account; /* "account term" -> node id, of accounts whose client is known */
};

static json_t *spread_node(struct spread *s, const char *id, const json_t *who, int64_t account,
                           const char *time)
{
    json_t *n = json_object_get(s->nodes, id);

    if (n == NULL) {
        n = json_pack("{s:s, s:o, s:I, s:s, s:i, s:b}", "id", id, "who",
                      who != NULL ? json_incref((json_t *)who) : json_null(), "account", (json_int_t)account,
                      "first", time, "alerts", 0, "origin", 1);
        json_object_set_new(s->nodes, id, n);
    }
    return n;
}

static void node_id(char out[32], const char *prefix, int64_t id)
{
    struct text t = text_over(out, 32);

    text_format(&t, "%s%lld", prefix, (long long)id);
}

/* Who has which account, as far as files told. */
static bool learn_account(void *context, json_t *event)
{
    struct spread *s = context;
    json_int_t account = json_integer_value(json_object_get(event, "account_id"));
    char key[32], id[32];

    if (account != 0 && json_is_object(json_object_get(event, "who"))) {
        node_id(key, "", account);
        node_id(id, "w", json_integer_value(json_object_get(json_object_get(event, "who"), "id")));
        json_object_set_new(s->by_account, key, json_pack("s", id));
    }
    return true;
}

static bool spread_event(void *context, json_t *event)
{
    struct spread *s = context;
    const char *time = json_string_value(json_object_get(event, "time")),
               *kind = json_string_value(json_object_get(event, "kind")),
               *direction = json_string_value(
                   json_object_get(json_object_get(json_object_get(event, "eve"), "im"), "direction"));
    const json_t *who = json_object_get(event, "who");
    json_int_t peer = json_integer_value(json_object_get(event, "peer_id"));
    char self[32], other[32], key[32];

    if (!json_is_object(who))
        return true;
    node_id(self, "w", json_integer_value(json_object_get(who, "id")));
    json_t *node = spread_node(s, self, who, 0, time);
    if (strcmp(kind, "alert") == 0)
        json_object_set_new(node, "alerts",
                            json_integer(json_integer_value(json_object_get(node, "alerts")) + 1));
    if (peer == 0 || direction == NULL || strcmp(kind, "fileinfo") != 0)
        return true;
    node_id(key, "", peer);
    const char *known = json_string_value(json_object_get(s->by_account, key));
    struct text t = TEXT(other);
    if (known != NULL)
        text_string(&t, known);
    else
        node_id(other, "a", peer);
    if (known == NULL)
        (void)spread_node(s, other, NULL, peer, time);
    bool out = strcmp(direction, "out") == 0;
    json_object_set_new(json_object_get(s->nodes, out ? other : self), "origin",
                        json_false()); /* it was sent there */
    const char *file = json_string_value(json_object_get(event, "file"));
    json_array_append_new(
        s->edges, json_pack("{s:s, s:s, s:s, s:O, s:s, s:O}", "from", out ? self : other, "to",
                            out ? other : self, "time", time, "service", json_object_get(event, "service"),
                            "what", file != NULL ? file : "a file", "event", json_object_get(event, "id")));
    return true;
}

bool usage_propagation(struct db *db, const struct event_filter *f, json_t **out, struct imw_error_info *err)
{
    struct event_filter *files = malloc(sizeof *files), *alerts = malloc(sizeof *alerts);
    struct spread s = { .nodes = json_pack("{}"), .edges = json_pack("[]"), .by_account = json_pack("{}") };
    static const char *const detectors[] = { "worm", "malware", "spam" };
    bool ok = files != NULL && alerts != NULL && s.nodes != NULL && s.edges != NULL && s.by_account != NULL;

    if (!ok)
        error_set(err, IMW_ERROR_MEMORY, "no memory for a graph");
    if (ok) {
        *files = *alerts = *f;
        files->kinds = 1u << EVENT_FILEINFO;
        files->scans = 1u << 2 | 1u << 4; /* infected, suspicious */
        alerts->kinds = 1u << EVENT_ALERT;
        struct id_list *l = &alerts->words[WORD_DETECTOR];
        for (unsigned i = 0; ok && !f->words[WORD_DETECTOR].given && i < 3; i++) {
            int64_t id = 0;
            bool found;
            ok = db_query_int(db, "select id from term where kind = 'detector' and value = ?",
                              DB_ARGS(db_text(detectors[i])), &id, &found, err);
            if (found)
                l->at[l->count++] = id;
        }
        l->given = true;
    }
    ok = ok && events_export(db, files, learn_account, &s, err) &&
         events_export(db, files, spread_event, &s, err) && events_export(db, alerts, spread_event, &s, err);
    if (ok) {
        json_t *nodes = json_pack("[]"), *node;
        const char *key;
        json_object_foreach(s.nodes, key, node)
        {
            json_array_append(nodes, node);
        }
        *out = json_pack("{s:o, s:O}", "nodes", nodes, "edges", s.edges);
    }
    free(files);
    free(alerts);
    json_decref(s.nodes);
    json_decref(s.edges);
    json_decref(s.by_account);
    return ok;
}
