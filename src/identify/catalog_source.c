/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading catalog files (docs/catalog.md): `catalog.yaml` holds the version, each other *.yaml one service,
 * named after its slug.
 *
 * The lists of a service (domains, ranges, agents …) hold groups: values that share a role, a source and
 * limits. A table says for each list which keys a group may have and how one value of it is read.
 */
#include "identify/catalog_source.h"
#include <dirent.h>
#include <idn2.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SLUG_BYTES = 32,
    TEXT_BYTES = 400,  /* of any value */
    PORT_RANGES = 16,  /* of one group */
    ENTRIES = 4 << 20, /* of a catalog */
    SERVICES = 10000,
};

struct source_text {
    struct source_text *next;
    char text[];
};

struct port_range {
    uint16_t first, last;
};

/* What the values of a group have in common. */
struct group {
    struct source_entry common;
    struct port_range ports[PORT_RANGES];
    unsigned port_count;
};

typedef bool read_value(struct catalog_source *s, const struct yaml_node *value, struct source_entry *e,
                        struct imw_error_info *err);

/* One list of a service. */
struct list_kind {
    const char *key;    /* of the service */
    const char *values; /* key of a group under which its values stand; NULL: no groups, just values */
    enum entry_kind kind;
    const char *const *group_keys;
    read_value *read;
};

static bool out_of_memory(struct imw_error_info *err)
{
    return error_memory(err);
}

/* Text of our own, as long-lived as the source. */
static bool keep_text(struct catalog_source *s, const char *text, struct view *out,
                      struct imw_error_info *err)
{
    size_t len = strlen(text);
    struct source_text *t = malloc(sizeof *t + len + 1);

    if (t == NULL)
        return out_of_memory(err);
    memcpy(t->text, text, len + 1);
    t->next = s->texts;
    s->texts = t;
    *out = view_of(t->text, len);
    return true;
}

static bool add_entry(struct catalog_source *s, const struct source_entry *e, struct imw_error_info *err)
{
    if (s->entry_count == ENTRIES)
        return yaml_error(e->node, err, "more than %d entries in all", ENTRIES);
    if (s->entry_count == s->entry_room) {
        uint32_t room = s->entry_room == 0 ? 256 : s->entry_room * 2;
        struct source_entry *entries = realloc(s->entries, room * sizeof *entries);
        if (entries == NULL)
            return out_of_memory(err);
        s->entries = entries;
        s->entry_room = room;
    }
    s->entries[s->entry_count++] = *e;
    return true;
}

/* --- single values --- */

static bool need_text(const struct yaml_node *map, const char *key, struct view *out,
                      struct imw_error_info *err)
{
    const struct yaml_node *n;

    return yaml_need(map, key, &n, err) && yaml_one_line(n, TEXT_BYTES, out, err);
}

static bool maybe_text(const struct yaml_node *map, const char *key, struct view *out,
                       struct imw_error_info *err)
{
    const struct yaml_node *n = yaml_get(map, key);

    return n == NULL || yaml_one_line(n, TEXT_BYTES, out, err);
}

static bool maybe_bool(const struct yaml_node *map, const char *key, bool *out, struct imw_error_info *err)
{
    const struct yaml_node *n = yaml_get(map, key);

    return n == NULL || yaml_bool(n, out, err);
}

/* A word of a table; the error lists what is allowed. */
static bool read_word(const struct yaml_node *n, const char *const *words, int (*find)(struct view), int *out,
                      struct imw_error_info *err)
{
    struct view v = view_of(NULL, 0);

    if (!yaml_one_line(n, TEXT_BYTES, &v, err))
        return false;
    int found = find(v);
    if (found < 0) {
        const char *hint = yaml_nearest(v, words);
        return yaml_error(n, err, "unknown word '%.*s'; is '%s' meant?", v.len < 40 ? (int)v.len : 40,
                          (const char *)v.at, hint != NULL ? hint : words[0]);
    }
    *out = found;
    return true;
}

