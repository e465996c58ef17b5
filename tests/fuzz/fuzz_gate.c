/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the gate: a worker with a gate, and a queue of our own in the place of the kernel's. The
 * input is a script of packets of four flows, of which the seeds of the parsers (fuzz_parser.c) are the
 * simple case: first byte: bit 0 UDP, bit 1 mid-stream, bit 2 fail open. Then, repeated: one byte of
 * direction (bit 7) and length (bits 0 to 6; 127: two more bytes of length follow), then the bytes. Length
 * 126 is a change instead, one byte: bits 0 and 1 the flow from now on (odd ones have the other transport);
 * bit 2: the next byte is added to the sequence number of the next packet; bit 3: time passes, the square of
 * the next byte in milliseconds; bit 4 FIN; bit 5 RST; bit 6 URG; bit 7: a new SYN.
 *
 * Each packet has one verdict, none two, and all have one at the end; what goes on in the place of a packet
 * is a packet with right checksums.
 */
#include "base/cursor.h"
#include "engine/worker.h"
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLOWS = 4, PACKETS = 4096, HEADERS = 40, LINK_RAW_IP = 101 };

struct queue {
    uint8_t verdicts[PACKETS]; /* by id */
};

struct script {
    struct worker *worker;
    uint64_t now_us;
    uint32_t id;
    unsigned flow;
    bool udp, midstream;
    uint32_t next[FLOWS][2]; /* sequence numbers */
    bool begun[FLOWS];
    uint8_t flags; /* of the next packet */
    int skew;
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static uint32_t words(uint32_t n, struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        n += i % 2 == 0 ? (uint32_t)v.at[i] << 8 : v.at[i];
    while (n > 0xffff)
        n = (n >> 16) + (n & 0xffff);
    return n;
}

static uint32_t words_of_l4(struct view ip)
{
    return words(words(ip.at[9] + (uint32_t)(ip.len - 20), view_slice(ip, 12, 20)), view_from(ip, 20));
}

/* ---- the queue ---- */

static void give_verdict(struct queue *q, uint32_t id)
{
    must(id > 0 && id < PACKETS && q->verdicts[id] == 1);
    q->verdicts[id] = 2;
}

void queue_accept(struct queue *q, uint32_t id, uint32_t mark)
{
    (void)mark;
    give_verdict(q, id);
}

void queue_drop(struct queue *q, uint32_t id)
{
    give_verdict(q, id);
}

void queue_replace(struct queue *q, uint32_t id, uint32_t mark, struct view packet)
{
    (void)mark;
    give_verdict(q, id);
    must(packet.len >= HEADERS - 12 && packet.at[0] == 0x45 && view_u16(packet, 2) == packet.len);
    must(words(0, view_slice(packet, 0, 20)) == 0xffff && words_of_l4(packet) == 0xffff);
}

void queue_flush(struct queue *q)
{
    (void)q;
}

/* ---- packets ---- */

static void put16(uint8_t *at, uint32_t n)
{
    at[0] = (uint8_t)(n >> 8);
    at[1] = (uint8_t)n;
}

static void put32(uint8_t *at, uint32_t n)
{
    put16(at, n >> 16);
    put16(at + 2, n & 0xffff);
}

static bool is_udp(const struct script *s)
{
    return s->udp != ((s->flow & 1) != 0);
}

static void give(struct script *s, struct queue *q, enum flow_dir from, uint32_t seq, uint8_t flags,
                 struct view bytes)
{
    const uint8_t ends[2][4] = { { 10, 0, 0, (uint8_t)(1 + s->flow / 2) }, { 192, 0, 2, 1 } };
    const uint16_t ports[2] = { (uint16_t)(40000 + s->flow), is_udp(s) ? 53 : 6667 };
    size_t header = is_udp(s) ? 28 : 40, len = header + bytes.len;

