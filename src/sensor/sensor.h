/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sensor of `imward watch`: two processes, split by privilege.
 *
 *     opener   (opener.c)  started by the user or systemd. Opens sockets, maps and programs of the kernel
 *                          (packet/live.h), hands the descriptors over, and from then on only waits: for
 *                          signals, which it forwards, for a request to open again, for the sensor's end.
 *                          It reads no packet.
 *     sensor   (sensor.c)  reads packets, parses, writes events, answers. It has no capability, a list of
 *                          system calls, and of the file system only what it needs (sandbox.c).
 *
 * They speak over a socket pair (channel.c). If either dies, so does the other.
 *
 * `imward gateway` is the same, but that packets come out of queues of the kernel's and wait for a verdict
 * (engine/gate.h). The kernel asks for CAP_NET_ADMIN with every verdict, so its sensor keeps that; and its
 * opener stays root, to change rules (gatekeeper.h). The opener still reads no packet.
 */
#pragma once
#include "sensor/control.h"
#include "sensor/gatekeeper.h"

struct sensor_config {
    struct live_config live;
    int cpus[LIVE_WORKERS];                        /* that each worker is pinned to; -1: to none */
    const char *catalog;                           /* NULL: the built-in one */
    const char *overrides;                         /* of the catalog; NULL: none */
    const char *policy;                            /* NULL: none */
    const char *spool;                             /* directory of files under way; NULL: $TMPDIR or /tmp */
    const char *who;                               /* file of who is at which address; NULL: none */
    const char *control;                           /* path of the control socket; NULL: none */
    const char *metrics, *radius, *radius_secrets; /* NULL: none */
    const char *user;                              /* to become; NULL: "imward" where it exists */
    const char *outputs[OUTPUTS_MAX];
    unsigned output_count;
    uint64_t rotate_bytes;
    uint32_t rotate_s, rotate_keep;
    uint32_t max_flows, stats_interval_s;
    uint32_t duration_s; /* 0: until it is stopped */
    bool all_flows;
    bool stats;   /* all counters on standard output at the end */
    bool sandbox; /* false: neither system calls nor files are restricted */
    struct guard_config guard;
};

/* Run until stopped, as both processes. Errors are printed. Returns the exit status: 0 or 1. */
int sensor_watch(const struct sensor_config *config);

/* The unprivileged one, over its end of the channel; returns its exit status. */
int sensor_run(const struct sensor_config *config, int channel);
