/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of offers made void: the inspection driver with all parsers, where everything is forbidden. The
 * input is a script of packets of one flow, of which the seeds of the parsers (fuzz_parser.c) are the simple
 * case: first byte: bit 0 UDP, bit 1 mid-stream. Then, repeated: one byte of direction (bit 7) and length
 * (bits 0 to 6; 127: two more bytes of length follow), then the bytes. Length 126 moves the sequence number
 * of the next packet by the signed byte that follows.
 *
 * What is to be overwritten lies in the packet, and at the end all memory of inspection must have come back.
 */
#include "base/cursor.h"
#include "identify/inspect.h"
#include "im/registry.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool good)
{
    if (!good)
        abort();
}

static bool forbids(void *context, const struct flow *flow, const struct record *record, uint64_t time_us,
                    enum activity activity, const struct im_detail *detail)
{
    (void)context;
    (void)time_us;
    need(flow->service != 0 && record != NULL && activity < ACTIVITY_COUNT);
    return detail == NULL || detail->size % 8 != 7; /* now and then not */
}

static struct inspector *inspector_made(struct catalog **out_catalog)
{
    static struct counters counters;
    struct imw_error_info err;
    struct inspector *in = NULL;
    struct inspector_config config = { .forbids = forbids, .max_inspections = 8, .max_records = 8 };

    config.parsers = parsers_all(&config.parser_count);
    config.knowledge = knowledge_new(0);
    need(config.knowledge != NULL && catalog_builtin(out_catalog, &err));
    config.catalog = *out_catalog;
    need(inspector_new(&config, &counters, &in, &err));
    return in;
}

/* A packet in memory of its own size. */
static void give(struct inspector *in, struct flow *f, enum flow_dir from, uint32_t seq, uint32_t ack,
                 struct view bytes, uint64_t now_us)
{
    uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);
    struct packet p = { .l4 = f->key.l4,
                        .tcp_flags = TCP_ACK,
                        .seq = seq,
                        .ack = ack,
                        .payload_len = (uint32_t)bytes.len,
                        .time_us = now_us };

    need(copy != NULL);
    memcpy(copy, bytes.at, bytes.len);
    p.payload = view_of(copy, bytes.len);
    inspector_packet(in, f, from, &p);
    const struct inspect_outcome *out = inspector_outcome(in);
    need(out->spoil_count <= OUTCOME_SPOILS);
    for (unsigned i = 0; i < out->spoil_count; i++)
        need(out->spoils[i].count > 0 && out->spoils[i].offset < bytes.len &&
             out->spoils[i].count <= bytes.len - out->spoils[i].offset);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct catalog *catalog;
    static struct inspector *in;
    struct cursor c = cursor_open(view_of(data, size));
    uint64_t now_us = UINT64_C(1700000000000000);
    uint32_t next[2] = { 1000, 5000 };
    uint8_t first = cursor_u8(&c);
    struct flow f = { .first_us = now_us, .start_seq = { next[0], next[1] } };

    if (in == NULL)
        in = inspector_made(&catalog);
    f.key.addr[0] = ip_from_v4((const uint8_t[]){ 10, 0, 0, 1 });
    f.key.addr[1] = ip_from_v4((const uint8_t[]){ 192, 0, 2, 1 });
    f.key.port[0] = 40000;
    f.key.port[1] = 5190;
    f.key.l4 = (first & 1) != 0 ? L4_UDP : L4_TCP;
    f.flags = f.key.l4 == L4_UDP ? 0 : (first & 2) != 0 ? FLOW_MIDSTREAM : FLOW_SYN | FLOW_SYN_ACK;
    while (cursor_left(&c) > 0 && f.state != FLOW_SETTLED) {
        uint8_t head = cursor_u8(&c);
        enum flow_dir from = head >> 7 != 0 ? FROM_SERVER : FROM_CLIENT;
        size_t len = head & 127;
        if (len == 126) {
            next[from] += (uint32_t)(int8_t)cursor_u8(&c);
            continue;
        }
        len = len == 127 ? cursor_u16(&c) : len;
        struct view bytes = cursor_take(&c, len < cursor_left(&c) ? len : cursor_left(&c));
        give(in, &f, from, next[from], next[dir_other(from)], bytes, now_us += 1000);
        next[from] += (uint32_t)bytes.len;
    }
    inspector_close(in, &f, now_us);
    inspector_drop_record(in, &f);
    need(inspector_used(in) == 0);
    return 0;
}
