/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Suricata rules (docs.suricata.io): names in TLS, HTTP and DNS, address ranges, and what clear protocols say
 * first, on any port. All keywords are those of Suricata 6; names in QUIC need quic.sni of Suricata 7, and
 * are a target of their own with the same rules beside them.
 *
 * Suricata has no first match: what passes an earlier rule of the policy is cut out of the clients of the
 * later ones, and names that must pass are excepted from those above them. What is decided alike is left to
 * the name above, so that few rules need an exception.
 *
 * Signatures of clear protocols stand at the start of what a client says: the same words in a mail or a page
 * are none.
 *
 * The number (sid) of a rule is made from what it is about, so that it stays when the policy grows.
 */
#include "policy/export/ranges.h"
#include "policy/export/targets.h"
#include <stdlib.h>

#define CAN (PLAN_CLIENTS | PLAN_BIT(PROTOCOL))
#define SID_FIRST UINT32_C(1000000000) /* a room that nobody else hands out */
#define SID_COUNT UINT32_C(1000000000)

/* A line of Suricata's has at most 8192 bytes. */
enum {
    SID_SLOTS = 1 << 20,
    RULES_MOST = SID_SLOTS / 2,
    STEPS_MOST = 512,
    SOURCE_BYTES = 3800,
    OPTION_BYTES = 3800
};

/* Where names are seen. */
static const struct medium {
    enum protocol protocol;
    const char *header, *keyword;
    bool folds; /* the buffer is in lower case already, and nocase an error */
    bool seven; /* of Suricata 7 */
} media[] = {
    { PROTOCOL_TLS, "tls", "tls.sni", false, false },
    { PROTOCOL_HTTP, "http", "http.host", true, false },
    { PROTOCOL_DNS, "dns", "dns.query", false, false },
    { PROTOCOL_QUIC, "quic", "quic.sni", false, true },
};

/* What a clear protocol says first, whatever its port, and the service that it is taken for. */
static const struct signature {
    enum protocol protocol;
    const char *service, *header, *options;
} signatures[] = {
    { PROTOCOL_IRC, "irc", "tcp",
      "flow:established,to_server; content:\"USER \"; nocase; "
      "pcre:\"/^(?:(?:CAP|PASS|NICK|JOIN|PROTOCTL|WEBIRC) [^\\r\\n]*\\r?\\n)*"
      "USER [^ \\r\\n]+ [^ \\r\\n]+ [^ \\r\\n]+ [^\\r\\n]+\\r?\\n/i\";" },
    { PROTOCOL_XMPP, "xmpp", "tcp",
      "flow:established,to_server; content:\"<stream:stream\"; content:\"jabber:client\"; within:400; "
      "pcre:\"/^\\s*(?:<\\?xml[^>]*>\\s*)?<stream:stream[^>]*jabber:client/\";" },
    { PROTOCOL_OSCAR, "oscar", "tcp",
      "flow:established,to_server; content:\"|2a 01|\"; startswith; content:\"|00 00 00 01|\"; offset:6; "
      "depth:4;" },
    { PROTOCOL_MSNP, "msn", "tcp",
      "flow:established,to_server; content:\"VER \"; startswith; content:\" MSNP\"; within:20;" },
    { PROTOCOL_YMSG, "yahoo", "tcp",
      "flow:established,to_server; content:\"YMSG\"; startswith; content:\"|00 00|\"; offset:6; depth:2;" },
    { PROTOCOL_MRIM, "mra", "tcp",
      "flow:established,to_server; content:\"|ef be ad de|\"; startswith; content:\"|01 00|\"; offset:6; "
      "depth:2;" },
    { PROTOCOL_SIMPLE, "simple", "sip", "sip.method; content:\"MESSAGE\"; startswith; endswith;" },
};

/* Whose traffic a row decides in the end: its clients without those of the rows before. */
struct source {
    const struct plan_row *row;
    char text[SOURCE_BYTES]; /* "any", "[10.0.0.0/8]", "![10.0.0.0/8]"; empty: nobody's */
    bool cut;                /* it does not fit */
};

