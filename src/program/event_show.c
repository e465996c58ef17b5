/* SPDX-License-Identifier: Apache-2.0 */
/* What of an event is shown to whom: program/event_show.h. */
#include "program/event_show.h"
#include "base/address.h"
#include "base/text.h"
#include "program/tell.h"
#include "store/event_store.h"
#include <stdlib.h>

enum { SECRETS = 48, SECRET_LEAST = 2, TEXT_MOST = 4096 };

struct secret {
    const char *text;
    char instead[40];
};
struct secrets {
    struct secret at[SECRETS];
    unsigned count;
};

/* Members that name nobody. */
static const char *const plain_members[] = { "timestamp", "flow_id",   "event_type", "vlan",      "src_port",
                                             "dest_ip",   "dest_port", "proto",      "app_proto", "flow",
                                             "tls",       "quic",      "im",         "verdict",   "hints",
                                             "alert",     "imward",    "fileinfo",   "scan",      "leaks",
                                             "reason",    NULL };
static const char *const technical_members[] = { "src_ip",        "src_host", "dest_host", "src_who",
                                                 "dest_who",      "dns",      "http",      "community_id",
                                                 "pcap_filename", NULL };
static const char *const im_members[] = { "service",  "vendor",     "class",      "protocol",   "delivery",
                                          "activity", "confidence", "port_agile", "evidence",   "version",
                                          "client",   "messages",   "files",      "inspection", "direction",
                                          "file",     "size",       "sent",       "again",      NULL };
static const char *const im_names[] = { "account", "peer", "room", "display", "from", "to", NULL };
static const char *const alert_members[] = { "action",    "gid",      "signature_id", "rev",
                                             "signature", "category", "severity",     NULL };
static const char *const verdict_members[] = { "action", "rule", "policy", "enforced", NULL };
static const char *const file_members[] = { "filename", "magic",  "mimetype", "gaps",    "state",
                                            "sha256",   "stored", "size",     "tx_id",   "stored_as",
                                            "cut",      "failed", "conflict", "missing", NULL };
static const char *const tls_members[] = {
    "sni", "ja4", "version", "subject", "issuerdn", "ja3", "ja3s", NULL
};
static const char *const ours_members[] = { "detector", "seen",     "why",        "advice",
                                            "subject",  "evidence", "suppressed", NULL };
/* Of what an alert rests on: never anybody's name. */
static const char *const plain_evidence[] = { "file",      "member",   "scanner", "signature",
                                              "service",   "protocol", "type",    "media_type",
                                              "extension", "findings", "size",    NULL };

static bool in(const char *const *list, const char *key)
{
    for (; *list != NULL; list++)
        if (strcmp(*list, key) == 0)
            return true;
    return false;
}

/* Only these members stay. */
static void keep(json_t *o, const char *const *members, const char *const *more)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(o, next, key, value)
    {
        if (!in(members, key) && (more == NULL || !in(more, key)))
            json_object_del(o, key);
    }
}

static void secret_add(struct secrets *s, const char *text, const char *instead)
{
    if (text == NULL || strlen(text) < SECRET_LEAST || s->count == SECRETS)
        return;
    struct secret *new = &s->at[s->count++];
    struct text t = TEXT(new->instead);
    new->text = text;
    text_string(&t, instead);
}

static bool is_inner(uint8_t c)
{
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c >= 0x80 ||
           c == '_';
}

/* The longest secret that begins at `at` and ends where a word does. */
static const struct secret *secret_at(const struct secrets *s, struct view v, size_t at)
{
    const struct secret *best = NULL;

    if (at > 0 && is_inner(v.at[at - 1]) && is_inner(v.at[at]))
        return NULL;
    for (unsigned i = 0; i < s->count; i++) {
        struct view name = view_string(s->at[i].text);
        if (!view_starts_nocase(view_from(v, at), name))
            continue;
        if (at + name.len < v.len && is_inner(v.at[at + name.len]) && is_inner(name.at[name.len - 1]))
            continue;
        if (best == NULL || name.len > strlen(best->text))
            best = &s->at[i];
    }
    return best;
}

/* How long is the address that begins here? 0: none does. */
static size_t address_at(struct view v, size_t at)
{
    size_t n = at;
    struct ip_addr ip;

    if (at > 0 && (is_inner(v.at[at - 1]) || v.at[at - 1] == '.' || v.at[at - 1] == ':'))
        return 0;
    while (n < v.len && n - at < 46 &&
           ((v.at[n] >= '0' && v.at[n] <= '9') ||
            (ascii_lower(v.at[n]) >= 'a' && ascii_lower(v.at[n]) <= 'f') || v.at[n] == '.' || v.at[n] == ':'))
        n++;
    while (n > at && (v.at[n - 1] == '.' || v.at[n - 1] == ':'))
        n--;
    for (; n - at >= 3 && n > at; n--) /* "10.1.2.3:5222" has its port behind it */
        if (ip_parse(view_slice(v, at, n), &ip))
            return ip_is_private(&ip) ? n - at : 0;
    return 0;
}

