/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as JSON lines, a superset of Suricata's EVE (doc/userguide/output/eve in OISF/suricata): its members
 * keep their names and meaning, ours are `im`, `verdict`, `hints`, `scan`, `leaks` and `imward`, and in
 * `fileinfo` what stands behind `tx_id`.
 *
 * Every value is bounded, so that the longest event fits in EVE_LINE_BYTES. Lists that could be longer than
 * the line (members of an archive, gaps, findings) end where the room does: LIST_BYTES.
 */
#include "base/json.h"
#include "event/event.h"
#include <assert.h>

enum {
    VALUE_BYTES = 256, /* of a value in an event */
    TEXT_BYTES = 1024, /* of a sentence in an alert */
    /* Where in the line a list ends: before what follows it. */
    GAPS_END = EVE_LINE_BYTES / 4,
    MEMBERS_END = EVE_LINE_BYTES / 4 * 3,
    FINDINGS_END = EVE_LINE_BYTES - 256,
};

const char *enforced_name(enum enforced e)
{
    static const char *const names[] = {
#define X(id, name) name,
        ENFORCED(X)
#undef X
    };

    return names[e];
}

bool enforced_stops(enum enforced e)
{
    return e != ENFORCED_NONE && e != ENFORCED_PASSED && e != ENFORCED_THROTTLED && e != ENFORCED_FAILED;
}

/* Does the program read messages and files of this protocol, or only tell it from others? */
static bool is_decoded(enum protocol p)
{
    switch (p) {
    case PROTOCOL_OSCAR:
    case PROTOCOL_OFT:
    case PROTOCOL_ODC:
    case PROTOCOL_MSNP:
    case PROTOCOL_MSNFTP:
    case PROTOCOL_MSNSLP:
    case PROTOCOL_YMSG:
    case PROTOCOL_YMSG_PEER:
    case PROTOCOL_IRC:
    case PROTOCOL_DCC:
    case PROTOCOL_XMPP:
    case PROTOCOL_XMPP_BYTESTREAM:
    case PROTOCOL_GADU_GADU:
    case PROTOCOL_MRIM:
    case PROTOCOL_NATEON:
    case PROTOCOL_GROUPWISE:
    case PROTOCOL_SIP:
    case PROTOCOL_SIMPLE:
    case PROTOCOL_MSRP: return true;
    default: return false;
    }
}

/* Does it encrypt by itself all that is said? */
static bool is_encrypted(enum protocol p)
{
    switch (p) {
    case PROTOCOL_TLS:
    case PROTOCOL_DTLS:
    case PROTOCOL_QUIC:
    case PROTOCOL_MTPROTO:
    case PROTOCOL_WHATSAPP_NOISE:
    case PROTOCOL_MMTLS:
    case PROTOCOL_VIBER:
    case PROTOCOL_LOCO:
    case PROTOCOL_OICQ:
    case PROTOCOL_THREEMA:
    case PROTOCOL_TOX:
    case PROTOCOL_TELEGRAM_CALL:
    case PROTOCOL_WHATSAPP_CALL:
    case PROTOCOL_SIGNAL_CALL:
    case PROTOCOL_WIRE_CALL:
    case PROTOCOL_DISCORD_VOICE: return true;
    default: return false;
    }
}

const char *flow_not_inspected(const struct flow *f, const struct record *r, const struct catalog *c)
{
    const struct catalog_service *s = f->service != 0 ? catalog_service(c, f->service) : NULL;
    enum protocol app = (enum protocol)f->app,
                  own = f->protocol != PROTOCOL_UNKNOWN ? (enum protocol)f->protocol : app;
    bool told = r != NULL && (r->messages > 0 || r->files > 0);

    if (s == NULL || told || f->activities == 1 << ACTIVITY_LOOKUP)
        return NULL;
    if (s->end_to_end)
        return "end-to-end-encrypted";
    if (is_encrypted(app) || is_encrypted(own) || (r != NULL && is_encrypted((enum protocol)r->upgraded)))
        return "encrypted";
    if (own == PROTOCOL_UNKNOWN)
        return "not-recognised";
    return is_decoded(own) ? NULL : "not-decoded";
}