struct writer {
    const struct export_plan *plan;
    FILE *out;
    bool seven;
    uint32_t *taken; /* sids, open addressing */
    uint32_t written, cut;
    const struct plan_entry *entries;
    unsigned entry_count;
    uint32_t *decided; /* by name: a mark of the rows that decide on it, 0: it passes */
};

/* --- decisions --- */

static bool acts(const struct plan_row *r)
{
    return r->action == POLICY_BLOCK || r->action == POLICY_ALERT;
}

/* A mark of the rows that decide; what is decided alike has the same mark. 0: nothing is done. */
static uint32_t decision(const struct writer *w, enum protocol medium, uint16_t service,
                         enum server_role role)
{
    const struct plan_row *const *steps;
    unsigned count = plan_steps(w->plan, CAN, medium, service, role, &steps);
    bool any = false;
    uint64_t hash = 1;

    for (unsigned i = 0; i < count; i++) {
        uint32_t step[2] = { steps[i]->rule, (uint32_t)steps[i]->action };
        hash = hash_bytes(view_of(step, sizeof step), hash);
        any |= acts(steps[i]);
    }
    return any ? (uint32_t)hash | 1 : 0;
}

/* --- sids --- */

static uint32_t next_sid(struct writer *w, uint64_t hash)
{
    uint32_t sid = SID_FIRST + (uint32_t)(hash % SID_COUNT);

    for (uint32_t slot = sid % SID_SLOTS;; slot = (slot + 1) % SID_SLOTS) {
        if (w->taken[slot] == 0) {
            w->taken[slot] = sid;
            return sid;
        }
        if (w->taken[slot] == sid) { /* another rule has it: the next number, from the start */
            sid = sid + 1 < SID_FIRST + SID_COUNT ? sid + 1 : SID_FIRST;
            slot = sid % SID_SLOTS - 1;
        }
    }
}

/* --- sources --- */

static bool row_spans(const struct plan_row *r, struct ip_spans *out)
{
    for (unsigned i = 0; i < r->client_count; i++) {
        struct ip_span s = ip_network_span(&r->clients[i].ip, r->clients[i].bits);
        if (!ip_spans_add(out, s.first, s.last))
            return false;
    }
    return true;
}

static void text_spans(struct text *t, const struct ip_spans *s)
{
    struct plan_network networks[SPAN_NETWORKS];
    unsigned told = 0;

    for (uint32_t i = 0; i < s->count; i++) {
        unsigned count = ip_span_networks(s->at[i], networks);
        for (unsigned n = 0; n < count; n++) {
            text_string(t, told++ > 0 ? "," : "[");
            text_network(t, &networks[n]);
        }
    }
    text_char(t, ']');
}

/* The source of one step, and what is decided after it. */
static bool make_source(const struct plan_row *row, struct ip_spans *before, struct source *out)
{
    struct ip_spans own = { .at = NULL }, left = { .at = NULL }, all = { .at = NULL };
    struct text t = TEXT(out->text);
    bool ok = true;

    out->row = row;
    if (plan_row_for_all(row)) {
        text_string(&t, before->count > 0 ? "!" : "any");
        if (before->count > 0)
            text_spans(&t, before);
    } else {
        ok = row_spans(row, &own) && ip_spans_minus(&own, before, &left) && ip_spans_join(before, &own, &all);
        if (ok && left.count > 0)
            text_spans(&t, &left);
        free(before->at);
        *before = all;
    }
    out->cut = t.cut;
    free(own.at);
    free(left.at);
    return ok;
}

/* --- rules --- */

static const char *verb(const struct plan_row *r)
{
    if (r->action == POLICY_ALERT)
        return "alert";
    return r->means == POLICY_MEANS_DROP ? "drop" : "reject";
}

/* Inside a msg: no quote, no semicolon, no backslash. */
static void print_message(FILE *out, const char *s)
{
    for (; *s != '\0'; s++)
        fputc((unsigned char)*s < ' ' || *s == '"' || *s == ';' || *s == '\\' || *s == '|' ? ' ' : *s, out);
}

