/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector: sensors connect over mutual TLS and send batches of events (event/collector_wire.h), which
 * are stored and then acknowledged.
 *
 *     collector.c        one thread: connections, TLS, frames; nothing in it waits for the database
 *     collector_store.c  one thread: takes batches out of a bounded queue, stores many in one transaction,
 * and says then what is on disk collector_role.c   the role of `imward serve`
 *
 * When the queue is full nothing more is read, so that TCP makes the sensors wait, who keep what they have.
 */
#pragma once
#include "console/role.h"

struct collector_config {
    int listener;                 /* bound and listening, does not block */
    int signals;                  /* readable: it is to end; -1: none */
    const char *database;         /* URL */
    const char *ca, *own;         /* PEM: the authority's certificate; the collector's with its key */
    struct changes *changes;      /* may be NULL */
    void (*alive)(void *context); /* at least once a second; may be NULL */
    void *context;
};

/* Runs until `signals` is readable. `confine` (may be NULL) is called once all files are read, before any
 * thread and any byte of a sensor. False: err says why it could not begin. */
bool collector_run(const struct collector_config *config,
                   bool (*confine)(void *context, struct imw_error_info *err),
                   struct imw_error_info *err) IMW_MUST_USE;