/* A value that comes from outside the traffic: names of files, the catalog's and the policy's words. */
static void cut(struct json *j, const char *key, const char *value)
{
    json_view(j, key, view_slice(view_string(value), 0, VALUE_BYTES));
}

static void ends(struct json *j, const struct flow *f)
{
    char text[64];

    for (unsigned d = 0; d < 2; d++) {
        struct text t = TEXT(text);
        text_address(&t, &f->key.addr[d]);
        json_string(j, d == FROM_CLIENT ? "src_ip" : "dest_ip", text);
        json_number(j, d == FROM_CLIENT ? "src_port" : "dest_port", f->key.port[d]);
    }
    json_string(j, "proto", f->key.l4 == L4_TCP ? "TCP" : "UDP");
}

/* `f` NULL: it is about no flow. */
static void head(struct json *j, const char *type, uint64_t time_us, const struct flow *f, uint64_t flow_id,
                 const char *file)
{
    char community_id[32];

    json_object(j, NULL);
    json_time(j, "timestamp", time_us);
    if (f != NULL)
        json_number(j, "flow_id", flow_id);
    json_string(j, "event_type", type);
    if (file != NULL)
        cut(j, "pcap_filename", file);
    if (f == NULL)
        return;
    if (flow_vlan(&f->key, 0) != 0) {
        json_array(j, "vlan");
        for (unsigned level = 0; level < 2 && flow_vlan(&f->key, level) != 0; level++)
            json_number(j, NULL, flow_vlan(&f->key, level));
        json_array_end(j);
    }
    ends(j, f);
    flow_community_id(&f->key, community_id);
    json_string(j, "community_id", community_id);
    if (f->app != PROTOCOL_UNKNOWN)
        json_string(j, "app_proto", protocol_name((enum protocol)f->app));
}

/* All values are bounded so that the longest event fits; see EVE_LINE_BYTES. */
static size_t finish(struct json *j)
{
    json_object_end(j);
    text_char(&j->text, '\n');
    assert(!j->text.cut);
    return j->text.len;
}

static void service(struct json *j, const struct flow *f, const struct catalog *catalog)
{
    const struct catalog_service *s = f->service != 0 ? catalog_service(catalog, f->service) : NULL;

    if (s != NULL) {
        cut(j, "service", s->slug);
        cut(j, "vendor", s->vendor);
        json_string(j, "class", class_name(s->class));
    }
    json_string(
        j, "protocol",
        protocol_name(f->protocol != PROTOCOL_UNKNOWN ? (enum protocol)f->protocol : (enum protocol)f->app));
}

/* Left out where it is not known. */
static void given(struct json *j, const char *key, struct view value, size_t most)
{
    if (value.len > 0)
        json_view(j, key, view_slice(value, 0, most));
}

static void optional(struct json *j, const char *key, const char *value)
{
    given(j, key, view_string(value), VALUE_BYTES);
}

/* Who is at an end: each name with how it was learnt, and how many seconds before the event. */
static void who(struct json *j, const char *key, const struct known_who *known, uint64_t time_us)
{
    static const uint8_t none[6];
    bool has_mac = known != NULL && memcmp(known->mac, none, sizeof none) != 0;
    char mac[18];
    struct text t = TEXT(mac);

    if (known == NULL || (known->user[0] == '\0' && known->host[0] == '\0' && !has_mac))
        return;
    json_object(j, key);
    if (known->user[0] != '\0') {
        json_string(j, "user", known->user);
        json_string(j, "user_source", who_source_name((enum who_source)known->user_source));
        json_number(j, "user_age", time_us > known->user_us ? (time_us - known->user_us) / 1000000 : 0);
    }
    if (known->host[0] != '\0') {
        json_string(j, "host", known->host);
        json_string(j, "host_source", who_source_name((enum who_source)known->host_source));
        json_number(j, "host_age", time_us > known->host_us ? (time_us - known->host_us) / 1000000 : 0);
    }
    for (unsigned i = 0; i < sizeof known->mac; i++)
        text_format(&t, "%s%02x", i > 0 ? ":" : "", known->mac[i]);
    if (has_mac)
        json_string(j, "mac", mac);
    json_object_end(j);
}

