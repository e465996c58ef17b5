/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CEF and LEEF: first the facts of an event as text, then the form's header and the facts that are known.
 *
 * Escapes. CEF header: \ and |. CEF values: \ and =, line ends as \n. LEEF has none: what would end a header
 * field or an attribute becomes a space. Control characters are gone in either: text_printable().
 */
#include "event/siem.h"
#include "base/json.h"

enum fact {
#define X(id, ...) FACT_##id,
    FACTS(X)
#undef X
        FACT_COUNT
};

static const struct {
    const char *cef, *label, *leef;
} keys[FACT_COUNT] = {
#define X(id, ...) [FACT_##id] = { __VA_ARGS__ },
    FACTS(X)
#undef X
};

/* Texts live in `store`; an empty view is a fact that is not known. */
struct facts {
    char signature[32], name[PACK_VALUE_BYTES + 1]; /* name: no \ and no | */
    unsigned severity;                              /* 0 to 10 */
    struct view value[FACT_COUNT];
    struct text store;
    char bytes[16384];
};

/* ---- collecting ---- */

/* Begin and end a fact in the store. */
static size_t begin(const struct facts *f)
{
    return f->store.len;
}

static void end(struct facts *f, enum fact id, size_t from)
{
    f->value[id] = view_of(f->store.at + from, f->store.len - from);
}

static void set_text(struct facts *f, enum fact id, struct view v, size_t most)
{
    size_t from = begin(f);

    text_printable(&f->store, view_slice(v, 0, most));
    end(f, id, from);
}

static void set_view(struct facts *f, enum fact id, struct view v)
{
    set_text(f, id, v, PACK_VALUE_BYTES);
}

/* What the header says; text of detectors in it loses what would end a field. */
static void entitle(struct facts *f, const char *signature, const char *name, unsigned severity)
{
    struct text s = TEXT(f->signature), n = TEXT(f->name);

    text_string(&s, signature);
    text_printable(&n, view_string(name));
    for (size_t i = 0; i < n.len; i++)
        if (f->name[i] == '|' || f->name[i] == '\\')
            f->name[i] = ' ';
    f->severity = severity;
}

static void set(struct facts *f, enum fact id, const char *text)
{
    set_view(f, id, view_string(text));
}

static void set_number(struct facts *f, enum fact id, uint64_t n)
{
    size_t from = begin(f);

    text_decimal(&f->store, n);
    end(f, id, from);
}

static void set_time(struct facts *f, uint64_t time_us)
{
    set_number(f, FACT_TIME, time_us / 1000);
    size_t from = begin(f);
    struct json j = { f->store, false };
    json_time(&j, NULL, time_us); /* "2026-11-22T10:20:30.123456+0000", quoted */
    f->store = j.text;
    /* Java's SimpleDateFormat, which QRadar reads times with, has milliseconds only. */
    char *time = f->store.at + from + 1;
    memmove(time + 23, time + 26, 5);
    f->value[FACT_TIME_TEXT] = view_of(time, 28);
    set(f, FACT_TIME_FORM, "yyyy-MM-dd'T'HH:mm:ss.SSSZ");
}

static void set_end(struct facts *f, const struct ip_addr *ip, enum fact v4, enum fact v6)
{
    size_t from = begin(f);

    text_address(&f->store, ip);
    end(f, ip_is_v4(ip) ? v4 : v6, from);
}

static void client_of(struct facts *f, const struct known_who *who)
{
    static const uint8_t none[6];

    if (who == NULL)
        return;
    set(f, FACT_CLIENT_HOST, who->host);
    set(f, FACT_USER, who->user);
    if (memcmp(who->mac, none, sizeof none) == 0)
        return;
    size_t from = begin(f);
    for (unsigned i = 0; i < sizeof who->mac; i++) {
        if (i > 0)
            text_char(&f->store, ':');
        text_hex(&f->store, view_of(who->mac + i, 1));
    }
    end(f, FACT_CLIENT_MAC, from);
}

