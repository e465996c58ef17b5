/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to its handler. */
#include "console/dispatch.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "console/caller.h"
#include "console/limits.h"
#include "console/routes.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- routes ---- */

static const struct route route_table[] = {
#define R(m, p, a, b, h) { METHOD_##m, p, PERMISSION_##a, BODY_##b, h, #h },
#include "console/routes.def"
#undef R
};
enum { ROUTE_COUNT = sizeof route_table / sizeof route_table[0], WAKE_MS = 1000 };

static const char *const method_names[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };

const struct route *routes(unsigned *out_count)
{
    *out_count = ROUTE_COUNT;
    return route_table;
}

bool method_parse(const char *name, enum method *out)
{
    for (unsigned i = 0; i < sizeof method_names / sizeof method_names[0]; i++)
        if (strcmp(name, method_names[i]) == 0) {
            *out = (enum method)i;
            return true;
        }
    *out = METHOD_GET;
    return strcmp(name, "HEAD") == 0;
}

/* Does the path of a route fit? The parts that stand for {…} go to `parts`. */
static bool path_fits(const char *path, const struct target *t, const char *parts[CALL_PARTS])
{
    struct view rest = view_from(view_string(path), 1);
    unsigned part = 0;

    for (unsigned i = 0; i < t->count; i++) {
        struct view word = view_token(&rest, '/');
        if (word.len == 0)
            return false;
        if (word.at[0] == '{' && part < CALL_PARTS)
            parts[part++] = t->segments[i];
        else if (!view_equal(word, view_string(t->segments[i])))
            return false;
    }
    return rest.len == 0 && t->count > 0;
}

const struct route *route_find(enum method method, const struct target *t, const char *parts[CALL_PARTS],
                               unsigned *out_allowed)
{
    const struct route *found = NULL, *by_part = NULL;
    const char *tried[CALL_PARTS];
    unsigned allowed = 0;

    /* A route whose words are all literal (/events/facets) goes before one with a part (/events/{id}). */
    for (unsigned i = 0; i < ROUTE_COUNT && found == NULL; i++) {
        memset(tried, 0, sizeof tried);
        if (!path_fits(route_table[i].path, t, tried))
            continue;
        allowed |= 1u << route_table[i].method;
        if (route_table[i].method != method)
            continue;
        if (tried[0] == NULL)
            found = &route_table[i];
        else if (by_part == NULL)
            by_part = &route_table[i];
    }
    found = found != NULL ? found : by_part;
    memset(parts, 0, sizeof(char *) * CALL_PARTS);
    if (found != NULL && !path_fits(found->path, t, parts))
        found = NULL;
    *out_allowed = allowed;
    return found;
}

void allow_format(unsigned methods, char *out, size_t size)
{
    struct text t = text_over(out, size);

    for (unsigned i = 0; i < sizeof method_names / sizeof method_names[0]; i++)
        if ((methods >> i & 1) != 0)
            text_format(&t, "%s%s%s", t.len > 0 ? ", " : "", method_names[i],
                        i == METHOD_GET ? ", HEAD" : "");
}

/* ---- who asks ---- */

struct view cookie_find(const char *header)
{
    struct view all = view_string(header);
    const struct view name = VIEW("__Host-imward=");

    while (all.len > 0) {
        struct view one = view_trim(view_token(&all, ';'));
        if (view_starts(one, name))
            return view_from(one, name.len);
    }
    return VIEW("");
}

struct view bearer_find(const char *header)
{
    const struct view scheme = VIEW("Bearer ");
    struct view v = view_string(header);

    return view_starts_nocase(v, scheme) ? view_trim(view_from(v, scheme.len)) : VIEW("");
}

bool request_is_named(const struct request_in *in)
{
    return bearer_find(in->authorization).len > 0 || cookie_find(in->cookie).len > 0;
}

/* Did a page of ours send it? What a browser says of that is believed, and what is no browser need not say.
 */
static bool is_of_our_page(const struct request_in *in)
{
    static const char scheme[] = "https://";
    struct view origin = view_string(in->origin), site = view_string(in->fetch_site);

    if (site.len > 0 && !view_equal(site, VIEW("same-origin")) && !view_equal(site, VIEW("none")))
        return false;
    if (origin.len == 0)
        return true;
    return view_starts(origin, VIEW(scheme)) &&
           view_equal_nocase(view_from(origin, sizeof scheme - 1), view_string(in->host));
}

static bool check_rate(struct api *api, enum limit kind, struct view who, struct call_answer *out)
{
    char seconds[16];
    unsigned retry_s = 1;

    if (limits_take(api->limits, kind, who, clock_ms(), &retry_s))
        return true;
    answer_problem(out, 429, NULL, "that was too often: try again in %u s", retry_s);
    snprintf(seconds, sizeof seconds, "%u", retry_s);
    answer_header(out, "Retry-After", seconds);
    return false;
}

/* May this caller use the route? */
static bool check_permission(struct api *api, const struct request_in *in, const struct caller *c,
                             struct call_answer *out)
{
    const struct route *route = in->route;
    bool writes = route->method != METHOD_GET;