static void evidence(struct json *j, const struct record *r, const struct catalog *catalog)
{
    json_array(j, "evidence");
    for (unsigned i = 0; r != NULL && i < r->evidence_count; i++) {
        json_object(j, NULL);
        json_string(j, "kind", evidence_name((enum evidence_kind)r->evidence[i].kind));
        json_string(j, "value", r->evidence[i].value);
        cut(j, "catalog", catalog_service(catalog, r->evidence[i].service)->slug);
        json_number(j, "worth", r->evidence[i].confidence);
        json_object_end(j);
    }
    json_array_end(j);
}

static void activities(struct json *j, uint8_t bits)
{
    json_array(j, "activity");
    for (unsigned a = 0; a < ACTIVITY_COUNT; a++)
        if ((bits >> a & 1) != 0)
            json_string(j, NULL, activity_name((enum activity)a));
    json_array_end(j);
}

static void im(struct json *j, const struct flow_event *e)
{
    const struct flow *f = e->flow;
    const struct record *r = e->record;

    json_object(j, "im");
    service(j, f, e->catalog);
    json_string(j, "delivery", delivery_name((enum delivery)f->delivery));
    activities(j, f->activities);
    json_number(j, "confidence", f->confidence);
    json_bool(j, "port_agile", e->port_agile);
    evidence(j, r, e->catalog);
    if (r != NULL) {
        optional(j, "version", r->version);
        optional(j, "client", r->client);
        optional(j, "account", r->account);
        if (r->messages > 0)
            json_number(j, "messages", r->messages);
        if (r->files > 0)
            json_number(j, "files", r->files);
    }
    optional(j, "inspection", flow_not_inspected(f, r, e->catalog));
    json_object_end(j);
}

static void verdict(struct json *j, const struct verdict *v)
{
    json_object(j, "verdict");
    json_string(j, "action", v->action);
    cut(j, "rule", v->rule);
    optional(j, "policy", v->policy);
    optional(j, "user", v->person);
    if (v->enforced != ENFORCED_NONE)
        json_string(j, "enforced", enforced_name(v->enforced));
    json_object_end(j);
}

static void counts(struct json *j, const struct flow_event *e)
{
    const struct flow *f = e->flow;

    json_object(j, "flow");
    json_number(j, "pkts_toserver", f->packets[FROM_CLIENT]);
    json_number(j, "pkts_toclient", f->packets[FROM_SERVER]);
    json_number(j, "bytes_toserver", f->bytes[FROM_CLIENT]);
    json_number(j, "bytes_toclient", f->bytes[FROM_SERVER]);
    json_time(j, "start", f->first_us);
    json_time(j, "end", e->last_us);
    json_number(j, "age", e->last_us > f->first_us ? (e->last_us - f->first_us) / 1000000 : 0);
    json_string(j, "reason", flow_end_name(e->why));
    if ((f->flags & FLOW_MIDSTREAM) != 0)
        json_bool(j, "midstream", true);
    if ((f->flags & FLOW_CONFLICT) != 0)
        json_bool(j, "stream_conflict", true);
    json_object_end(j);
}

size_t eve_flow(const struct flow_event *e, char out[EVE_LINE_BYTES])
{
    struct json j = json_over(out, EVE_LINE_BYTES);
    const struct record *r = e->record;

    head(&j, "flow", e->last_us, e->flow, e->flow_id, e->file);
    optional(&j, "src_host", e->client != NULL ? e->client->host : NULL);
    optional(&j, "dest_host", e->server != NULL ? e->server->host : NULL);
    who(&j, "src_who", e->client, e->last_us);
    who(&j, "dest_who", e->server, e->last_us);
    counts(&j, e);
    if (r != NULL && (r->ja4[0] != '\0' || r->server_name[0] != '\0')) {
        json_object(&j, e->flow->app == PROTOCOL_QUIC ? "quic" : "tls");
        optional(&j, "sni", r->server_name);
        optional(&j, "ja4", r->ja4);
        json_object_end(&j);
    }
    if (e->flow->service != 0) {
        im(&j, e);
        verdict(&j, &e->verdict);
    }
    if (r != NULL && r->hints != 0) {
        json_array(&j, "hints");
        for (unsigned h = 0; h < HINT_COUNT; h++)
            if ((r->hints >> h & 1) != 0)
                json_string(&j, NULL, hint_name((enum hint)h));
        json_array_end(&j);
    }
    return finish(&j);
}