    if (len > UINT16_MAX || s->id + 1 >= PACKETS)
        return;
    uint8_t *ip = calloc(1, len); /* of its own size: a read past the end is caught */
    must(ip != NULL);
    ip[0] = 0x45;
    put16(ip + 2, (uint32_t)len);
    ip[8] = 64;
    ip[9] = is_udp(s) ? L4_UDP : L4_TCP;
    memcpy(ip + 12, ends[from], 4);
    memcpy(ip + 16, ends[dir_other(from)], 4);
    put16(ip + 10, ~words(0, view_of(ip, 20)) & 0xffff);
    put16(ip + 20, ports[from]);
    put16(ip + 22, ports[dir_other(from)]);
    memcpy(ip + header, bytes.at, bytes.len);
    if (is_udp(s)) {
        put16(ip + 24, (uint32_t)(8 + bytes.len));
    } else {
        put32(ip + 24, seq);
        put32(ip + 28, s->next[s->flow][dir_other(from)]);
        ip[32] = 0x50;
        ip[33] = flags;
        put16(ip + 34, 64000);
    }
    put16(ip + (is_udp(s) ? 26 : 36), ~words_of_l4(view_of(ip, len)) & 0xffff);
    struct queued packet = { .id = ++s->id,
                             .frame = { .time_us = s->now_us,
                                        .wire_len = (uint32_t)len,
                                        .link = LINK_RAW_IP,
                                        .data = view_of(ip, len) } };
    q->verdicts[packet.id] = 1;
    worker_queue(s->worker, NULL, &packet, 1);
    free(ip);
    s->now_us += 1000;
    (void)worker_tend(s->worker, s->now_us);
}

static void shake_hands(struct script *s, struct queue *q)
{
    const struct view none = view_of("", 0);
    uint32_t *next = s->next[s->flow];

    s->begun[s->flow] = true;
    if (is_udp(s) || s->midstream)
        return;
    next[0]++;
    give(s, q, FROM_CLIENT, next[0] - 1, TCP_SYN, none);
    next[1]++;
    give(s, q, FROM_SERVER, next[1] - 1, TCP_SYN | TCP_ACK, none);
}

static void change(struct script *s, struct cursor *c)
{
    uint8_t what = cursor_u8(c);

    s->flow = what & 3;
    if ((what & 4) != 0)
        s->skew = (int8_t)cursor_u8(c);
    if ((what & 8) != 0) {
        uint64_t root = cursor_u8(c);
        s->now_us += root * root * 1000;
    }
    s->flags = (uint8_t)(((what & 16) != 0 ? TCP_FIN : 0) | ((what & 32) != 0 ? TCP_RST : 0) |
                         ((what & 64) != 0 ? TCP_URG : 0) | ((what & 128) != 0 ? TCP_SYN : 0));
}

static void on_enforced(void *context, const struct enforced_event *e)
{
    (void)context;
    must(e->where != NULL && e->verdict.enforced != ENFORCED_NONE);
}

static struct rules *rules_made(void)
{
    static const char policy[] = "version: 1\nedition: \"2026-11\"\ndefault: alert\nrules:\n"
                                 "  - {name: a, match: {protocol: irc, activity: chat}, action: block}\n"
                                 "  - {name: b, match: {class: im, activity: file}, action: block}\n"
                                 "  - {name: c, match: {service: whatsapp}, action: block}\n"
                                 "  - {name: d, match: {protocol: oscar}, action: allow, throttle: 1KiB}\n";
    char path[] = "/tmp/imward-fuzz-gate.XXXXXX";
    int fd = mkstemp(path);
    struct imw_error_info err;
    struct rules *out;

    must(fd >= 0 && write(fd, policy, sizeof policy - 1) == (ssize_t)sizeof policy - 1);
    close(fd);
    must(rules_load(NULL, path, NULL, &out, &err));
    unlink(path);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct engine_config config = { .max_inspections = 3, .inline_ = true, .enforced = on_enforced };
    static struct rules *_Atomic rules;
    static struct knowledge *knowledge;
    static struct worker *worker;
    static struct queue queue;
    struct imw_error_info err;
    struct cursor c = cursor_open(view_of(data, size));
    uint8_t first = cursor_u8(&c);
    struct script s = { .now_us = 1700000000u * (uint64_t)1000000,
                        .udp = (first & 1) != 0,
                        .midstream = (first & 2) != 0 };
    struct gate_config gate = { .queue = &queue, .generation = 1, .fail_open = (first & 4) != 0 };

    if (worker == NULL) {
        knowledge = knowledge_new(0);
        must(knowledge != NULL);
        rules = rules_made();
        must(worker_new(&config, 0, &rules, 3, knowledge, &worker, &err));
    }
    s.worker = worker;
    memset(&queue, 0, sizeof queue);
    must(worker_guard(worker, &gate, &err));
    worker_begin(worker, NULL);
    for (unsigned i = 0; i < FLOWS; i++)
        s.next[i][0] = s.next[i][1] = i == 2 ? UINT32_MAX - 20 : 1000;
    while (cursor_left(&c) > 0) {
        uint8_t head = cursor_u8(&c);
        enum flow_dir from = (enum flow_dir)(head >> 7);
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
            shake_hands(&s, &queue);
        give(&s, &queue, from, s.next[s.flow][from] + (uint32_t)s.skew, TCP_ACK | s.flags,
             cursor_take(&c, n));
        s.next[s.flow][from] += (uint32_t)n;
        s.flags = 0;
        s.skew = 0;
    }
    worker_end(worker, worker_now_us(worker));
    must(worker_guard(worker, NULL, &err)); /* what it holds has its verdict now */
    for (unsigned i = 1; i <= s.id; i++)
        must(queue.verdicts[i] == 2);
    knowledge_forget(knowledge);
    must(worker_memory(worker).inspect_used == 0);
    return 0;
}