/* What every event of a flow has. `flow` NULL: it is about none. */
static void common(struct facts *f, const struct flow *flow, uint64_t flow_id, uint64_t time_us,
                   const struct catalog *catalog)
{
    f->store = TEXT(f->bytes);
    set_time(f, time_us);
    if (flow == NULL)
        return;
    const struct catalog_service *s = flow->service != 0 ? catalog_service(catalog, flow->service) : NULL;
    unsigned protocol = flow->protocol != PROTOCOL_UNKNOWN ? flow->protocol : flow->app;
    char community_id[32];

    set_end(f, &flow->key.addr[FROM_CLIENT], FACT_CLIENT, FACT_CLIENT_V6);
    set_end(f, &flow->key.addr[FROM_SERVER], FACT_SERVER, FACT_SERVER_V6);
    set_number(f, FACT_CLIENT_PORT, flow->key.port[FROM_CLIENT]);
    set_number(f, FACT_SERVER_PORT, flow->key.port[FROM_SERVER]);
    set(f, FACT_TRANSPORT, flow->key.l4 == L4_TCP ? "TCP" : "UDP");
    if (protocol != PROTOCOL_UNKNOWN)
        set(f, FACT_PROTOCOL, protocol_name((enum protocol)protocol));
    if (s != NULL) {
        set(f, FACT_SERVICE, s->slug);
        set(f, FACT_VENDOR, s->vendor);
        set(f, FACT_CLASS, class_name(s->class));
    }
    set_number(f, FACT_FLOW_ID, flow_id);
    flow_community_id(&flow->key, community_id);
    set(f, FACT_COMMUNITY_ID, community_id);
}

static void activities(struct facts *f, const struct flow *flow)
{
    size_t from = begin(f);

    for (unsigned a = 0; a < ACTIVITY_COUNT; a++) {
        if ((flow->activities >> a & 1) == 0)
            continue;
        if (f->store.len > from)
            text_char(&f->store, ' ');
        text_string(&f->store, activity_name((enum activity)a));
    }
    end(f, FACT_ACTIVITY, from);
}

/* The piece of evidence that is worth most for the flow's service. */
static void evidence(struct facts *f, const struct flow *flow, const struct record *r)
{
    int best = -1;

    for (unsigned i = 0; i < r->evidence_count; i++)
        if (r->evidence[i].service == flow->service &&
            (best < 0 || r->evidence[i].confidence > r->evidence[best].confidence))
            best = (int)i;
    if (best < 0)
        return;
    size_t from = begin(f);
    text_string(&f->store, evidence_name((enum evidence_kind)r->evidence[best].kind));
    text_string(&f->store, ": ");
    text_printable(&f->store, view_string(r->evidence[best].value));
    end(f, FACT_EVIDENCE, from);
}

/* How bad a verdict makes an event, of 10. */
static unsigned severity(const char *action)
{
    static const struct {
        const char *action;
        unsigned severity;
    } table[] = { { "block", 7 }, { "alert", 5 }, { "scan", 5 }, { "allow", 2 } };

    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].action, action) == 0)
            return table[i].severity;
    return 1;
}

static void judged(struct facts *f, const struct verdict *v)
{
    set(f, FACT_ACTION, v->action);
    set(f, FACT_RULE, v->rule);
    set(f, FACT_POLICY, v->policy);
    if (v->enforced != ENFORCED_NONE)
        set(f, FACT_OUTCOME, enforced_name(v->enforced));
}

static void collect_flow(struct facts *f, const struct flow_event *e)
{
    const struct flow *flow = e->flow;
    bool im = flow->service != 0;

    entitle(f, im ? "im-flow" : "flow", im ? "Public messaging flow" : "Flow",
            im ? severity(e->verdict.action) : 1);
    common(f, flow, e->flow_id, e->last_us, e->catalog);
    client_of(f, e->client);
    set_number(f, FACT_START, flow->first_us / 1000);
    set_number(f, FACT_END, e->last_us / 1000);
    set_number(f, FACT_BYTES_UP, flow->bytes[FROM_CLIENT]);
    set_number(f, FACT_BYTES_DOWN, flow->bytes[FROM_SERVER]);
    set_number(f, FACT_PACKETS_UP, flow->packets[FROM_CLIENT]);
    set_number(f, FACT_PACKETS_DOWN, flow->packets[FROM_SERVER]);
    set(f, FACT_REASON, flow_end_name(e->why));
    if (e->server != NULL && e->server->host[0] != '\0')
        set(f, FACT_SERVER_HOST, e->server->host);
    else if (e->record != NULL)
        set(f, FACT_SERVER_HOST, e->record->server_name);
    if (!im)
        return;
    judged(f, &e->verdict);
    set(f, FACT_DELIVERY, delivery_name((enum delivery)flow->delivery));
    set_number(f, FACT_CONFIDENCE, flow->confidence);
    set(f, FACT_INSPECTION, flow_not_inspected(flow, e->record, e->catalog));
    activities(f, flow);
    if (e->record != NULL) {
        evidence(f, flow, e->record);
        set(f, FACT_ACCOUNT, e->record->account);
    }
}

static void detailed(struct facts *f, const struct im_detail *d)
{
    set(f, FACT_DIRECTION, d->outgoing ? "1" : "0");
    set(f, FACT_DIRECTION_TEXT, d->outgoing ? "out" : "in");
    set_view(f, FACT_ACCOUNT, d->account);
    set_view(f, FACT_PEER, d->peer);
    set_view(f, FACT_ROOM, d->room);
    set_view(f, FACT_FILE_NAME, d->file);
    if (d->size > 0)
        set_number(f, FACT_FILE_SIZE, d->size);
}