/* "443" or "8801-8810" */
static bool read_ports(const struct yaml_node *n, struct port_range *out, struct imw_error_info *err)
{
    struct view rest, low;
    uint64_t first, last;

    if (!yaml_string(n, &rest, err))
        return false;
    bool range = view_find_byte(rest, '-', 0) < rest.len;
    low = view_token(&rest, '-');
    if (!view_decimal(low, UINT16_MAX, &first) || first == 0)
        return yaml_error(n, err, "a port from 1 to 65535 is needed here, or a range such as 3478-3481");
    last = first;
    if (range && (!view_decimal(rest, UINT16_MAX, &last) || last < first))
        return yaml_error(n, err, "a range of ports goes from the lower to the higher, up to 65535");
    *out = (struct port_range){ (uint16_t)first, (uint16_t)last };
    return true;
}

/* Lower-case letters, digits, '-' and '_', up to 63 octets. */
static bool is_label(struct view label)
{
    for (size_t i = 0; i < label.len; i++) {
        uint8_t c = label.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return label.len > 0 && label.len <= 63;
}

/* More than one label, the last no number. */
static bool is_ascii_name(struct view name)
{
    struct view rest = name, label = name;
    unsigned labels = 0;
    uint64_t number;

    if (name.len == 0 || name.len > CATALOG_NAME_BYTES || name.at[name.len - 1] == '.')
        return false;
    for (; rest.len > 0; labels++) {
        label = view_token(&rest, '.');
        if (!is_label(label))
            return false;
    }
    return labels > 1 && labels <= CATALOG_LABELS && !view_decimal(label, UINT64_MAX, &number);
}

/* "start*.rest", in lower case already. */
static bool read_start(const struct yaml_node *value, struct view v, struct source_entry *e,
                       struct imw_error_info *err)
{
    size_t star = view_find_byte(v, '*', 0);
    struct view start = view_slice(v, 0, star);

    if (start.len > 0 && start.at[start.len - 1] == '.')
        start.len--; /* "start.*.rest" */
    if (v.len > UINT8_MAX || !(is_label(start) || is_ascii_name(start)) || start.len < 4 ||
        star + 2 >= v.len || v.at[star + 1] != '.' || !is_ascii_name(view_from(v, star + 2)))
        return yaml_error(value, err,
                          "a '*' ends a label, after four or more characters: "
                          "start*.example.com or start.*.example.com");
    e->text = v;
    e->form = NAME_START;
    e->rest = (uint8_t)(star + 2);
    return true;
}

/* A name in lower case and A-labels (RFC 5890), by IDNA 2008 with the UTS 46 mapping. */
static bool read_domain(struct catalog_source *s, const struct yaml_node *value, struct source_entry *e,
                        struct imw_error_info *err)
{
    struct view v = view_of(NULL, 0);
    char *ascii = NULL;

    if (!yaml_one_line(value, TEXT_BYTES, &v, err))
        return false;
    if (view_find_byte(v, '*', 0) < v.len)
        return read_start(value, v, e, err);
    int rc = idn2_to_ascii_8z((const char *)v.at, &ascii, IDN2_NONTRANSITIONAL);
    if (rc != IDN2_OK)
        return yaml_error(value, err, "not a domain name: %s", idn2_strerror(rc));
    for (char *c = ascii; *c != '\0'; c++)
        *c = (char)ascii_lower((uint8_t)*c);
    bool ok = is_ascii_name(view_string(ascii))
                  ? keep_text(s, ascii, &e->text, err)
                  : yaml_error(value, err, "not a domain name of two to %d labels, without '*' and final dot",
                               CATALOG_LABELS);
    idn2_free(ascii);
    return ok;
}

/* A network whose bits behind the mask are zero. */
static bool read_network(struct catalog_source *s, const struct yaml_node *value, struct source_entry *e,
                         struct imw_error_info *err)
{
    (void)s;
    if (!yaml_one_line(value, TEXT_BYTES, &e->text, err))
        return false;
    if (!ip_parse_network(e->text, &e->network, &e->bits))
        return yaml_error(value, err, "not an address or network such as 149.154.160.0/20");
    for (unsigned i = e->bits; i < 128; i++)
        if ((e->network.octet[i / 8] >> (7 - i % 8) & 1) != 0)
            return yaml_error(value, err, "the address has bits behind its mask");
    if (e->bits < 16 || (ip_is_v4(&e->network) && e->bits < 96 + 8))
        return yaml_error(value, err, "too wide: at least /8 for IPv4, /16 for IPv6");
    return true;
}

static bool read_agent(struct catalog_source *s, const struct yaml_node *value, struct source_entry *e,
                       struct imw_error_info *err)
{
    (void)s;
    if (!yaml_one_line(value, TEXT_BYTES, &e->text, err))
        return false;
    size_t shown = e->text.len - (e->text.at[0] == '*');
    return shown >= 4 || yaml_error(value, err, "too short to prove anything: four characters or more");
}

static bool read_path(struct catalog_source *s, const struct yaml_node *value, struct source_entry *e,
                      struct imw_error_info *err)
{
    (void)s;
    if (!yaml_one_line(value, TEXT_BYTES, &e->text, err))
        return false;
    return (e->text.at[0] == '/' && e->text.len >= 5) ||
           yaml_error(value, err, "a path starts with '/' and has five characters or more");
}

/* JA4: a_b_c of 10, 12 and 12 characters (FoxIO JA4 technical details). */
static bool read_ja4(struct catalog_source *s, const struct yaml_node *value, struct source_entry *e,
                     struct imw_error_info *err)
{
    (void)s;
    if (!yaml_one_line(value, TEXT_BYTES, &e->text, err))
        return false;
    return (e->text.len == 36 && e->text.at[10] == '_' && e->text.at[23] == '_') ||
           yaml_error(value, err, "not a JA4 fingerprint");
}

static bool read_protocol(struct catalog_source *s, const struct yaml_node *value, struct source_entry *e,
                          struct imw_error_info *err)
{
    int found = 0;

    (void)s;
    return read_word(value, protocol_words, protocol_find, &found, err) &&
           yaml_one_line(value, TEXT_BYTES, &e->text, err);
}

/* --- groups and lists --- */

/* "149.154.160.0/20" with its limits: "52.112.0.0/14 udp 3478-3481" */
static bool name_range(struct catalog_source *s, struct source_entry *e, struct imw_error_info *err)
{
    char buffer[128];
    struct text t = TEXT(buffer);

    text_add(&t, e->text);
    if (e->l4 != 0)
        text_string(&t, e->l4 == 6 ? " tcp" : " udp");
    if (e->first_port != 0)
        text_format(&t, " %u", e->first_port);
    if (e->first_port != 0 && e->last_port != e->first_port)
        text_format(&t, "-%u", e->last_port);
    return keep_text(s, buffer, &e->text, err);
}

static bool add_value(struct catalog_source *s, const struct list_kind *list, const struct group *g,
                      const struct yaml_node *value, struct imw_error_info *err)
{
    struct source_entry e = g->common;

    e.node = value;
    if (!list->read(s, value, &e, err))
        return false;
    if (e.kind != ENTRY_RANGE)
        return add_entry(s, &e, err);
    struct view network = e.text;
    for (unsigned i = 0; i < g->port_count || i == 0; i++) { /* one entry a range of ports */
        if (g->port_count > 0) {
            e.first_port = g->ports[i].first;
            e.last_port = g->ports[i].last;
        }
        e.text = network;
        if (!name_range(s, &e, err) || !add_entry(s, &e, err))
            return false;
    }
    return true;
}

/* All of a list of values, which is not empty. */
static bool read_values(struct catalog_source *s, const struct list_kind *list, const struct group *g,
                        const struct yaml_node *values, struct imw_error_info *err)
{
    if (!yaml_expect(values, YAML_SEQUENCE, err))
        return false;
    if (yaml_count(values) == 0)
        return yaml_error(values, err, "the list is empty");
    for (const struct yaml_node *n = yaml_first(values); n != NULL; n = yaml_next(n))
        if (!add_value(s, list, g, n, err))
            return false;
    return true;
}

static bool read_limits(const struct yaml_node *node, struct group *g, struct imw_error_info *err)
{
    const struct yaml_node *l4 = yaml_get(node, "l4"), *ports = yaml_get(node, "ports");
    struct view v = view_of(NULL, 0);

    if (l4 != NULL) {
        if (!yaml_one_line(l4, TEXT_BYTES, &v, err))
            return false;
        g->common.l4 = view_equal(v, VIEW("tcp")) ? 6 : view_equal(v, VIEW("udp")) ? 17 : 0;
        if (g->common.l4 == 0)
            return yaml_error(l4, err, "must be tcp or udp");
    }
    if (ports == NULL)
        return true;
    if (!yaml_expect(ports, YAML_SEQUENCE, err))
        return false;
    if (yaml_count(ports) == 0 || yaml_count(ports) > PORT_RANGES)
        return yaml_error(ports, err, "one to %d ports or ranges of ports", PORT_RANGES);
    for (const struct yaml_node *n = yaml_first(ports); n != NULL; n = yaml_next(n))
        if (!read_ports(n, &g->ports[g->port_count++], err))
            return false;
    return true;
}

static bool read_group(struct catalog_source *s, const struct list_kind *list, const struct group *start,
                       const struct yaml_node *node, struct imw_error_info *err)
{
    struct group g = *start;
    const struct yaml_node *role, *values;
    bool exact = false;
    int found = ROLE_ANY;

    if (!yaml_known_keys(node, list->group_keys, err) || !yaml_need(node, list->values, &values, err))
        return false;
    role = yaml_get(node, "role");
    if (role != NULL && !read_word(role, role_words, role_find, &found, err))
        return false;
    g.common.role = (enum server_role)found;
    if (!maybe_bool(node, "exact", &exact, err))
        return false;
    g.common.form = exact ? NAME_EXACT : NAME_BELOW;
    return maybe_text(node, "source", &g.common.source, err) &&
           maybe_bool(node, "shared", &g.common.shared, err) && read_limits(node, &g, err) &&
           read_values(s, list, &g, values, err);
}

static const char *const domain_keys[] = { "names", "role", "shared", "exact", "source", NULL };
static const char *const range_keys[] = { "networks", "role", "shared", "l4", "ports", "source", NULL };
static const char *const match_keys[] = { "match", "role", "shared", "source", NULL };

/* In the order of their kinds. */
static const struct list_kind lists[] = {
    { "domains", "names", ENTRY_DOMAIN, domain_keys, read_domain },
    { "not_below", NULL, ENTRY_EXCLUDED, NULL, read_domain },
    { "ranges", "networks", ENTRY_RANGE, range_keys, read_network },
    { "agents", "match", ENTRY_AGENT, match_keys, read_agent },
    { "paths", "match", ENTRY_PATH, match_keys, read_path },
    { "ja4", "match", ENTRY_JA4, match_keys, read_ja4 },
    { "protocols", NULL, ENTRY_PROTOCOL, NULL, read_protocol },
};

static bool read_list(struct catalog_source *s, const struct list_kind *list, uint32_t service,
                      const struct yaml_node *map, struct imw_error_info *err)
{
    const struct yaml_node *node = yaml_get(map, list->key);
    struct group g = { .common = { .kind = list->kind,
                                   .service = service,
                                   .last_port = UINT16_MAX,
                                   .source = view_of(NULL, 0) } };

    if (node == NULL)
        return true;
    if (list->values == NULL)
        return read_values(s, list, &g, node, err);
    if (!yaml_expect(node, YAML_SEQUENCE, err))
        return false;
    for (const struct yaml_node *n = yaml_first(node); n != NULL; n = yaml_next(n))
        if (!read_group(s, list, &g, n, err))
            return false;
    return true;
}

static bool add_port(struct catalog_source *s, uint32_t service, const struct yaml_node *node, uint8_t l4,
                     struct port_range p, struct imw_error_info *err)
{
    struct source_entry e = { .node = node,
                              .kind = ENTRY_PORT,
                              .service = service,
                              .l4 = l4,
                              .first_port = p.first,
                              .last_port = p.last,
                              .source = view_of(NULL, 0) };
    char buffer[32];
    struct text t = TEXT(buffer);

    text_format(&t, "%s %u", l4 == 6 ? "tcp" : "udp", p.first);
    if (p.last != p.first)
        text_format(&t, "-%u", p.last);
    return keep_text(s, buffer, &e.text, err) && add_entry(s, &e, err);
}

/* ports: {tcp: [..], udp: [..]}: those of the service's own protocol. */
static bool read_own_ports(struct catalog_source *s, uint32_t service, const struct yaml_node *map,
                           struct imw_error_info *err)
{
    static const char *const keys[] = { "tcp", "udp", NULL };
    const struct yaml_node *ports = yaml_get(map, "ports");
    struct port_range p;

    if (ports == NULL)
        return true;
    if (!yaml_known_keys(ports, keys, err))
        return false;
    for (const struct yaml_node *list = yaml_first(ports); list != NULL; list = yaml_next(list)) {
        uint8_t l4 = view_equal(yaml_key(list), VIEW("tcp")) ? 6 : 17;
        if (!yaml_expect(list, YAML_SEQUENCE, err))
            return false;
        for (const struct yaml_node *n = yaml_first(list); n != NULL; n = yaml_next(n))
            if (!read_ports(n, &p, err) || !add_port(s, service, n, l4, p, err))
                return false;
    }
    return true;
}

/* clients: the oldest version that is safe, as "android 2.19.134 CVE-2019-3568". */
static bool read_clients(struct catalog_source *s, uint32_t service, const struct yaml_node *map,
                         struct imw_error_info *err)
{
    static const char *const keys[] = { "platform", "minimum", "advisory", "source", NULL };
    const struct yaml_node *clients = yaml_get(map, "clients");

    if (clients == NULL)
        return true;
    if (!yaml_expect(clients, YAML_SEQUENCE, err))
        return false;
    for (const struct yaml_node *n = yaml_first(clients); n != NULL; n = yaml_next(n)) {
        struct source_entry e = { .node = n,
                                  .kind = ENTRY_CLIENT,
                                  .service = service,
                                  .last_port = UINT16_MAX,
                                  .source = view_of(NULL, 0) };
        struct view platform, minimum, advisory;
        char buffer[TEXT_BYTES];
        struct text t = TEXT(buffer);
        if (!yaml_known_keys(n, keys, err) || !need_text(n, "platform", &platform, err) ||
            !need_text(n, "minimum", &minimum, err) || !need_text(n, "advisory", &advisory, err) ||
            !maybe_text(n, "source", &e.source, err))
            return false;
        text_add(&t, platform);
        text_char(&t, ' ');
        text_add(&t, minimum);
        text_char(&t, ' ');
        text_add(&t, advisory);
        if (t.cut)
            return yaml_error(n, err, "too long");
        if (!keep_text(s, buffer, &e.text, err) || !add_entry(s, &e, err))
            return false;
    }
    return true;
}

/* risk: what the assessment of the service needs to know, as "files: true". */
static bool read_risk(struct catalog_source *s, uint32_t service, const struct yaml_node *map,
                      struct imw_error_info *err)
{
    static const char *const keys[] = { "files",     "ephemeral",    "remote_delete", "archive",
                                        "retention", "jurisdiction", "source",        NULL };
    const struct yaml_node *risk = yaml_get(map, "risk");
    struct view source = view_of(NULL, 0);

    if (risk == NULL)
        return true;
    if (!yaml_known_keys(risk, keys, err) || !maybe_text(risk, "source", &source, err))
        return false;
    for (const struct yaml_node *n = yaml_first(risk); n != NULL; n = yaml_next(n)) {
        struct source_entry e = {
            .node = n, .kind = ENTRY_FACT, .service = service, .last_port = UINT16_MAX, .source = source
        };
        struct view key = yaml_key(n), value;
        char buffer[TEXT_BYTES + 32];
        struct text t = TEXT(buffer);
        bool words = view_equal(key, VIEW("retention")) || view_equal(key, VIEW("jurisdiction")), flag;
        if (view_equal(key, VIEW("source")))
            continue;
        if (!(words ? yaml_one_line(n, TEXT_BYTES, &value, err)
                    : yaml_bool(n, &flag, err) && yaml_string(n, &value, err)))
            return false;
        text_add(&t, key);
        text_string(&t, ": ");
        text_add(&t, value);
        if (!keep_text(s, buffer, &e.text, err) || !add_entry(s, &e, err))
            return false;
    }
    return true;
}

/* --- services --- */

static bool check_slug(const struct yaml_node *n, struct view slug, struct imw_error_info *err)
{
    for (size_t i = 0; i < slug.len; i++) {
        uint8_t c = slug.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c == '-' && i > 0)))
            return yaml_error(n, err, "a slug has lower-case letters, digits and '-' only");
    }
    return slug.len <= SLUG_BYTES || yaml_error(n, err, "at most %d characters", SLUG_BYTES);
}