/* Who did what to whom. */
static void detail(struct json *j, const struct im_detail *d)
{
    json_string(j, "direction", d->outgoing ? "out" : "in");
    given(j, "account", d->account, VALUE_BYTES);
    given(j, "peer", d->peer, VALUE_BYTES);
    given(j, "room", d->room, VALUE_BYTES);
    given(j, "display", d->display, VALUE_BYTES);
    given(j, "file", d->file, VALUE_BYTES);
    if (d->size > 0)
        json_number(j, "size", d->size);
}

size_t eve_activity(const struct activity_event *e, char out[EVE_LINE_BYTES])
{
    struct json j = json_over(out, EVE_LINE_BYTES);
    const struct im_detail *d = e->detail;

    head(&j, "im", e->time_us, e->flow, e->flow_id, e->file);
    who(&j, "src_who", e->client, e->time_us);
    json_object(&j, "im");
    service(&j, e->flow, e->catalog);
    json_string(&j, "activity", activity_name(e->activity));
    detail(&j, d);
    if (d->sent_us > 0)
        json_time(&j, "sent", d->sent_us);
    if (d->again)
        json_bool(&j, "again", true);
    if (e->plain != NULL)
        json_view(&j, "text", view_slice(view_string(e->plain), 0, EVE_TEXT_BYTES));
    json_object_end(&j);
    return finish(&j);
}

/* ---- files ---- */

/* An entry of a list was written since `before`: take it back where the line has no room for it. */
static bool fits(struct json *j, const struct json *before, size_t most)
{
    if (!j->text.cut && j->text.len <= most)
        return true;
    *j = *before;
    j->text.at[j->text.len] = '\0';
    return false;
}

/* A file as Suricata tells of it; then what we know besides. */
static void fileinfo(struct json *j, const struct file_event *e)
{
    const struct carried_file *f = e->file;
    const struct scan_result *scan = f->scan;
    const struct spool_facts *facts = e->facts;
    bool whole = f->whole && !facts->cut && !facts->failed;
    char hash[2 * SHA256_BYTES + 1];
    struct text hash_text = TEXT(hash);
    struct json before;

    json_object(j, "fileinfo");
    json_view(j, "filename", view_slice(f->name, 0, VALUE_BYTES));
    if (scan != NULL) {
        optional(j, "magic", scan->magic);
        optional(j, "mimetype", scan->media_type);
    }
    json_bool(j, "gaps", facts->gap_count > 0 || facts->more_gaps);
    json_string(j, "state", whole ? "CLOSED" : "TRUNCATED");
    if (f->sha256 != NULL) {
        text_hex(&hash_text, view_of(f->sha256, SHA256_BYTES));
        json_string(j, "sha256", hash);
    }
    json_bool(j, "stored", e->stored != NULL);
    json_number(j, "size", f->size);
    json_number(j, "tx_id", 0);
    optional(j, "stored_as", e->stored);
    if (facts->cut)
        json_bool(j, "cut", true);
    if (facts->failed)
        json_bool(j, "failed", true);
    if (facts->conflict)
        json_bool(j, "conflict", true);
    if (facts->gap_count > 0) {
        json_array(j, "missing");
        for (unsigned i = 0; i < facts->gap_count; i++) {
            before = *j;
            json_object(j, NULL);
            json_number(j, "from", facts->gap[i].from);
            json_number(j, "to", facts->gap[i].to);
            json_object_end(j);
            if (!fits(j, &before, GAPS_END))
                break;
        }
        json_array_end(j);
    }
    json_object_end(j);
}