static void collect_activity(struct facts *f, const struct activity_event *e)
{
    entitle(f, "im-activity", "Public messaging activity", 2);
    common(f, e->flow, e->flow_id, e->time_us, e->catalog);
    client_of(f, e->client);
    set(f, FACT_ACTIVITY, activity_name(e->activity));
    detailed(f, e->detail);
}

static void scene_facts(struct facts *f, const struct scene *s)
{
    common(f, s->flow, s->flow_id, s->time_us, s->catalog);
    client_of(f, s->client);
    if (s->server != NULL)
        set(f, FACT_SERVER_HOST, s->server->host);
    else if (s->record != NULL)
        set(f, FACT_SERVER_HOST, s->record->server_name);
}

static void scan_facts(struct facts *f, const struct scan_result *r)
{
    size_t from = begin(f);

    text_string(&f->store, scan_state_name(r->state));
    if (r->signature[0] != '\0' || r->reason != SCAN_REASON_NONE)
        text_string(&f->store, ": ");
    text_printable(&f->store,
                   view_string(r->signature[0] != '\0' ? r->signature : scan_reason_text(r->reason)));
    end(f, FACT_SCAN, from);
    set(f, FACT_SCANNER, r->engine[0] != '\0' ? r->engine : r->by);
    set(f, FACT_FILE_TYPE, r->media_type);
}

static void collect_file(struct facts *f, const struct file_event *e)
{
    static const unsigned severities[SCAN_STATE_COUNT] = {
        [SCAN_CLEAN] = 2, [SCAN_INFECTED] = 9, [SCAN_NOT_SCANNED] = 4, [SCAN_SUSPICIOUS] = 6
    };
    const struct carried_file *file = e->file;
    const struct spool_facts *facts = e->facts;
    bool whole = file->whole && !facts->cut && !facts->failed;

    entitle(f, "im-file", "File over public messaging",
            file->scan != NULL ? severities[file->scan->state] : 2);
    scene_facts(f, e->scene);
    set(f, FACT_DIRECTION, file->outgoing ? "1" : "0");
    set(f, FACT_DIRECTION_TEXT, file->outgoing ? "out" : "in");
    set_view(f, FACT_ACCOUNT, file->outgoing ? file->from : file->to);
    set_view(f, FACT_PEER, file->outgoing ? file->to : file->from);
    set_view(f, FACT_ROOM, file->room);
    set_view(f, FACT_FILE_NAME, file->name);
    set_number(f, FACT_FILE_SIZE, file->size);
    set(f, FACT_FILE_STATE, whole ? "CLOSED" : "TRUNCATED");
    set(f, FACT_FILE_ID, e->stored);
    if (file->sha256 != NULL) {
        size_t from = begin(f);
        text_hex(&f->store, view_of(file->sha256, SHA256_BYTES));
        end(f, FACT_FILE_HASH, from);
    }
    if (file->scan != NULL)
        scan_facts(f, file->scan);
    if (e->leaks != NULL && e->leaks->count > 0)
        set_number(f, FACT_LEAKS, e->leaks->count);
}

static void collect_alert(struct facts *f, const struct alert_event *e)
{
    const struct alert *a = e->alert;
    char signature[32];
    struct text t = TEXT(signature);

    text_format(&t, "im-alert-%u", a->detector->id + a->kind);
    entitle(f, signature, a->title,
            a->severity == SEVERITY_HIGH     ? 9
            : a->severity == SEVERITY_MEDIUM ? 6
                                             : 3);
    scene_facts(f, e->scene);
    set(f, FACT_DETECTOR, a->detector->name);
    set_text(f, FACT_MESSAGE, view_string(a->seen), PACK_SENTENCE_BYTES);
    set_text(f, FACT_REASON, view_string(a->why), PACK_SENTENCE_BYTES);
    set_text(f, FACT_ADVICE, view_string(a->advice), PACK_SENTENCE_BYTES);
    set(f, FACT_SUBJECT, a->subject);
    set_number(f, FACT_TIMES, e->suppressed + 1);
    size_t from = begin(f);
    for (unsigned i = 0; i < a->evidence_count && i < ALERT_EVIDENCE; i++) {
        struct view value = view_string(a->evidence[i].value);
        if (value.len == 0)
            continue;
        text_string(&f->store, f->store.len > from ? "; " : "");
        text_string(&f->store, a->evidence[i].key);
        text_string(&f->store, ": ");
        text_printable(&f->store, view_slice(value, 0, PACK_VALUE_BYTES));
    }
    end(f, FACT_EVIDENCE, from);
    judged(f, &e->verdict);
}

