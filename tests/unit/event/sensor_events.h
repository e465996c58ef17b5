/* SPDX-License-Identifier: Apache-2.0 */
/* Made-up events and a folder for the files of a test. */
#pragma once
#include "../identify/rig.h"
#include "event/writer.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char folder[64], path[96], spec[128]; /* spec: "file:" path */
};

static inline struct place place_new(void)
{
    struct place p = { .folder = "/tmp/imward-events-XXXXXX" };

    assert_non_null(mkdtemp(p.folder));
    snprintf(p.path, sizeof p.path, "%s/eve.json", p.folder);
    snprintf(p.spec, sizeof p.spec, "file:%s", p.path);
    return p;
}

static inline void place_remove(const struct place *p)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", p->folder);
    assert_int_equal(system(command), 0);
}

/* Flow number `n` of a worker: its flow_id is worker * 2^32 + n. */
static inline bool put_flow(struct event_writer *w, unsigned worker, uint64_t n, const struct catalog *c,
                            const char *action)
{
    const uint8_t client[4] = { 10, 0, 0, 1 }, server[4] = { 192, 0, 2, 1 };
    struct record record = { .server_name = "chat.example", .account = "an=na|\\" };
    struct known_who who = { .host = "pc-1", .user = "a.person", .mac = { 2, 0, 0, 0, 0, 1 } };
    struct flow flow = { .first_us = 1700000000000000,
                         .service = 1,
                         .app = PROTOCOL_TLS,
                         .activities = 1 << ACTIVITY_CHAT,
                         .confidence = 100,
                         .bytes = { 100, 200 },
                         .packets = { 1, 2 } };
    struct flow_event e = { .flow = &flow,
                            .record = &record,
                            .catalog = c,
                            .flow_id = (uint64_t)worker << 32 | n,
                            .last_us = 1700000001123456,
                            .why = FLOW_END_CLOSED,
                            .verdict = { .action = action, .rule = "rule" },
                            .client = &who,
                            .worker = worker };

    flow.key.addr[0] = ip_from_v4(client);
    flow.key.addr[1] = ip_from_v4(server);
    flow.key.port[0] = 4000;
    flow.key.port[1] = 443;
    flow.key.l4 = L4_TCP;
    return event_put_flow(w, worker, &e);
}

static inline void put_flow_surely(struct event_writer *w, unsigned worker, uint64_t n,
                                   const struct catalog *c)
{
    for (unsigned tries = 0; !put_flow(w, worker, n, c, "alert"); tries++) {
        assert_true(tries < 30000);
        usleep(1000);
    }
}

/* Lines of a file that end; *out_rest: bytes behind the last end. Each must be an event. */
static inline unsigned lines_of(const char *path, unsigned *out_rest)
{
    FILE *f = fopen(path, "re");
    static char line[65536];
    unsigned n = 0;

    *out_rest = 0;
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        size_t len = strlen(line);
        if (line[len - 1] != '\n') {
            *out_rest = (unsigned)len;
            break;
        }
        if (strncmp(line, "{\"timestamp\":", 13) != 0 || strcmp(line + len - 2, "}\n") != 0)
            fail_msg("%s, line %u is no event: %.80s", path, n + 1, line);
        n++;
    }
    fclose(f);
    return n;
}