struct about {
    const char *header;  /* "tls" */
    const char *where;   /* "any any", the server's side */
    const char *options; /* what is matched */
    struct view object;  /* the name or network, for the message */
    const char *seen_in; /* "tls.sni" */
    uint16_t service;
};

static void print_rule(struct writer *w, const struct source *s, const struct about *a)
{
    uint64_t hash = hash_bytes(view_string(s->row->rule_name), 0);

    hash = hash_bytes(view_string(a->seen_in), hash);
    hash = hash_bytes(a->object, hash);
    hash = hash_bytes(view_string(a->where), hash);
    fprintf(w->out, "%s %s %s any -> %s (msg:\"imward %s: ", verb(s->row), a->header, s->text, a->where,
            policy_action_name(s->row->action));
    print_message(w->out, s->row->rule_name);
    fprintf(w->out, ": %s: %.*s\"; %s%ssid:%u; rev:1;)\n",
            catalog_service(plan_catalog(w->plan), a->service)->slug, (int)a->object.len,
            (const char *)a->object.at, a->options, a->options[0] != '\0' ? " " : "", next_sid(w, hash));
    w->written++;
}

/* One rule for each step that acts. */
static bool print_rules(struct writer *w, enum protocol medium, enum server_role role, const struct about *a)
{
    const struct plan_row *const *steps;
    unsigned count = plan_steps(w->plan, CAN, medium, a->service, role, &steps);
    struct ip_spans before = { .at = NULL };
    struct source *s = malloc(sizeof *s);
    bool ok = s != NULL;

    if (count > STEPS_MOST) {
        w->cut++;
        count = 0;
    }
    for (unsigned i = 0; ok && i < count; i++) {
        ok = make_source(steps[i], &before, s);
        if (ok && acts(steps[i]) && s->cut)
            w->cut++;
        else if (ok && acts(steps[i]) && s->text[0] != '\0' && w->written < RULES_MOST)
            print_rule(w, s, a);
    }
    free(before.at);
    free(s);
    return ok;
}

/* --- names --- */

/* "\.web\.whatsapp\.com" */
static void text_pattern(struct text *t, struct view name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '.')
            text_char(t, '\\');
        text_char(t, (char)name.at[i]);
    }
}

/* The name as a condition; behind dotprefix, every name begins with a point. */
static void text_name(struct text *t, const struct plan_entry *n, const struct medium *m)
{
    const char *fold = m->folds ? "" : " nocase;";

    text_format(t, "%s; ", m->keyword);
    switch (n->form) {
    case PLAN_NAME_BELOW:
        text_format(t, "dotprefix; content:\".%.*s\"; endswith;%s", (int)n->text.len,
                    (const char *)n->text.at, fold);
        break;
    case PLAN_NAME_EXACT:
        text_format(t, "dotprefix; content:\".%.*s\"; startswith; endswith;%s", (int)n->text.len,
                    (const char *)n->text.at, fold);
        break;
    case PLAN_NAME_START:
        text_format(t, "dotprefix; content:\".%.*s\"; startswith;%s content:\".%.*s\"; endswith;%s",
                    (int)n->start.len, (const char *)n->start.at, fold, (int)n->rest.len,
                    (const char *)n->rest.at, fold);
    }
}

static void text_except(struct text *t, const struct plan_entry *n, const struct medium *m)
{
    const char *fold = m->folds ? "" : "i";

    text_string(t, " pcre:!\"/");
    text_string(t, n->form == PLAN_NAME_BELOW ? "\\." : "^\\.");
    text_pattern(t, n->start);
    text_string(t, n->form == PLAN_NAME_START ? ".*\\." : "");
    text_pattern(t, n->rest);
    text_format(t, "$/%s\";", fold);
}

/* What the name's decision is, before anything that stands above it is asked. */
static void decide_names(struct writer *w, const struct medium *m)
{
    for (unsigned i = 0; i < w->entry_count; i++) {
        const struct plan_entry *n = &w->entries[i];
        w->decided[i] = n->service == 0 || n->shared ? 0 : decision(w, m->protocol, n->service, n->role);
    }
}