/* What was done about a flow, and with that, how bad it is. */
static void collect_enforced(struct facts *f, const struct enforced_event *e)
{
    const struct activity_event *w = e->where;
    const struct flow *flow = w->flow;
    enum enforced done = e->verdict.enforced;
    char signature[32];
    struct text t = TEXT(signature);

    text_format(&t, "im-alert-%u", ENFORCED_SIGNATURE + (unsigned)done);
    if (done == ENFORCED_FAILED)
        entitle(f, signature, "Public messaging was not stopped", 9);
    else if (enforced_stops(done))
        entitle(f, signature, "Public messaging was stopped", 7);
    else
        entitle(f, signature, "Public messaging was let through", 5);
    common(f, flow, w->flow_id, w->time_us, w->catalog);
    client_of(f, w->client);
    if (w->record != NULL)
        set(f, FACT_SERVER_HOST, w->record->server_name);
    judged(f, &e->verdict);
    set(f, FACT_REASON, e->reason);
    set(f, FACT_DELIVERY, delivery_name((enum delivery)flow->delivery));
    if (w->detail == NULL) /* else it was read */
        set(f, FACT_INSPECTION, flow_not_inspected(flow, w->record, w->catalog));
    if (e->has_activity)
        set(f, FACT_ACTIVITY, activity_name(w->activity));
    else
        activities(f, flow);
    if (w->record != NULL)
        evidence(f, flow, w->record);
    if (w->detail != NULL)
        detailed(f, w->detail);
    else if (w->record != NULL)
        set(f, FACT_ACCOUNT, w->record->account);
}

static bool collect(struct facts *f, const struct event *e, const char *sensor)
{
    memset(f->value, 0, sizeof f->value);
    if (e->type == PACKED_FLOW)
        collect_flow(f, &e->flow);
    else if (e->type == PACKED_ACTIVITY)
        collect_activity(f, &e->activity);
    else if (e->type == PACKED_ENFORCED)
        collect_enforced(f, &e->enforced);
    else if (e->type == PACKED_FILE)
        collect_file(f, &e->file);
    else if (e->type == PACKED_ALERT)
        collect_alert(f, &e->alert);
    else
        return false;
    set_number(f, FACT_SEVERITY, f->severity);
    set(f, FACT_DEVICE, sensor);
    return true;
}

/* ---- the forms ---- */

static void cef_value(struct text *t, struct view v)
{
    for (size_t i = 0; i < v.len; i++) {
        if (v.at[i] == '\\' || v.at[i] == '=')
            text_char(t, '\\');
        text_char(t, (char)v.at[i]);
    }
}

size_t siem_cef(const struct event *e, const char *sensor, char out[SIEM_LINE_BYTES])
{
    struct text t = text_over(out, SIEM_LINE_BYTES);
    struct facts f;

    if (!collect(&f, e, sensor))
        return 0;
    text_string(&t, "CEF:0|imward|imward|" IMWARD_VERSION "|");
    text_string(&t, f.signature); /* words of ours: nothing to escape in this header */
    text_char(&t, '|');
    text_string(&t, f.name);
    text_char(&t, '|');
    text_decimal(&t, f.severity);
    text_char(&t, '|');
    for (unsigned i = 0, n = 0; i < FACT_COUNT; i++) {
        if (keys[i].cef == NULL || f.value[i].len == 0)
            continue;
        if (n++ > 0)
            text_char(&t, ' ');
        if (keys[i].label != NULL) {
            text_string(&t, keys[i].cef);
            text_string(&t, "Label=");
            text_string(&t, keys[i].label);
            text_char(&t, ' ');
        }
        text_string(&t, keys[i].cef);
        text_char(&t, '=');
        cef_value(&t, f.value[i]);
    }
    return t.len;
}

size_t siem_leef(const struct event *e, const char *sensor, char out[SIEM_LINE_BYTES])
{
    struct text t = text_over(out, SIEM_LINE_BYTES);
    struct facts f;

    if (!collect(&f, e, sensor))
        return 0;
    text_string(&t, "LEEF:2.0|imward|imward|" IMWARD_VERSION "|");
    text_string(&t, f.signature);
    text_string(&t, "|x09|");
    for (unsigned i = 0, n = 0; i < FACT_COUNT; i++) {
        if (keys[i].leef == NULL || f.value[i].len == 0)
            continue;
        if (n++ > 0)
            text_char(&t, '\t');
        text_string(&t, keys[i].leef);
        text_char(&t, '=');
        text_add(&t, f.value[i]); /* printable: no tab, no line end */
    }
    return t.len;
}