/* The file is named after the slug: what stands in two files at once is seen at a glance. */
static bool check_file_name(const struct yaml_node *n, const char *path, struct view slug,
                            struct imw_error_info *err)
{
    const char *slash = strrchr(path, '/');
    struct view name = view_string(slash != NULL ? slash + 1 : path);

    if (name.len == slug.len + 5 && view_starts(name, slug))
        return true;
    return yaml_error(n, err, "the file of this service must be named %.*s.yaml", (int)slug.len,
                      (const char *)slug.at);
}

static bool read_country(const struct yaml_node *map, struct view *out, struct imw_error_info *err)
{
    *out = view_of(NULL, 0);
    if (!maybe_text(map, "country", out, err))
        return false;
    bool good = out->len == 0 || (out->len == 2 && out->at[0] >= 'A' && out->at[0] <= 'Z' &&
                                  out->at[1] >= 'A' && out->at[1] <= 'Z');
    return good || yaml_error(yaml_get(map, "country"), err, "two capital letters (ISO 3166-1)");
}

static bool read_head(const struct yaml_node *map, const char *path, struct source_service *out,
                      struct imw_error_info *err)
{
    const struct yaml_node *class, *slug, *end_to_end;
    int found = 0;

    if (!yaml_need(map, "slug", &slug, err) || !yaml_one_line(slug, TEXT_BYTES, &out->slug, err) ||
        !check_slug(slug, out->slug, err) || !check_file_name(slug, path, out->slug, err) ||
        !need_text(map, "name", &out->name, err) || !need_text(map, "vendor", &out->vendor, err) ||
        !need_text(map, "summary", &out->summary, err) || !read_country(map, &out->country, err) ||
        !yaml_need(map, "class", &class, err) || !read_word(class, class_words, class_find, &found, err) ||
        !yaml_need(map, "end_to_end", &end_to_end, err) || !yaml_bool(end_to_end, &out->end_to_end, err))
        return false;
    out->class = (enum service_class)found;
    return true;
}

