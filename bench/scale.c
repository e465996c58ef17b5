/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How cost and memory grow with the number of live flows.
 *
 *     scale FLOWS [IM-SHARE-IN-PERCENT]
 *
 * One worker gets FLOWS connections: a handshake, a TLS ClientHello with a server name (of an IM service in
 * the share given, else of none), an answer of the server. All stay open. Then data packets of connections
 * chosen at random. Prints the time of a packet in both parts, and the memory of the process.
 */
#include "engine/worker.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, BLOCK = 4096, DATA_PACKETS = 10000000, HELLO_ROOM = 256, FRAME_BYTES = 384, OPENING = 5 };

static uint64_t random_next(uint64_t *state) /* xorshift64 (Marsaglia 2003) */
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t put(uint8_t *out, size_t at, const void *bytes, size_t len)
{
    memcpy(out + at, bytes, len);
    return at + len;
}

static size_t put16(uint8_t *out, size_t at, size_t n)
{
    out[at] = (uint8_t)(n >> 8);
    out[at + 1] = (uint8_t)n;
    return at + 2;
}

/* A ClientHello (RFC 8446 section 4.1.2) that asks for `name`. Returns its length. */
static size_t hello(uint8_t *out, const char *name)
{
    static const uint8_t head[] = { 0x16, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3 };
    static const uint8_t middle[] = { 0, 0, 4, 0x13, 1, 0x13, 2, 1, 0 };
    static const uint8_t versions[] = { 0, 0x2b, 0, 3, 2, 3, 4 };
    size_t len = strlen(name), at = put(out, 0, head, sizeof head);

    memset(out + at, 7, 32);
    at = put(out, at + 32, middle, sizeof middle);
    size_t extensions = at;
    at = put16(out, at + 2, 0);
    at = put16(out, at, len + 5);
    at = put16(out, at, len + 3);
    out[at++] = 0;
    at = put16(out, at, len);
    at = put(out, at, name, len);
    at = put(out, at, versions, sizeof versions);
    put16(out, extensions, at - extensions - 2);
    put16(out, 3, at - 5);
    put16(out, 7, at - 9);
    return at;
}

/* The frame of a segment between the ends of `flow`: Ethernet, IPv4, TCP, payload. Returns its length. */
static size_t frame_of(uint8_t *out, uint64_t flow, bool from_server, uint8_t flags, uint32_t seq,
                       uint32_t ack, struct view payload)
{
    static const uint8_t head[] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0 };
    const uint8_t ends[2][4] = { { 10, (uint8_t)(flow >> 16), (uint8_t)(flow >> 8), (uint8_t)flow },
                                 { 203, 0, 113, (uint8_t)flow } };
    size_t ports[2] = { 1024 + (flow >> 24) * 7, 443 }, at = put(out, 0, head, sizeof head);

    at = put16(out, at, 40 + payload.len);
    at = put(out, at, "\0\0\0\0\x40\x06\0\0", 8);
    at = put(out, at, ends[from_server], 4);
    at = put(out, at, ends[!from_server], 4);
    at = put16(out, at, ports[from_server]);
    at = put16(out, at, ports[!from_server]);
    at = put16(out, at, seq >> 16);
    at = put16(out, at, seq);
    at = put16(out, at, ack >> 16);
    at = put16(out, at, ack);
    at = put16(out, at, 0x5000u | flags);
    at = put(out, at, "\xff\xff\0\0\0\0", 6);
    return put(out, at, payload.at, payload.len);
}

