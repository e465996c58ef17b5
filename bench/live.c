/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live capture and nothing behind it, and a sender that is faster than tcpreplay: what the capture itself can
 * do.
 *
 *     live read [-x] [-b] [-w WORKERS] [-m RING_MIB] INTERFACE    until a second without a frame; says
 * "ready" first live send INTERFACE CAPTURE SECONDS                        the frames of a capture again and
 * again
 *
 * `read` prints what the workers read, what the kernel counted, and the rate from the first to the last
 * frame; -x AF_XDP, -b with the bypass' filter (nothing is bypassed, each frame is looked up).
 *
 *     cc -std=c17 -D_GNU_SOURCE -O2 -Isrc bench/live.c build/src/libimward_rooms.a -lbpf -lpthread ...
 */
#include "packet/live.h"
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, QUIET_MS = 1000, FRAMES_MOST = 1 << 16 };

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct reader {
    struct live *live;
    unsigned worker;
    pthread_t thread;
    uint64_t frames, bytes, batches, sum;
    double first, last, busy;
};

/* Each worker: read, touch the first bytes of each frame, go on. Quiet counts from the first frame of any. */
static void *reader_run(void *at)
{
    struct reader *r = at;
    struct frame frames[BATCH];
    unsigned n;
    int quiet_ms = 0;

    for (int step = 100; quiet_ms < (r->frames > 0 ? QUIET_MS : 10 * QUIET_MS);) {
        enum live_answer answer = live_read(r->live, r->worker, frames, BATCH, step, &n);
        if (answer == LIVE_GONE)
            break;
        if (answer != LIVE_FRAMES) {
            quiet_ms += step;
            continue;
        }
        quiet_ms = 0;
        r->last = seconds();
        if (r->frames == 0)
            r->first = r->last;
        for (unsigned i = 0; i < n; i++) {
            r->bytes += frames[i].data.len;
            r->sum += frames[i].data.len > 23 ? frames[i].data.at[23] : 0;
        }
        r->frames += n;
        r->batches++;
    }
    struct timespec cpu;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    r->busy = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
    return NULL;
}

static int read_all(const struct live_config *config)
{
    static struct reader readers[LIVE_WORKERS];
    struct imw_error_info err;
    struct live_grant grant;
    struct live_counters c;
    struct live *live;
    uint64_t frames = 0, bytes = 0;
    double first = 0, last = 0, busy = 0;

    if (!live_grant_open(config, &grant, &err) || !live_new(config, &grant, &live, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    fprintf(stderr, "ready%s%s\n", grant.note[0] != '\0' ? ": " : "", grant.note);
    for (unsigned i = 0; i < config->workers; i++) {
        readers[i] = (struct reader){ .live = live, .worker = i };
        if (pthread_create(&readers[i].thread, NULL, reader_run, &readers[i]) != 0)
            return 1;
    }
    for (unsigned i = 0; i < config->workers; i++) {
        pthread_join(readers[i].thread, NULL);
        frames += readers[i].frames;
        bytes += readers[i].bytes;
        busy += readers[i].busy;
        if (readers[i].frames > 0 && (first == 0 || readers[i].first < first))
            first = readers[i].first;
        last = readers[i].last > last ? readers[i].last : last;
    }
    live_counters(live, &c);
    printf(
        "read=%llu received=%llu dropped=%llu freezes=%llu bytes=%llu seconds=%.3f pps=%.0f cpu_ns_a_frame=%.0f\n",
        (unsigned long long)frames, (unsigned long long)c.received, (unsigned long long)c.dropped,
        (unsigned long long)c.freezes, (unsigned long long)bytes, last - first,
        last > first ? (double)frames / (last - first) : 0, frames > 0 ? busy * 1e9 / (double)frames : 0);
    live_free(live);
    return 0;
}

static int send_all(const char *interface, const char *path, double limit)
{
    static struct frame frames[FRAMES_MOST];
    static struct mmsghdr messages[FRAMES_MOST];
    static struct iovec bytes[FRAMES_MOST];
    struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface) };
    int fd = socket(AF_PACKET, SOCK_RAW, 0), yes = 1;
    struct imw_error_info err;
    struct capture *c;
    uint64_t sent = 0;
    unsigned n, total = 0;

    if (!capture_open(path, &c, &err) || !capture_is_stable(c)) {
        fprintf(stderr, "%s: a plain capture is needed\n", path);
        return 1;
    }
    if (fd < 0 || bind(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        perror(interface);
        return 1;
    }
    (void)setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes);
    while (total < FRAMES_MOST && (n = capture_read(c, frames + total, FRAMES_MOST - total)) > 0)
        total += n;
    for (unsigned i = 0; i < total; i++) {
        bytes[i] = (struct iovec){ (void *)frames[i].data.at, frames[i].data.len };
        messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &bytes[i], .msg_iovlen = 1 } };
    }
    double start = seconds(), now = start;
    for (unsigned at = 0; total > 0 && now - start < limit; now = seconds()) {
        int did = sendmmsg(fd, messages + at, total - at < 256 ? total - at : 256, 0);
        if (did < 0)
            did = 0, at++; /* longer than the interface takes, or its queue is full */
        sent += (unsigned)did;
        at += (unsigned)did;
        at = at >= total ? 0 : at;
    }
    printf("sent=%llu seconds=%.3f pps=%.0f\n", (unsigned long long)sent, now - start,
           (double)sent / (now - start));
    capture_close(c);
    return 0;
}

int main(int argc, char **argv)
{
    struct live_config config = { .workers = 1, .promiscuous = true };

    if (argc == 5 && strcmp(argv[1], "send") == 0)
        return send_all(argv[2], argv[3], atof(argv[4]));
    argv++, argc--;
    for (int option; (option = getopt(argc, argv, "xbw:m:")) != -1;)
        switch (option) {
        case 'x': config.method = LIVE_XDP; break;
        case 'b': config.bypass = true; break;
        case 'w': config.workers = (unsigned)atoi(optarg); break;
        case 'm': config.ring_mib = (uint32_t)atoi(optarg); break;
        default: return 2;
        }
    if (optind + 1 != argc)
        return 2;
    snprintf(config.interface, sizeof config.interface, "%s", argv[optind]);
    return read_all(&config);
}