/* By kind; of those, in the order of the file: its nodes lie in one array. */
static int by_kind(const void *a, const void *b)
{
    const struct source_entry *x = a, *y = b;

    if (x->kind != y->kind)
        return (int)x->kind - (int)y->kind;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    return (x->first_port > y->first_port) - (x->first_port < y->first_port);
}

static bool read_service(struct catalog_source *s, const struct yaml *file, struct imw_error_info *err)
{
    static const char *const keys[] = { "slug",       "name",    "vendor",    "country", "class",
                                        "end_to_end", "summary", "protocols", "domains", "not_below",
                                        "ranges",     "ports",   "agents",    "paths",   "ja4",
                                        "clients",    "risk",    NULL };
    const struct yaml_node *map = yaml_root(file);
    struct source_service *service = &s->services[s->service_count];
    uint32_t number = s->service_count + 1;

    if (!yaml_known_keys(map, keys, err) || !read_head(map, yaml_name(file), service, err))
        return false;
    service->first_entry = s->entry_count;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!read_list(s, &lists[i], number, map, err))
            return false;
    if (!read_own_ports(s, number, map, err) || !read_clients(s, number, map, err) ||
        !read_risk(s, number, map, err))
        return false;
    service->entry_count = s->entry_count - service->first_entry;
    if (service->entry_count > 0)
        qsort(s->entries + service->first_entry, service->entry_count, sizeof *s->entries, by_kind);
    s->service_count++;
    return true;
}

