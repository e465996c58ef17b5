/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as JSON lines, a superset of Suricata's EVE (doc/userguide/output/eve in OISF/suricata): its members
 * keep their names and meaning, ours are `im`, `verdict` and `hints`.
 */
#include "base/json.h"
#include "event/event.h"
#include <assert.h>

enum { VALUE_BYTES = 256 }; /* of a value in an event */

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

static void head(struct json *j, const char *type, uint64_t time_us, const struct flow *f, uint64_t flow_id,
                 const char *file)
{
    char community_id[32];

    json_object(j, NULL);
    json_time(j, "timestamp", time_us);
    json_number(j, "flow_id", flow_id);
    json_string(j, "event_type", type);
    if (file != NULL)
        cut(j, "pcap_filename", file);
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
    const struct catalog_service *s = catalog_service(catalog, f->service);

    cut(j, "service", s->slug);
    cut(j, "vendor", s->vendor);
    json_string(j, "class", class_name(s->class));
    json_string(
        j, "protocol",
        protocol_name(f->protocol != PROTOCOL_UNKNOWN ? (enum protocol)f->protocol : (enum protocol)f->app));
}

static void optional(struct json *j, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0')
        json_string(j, key, value);
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

static void im(struct json *j, const struct flow_event *e)
{
    const struct flow *f = e->flow;
    const struct record *r = e->record;

    json_object(j, "im");
    service(j, f, e->catalog);
    json_string(j, "delivery", delivery_name((enum delivery)f->delivery));
    json_array(j, "activity");
    for (unsigned a = 0; a < ACTIVITY_COUNT; a++)
        if ((f->activities >> a & 1) != 0)
            json_string(j, NULL, activity_name((enum activity)a));
    json_array_end(j);
    json_number(j, "confidence", f->confidence);
    json_bool(j, "port_agile", e->port_agile);
    json_array(j, "evidence");
    for (unsigned i = 0; r != NULL && i < r->evidence_count; i++) {
        json_object(j, NULL);
        json_string(j, "kind", evidence_name((enum evidence_kind)r->evidence[i].kind));
        json_string(j, "value", r->evidence[i].value);
        cut(j, "catalog", catalog_service(e->catalog, r->evidence[i].service)->slug);
        json_number(j, "worth", r->evidence[i].confidence);
        json_object_end(j);
    }
    json_array_end(j);
    if (r != NULL) {
        optional(j, "version", r->version);
        optional(j, "client", r->client);
        optional(j, "account", r->account);
        if (r->messages > 0)
            json_number(j, "messages", r->messages);
        if (r->files > 0)
            json_number(j, "files", r->files);
    }
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
        json_object(&j, "verdict");
        json_string(&j, "action", e->verdict.action);
        cut(&j, "rule", e->verdict.rule);
        json_object_end(&j);
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

size_t eve_activity(const struct activity_event *e, char out[EVE_LINE_BYTES])
{
    struct json j = json_over(out, EVE_LINE_BYTES);
    const struct im_detail *d = e->detail;
    const struct {
        const char *key;
        struct view value;
    } words[] = {
        { "account", d->account },
        { "peer", d->peer },
        { "room", d->room },
        { "file", d->file },
    };

    head(&j, "im", e->time_us, e->flow, e->flow_id, e->file);
    who(&j, "src_who", e->client, e->time_us);
    json_object(&j, "im");
    service(&j, e->flow, e->catalog);
    json_string(&j, "activity", activity_name(e->activity));
    json_string(&j, "direction", d->outgoing ? "out" : "in");
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (words[i].value.len > 0)
            json_view(&j, words[i].key, view_slice(words[i].value, 0, VALUE_BYTES));
    if (d->size > 0)
        json_number(&j, "size", d->size);
    json_object_end(&j);
    return finish(&j);
}

size_t eve_stats(const struct counters *counters, uint64_t time_us, char out[EVE_LINE_BYTES])
{
    struct json j = json_over(out, EVE_LINE_BYTES);

    json_object(&j, NULL);
    json_time(&j, "timestamp", time_us);
    json_string(&j, "event_type", "stats");
    json_object(&j, "stats");
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        json_number(&j, counter_name((enum counter)i), counters->n[i]);
    json_object_end(&j);
    return finish(&j);
}
