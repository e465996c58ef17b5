/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing in by OpenID Connect. The browser gets a word of its own in a cookie before it is sent to the
 * provider, and only with it does the answer count: an address that somebody else was sent back to signs
 * nobody in (login CSRF). The cookie is SameSite=Lax, as the way back begins at another site; behind the word
 * it has the page that was asked for. The session's is Strict: the browser does not send it for the page that
 * the way ends at, which needs none, but for all that the page then asks.
 *
 * A browser is always sent on to a page. What went wrong is a word in its address (`refused`), of which the
 * page makes a sentence: words of anybody's link are not shown.
 */
#include "base/log.h"
#include "console/api.h"
#include "console/ask_keeper.h"
#include "console/routes.h"
#include <sodium.h>
#include <stdio.h>

enum { OIDC_WAIT_MS = 30000, WORD = 44, COOKIE_S = 600, TO_MOST = 400 };
#define COOKIE "__Host-imward-oidc"
#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING

/* ---- the cookie ---- */

/* A page of ours: a path, which names no other host. */
static bool is_page(const char *to)
{
    const size_t len = strlen(to);

    if (len == 0 || len > TO_MOST || to[0] != '/' || strncmp(to, "/api/", 5) == 0)
        return false;
    for (size_t i = 0; i < len; i++)
        if (to[i] <= 0x20 || to[i] >= 0x7f || to[i] == '\\' || to[i] == '"')
            return false;
    return to[1] != '/';
}

/* Our word in the browser's cookies, and where to go after all ("/" where that is no page). False: none. */
static bool find_word(const struct call *c, char out[WORD], char to[TO_MOST + 1])
{
    struct view left = view_string(c->cookies);
    size_t len;

    while (left.len > 0) {
        struct view one = view_trim(view_token(&left, ';'));
        if (!view_starts(one, VIEW(COOKIE "=")) || one.len < sizeof COOKIE + WORD - 1)
            continue;
        memcpy(out, one.at + sizeof COOKIE, WORD - 1);
        out[WORD - 1] = '\0';
        struct view page = view_from(one, sizeof COOKIE + WORD);
        if (sodium_base642bin((unsigned char *)to, TO_MOST, (const char *)page.at, page.len, NULL, &len, NULL,
                              BASE64) != 0)
            len = 0;
        to[len] = '\0';
        if (strlen(to) != len || !is_page(to))
            memcpy(to, "/", 2);
        return true;
    }
    return false;
}

static void set_word(struct call *c, const char *word, const char *to, unsigned seconds)
{
    char page[sodium_base64_ENCODED_LEN(TO_MOST, BASE64)], cookie[sizeof page + 160];

    sodium_bin2base64(page, sizeof page, (const unsigned char *)to, strlen(to), BASE64);
    snprintf(cookie, sizeof cookie, COOKIE "=%s%s%s; Path=/; Max-Age=%u; Secure; HttpOnly; SameSite=Lax",
             word, to[0] != '\0' ? "." : "", page, seconds);
    call_header(c, "Set-Cookie", cookie);
}

/* ---- the way there ---- */

static void send_to(struct call *c, const char *where)
{
    call_header(c, "Location", where);
    call_json(c, 303, json_pack("{}"));
}

/* Why nobody is signed in, as the page of signing in knows it. */
static void refuse(struct call *c, const char *why)
{
    char where[64];

    snprintf(where, sizeof where, "/?refused=%s", why);
    send_to(c, where);
}

void oidc_start(struct call *c)
{
    struct imw_error_info err = { 0 };
    const char *to = call_query(c, "to");
    uint8_t random[32];
    char word[WORD];
    json_t *answer = NULL;

    randombytes_buf(random, sizeof random);
    sodium_bin2base64(word, sizeof word, random, sizeof random, BASE64);
    db_rollback(c->db);
    if (!role_ask(c->api->clerk, json_pack("{s:s,s:s}", "ask", "oidc-begin", "browser", word), OIDC_WAIT_MS,
                  &answer, &err)) {
        if (err.code != IMW_ERROR_VALUE)
            log_warning("oidc_provider", "%s", err.text);
        refuse(c, err.code == IMW_ERROR_VALUE ? "off" : "away");
        return;
    }
    const char *url = json_string_value(json_object_get(answer, "url"));
    if (url == NULL) {
        refuse(c, "away");
    } else {
        set_word(c, word, to != NULL && is_page(to) ? to : "/", COOKIE_S);
        send_to(c, url);
    }
    json_decref(answer);
}

/* ---- the way back ---- */

/* The account of whom the provider proved, tied to their person where that is one; then a session. */
static bool sign_in_as(struct call *c, const json_t *who, struct sign_in_result *out, bool *out_allowed,
                       struct imw_error_info *err)
{
    const char *name = json_string_value(json_object_get(who, "name")),
               *email = json_string_value(json_object_get(who, "email")),
               *subject = json_string_value(json_object_get(who, "subject")),
               *full_name = json_string_value(json_object_get(who, "full_name"));
    struct account a;
    unsigned roles;

    *out_allowed = false;
    if (name == NULL || subject == NULL || full_name == NULL)
        return error_set(err, IMW_ERROR_FORMAT, "the clerk's answer lacks a name");
    if (!db_begin(c->db, true, err))
        return false;
    bool good = groups_roles(c->db, SETTING_ID_OIDC_ROLES, json_object_get(who, "groups"), &roles, err);
    if (good && roles == 0) {
        db_rollback(c->db);
        return true;
    }
    good = good && account_from_source(c->db, SOURCE_OIDC, subject, name, full_name, email, roles, c->now_us,
                                       &a, err);
    /* By a mail that the provider verified only: its names need not be ours. */
    good = good && account_tie_person(c->db, &a, NULL, email, err) && db_commit(c->db, err);
    if (!good) {
        db_rollback(c->db);
        return false;
    }
    *out_allowed = true;
    return session_sign_in_as(c->db, &a, c->address, c->agent, c->now_us, out, err);
}

void oidc_return(struct call *c)
{
    const char *state = call_query(c, "state"), *code = call_query(c, "code"), *iss = call_query(c, "iss");
    struct imw_error_info err = { 0 };
    struct sign_in_result r;
    char word[WORD], to[TO_MOST + 1], line[768];
    json_t *who = NULL;
    bool allowed;

    if (!find_word(c, word, to)) {
        refuse(c, "again");
        return;
    }
    set_word(c, "", "", 0);
    if (state == NULL || code == NULL) {
        refuse(c, code == NULL ? "provider" : "again");
        return;
    }
    db_rollback(c->db);
    json_t *question =
        json_pack("{s:s,s:s,s:s,s:s}", "ask", "oidc-end", "browser", word, "state", state, "code", code);
    if (question != NULL && iss != NULL)
        json_object_set_new(question, "iss", json_pack("s", iss));
    if (!role_ask(c->api->clerk, question, OIDC_WAIT_MS, &who, &err)) {
        refuse(c, err.code == IMW_ERROR_VALUE ? "again" : "away");
    } else if (!sign_in_as(c, who, &r, &allowed, &err)) {
        log_warning("oidc_refused", "%s", error_format(&err, line, sizeof line));
        refuse(c, "account");
    } else if (!allowed) {
        refuse(c, "role");
    } else if (r.answer != SIGN_IN_DONE) {
        refuse(c, "account");
    } else {
        call_cookie(c, r.secret);
        send_to(c, to);
    }
    json_decref(who);
}