/* A text without the secrets and, where `addresses`, without inner addresses. */
static json_t *scrubbed(const struct secrets *s, const char *text, bool addresses)
{
    char out[TEXT_MOST];
    struct text t = TEXT(out);
    struct view v = view_string(text);

    for (size_t at = 0; at < v.len;) {
        const struct secret *found = secret_at(s, v, at);
        size_t address = addresses ? address_at(v, at) : 0;
        if (found != NULL) {
            text_string(&t, found->instead);
            at += strlen(found->text);
        } else if (address > 0) {
            text_string(&t, "(address)");
            at += address;
        } else {
            text_char(&t, (char)v.at[at++]);
        }
    }
    json_t *new = json_stringn(out, t.len);
    return new != NULL ? new : json_pack("s", "(hidden)"); /* cut in the middle of a character */
}

static void scrub(json_t *o, const char *key, const struct secrets *s, bool addresses)
{
    const char *text = json_string_value(json_object_get(o, key));

    if (text != NULL)
        json_object_set_new(o, key, scrubbed(s, text, addresses));
}

static bool is_small_number(const char *text)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return n <= 4;
}

/* One is hidden in free texts, too. `hidden` keeps it as long as it is a secret. */
static void hide_value(const json_t *value, struct secrets *s, json_t *hidden)
{
    char digits[24];
    struct text t = TEXT(digits);
    json_t *text = NULL;

    if (json_is_integer(value)) {
        text_format(&t, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        text = json_pack("s", digits);
    } else if (json_is_string(value)) {
        text = json_pack("s", json_string_value(value));
    }
    if (text == NULL)
        return;
    secret_add(s, json_string_value(text), "(hidden)");
    json_array_append_new(hidden, text);
}

/* The values of an alert's evidence that might name somebody: secrets, and hidden. Of lists each is one;
 * whatever lies deeper is not shown at all. */
static void hide_evidence(json_t *evidence, struct secrets *s, json_t *hidden)
{
    const char *key;
    json_t *value, *one;
    void *next;
    size_t i;

    json_object_foreach_safe(evidence, next, key, value)
    {
        const char *text = json_string_value(value);
        json_int_t number = json_integer_value(value);
        if (in(plain_evidence, key) || (text != NULL && is_small_number(text)) || json_is_boolean(value) ||
            json_is_null(value) || (json_is_integer(value) && number > -10000 && number < 10000))
            continue;
        hide_value(value, s, hidden);
        json_array_foreach(value, i, one)
        {
            hide_value(one, s, hidden);
        }
        json_object_set_new(evidence, key, json_pack("s", "(hidden)"));
    }
}

static const char *text_in(const json_t *o, const char *section, const char *key)
{
    return json_string_value(json_object_get(section != NULL ? json_object_get(o, section) : o, key));
}

static bool is_inside(const char *address)
{
    struct ip_addr ip;

    return address != NULL && ip_parse(view_string(address), &ip) && ip_is_private(&ip);
}

/* `account`, `peer`: what stands for them in the row. */
static void hide_names(json_t *eve, bool technical, const char *account, const char *account_real,
                       const char *peer, const char *peer_real)
{
    json_t *copy = json_deep_copy(eve), *hidden = json_pack("[]"), *im = json_object_get(eve, "im"),
           *ours = json_object_get(eve, "imward");
    struct secrets s = { .count = 0 };

    if (copy == NULL || hidden == NULL) {
        json_object_clear(eve);
        json_decref(copy);
        json_decref(hidden);
        return;
    }
    secret_add(&s, account_real, account);
    secret_add(&s, peer_real, peer);
    for (const char *const *name = im_names; *name != NULL; name++)
        secret_add(&s, text_in(copy, "im", *name), "(account)");
    secret_add(&s, text_in(copy, "src_who", "user"), "(person)");
    secret_add(&s, text_in(copy, "dest_who", "user"), "(person)");
    secret_add(&s, text_in(copy, "verdict", "user"), "(person)");
    if (!technical) {
        secret_add(&s, text_in(copy, NULL, "src_ip"), "(address)");
        if (is_inside(text_in(copy, NULL, "dest_ip")))
            secret_add(&s, text_in(copy, NULL, "dest_ip"), "(address)");
        secret_add(&s, text_in(copy, NULL, "src_host"), "(machine)");
        secret_add(&s, text_in(copy, NULL, "dest_host"), "(machine)");
        secret_add(&s, text_in(copy, "src_who", "host"), "(machine)");
        secret_add(&s, text_in(copy, "dest_who", "host"), "(machine)");
    }
    keep(eve, plain_members, technical ? technical_members : NULL);
    if (!technical && is_inside(text_in(eve, NULL, "dest_ip")))
        json_object_del(eve, "dest_ip");
    keep(im, im_members, im_names);
    for (const char *const *name = im_names; *name != NULL; name++) {
        const char *real = text_in(im, NULL, *name);
        const char *shown = real == NULL                                              ? NULL
                            : account_real != NULL && strcmp(real, account_real) == 0 ? account
                            : peer_real != NULL && strcmp(real, peer_real) == 0       ? peer
                                                                                      : "(hidden)";
        if (json_object_get(im, *name) != NULL)
            json_object_set_new(im, *name, json_pack("s", shown != NULL ? shown : "(hidden)"));
    }
    json_object_del(json_object_get(eve, "src_who"), "user");
    json_object_del(json_object_get(eve, "dest_who"), "user");
    keep(json_object_get(eve, "verdict"), verdict_members, NULL);
    keep(json_object_get(eve, "alert"), alert_members, NULL);
    keep(json_object_get(eve, "fileinfo"), file_members, NULL);
    keep(json_object_get(eve, "tls"), tls_members, NULL);
    keep(json_object_get(eve, "quic"), tls_members, NULL);
    keep(ours, ours_members, NULL);
    secret_add(&s, text_in(copy, "imward", "subject"), "(hidden)");
    hide_evidence(json_object_get(ours, "evidence"), &s, hidden);
    if (json_object_get(ours, "subject") != NULL)
        json_object_set_new(ours, "subject", json_pack("s", "(hidden)"));
    static const char *const texts[] = { "seen", "why", "advice" };
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
        scrub(ours, texts[i], &s, !technical);
    scrub(eve, "reason", &s, !technical);
    scrub(json_object_get(eve, "alert"), "signature", &s, !technical);
    json_decref(copy);
    json_decref(hidden);
}

static bool knows(const struct viewer *v, const json_t *raw)
{
    const json_t *who = json_object_get(raw, "who");

    return viewer_knows(v, json_integer_value(json_object_get(who, "id")),
                        json_integer_value(json_object_get(who, "person")));
}

static void show(const struct viewer *v, json_t *raw, bool known)
{
    static const struct {
        const char *key, *id;
    } accounts[] = { { "account", "account_id" }, { "peer", "peer_id" } };
    json_t *who = json_object_get(raw, "who");
    char label[40];

    if (json_is_object(who))
        json_object_set_new(raw, "who", who_label(v, who));
    for (unsigned i = 0; i < 2; i++) {
        json_int_t id = json_integer_value(json_object_get(raw, accounts[i].id));
        if (!known)
            json_object_set_new(raw, accounts[i].key,
                                id != 0 ? json_pack("s", account_label(id, label)) : json_null());
        json_object_del(raw, accounts[i].id);
    }
    if (!known && !v->technical && is_inside(text_in(raw, NULL, "server")))
        json_object_set_new(raw, "server", json_null());
}

void event_show(const struct viewer *v, json_t *raw)
{
    show(v, raw, knows(v, raw));
    json_object_del(raw, "eve");
}

void event_show_detail(const struct viewer *v, json_t *raw)
{
    bool known = knows(v, raw);
    json_t *eve = json_object_get(raw, "eve"), *account = json_incref(json_object_get(raw, "account")),
           *peer = json_incref(json_object_get(raw, "peer"));

    json_object_del(json_object_get(eve, "im"), "text");
    show(v, raw, known);
    if (!known) {
        const char *shown_account = text_in(raw, NULL, "account"), *shown_peer = text_in(raw, NULL, "peer");
        hide_names(eve, v->technical, shown_account != NULL ? shown_account : "(account)",
                   json_string_value(account), shown_peer != NULL ? shown_peer : "(account)",
                   json_string_value(peer));
    }
    json_object_set_new(raw, "told", tell(eve));
    json_decref(account);
    json_decref(peer);
}

unsigned viewer_sees(const struct viewer *v)
{
    return v->technical ? EVENT_SEES_ADDRESSES : 0; /* accounts: nobody's may be searched */
}