/* Is the name decided otherwise than one above it, with none between that is? */
static bool differs_below(const struct writer *w, unsigned number, unsigned above)
{
    uint32_t up = w->entries[number].above;

    if (w->decided[number] == w->decided[above])
        return false;
    while (up != PLAN_NONE && up != above && w->decided[up] == w->decided[above])
        up = w->entries[up].above;
    return up == above;
}

static bool print_name(struct writer *w, const struct medium *m, unsigned number)
{
    const struct plan_entry *n = &w->entries[number];
    char options[OPTION_BYTES];
    struct text t = TEXT(options);

    text_name(&t, n, m);
    for (unsigned i = 0; i < w->entry_count; i++)
        if (differs_below(w, i, number))
            text_except(&t, &w->entries[i], m);
    if (t.cut) {
        w->cut++;
        return true;
    }
    struct about a = { m->header, "any any", options, n->text, m->keyword, n->service };
    return print_rules(w, m->protocol, n->role, &a);
}

static bool print_names(struct writer *w, const struct medium *m)
{
    bool ok = true;

    decide_names(w, m);
    for (unsigned i = 0; ok && i < w->entry_count; i++) {
        uint32_t above = w->entries[i].above;
        if (w->decided[i] != 0 && (above == PLAN_NONE || w->decided[above] != w->decided[i]))
            ok = print_name(w, m, i);
    }
    return ok;
}

/* --- addresses --- */

static bool print_network(struct writer *w, const struct plan_range *r, const struct plan_network *n)
{
    char where[100], name[64];
    struct text t = TEXT(where), shown = TEXT(name);

    text_network(&shown, n);
    text_string(&t, name);
    if (r->ported)
        text_format(&t, r->first_port == r->last_port ? " %u" : " %u:%u", r->first_port, r->last_port);
    else
        text_string(&t, " any");
    struct about a = {
        !r->ported ? "ip" : r->l4 == 6 ? "tcp" : "udp", where, "", view_string(name), "address", r->service
    };
    return print_rules(w, PROTOCOL_UNKNOWN, r->role, &a);
}

/* Does a piece of the same addresses, with ports, decide otherwise than `r`? */
static bool passes_beside(const struct writer *w, const struct plan_range *all, unsigned number,
                          uint32_t mark)
{
    for (unsigned i = number; i-- > 0 && all[i].span.first == all[number].span.first;)
        if (all[i].shared || decision(w, PROTOCOL_UNKNOWN, all[i].service, all[i].role) != mark)
            return true;
    return false;
}

static bool print_addresses(struct writer *w)
{
    struct plan_range *ranges;
    struct plan_network networks[SPAN_NETWORKS];
    unsigned count;

    if (!plan_ranges(plan_catalog(w->plan), &ranges, &count))
        return false;
    bool ok = true;
    for (unsigned i = 0; ok && i < count; i++) {
        uint32_t mark = decision(w, PROTOCOL_UNKNOWN, ranges[i].service, ranges[i].role);
        if (ranges[i].shared || mark == 0)
            continue;
        if (!ranges[i].ported && passes_beside(w, ranges, i, mark)) {
            w->cut++;
            continue;
        }
        unsigned n = ip_span_networks(ranges[i].span, networks);
        for (unsigned k = 0; ok && k < n; k++)
            ok = print_network(w, &ranges[i], &networks[k]);
    }
    free(ranges);
    return ok;
}

/* --- clear protocols --- */

static bool print_protocols(struct writer *w)
{
    bool ok = true;

    for (unsigned i = 0; ok && i < sizeof signatures / sizeof signatures[0]; i++) {
        const struct signature *g = &signatures[i];
        uint16_t service = catalog_find(plan_catalog(w->plan), view_string(g->service));
        struct about a = { g->header,  "any any", g->options, view_string(protocol_name(g->protocol)),
                           "protocol", service };
        if (service != 0)
            ok = print_rules(w, g->protocol, ROLE_CHAT, &a);
    }
    return ok;
}

