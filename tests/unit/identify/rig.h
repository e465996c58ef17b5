/* SPDX-License-Identifier: Apache-2.0 */
/* An inspector with parsers of a test's own and a small catalog, and flows to give it packets of. */
#pragma once
#include "catalog_folder.h"
#include "identify/inspect.h"

static const char rig_chat_yaml[] =
    HEAD("chat") "protocols: [tls]\n"
                 "domains:\n"
                 "  - {names: [chat.example], role: chat}\n"
                 "  - {names: [shared.example], role: chat, shared: true}\n"
                 "ranges:\n"
                 "  - {networks: [198.51.100.0/24], role: chat}\n"
                 "  - {networks: [203.0.113.0/24], role: chat, shared: true}\n"
                 "agents:\n"
                 "  - {match: [SharedLib/], shared: true}\n";

static const char rig_other_yaml[] = HEAD("other") "domains:\n"
                                                   "  - {names: [other.example], role: chat}\n";

struct rig {
    struct inspector *in;
    struct catalog *catalog;
    struct knowledge *knowledge;
    struct counters counters;
    uint64_t now_us;
    uint32_t next[2]; /* sequence numbers of the flow at hand */
    struct flow flow;
};

static inline struct catalog *rig_catalog(void)
{
    struct folder f = folder_new();
    struct imw_error_info err = { 0 };
    struct catalog *c;

    folder_write(&f, "chat.yaml", rig_chat_yaml);
    folder_write(&f, "other.yaml", rig_other_yaml);
    if (!catalog_open(f.path, &c, &err))
        fail_msg("%s:%u %s: %s", err.file, err.line, err.key, err.text);
    folder_remove(&f);
    return c;
}

/* Another flow, by its client's port; its beginning is seen. */
static inline void rig_flow(struct rig *r, uint8_t l4, uint16_t client_port)
{
    const uint8_t client[4] = { 10, 0, 0, 1 }, server[4] = { 192, 0, 2, 1 };

    r->flow = (struct flow){ .first_us = r->now_us, .start_seq = { 1000, 5000 } };
    r->flow.key.addr[0] = ip_from_v4(client);
    r->flow.key.addr[1] = ip_from_v4(server);
    r->flow.key.port[0] = client_port;
    r->flow.key.port[1] = 5190;
    r->flow.key.l4 = l4;
    r->flow.flags = l4 == L4_TCP ? FLOW_SYN | FLOW_SYN_ACK : 0;
    r->next[0] = 1000;
    r->next[1] = 5000;
}

typedef bool rig_forbids(void *context, const struct flow *flow, const struct record *record,
                         uint64_t time_us, enum activity activity, const struct im_detail *detail);

static inline void rig_start_enforcing(struct rig *r, const struct parser *const *parsers, unsigned count,
                                       uint32_t max_inspections, rig_forbids *forbids)
{
    *r = (struct rig){ .catalog = rig_catalog(),
                       .knowledge = knowledge_new(0),
                       .now_us = 1700000000u * UINT64_C(1000000) };
    struct inspector_config config = { .parsers = parsers,
                                       .parser_count = count,
                                       .catalog = r->catalog,
                                       .knowledge = r->knowledge,
                                       .max_inspections = max_inspections,
                                       .forbids = forbids };
    struct imw_error_info err;

    assert_non_null(r->knowledge);
    assert_true(inspector_new(&config, &r->counters, &r->in, &err));
    rig_flow(r, L4_TCP, 40000);
}

static inline void rig_start(struct rig *r, const struct parser *const *parsers, unsigned count,
                             uint32_t max_inspections)
{
    rig_start_enforcing(r, parsers, count, max_inspections, NULL);
}

static inline void rig_packet(struct rig *r, enum flow_dir from, struct view bytes, uint32_t skip)
{
    uint8_t *copy =
        malloc(bytes.len > 0 ? bytes.len : 1); /* of its own size: a read past the end is caught */
    struct packet p = { .l4 = r->flow.key.l4,
                        .tcp_flags = TCP_ACK,
                        .seq = r->next[from] + skip,
                        .ack = r->next[dir_other(from)],
                        .payload_len = (uint32_t)bytes.len,
                        .time_us = r->now_us };

    assert_non_null(copy);
    memcpy(copy, bytes.at, bytes.len);
    p.payload = view_of(copy, bytes.len);
    r->flow.packets[from]++;
    r->flow.payload[from] += bytes.len;
    r->next[from] = p.seq + (uint32_t)bytes.len;
    if (r->flow.state != FLOW_SETTLED)
        inspector_packet(r->in, &r->flow, from, &p);
    r->now_us += 1000;
    free(copy);
}

static inline void client(struct rig *r, const char *text)
{
    rig_packet(r, FROM_CLIENT, view_string(text), 0);
}

static inline void server(struct rig *r, const char *text)
{
    rig_packet(r, FROM_SERVER, view_string(text), 0);
}

/* The flow ends; its record stays until rig_stop or rig_drop. */
static inline void rig_close(struct rig *r)
{
    inspector_close(r->in, &r->flow, r->now_us);
}

static inline const char *rig_service(const struct rig *r)
{
    const struct catalog_service *s = catalog_service(r->catalog, r->flow.service);

    return s != NULL ? s->slug : "-";
}

/* Ends the flow at hand. All memory must have come back. */
static inline void rig_stop(struct rig *r)
{
    rig_close(r);
    inspector_drop_record(r->in, &r->flow);
    assert_int_equal(inspector_used(r->in), 0);
    inspector_free(r->in);
    knowledge_free(r->knowledge);
    catalog_close(r->catalog);
}
