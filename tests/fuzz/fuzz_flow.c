/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of a worker: flow table, reassembly, inspection driver and all parsers together, without the
 * cost of captures. The input is a script of packets of four flows, of which the seeds of the parsers
 * (fuzz_parser.c) are the simple case: first byte: bit 0 UDP, bit 1 mid-stream. Then, repeated: one byte of
 * direction (bit 7) and length (bits 0 to 6; 127: two more bytes of length follow), then the bytes. Length
 * 126 is a change instead, one byte: bits 0 and 1 the flow from now on (odd ones have the other transport);
 * bit 2: the next byte is added to the sequence number of the next packet; bit 3: time passes, the square of
 * the next byte in seconds; bit 4 FIN; bit 5 RST; bit 6: the next packet was cut to the next byte; bit 7: a
 * new SYN.
 *
 * Limits are tiny, so that all of them are hit. At the end all memory of inspection must have come back.
 */
#include "base/cursor.h"
#include "engine/worker.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLOWS = 4 };

struct script {
    struct worker *worker;
    uint64_t now_us;
    unsigned flow;
    bool udp, midstream;
    uint32_t next[FLOWS][2]; /* sequence numbers */
    bool begun[FLOWS];
    uint8_t flags; /* of the next packet */
    int skew, cut; /* of the next packet; cut -1: whole */
};

static void on_flow(void *context, const struct flow_event *e)
{
    char line[EVE_LINE_BYTES];
    size_t len = eve_flow(e, line);

    (void)context;
    if (len < 2 || line[len - 1] != '\n' || line[len - 2] != '}')
        abort();
}

static void on_activity(void *context, const struct activity_event *e)
{
    char line[EVE_LINE_BYTES];

    (void)context;
    (void)eve_activity(e, line);
}

static struct packet packet_of(const struct script *s, enum flow_dir from)
{
    const uint8_t client[4] = { 10, 0, 0, (uint8_t)(1 + s->flow / 2) }, server[4] = { 192, 0, 2, 1 };
    struct ip_addr ends[2] = { ip_from_v4(client), ip_from_v4(server) };
    uint16_t ports[2] = { (uint16_t)(40000 + s->flow), 5190 };
    bool udp = s->udp != ((s->flow & 1) != 0);

    return (struct packet){ .src = ends[from],
                            .dst = ends[dir_other(from)],
                            .src_port = ports[from],
                            .dst_port = ports[dir_other(from)],
                            .l4 = udp ? L4_UDP : L4_TCP,
                            .wire_len = 60,
                            .time_us = s->now_us,
                            .payload = view_of(NULL, 0) };
}

static void give(struct script *s, const struct packet *p)
{
    uint32_t hash = flow_hash(p, 0);

    worker_packets(s->worker, p, &hash, 1);
    s->now_us += 1000;
}

static void shake_hands(struct script *s)
{
    struct packet syn = packet_of(s, FROM_CLIENT), answer = packet_of(s, FROM_SERVER);

    s->begun[s->flow] = true;
    if (syn.l4 == L4_UDP || s->midstream)
        return;
    syn.seq = s->next[s->flow][0]++;
    syn.tcp_flags = TCP_SYN;
    give(s, &syn);
    answer.seq = s->next[s->flow][1]++;
    answer.ack = s->next[s->flow][0];
    answer.tcp_flags = TCP_SYN | TCP_ACK;
    give(s, &answer);
}

static void change(struct script *s, struct cursor *c)
{
    uint8_t what = cursor_u8(c);

    s->flow = what & 3;
    if ((what & 4) != 0)
        s->skew = (int8_t)cursor_u8(c);
    if ((what & 8) != 0) {
        uint64_t seconds = cursor_u8(c);
        s->now_us += seconds * seconds * 1000000;
    }
    s->flags = (uint8_t)(((what & 16) != 0 ? TCP_FIN : 0) | ((what & 32) != 0 ? TCP_RST : 0) |
                         ((what & 128) != 0 ? TCP_SYN : 0));
    if ((what & 64) != 0)
        s->cut = cursor_u8(c);
}

static void send_payload(struct script *s, enum flow_dir from, struct view bytes)
{
    struct packet p = packet_of(s, from);
    size_t kept = s->cut >= 0 && (size_t)s->cut < bytes.len ? (size_t)s->cut : bytes.len;
    uint8_t *copy = malloc(kept > 0 ? kept : 1); /* of its own size: a read past the end is caught */

    if (copy == NULL)
        return;
    memcpy(copy, bytes.at, kept);
    p.payload = view_of(copy, kept);
    p.payload_len = (uint32_t)bytes.len;
    p.wire_len += p.payload_len;
    if (p.l4 == L4_TCP) {
        p.tcp_flags = TCP_ACK | s->flags;
        p.seq = s->next[s->flow][from] + (uint32_t)s->skew;
        p.ack = s->next[s->flow][dir_other(from)];
        s->next[s->flow][from] += p.payload_len;
    }
    give(s, &p);
    free(copy);
    s->flags = 0;
    s->skew = 0;
    s->cut = -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct engine_config config = {
        .max_inspections = 3, .all_flows = true, .flow = on_flow, .activity = on_activity
    };
    static struct knowledge *knowledge;
    static struct worker *worker;
    struct cursor c = cursor_open(view_of(data, size));
    uint8_t first = cursor_u8(&c);
    struct script s = { .now_us = 1700000000u * (uint64_t)1000000,
                        .udp = (first & 1) != 0,
                        .midstream = (first & 2) != 0,
                        .cut = -1 };

    if (worker == NULL) {
        static struct rules *_Atomic rules;
        struct rules *loaded;
        struct imw_error_info err;
        knowledge = knowledge_new(0);
        if (knowledge == NULL || !rules_load(NULL, NULL, NULL, &loaded, &err))
            abort();
        rules = loaded;
        if (!worker_new(&config, 0, &rules, 3, knowledge, &worker, &err))
            abort();
    }
    s.worker = worker;
    worker_begin(worker, "fuzz.pcap");
    for (unsigned i = 0; i < FLOWS; i++)
        s.next[i][0] = s.next[i][1] = i == 2 ? UINT32_MAX - 20 : 1000;
    while (cursor_left(&c) > 0) {
        uint8_t head = cursor_u8(&c);
        size_t n = head & 127;
        if (n == 126) {
            change(&s, &c);
            continue;
        }
        if (n == 127 && cursor_left(&c) >= 2)
            n = cursor_u16(&c);
        if (n > cursor_left(&c))
            n = cursor_left(&c);
        if (!s.begun[s.flow])
            shake_hands(&s);
        send_payload(&s, (enum flow_dir)(head >> 7), cursor_take(&c, n));
    }
    worker_end(worker, worker_now_us(worker));
    knowledge_forget(knowledge);
    if (worker_memory(worker).inspect_used != 0)
        abort();
    return 0;
}