/* --- the folder --- */

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year, m = (month + 9) % 12; /* years that begin in March */

    return y * 365 + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1 - 719468;
}

/* "2026.11.22", or "2026.11.22.3" for the third of that day: its time is that day's midnight plus 3 seconds.
 */
static bool read_version(struct catalog_source *s, const struct yaml *file, struct imw_error_info *err)
{
    static const char *const keys[] = { "version", NULL };
    static const uint64_t most[4] = { 2999, 12, 31, 9999 };
    uint64_t part[4] = { 0 };
    const struct yaml_node *n;
    struct view rest, token;
    unsigned parts = 0;

    if (!yaml_known_keys(yaml_root(file), keys, err) || !yaml_need(yaml_root(file), "version", &n, err) ||
        !yaml_one_line(n, TEXT_BYTES, &s->version, err))
        return false;
    for (rest = s->version; rest.len > 0 && parts < 4; parts++) {
        token = view_token(&rest, '.');
        if (!view_decimal(token, most[parts], &part[parts]))
            break;
    }
    bool ends = s->version.at[s->version.len - 1] != '.';
    if (!ends || rest.len > 0 || parts < 3 || part[0] < 2000 || part[1] == 0 || part[2] == 0)
        return yaml_error(n, err,
                          "a date such as 2026.11.22, and a number if it is not the first of that day");
    s->built =
        (uint64_t)days_since_1970((int64_t)part[0], (int64_t)part[1], (int64_t)part[2]) * 86400 + part[3];
    return true;
}

