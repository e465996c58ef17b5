/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clerk's part of the directory and of OpenID Connect: it alone goes out. Its job "directory" reads the
 * people of the directory, at night where the settings say so. It is asked:
 *
 *     "ldap-login"   name, password -> dn, login, name, mail, groups; refused: name or password is wrong
 *     "ldap-sync"    force, dry (flags), actor, address (for the trail) -> added, changed, left, unchanged
 *     "oidc-begin"   browser -> url
 *     "oidc-end"     browser, state, code, iss? -> subject, name, full_name, email, groups; refused: proves
 *                    nothing
 */
#include "base/log.h"
#include "base/thread.h"
#include "console/clerk.h"
#include "program/directory_setting.h"
#include "program/person.h"
#include "program/setting.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { OPEN_MS = 10000, DAY_S = 86400 };

static bool open_sealed(void *context, const char *sealed, char **out, struct imw_error_info *err)
{
    const struct clerk *c = context;
    json_t *answer = NULL;

    if (c->keeper == NULL)
        return error_set(err, IMW_ERROR_SYSTEM, "there is no keeper to open a secret");
    if (!role_ask(c->keeper, json_pack("{s:s,s:s}", "ask", "open", "sealed", sealed), OPEN_MS, &answer, err))
        return false;
    const char *text = json_string_value(json_object_get(answer, "text"));
    *out = text != NULL ? strdup(text) : NULL;
    json_decref(answer);
    return *out != NULL || error_set(err, IMW_ERROR_SYSTEM, "the keeper's answer has no text");
}

static bool load_ldap(struct clerk *c, struct db *db, struct ldap_settings *out, bool *out_on,
                      struct imw_error_info *err)
{
    return ldap_settings_load(db, open_sealed, c, out, out_on, err);
}

/* Everybody the directory has, into the database; no transaction is open while it is asked. */
static bool synchronise(struct clerk *c, struct db *db, const struct people_sync *how,
                        struct people_counts *out, struct imw_error_info *err)
{
    struct ldap_settings s;
    struct roster *r;
    char line[768];
    bool on;

    if (!load_ldap(c, db, &s, &on, err))
        return false;
    if (!on)
        return error_set(err, IMW_ERROR_VALUE, "no directory is set up: settings, directory");
    r = roster_new();
    bool good = r != NULL ? ldap_read_people(&s, r, err) : error_memory(err);
    ldap_settings_fini(&s);
    if (good) {
        good = db_begin(db, true, err) && people_sync(db, r, how, clock_us(), out, err) && db_commit(db, err);
        if (!good)
            db_rollback(db);
    }
    if (good && !how->dry) {
        changes_tell(c->context->changes, CHANGE_PEOPLE);
        log_notice("people_synced", "added=%llu changed=%llu left=%llu problems=%zu",
                   (unsigned long long)out->added, (unsigned long long)out->changed,
                   (unsigned long long)out->left, r->problems.count);
    } else if (!good && err != NULL) {
        log_warning("people_sync", "%s; what is known of people stays as it was",
                    error_format(err, line, sizeof line));
    }
    roster_free(r);
    return good;
}

/* At the hour of the settings, once a day; and when it is woken. */
bool job_directory(struct clerk_task *t, struct imw_error_info *err)
{
    const struct actor system = { .name = "system" };
    const struct people_sync how = { .source = PERSON_LDAP, .actor = &system, .some_refused = true };
    struct people_counts counts;
    int64_t on, hour, last;
    time_t now = (time_t)(t->now_us / 1000000);
    struct tm tm;
    char text[24];

    if (!setting_number(t->db, SETTING_ID_LDAP_SYNC, &on, err) ||
        !setting_number(t->db, SETTING_ID_LDAP_SYNC_HOUR, &hour, err) ||
        !setting_number(t->db, SETTING_ID_LDAP_SYNCED, &last, err))
        return false;
    if (on == 0 || localtime_r(&now, &tm) == NULL || tm.tm_hour != hour || now - last < DAY_S / 2)
        return true;
    if (!synchronise(t->clerk, t->db, &how, &counts, err))
        return false;
    snprintf(text, sizeof text, "%lld", (long long)now);
    return setting_set(t->db, SETTING_ID_LDAP_SYNCED, text, t->now_us, err);
}

