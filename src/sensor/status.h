/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a running sensor at one moment: what `imward status` shows, /metrics and /healthz tell and the
 * control socket answers. sensor.c fills it; metrics.c, control.c and cli/status.c give it forms.
 */
#pragma once
#include "enforce/endpoints.h"
#include "engine/engine.h"
#include "event/writer.h"
#include "packet/live.h"
#include "sensor/radius.h"

struct sensor_worker_status {
    int cpu;                 /* pinned to; -1: not */
    uint64_t packets, flows; /* so far */
};

struct sensor_status {
    char version[16];
    int pid;
    uint64_t started_us, now_us;
    char interface[16];
    const char *method; /* "af_packet", "af_xdp", "nfqueue" */
    const char *state;  /* "up", "down", "gone" */
    char bypass[128];   /* "on", "off", or why not */
    /* "gateway, fail-open", "gateway, fail-closed", "resets", "resets, dry run"; empty: nothing is enforced
     */
    char enforcement[32];
    unsigned worker_count;
    struct sensor_worker_status workers[ENGINE_WORKERS_MAX];
    struct counters counters; /* of all workers */
    struct live_counters live;
    struct engine_memory memory;
    uint32_t flows_live;
    uint64_t resident_bytes;
    struct pipeline_status content;
    struct decisions decided;
    char catalog_version[32], catalog_path[256];   /* path empty: built in */
    uint64_t catalog_built_s;                      /* since 1970 */
    char policy_path[256];                         /* empty: none */
    uint64_t reloads, reloads_failed, reloaded_us; /* reloads: that worked; reloaded_us: the last of them */
    char reload_error[512];                        /* of the last that failed; empty once one worked */
    struct event_writer_status events;
    struct radius_counters radius;
    struct endpoints_counters endpoints; /* addresses that the kernel drops by itself */
    struct sandbox_status {
        char user[64];         /* that both processes run as */
        bool seccomp;          /* the list of system calls holds */
        uint32_t landlock;     /* its version; 0: files are guarded by their permissions alone */
        uint64_t capabilities; /* of the sensor's process: none */
    } sandbox;
    struct { /* filled by control.c and metrics.c themselves */
        uint64_t requests, malformed, refused, slow, scrapes;
    } control;
};