/* Packet `step` of the opening of a flow. */
static size_t opening(uint8_t *out, uint64_t flow, unsigned step, struct view hello)
{
    static const struct {
        bool from_server;
        uint8_t flags;
        uint32_t seq, ack;
    } steps[OPENING] = { { false, TCP_SYN, 99, 0 },
                         { true, TCP_SYN | TCP_ACK, 499, 100 },
                         { false, TCP_ACK, 100, 500 },
                         { false, TCP_ACK | TCP_PSH, 100, 500 },
                         { true, TCP_ACK | TCP_PSH, 500, 100 } };
    /* the server's answer: a record of application data, all that follows is encrypted */
    struct view payload = step == 3   ? hello
                          : step == 4 ? VIEW("\x17\x03\x03\x00\x10"
                                             "0123456789abcdef")
                                      : view_of("", 0);

    return frame_of(out, flow, steps[step].from_server, steps[step].flags, steps[step].seq,
                    steps[step].ack + (step == 4 ? (uint32_t)hello.len : 0), payload);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double resident_mib(void)
{
    unsigned long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (f == NULL || fscanf(f, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    if (f != NULL)
        fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

/* Frames are made in blocks, and only what is done with a block is timed. */
struct feed {
    struct worker *worker;
    struct counters counters;
    uint8_t bytes[BLOCK][FRAME_BYTES];
    struct frame frames[BLOCK];
    unsigned count;
    uint64_t time_us, total;
    double seconds;
};

static void handle_block(struct feed *f)
{
    struct packet packets[BATCH];
    uint32_t hashes[BATCH];
    double start = now_s();

    for (unsigned n = 0; n < f->count; n += BATCH) {
        unsigned ready = 0;
        for (unsigned i = n; i < n + BATCH && i < f->count; i++)
            if (decode(&f->frames[i], NULL, &f->counters, &packets[ready]) == DECODE_PACKET) {
                hashes[ready] = flow_hash(&packets[ready], 0);
                ready++;
            }
        worker_packets(f->worker, packets, hashes, ready);
    }
    f->seconds += now_s() - start;
    f->total += f->count;
    f->count = 0;
}

/* Room for the next frame; given with done(). */
static uint8_t *next(struct feed *f)
{
    if (f->count == BLOCK)
        handle_block(f);
    return f->bytes[f->count];
}

static void done(struct feed *f, size_t len)
{
    f->frames[f->count] = (struct frame){
        .time_us = f->time_us, .data = view_of(f->bytes[f->count], len), .wire_len = (uint32_t)len, .link = 1
    };
    f->count++;
}

/* Nanoseconds a packet since the last call. */
static double lap_ns(struct feed *f)
{
    handle_block(f);
    double ns = f->seconds / (double)f->total * 1e9;
    f->seconds = 0;
    f->total = 0;
    return ns;
}

int main(int argc, char **argv)
{
    uint64_t flows = argc > 1 ? strtoull(argv[1], NULL, 10) : 0, random = 88172645463325252u;
    unsigned share = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 5;
    struct engine_config config = { .workers = 1 };
    struct rules *rules;
    struct rules *_Atomic in_force;
    struct knowledge *knowledge = knowledge_new(0);
    struct imw_error_info err;
    static struct feed feed;
    uint8_t web[HELLO_ROOM], im[HELLO_ROOM];

    if (flows == 0) {
        fputs("usage: scale FLOWS [IM-SHARE-IN-PERCENT]\n", stderr);
        return 2;
    }
    if (!rules_load(NULL, NULL, NULL, &rules, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    in_force = rules;
    if (!worker_new(&config, 0, &in_force, (uint32_t)flows, knowledge, &feed.worker, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    struct view web_hello = view_of(web, hello(web, "www.example.com"));
    struct view im_hello = view_of(im, hello(im, "web.whatsapp.com"));
    feed.time_us = 1700000000000000;
    worker_begin(feed.worker, NULL);
    for (uint64_t n = 0; n < flows; n += 16) /* sixteen open at a time, one packet of each in turn */
        for (unsigned step = 0; step < OPENING; step++)
            for (uint64_t i = n; i < n + 16 && i < flows; i++) {
                uint8_t *frame = next(&feed);
                done(&feed, opening(frame, i, step, i % 100 < share ? im_hello : web_hello));
            }
    double opening_ns = lap_ns(&feed);
    double memory = resident_mib();
    for (uint64_t n = 0; n < DATA_PACKETS; n++) {
        feed.time_us += n % 100 == 0;
        uint8_t *frame = next(&feed);
        done(&feed, frame_of(frame, random_next(&random) % flows, (n & 1) != 0, TCP_ACK, 1000, 1000,
                             view_of("", 0)));
    }
    double data_ns = lap_ns(&feed);
    printf("%10llu flows  %5.0f ns a packet of their opening  %5.0f ns a packet of data  %6.0f MiB resident, "
           "%.0f bytes a flow\n",
           (unsigned long long)flows, opening_ns, data_ns, memory, memory * (1 << 20) / (double)flows);
    return 0;
}