static bool sees(const struct writer *w, enum protocol protocol)
{
    for (unsigned i = 0; i < sizeof media / sizeof media[0]; i++)
        if (media[i].protocol == protocol)
            return !media[i].seven || w->seven;
    for (unsigned i = 0; i < sizeof signatures / sizeof signatures[0]; i++)
        if (signatures[i].protocol == protocol)
            return true;
    return false;
}

/* Rules on protocols for which there is nothing here. */
static void print_unseen(const struct writer *w)
{
    unsigned count;
    const struct plan_row *rows = plan_rows(w->plan, &count);

    for (unsigned i = 0; i < count; i++) {
        if ((i > 0 && rows[i].rule == rows[i - 1].rule) || (rows[i].asked & PLAN_BIT(PROTOCOL)) == 0 ||
            !acts(&rows[i]) || !plan_row_fits(&rows[i], CAN))
            continue;
        for (unsigned p = 1; p < PROTOCOL_COUNT; p++)
            if (plan_row_has_protocol(w->plan, &rows[i], (enum protocol)p) && !sees(w, (enum protocol)p))
                fprintf(w->out, "#   rule %u: %s is not known by what is said first; a gap\n", rows[i].rule,
                        protocol_name((enum protocol)p));
    }
}

static void print_remarks(const struct writer *w)
{
    fputs("# Clear protocols are known by what clients say first, on any port:", w->out);
    for (unsigned i = 0; i < sizeof signatures / sizeof signatures[0]; i++)
        fprintf(w->out, " %s", protocol_name(signatures[i].protocol));
    fputs("; others by names and addresses only, a gap\n", w->out);
    print_unseen(w);
    if (w->cut > 0)
        fprintf(
            w->out,
            "#   %u names or ranges are left out: they would stop what must pass, or their clients do not fit a "
            "line; a gap\n",
            w->cut);
    if (!w->seven)
        fputs("# Names in QUIC need Suricata 7: target suricata7; here they pass, a gap\n", w->out);
}

static bool write_rules(struct writer *w)
{
    bool ok = true;

    for (unsigned i = 0; ok && i < sizeof media / sizeof media[0]; i++)
        if (!media[i].seven || w->seven)
            ok = print_names(w, &media[i]);
    return ok && print_addresses(w) && print_protocols(w);
}

/* The rules come first, since the head tells what of them was left out. */
static bool write_file(struct writer *w, const struct export_options *o, FILE *out)
{
    char *body = NULL;
    size_t size = 0;

    w->out = open_memstream(&body, &size);
    if (w->out == NULL)
        return false;
    bool ok = write_rules(w);
    ok = fclose(w->out) == 0 && ok;
    w->out = out;
    if (ok) {
        plan_print_head(w->plan, o, w->seven ? "suricata7" : "suricata", CAN, "# ", out);
        if (!o->bare)
            print_remarks(w);
        ok = fwrite(body, 1, size, out) == size || ferror(out);
    }
    free(body);
    return ok;
}

static bool export_rules(const struct export_plan *plan, const struct export_options *o, FILE *out,
                         bool seven, struct imw_error_info *err)
{
    struct writer w = { .plan = plan, .seven = seven };

    w.entries = plan_entries(plan, &w.entry_count);
    w.taken = calloc(SID_SLOTS, sizeof *w.taken);
    w.decided = calloc((size_t)w.entry_count + 1, sizeof *w.decided);
    bool ok = w.taken != NULL && w.decided != NULL && write_file(&w, o, out);
    free(w.taken);
    free(w.decided);
    if (ok && w.written == RULES_MOST)
        return error_set(err, IMW_ERROR_LIMIT, "more than %d rules of Suricata", RULES_MOST);
    return ok || error_memory(err);
}

bool export_suricata(const struct export_plan *plan, const struct export_options *o, FILE *out,
                     struct imw_error_info *err)
{
    return export_rules(plan, o, out, false, err);
}

bool export_suricata7(const struct export_plan *plan, const struct export_options *o, FILE *out,
                      struct imw_error_info *err)
{
    return export_rules(plan, o, out, true, err);
}