static int is_yaml(const struct dirent *d)
{
    size_t len = strlen(d->d_name);

    return d->d_name[0] != '.' && len > 5 && strcmp(d->d_name + len - 5, ".yaml") == 0;
}

static int by_slug(const struct dirent **a, const struct dirent **b)
{
    size_t x = strlen((*a)->d_name) - 5, y = strlen((*b)->d_name) - 5;
    int order = memcmp((*a)->d_name, (*b)->d_name, x < y ? x : y);

    return order != 0 ? order : (x > y) - (x < y);
}

static bool read_file(struct catalog_source *s, const char *folder, const char *name,
                      struct imw_error_info *err)
{
    char path[4096];
    struct yaml *file;

    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return error_file(err, IMW_ERROR_VALUE, folder, "the path is too long");
    if (!yaml_load(path, &file, err))
        return false;
    s->files[s->file_count++] = file;
    return strcmp(name, "catalog.yaml") == 0 ? read_version(s, file, err) : read_service(s, file, err);
}

bool catalog_source_read(const char *folder, struct catalog_source *out, struct imw_error_info *err)
{
    struct dirent **names = NULL;
    bool ok = false;
    int count = scandir(folder, &names, is_yaml, by_slug);

    *out = (struct catalog_source){ .version = view_of(NULL, 0) };
    if (count < 0)
        return error_errno(err, folder);
    if (count > SERVICES) {
        error_file(err, IMW_ERROR_LIMIT, folder, "more than %d files", SERVICES);
        goto out;
    }
    out->files = calloc((size_t)count + 1, sizeof *out->files);
    out->services = calloc((size_t)count + 1, sizeof *out->services);
    if (out->files == NULL || out->services == NULL) {
        out_of_memory(err);
        goto out;
    }
    for (int i = 0; i < count; i++)
        if (!read_file(out, folder, names[i]->d_name, err))
            goto out;
    ok = out->version.len > 0 ||
         error_file(err, IMW_ERROR_FORMAT, folder, "no catalog.yaml with the version of the catalog");
out:
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
    if (!ok)
        catalog_source_free(out);
    return ok;
}

void catalog_source_free(struct catalog_source *s)
{
    for (uint32_t i = 0; i < s->file_count; i++)
        yaml_free(s->files[i]);
    while (s->texts != NULL) {
        struct source_text *next = s->texts->next;
        free(s->texts);
        s->texts = next;
    }
    free(s->files);
    free(s->services);
    free(s->entries);
    *s = (struct catalog_source){ .version = view_of(NULL, 0) };
}