/* Who sent it to whom, over what. */
static void carried(struct json *j, const struct scene *s, const struct carried_file *f)
{
    json_object(j, "im");
    if (s->flow != NULL)
        service(j, s->flow, s->catalog);
    json_string(j, "direction", f->outgoing ? "out" : "in");
    given(j, "from", f->from, VALUE_BYTES);
    given(j, "to", f->to, VALUE_BYTES);
    given(j, "room", f->room, VALUE_BYTES);
    json_object_end(j);
}

static void members(struct json *j, const struct scan_result *r)
{
    json_array(j, "members");
    for (unsigned i = 0; i < r->member_count && i < SCAN_MEMBERS; i++) {
        struct json before = *j;
        json_object(j, NULL);
        json_string(j, "name", r->members[i].name);
        json_number(j, "size", r->members[i].size);
        if (r->members[i].encrypted)
            json_bool(j, "encrypted", true);
        if (r->members[i].executable)
            json_bool(j, "executable", true);
        json_object_end(j);
        if (!fits(j, &before, MEMBERS_END))
            break;
    }
    json_array_end(j);
    json_number(j, "member_count", r->member_count);
    json_number(j, "unpacked", r->unpacked_bytes);
}

static void scan(struct json *j, const struct scan_result *r)
{
    const struct {
        const char *key;
        bool is;
    } kinds[] = {
        { "executable", r->executable }, { "archive", r->archive },   { "encrypted", r->encrypted },
        { "media", r->media },           { "document", r->document },
    };

    json_object(j, "scan");
    json_string(j, "state", scan_state_name(r->state));
    optional(j, "reason", scan_reason_text(r->reason));
    optional(j, "by", r->by);
    optional(j, "signature", r->signature);
    optional(j, "member", r->member);
    optional(j, "engine", r->engine);
    if (r->signatures_s > 0)
        json_time(j, "signatures", (uint64_t)r->signatures_s * 1000000);
    json_number(j, "took_ms", r->took_ms);
    optional(j, "media_type", r->media_type);
    optional(j, "extension", r->extension);
    json_array(j, "is");
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].is)
            json_string(j, NULL, kinds[i].key);
    json_array_end(j);
    optional(j, "media_work", r->media_work);
    if (r->member_count > 0)
        members(j, r);
    json_object_end(j);
}

static void leaks(struct json *j, const struct leaked *l)
{
    json_object(j, "leaks");
    json_number(j, "count", l->count);
    json_array(j, "findings");
    for (unsigned i = 0; i < l->told; i++) {
        const struct leak_finding *f = &l->finding[i];
        struct json before = *j;
        json_object(j, NULL);
        json_string(j, "kind", leak_kind_name(f->kind));
        optional(j, "name", f->name);
        json_string(j, "masked", f->masked);
        json_number(j, "offset", f->offset);
        json_object_end(j);
        if (!fits(j, &before, FINDINGS_END))
            break;
    }
    json_array_end(j);
    optional(j, "unsearched", l->unsearched);
    json_object_end(j);
}

static void scene_head(struct json *j, const char *type, const struct scene *s)
{
    head(j, type, s->time_us, s->flow, s->flow_id, s->file);
    who(j, "src_who", s->client, s->time_us);
    who(j, "dest_who", s->server, s->time_us);
}

size_t eve_file(const struct file_event *e, char out[EVE_LINE_BYTES])
{
    struct json j = json_over(out, EVE_LINE_BYTES);

    scene_head(&j, "fileinfo", e->scene);
    fileinfo(&j, e);
    carried(&j, e->scene, e->file);
    if (e->file->scan != NULL)
        scan(&j, e->file->scan);
    if (e->leaks != NULL)
        leaks(&j, e->leaks);
    return finish(&j);
}

/* ---- alerts ---- */