    if (writes && !c->actor.token && !is_of_our_page(in)) {
        answer_problem(out, 403, NULL, "this request came from another site's page");
        return false;
    }
    if (route->permission == PERMISSION_PUBLIC)
        return !writes || check_rate(api, LIMIT_SIGN_IN, view_string(in->address), out);
    if (!c->found) {
        if (!request_is_named(in) || check_rate(api, LIMIT_NOBODY, view_string(in->address), out))
            answer_problem(out, 401, NULL, "sign in first: the session is over, or there was none");
        return false;
    }
    if (!check_rate(api, LIMIT_ACCOUNT, view_of(&c->actor.account, sizeof c->actor.account), out))
        return false;
    if (writes && c->is_session && !session_csrf_right(&c->session, in->csrf)) {
        answer_problem(out, 403, "csrf",
                       "X-CSRF-Token is missing or of another session: load the page again");
        return false;
    }
    if (c->actor.restricted && route->permission != PERMISSION_SELF) {
        answer_problem(out, 403, "restricted", "first change the password, or set up the second factor");
        return false;
    }
    if ((c->actor.permissions >> route->permission & 1) == 0) {
        answer_problem(out, 403, NULL, "your roles do not include %s", permission_name(route->permission));
        return false;
    }
    return true;
}

static bool who_acts(struct api *api, struct db *db, const struct request_in *in, uint64_t now_us,
                     struct caller *c, struct call_answer *out)
{
    struct imw_error_info err = { 0 };
    char line[768];

    if (!caller_find(db, cookie_find(in->cookie), bearer_find(in->authorization), now_us, c, &err)) {
        log_error("console_database", "%s", error_format(&err, line, sizeof line));
        answer_problem(out, 503, NULL, "the database does not answer; try again, and see the server's log");
        return false;
    }
    return check_permission(api, in, c, out);
}

bool dispatch_authorise(struct api *api, struct db *db, const struct request_in *in, uint64_t now_us,
                        struct call_answer *out)
{
    struct caller c;

    return who_acts(api, db, in, now_us, &c, out);
}

bool dispatch_still(struct db *db, struct view cookie, uint64_t now_us)
{
    struct imw_error_info err = { 0 };
    struct caller c;
    bool ok = caller_find(db, cookie, VIEW(""), now_us, &c, &err)
                  ? c.found && !c.actor.restricted
                  : true; /* it is the database that is away */

    return ok;
}

/* ---- the handler and its transaction ---- */

/* The answer is there: keep or drop what was done. A handler that has transactions of its own (signing in)
 * leaves none open. */
static void transaction_end(struct call *c, bool writes)
{
    struct imw_error_info err = { 0 };
    struct call_answer *a = c->answer;
    bool good = a->status != 0 && a->status < 400;

    if (a->status == 0 && !a->waits)
        call_problem(c, 500, NULL, "the server has no answer to this; please report it");
    if (db_in_transaction(c->db) && good && writes && !db_commit(c->db, &err))
        call_failed(c, &err);
    db_rollback(c->db);
}

/* What the handler did is there for all to see, if it is. */
static void tell_others(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *woken = NULL;

    if (c->answer->status >= 400 || c->answer->waits)
        return;
    for (unsigned i = 0; i < CHANGE_COUNT; i++)
        if ((c->changed & 1u << i) != 0)
            changes_tell(c->api->changes, (enum change)i);
    for (unsigned i = 0; i < CALL_WAKES && c->wake[i] != NULL && c->api->clerk != NULL; i++)
        if (role_ask(c->api->clerk, json_pack("{s:s, s:s}", "ask", "wake", "what", c->wake[i]), WAKE_MS,
                     &woken, &err))
            json_decref(woken);
}

/* The caller is noted as active, in a transaction of its own: that of the handler may be one that only reads,
 * also of a POST. When the database is busy, the next time. */
static void touch(struct db *db, const struct caller *who, uint64_t now_us)
{
    struct imw_error_info err = { 0 };

    if (!who->touch)
        return;
    if (!db_begin(db, true, &err) || !caller_touch(db, who, now_us, &err) || !db_commit(db, &err))
        db_rollback(db);
}

static bool read_input(struct call *c, const struct request_in *in)
{
    struct imw_error_info err = { 0 };

    c->query = query_parse(in->query, &err);
    if (c->query == NULL) {
        call_problem(c, 400, NULL, "%s", err.text);
        return false;
    }
    if (in->route->body != BODY_JSON)
        return true;
    c->body = body_parse(in->body, &err);
    if (c->body == NULL)
        call_problem(c, 400, NULL, "the body is no JSON: %s", err.text);
    return c->body != NULL;
}

void dispatch(struct api *api, struct db *db, const struct request_in *in, uint64_t now_us,
              struct call_answer *out)
{
    const bool writes = in->route->method != METHOD_GET;
    struct imw_error_info err = { 0 };
    struct caller who;

    if (who_acts(api, db, in, now_us, &who, out)) {
        struct call c = { .route = in->route,
                          .actor = who.actor,
                          .address = in->address,
                          .upload = in->upload,
                          .upload_size = in->upload_size,
                          .upload_name = in->upload_name,
                          .session = who.is_session ? view_of(who.session.hash, SESSION_HASH_LEN) : VIEW(""),
                          .signed_in = who.is_session ? &who.session : NULL,
                          .cookies = in->cookie != NULL ? in->cookie : "",
                          .agent = in->agent != NULL ? in->agent : "",
                          .range = in->range,
                          .now_us = now_us,
                          .db = db,
                          .waited = in->waited,
                          .api = api,
                          .answer = out };
        memcpy(c.parts, in->parts, sizeof c.parts);
        if (read_input(&c, in)) {
            if (db_begin(db, writes, &err)) {
                in->route->handle(&c);
                transaction_end(&c, writes);
                tell_others(&c);
            } else {
                call_failed(&c, &err);
            }
            touch(db, &who, now_us);
        }
        json_decref(c.query);
        json_decref(c.body);
    }
}