bool ask_ldap_sync(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    struct clerk *c = context;
    struct actor actor = { .name = "system" };
    struct people_counts n;
    struct db *db = NULL;
    const char *name, *address;

    if (!ask_text(question, "actor", sizeof actor.name - 1, &name, err) ||
        !ask_text(question, "address", 64, &address, err) || !db_open(c->context->config->database, &db, err))
        return false;
    snprintf(actor.name, sizeof actor.name, "%s", name);
    const struct people_sync how = { .source = PERSON_LDAP,
                                     .actor = &actor,
                                     .address = address,
                                     .force = json_is_true(json_object_get(question, "force")),
                                     .dry = json_is_true(json_object_get(question, "dry")),
                                     .some_refused = true };
    bool good = synchronise(c, db, &how, &n, err);
    db_close(db);
    if (!good)
        return false;
    *out = json_pack("{s:I,s:I,s:I,s:I}", "added", (json_int_t)n.added, "changed", (json_int_t)n.changed,
                     "left", (json_int_t)n.left, "unchanged", (json_int_t)n.unchanged);
    return *out != NULL || error_memory(err);
}

bool ask_ldap_login(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    struct clerk *c = context;
    struct ldap_settings s;
    struct ldap_identity who = { 0 };
    struct db *db = NULL;
    const char *name, *password;
    bool on, right = false;

    if (!ask_text(question, "name", 1024, &name, err) ||
        !ask_text(question, "password", 4096, &password, err) ||
        !db_open(c->context->config->database, &db, err))
        return false;
    bool good = load_ldap(c, db, &s, &on, err);
    db_close(db);
    if (!good)
        return false;
    if (on) {
        good = ldap_sign_in(&s, name, password, &right, &who, err);
        ldap_settings_fini(&s);
    }
    if (!good)
        return false;
    if (!right)
        return error_set(err, IMW_ERROR_VALUE, "name or password is wrong");
    *out = json_pack("{s:s,s:s,s:s,s:s,s:o}", "dn", who.dn, "login", who.login, "name", who.full_name, "mail",
                     who.email, "groups", who.groups);
    return *out != NULL || error_memory(err);
}

static bool load_oidc(struct clerk *c, struct oidc_settings *out, struct imw_error_info *err)
{
    struct db *db = NULL;
    bool on = false;

    if (!db_open(c->context->config->database, &db, err))
        return false;
    bool good = oidc_settings_load(db, open_sealed, c, out, &on, err);
    db_close(db);
    return good && (on || error_set(err, IMW_ERROR_VALUE, "sign-in by OpenID Connect is not set up"));
}

bool ask_oidc_begin(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    struct clerk *c = context;
    struct oidc_settings s;
    const char *browser;
    char *url;

    if (!ask_text(question, "browser", OIDC_WORD_MOST, &browser, err) || !load_oidc(c, &s, err))
        return false;
    bool good = oidc_begin(c->oidc, &s, browser, clock_us(), &url, err);
    oidc_settings_fini(&s);
    if (!good)
        return false;
    *out = json_pack("{s:s}", "url", url);
    free(url);
    return *out != NULL || error_memory(err);
}

bool ask_oidc_end(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    struct clerk *c = context;
    struct oidc_settings s;
    struct oidc_identity who;
    const char *browser, *state, *code, *iss = json_string_value(json_object_get(question, "iss"));
    char line[768];

    if (!ask_text(question, "browser", OIDC_WORD_MOST, &browser, err) ||
        !ask_text(question, "state", OIDC_WORD_MOST, &state, err) ||
        !ask_text(question, "code", 4096, &code, err) || !load_oidc(c, &s, err))
        return false;
    bool good = oidc_end(c->oidc, &s, browser, state, code, iss, clock_us(), &who, err);
    oidc_settings_fini(&s);
    if (!good) {
        if (err != NULL) {
            log_warning(err->code == IMW_ERROR_TRUST ? "oidc_refused" : "oidc_provider", "%s",
                        error_format(err, line, sizeof line));
            if (err->code == IMW_ERROR_TRUST)
                err->code = IMW_ERROR_VALUE; /* the one code that the channel carries */
        }
        return false;
    }
    *out = json_pack("{s:s,s:s,s:s,s:s,s:o}", "subject", who.subject, "name", who.name, "full_name",
                     who.full_name, "email", who.email, "groups", who.groups);
    return *out != NULL || error_memory(err);
}