size_t eve_alert(const struct alert_event *e, char out[EVE_LINE_BYTES])
{
    struct json j = json_over(out, EVE_LINE_BYTES);
    const struct scene *s = e->scene;
    const struct alert *a = e->alert;
    bool judged = e->verdict.action != NULL, blocked = judged && strcmp(e->verdict.action, "block") == 0;

    scene_head(&j, "alert", s);
    json_object(&j, "alert");
    json_string(&j, "action", blocked ? "blocked" : "allowed");
    json_number(&j, "gid", 1);
    json_number(&j, "signature_id", a->detector->id + a->kind);
    json_number(&j, "rev", 1);
    cut(&j, "signature", a->title);
    cut(&j, "category", a->detector->help);
    json_number(&j, "severity", a->severity);
    json_object_end(&j);
    if (s->flow != NULL) {
        json_object(&j, "im");
        service(&j, s->flow, s->catalog);
        json_object_end(&j);
    }
    json_object(&j, "imward");
    cut(&j, "detector", a->detector->name);
    given(&j, "seen", view_string(a->seen), TEXT_BYTES);
    given(&j, "why", view_string(a->why), TEXT_BYTES);
    given(&j, "advice", view_string(a->advice), TEXT_BYTES);
    optional(&j, "subject", a->subject);
    json_object(&j, "evidence");
    for (unsigned i = 0; i < a->evidence_count && i < ALERT_EVIDENCE; i++)
        optional(&j, a->evidence[i].key, a->evidence[i].value);
    json_object_end(&j);
    json_number(&j, "suppressed", e->suppressed);
    json_object_end(&j);
    if (judged)
        verdict(&j, &e->verdict);
    return finish(&j);
}

/* 1 is the worst: what should have been stopped and was not. */
static unsigned enforced_severity(enum enforced e)
{
    return e == ENFORCED_FAILED ? 1 : e == ENFORCED_PASSED || e == ENFORCED_THROTTLED ? 3 : 2;
}

size_t eve_enforced(const struct enforced_event *e, char out[EVE_LINE_BYTES])
{
    struct json j = json_over(out, EVE_LINE_BYTES);
    const struct activity_event *w = e->where;
    const struct flow *f = w->flow;
    char signature[VALUE_BYTES + 16];
    struct text t = TEXT(signature);

    head(&j, "alert", w->time_us, f, w->flow_id, w->file);
    who(&j, "src_who", w->client, w->time_us);
    text_string(&t, "policy: ");
    text_add(&t, view_slice(view_string(e->verdict.rule), 0, VALUE_BYTES));
    json_object(&j, "alert");
    json_string(&j, "action", enforced_stops(e->verdict.enforced) ? "blocked" : "allowed");
    json_number(&j, "gid", 1);
    json_number(&j, "signature_id", ENFORCED_SIGNATURE + e->verdict.enforced);
    json_number(&j, "rev", 1);
    json_view(&j, "signature", view_of(t.at, t.len));
    json_string(&j, "category", "policy");
    json_number(&j, "severity", enforced_severity(e->verdict.enforced));
    json_object_end(&j);
    json_object(&j, "im");
    service(&j, f, w->catalog);
    json_string(&j, "delivery", delivery_name((enum delivery)f->delivery));
    activities(&j, (uint8_t)(e->has_activity ? 1u << w->activity : f->activities));
    evidence(&j, w->record, w->catalog);
    if (w->detail != NULL)
        detail(&j, w->detail);
    else if (w->record != NULL)
        optional(&j, "account", w->record->account);
    if (w->detail == NULL) /* else it was read */
        optional(&j, "inspection", flow_not_inspected(f, w->record, w->catalog));
    json_object_end(&j);
    verdict(&j, &e->verdict);
    optional(&j, "reason", e->reason);
    return finish(&j);
}

size_t eve_stats(const struct counters *counters, const struct named_count *others, unsigned other_count,
                 uint64_t time_us, char out[EVE_LINE_BYTES])
{
    struct json j = json_over(out, EVE_LINE_BYTES);

    json_object(&j, NULL);
    json_time(&j, "timestamp", time_us);
    json_string(&j, "event_type", "stats");
    json_object(&j, "stats");
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        json_number(&j, counter_name((enum counter)i), counters->n[i]);
    for (unsigned i = 0; i < other_count; i++)
        json_number(&j, others[i].name, others[i].n);
    json_object_end(&j);
    return finish(&j);
}
