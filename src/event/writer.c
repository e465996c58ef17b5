/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer: one ring a worker, one for counters, one for files and alerts, one thread. A round takes up to
 * BATCH records from each ring in turn, makes text of each in the forms that the outputs want, gives it to
 * all outputs, and then tells them the time. When nothing was there it sleeps for some milliseconds, or until
 * an output can go on: nobody ever has to wake it.
 *
 * The thread's counts are its own; it publishes them under a lock now and then, for event_writer_status().
 */
#include "event/writer.h"
#include "base/hash.h"
#include "base/thread.h"
#include "event/output.h"
#include "event/ring.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    RING_MIB = 16,
    STATS_RING_BYTES = 64 * 1024,
    CONTENT_RING_BYTES = 4 << 20, /* some 250 files, or 400 alerts */
    OTHER_RINGS = 2,              /* behind those of the workers: counters, content */
    BATCH = 256,
    IDLE_MS = 5,
    PUBLISH_MS = 50,
    STOP_MS = 2000, /* for outputs to pass on what they keep */
    POLL_MAX = 64,
    SLOTS = 4 * TOP_SERVICES, /* of the index of services */
};

struct event_writer {
    unsigned workers;
    struct ring *rings; /* of the workers, then that of counters and that of content */
    unsigned ring_count;
    struct output *outputs[OUTPUTS_MAX];
    unsigned output_count;
    bool wanted[FORM_COUNT]; /* by some output */
    char sensor[65];
    pthread_t thread;
    bool running;
    _Atomic bool stopping, reopen;

    /* the thread's own */
    struct event_writer_status counts;
    uint16_t slot[SLOTS]; /* index in counts.services + 1, 0: free */
    uint64_t published_ms;
    char text[FORM_COUNT][EVE_LINE_BYTES];

    pthread_mutex_t lock;
    struct event_writer_status published;
};

/* ---- counting ---- */

/* The line of a service, made at its first flow; -1: all lines are taken. */
static int service_line(struct event_writer *w, const char *slug)
{
    uint64_t at = hash_bytes(view_string(slug), 0);

    for (;; at++) {
        uint16_t n = w->slot[at % SLOTS];
        if (n > 0 && strcmp(w->counts.services[n - 1].slug, slug) == 0)
            return n - 1;
        if (n > 0)
            continue;
        if (w->counts.service_count == TOP_SERVICES)
            return -1;
        struct text name = TEXT(w->counts.services[w->counts.service_count].slug);
        text_string(&name, slug);
        w->slot[at % SLOTS] = (uint16_t)(w->counts.service_count + 1);
        return (int)w->counts.service_count++;
    }
}

static void count_flow(struct event_writer *w, const struct flow_event *e)
{
    const struct catalog_service *s =
        e->flow->service != 0 ? catalog_service(e->catalog, e->flow->service) : NULL;
    int i = s != NULL ? service_line(w, s->slug) : -1;

    if (i < 0)
        return;
    w->counts.services[i].flows++;
    w->counts.services[i].bytes += e->flow->bytes[0] + e->flow->bytes[1];
    w->counts.services[i].blocked += strcmp(e->verdict.action, "block") == 0;
    w->counts.services[i].alerted += strcmp(e->verdict.action, "alert") == 0;
}

static void publish(struct event_writer *w)
{
    w->counts.bytes = 0;
    for (unsigned i = 0; i < w->output_count; i++) {
        const struct output *o = w->outputs[i];
        w->counts.outputs[i].up = o->up;
        w->counts.outputs[i].written = o->written;
        w->counts.outputs[i].lost = o->lost;
        w->counts.outputs[i].certificate_end_s = o->certificate_end_s;
        memcpy(w->counts.outputs[i].error, o->error, sizeof o->error);
        w->counts.bytes += o->bytes;
    }
    pthread_mutex_lock(&w->lock);
    w->published = w->counts;
    pthread_mutex_unlock(&w->lock);
}

void event_writer_status(struct event_writer *w, struct event_writer_status *out)
{
    pthread_mutex_lock(&w->lock);
    *out = w->published;
    pthread_mutex_unlock(&w->lock);
    out->lost = 0;
    for (unsigned i = 0; i < w->ring_count; i++)
        out->lost += ring_lost(&w->rings[i]);
}

/* ---- text ---- */

/* RFC 5424 section 6.2.1. Alerts: error, warning, notice, by their own. Warning for what the policy blocks
 * and for infected files, notice for what it alerts to or has scanned and for files without a verdict,
 * informational for all else. */
static unsigned severity(const struct event *e)
{
    static const unsigned of_alert[] = { [SEVERITY_HIGH] = 3, [SEVERITY_MEDIUM] = 4, [SEVERITY_LOW] = 5 };

    if (e->type == PACKED_ALERT)
        return of_alert[e->raised.severity];
    if (e->type == PACKED_ENFORCED)
        return e->enforced.verdict.enforced == ENFORCED_FAILED ? 3
               : enforced_stops(e->enforced.verdict.enforced)  ? 4
                                                               : 5;
    if (e->type == PACKED_FILE && e->carried.scan != NULL && e->carried.scan->state != SCAN_CLEAN)
        return e->carried.scan->state == SCAN_INFECTED ? 4 : 5;
    if (e->type != PACKED_FLOW || e->flow.flow->service == 0 || strcmp(e->flow.verdict.action, "allow") == 0)
        return 6;
    return strcmp(e->flow.verdict.action, "block") == 0 ? 4 : 5;
}

static size_t eve(const struct event *e, char *out)
{
    if (e->type == PACKED_FLOW)
        return eve_flow(&e->flow, out);
    if (e->type == PACKED_ACTIVITY)
        return eve_activity(&e->activity, out);
    if (e->type == PACKED_ENFORCED)
        return eve_enforced(&e->enforced, out);
    if (e->type == PACKED_FILE)
        return eve_file(&e->file, out);
    if (e->type == PACKED_ALERT)
        return eve_alert(&e->alert, out);
    return eve_stats(e->stats.counters, NULL, 0, e->stats.time_us, out);
}

static uint64_t time_of(const struct event *e)
{
    switch (e->type) {
    case PACKED_FLOW: return e->flow.last_us;
    case PACKED_ACTIVITY: return e->activity.time_us;
    case PACKED_STATS: return e->stats.time_us;
    case PACKED_ENFORCED: return e->where.time_us;
    case PACKED_FILE:
    case PACKED_ALERT: break;
    }
    return e->scene.time_us;
}

static void write_event(struct event_writer *w, const void *record)
{
    static const char *const types[] = {
        [PACKED_FLOW] = "flow",     [PACKED_ACTIVITY] = "im", [PACKED_STATS] = "stats",
        [PACKED_FILE] = "fileinfo", [PACKED_ALERT] = "alert", [PACKED_ENFORCED] = "alert",
    };
    struct event e;
    struct message m = { 0 };

    unpack(record, &e);
    m.type = types[e.type];
    m.time_us = time_of(&e);
    m.severity = severity(&e);
    if (w->wanted[FORM_EVE])
        m.form[FORM_EVE] = view_of(w->text[FORM_EVE], eve(&e, w->text[FORM_EVE]));
    if (w->wanted[FORM_CEF])
        m.form[FORM_CEF] = view_of(w->text[FORM_CEF], siem_cef(&e, w->sensor, w->text[FORM_CEF]));
    if (w->wanted[FORM_LEEF])
        m.form[FORM_LEEF] = view_of(w->text[FORM_LEEF], siem_leef(&e, w->sensor, w->text[FORM_LEEF]));
    if (e.type == PACKED_FLOW)
        count_flow(w, &e.flow);
    w->counts.files += e.type == PACKED_FILE;
    w->counts.alerts += e.type == PACKED_ALERT;
    w->counts.stopped += e.type == PACKED_ENFORCED && enforced_stops(e.enforced.verdict.enforced);
    for (unsigned i = 0; i < w->output_count; i++)
        if (m.form[w->outputs[i]->form].len > 0)
            w->outputs[i]->methods->take(w->outputs[i], &m);
    w->counts.written++;
}

/* ---- the thread ---- */

static unsigned round_of(struct event_writer *w)
{
    unsigned all = 0;

    for (unsigned i = 0; i < w->ring_count; i++) {
        const void *record;
        unsigned n = 0;
        while (n < BATCH && (record = ring_next(&w->rings[i])) != NULL) {
            write_event(w, record);
            n++;
        }
        if (n > 0)
            ring_release(&w->rings[i]);
        all += n;
    }
    return all;
}

static void tick(struct event_writer *w, bool idle)
{
    uint64_t now_ms = clock_ms();

    if (atomic_exchange_explicit(&w->reopen, false, memory_order_relaxed))
        for (unsigned i = 0; i < w->output_count; i++)
            w->outputs[i]->methods->reopen(w->outputs[i]);
    for (unsigned i = 0; i < w->output_count; i++)
        w->outputs[i]->methods->tick(w->outputs[i], now_ms, idle);
    if (now_ms - w->published_ms >= PUBLISH_MS) {
        w->published_ms = now_ms;
        publish(w);
    }
}

/* Sleep until an output can go on, a few milliseconds at most. Returns what outputs wait for. */
static unsigned rest(struct event_writer *w)
{
    struct pollfd fds[POLL_MAX];
    unsigned n = 0;

    for (unsigned i = 0; i < w->output_count; i++)
        n += w->outputs[i]->methods->wants(w->outputs[i], fds + n, POLL_MAX - n);
    poll(fds, n, IDLE_MS);
    return n;
}

static void *run(void *context)
{
    struct event_writer *w = context;

    for (;;) {
        bool stopping = atomic_load_explicit(&w->stopping, memory_order_acquire);
        unsigned n = round_of(w);
        tick(w, n == 0);
        if (n == 0 && stopping)
            break;
        if (n == 0)
            rest(w);
    }
    for (uint64_t until = clock_ms() + STOP_MS; clock_ms() < until && rest(w) > 0;)
        tick(w, true);
    for (unsigned i = 0; i < w->output_count; i++)
        w->outputs[i]->methods->finish(w->outputs[i]);
    publish(w);
    return NULL;
}

/* ---- life ---- */

bool event_writer_new(const struct event_writer_config *config, struct event_writer **out,
                      struct imw_error_info *err)
{
    struct event_writer *w =
        aligned_alloc(CACHE_LINE, (sizeof *w + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
    size_t ring_bytes = (size_t)(config->ring_mib > 0 ? config->ring_mib : RING_MIB) << 20;

    if (w == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the writer of events");
    memset(w, 0, sizeof *w);
    w->workers = config->workers;
    pthread_mutex_init(&w->lock, NULL);
    gethostname(w->sensor, sizeof w->sensor - 1);
    w->rings = aligned_alloc(CACHE_LINE, (config->workers + OTHER_RINGS) * sizeof *w->rings);
    if (w->rings == NULL) {
        error_set(err, IMW_ERROR_MEMORY, "no memory for the rings of events");
        goto fail;
    }
    for (; w->ring_count < config->workers + OTHER_RINGS; w->ring_count++) {
        static const size_t others[OTHER_RINGS] = { STATS_RING_BYTES, CONTENT_RING_BYTES };
        unsigned n = w->ring_count;
        if (!ring_init(&w->rings[n], n < config->workers ? ring_bytes : others[n - config->workers], err))
            goto fail;
    }
    if (config->output_count > OUTPUTS_MAX) {
        error_set(err, IMW_ERROR_LIMIT, "%u outputs for events; there may be %d", config->output_count,
                  OUTPUTS_MAX);
        goto fail;
    }
    for (; w->output_count < config->output_count; w->output_count++) {
        struct output **o = &w->outputs[w->output_count];
        if (!output_new(config->outputs[w->output_count], config, o, err))
            goto fail;
        w->wanted[(*o)->form] = true;
        memcpy(w->counts.outputs[w->output_count].name, (*o)->name, sizeof(*o)->name);
    }
    w->counts.output_count = w->output_count;
    publish(w);
    *out = w;
    return true;
fail:
    event_writer_free(w);
    return false;
}

void event_writer_free(struct event_writer *w)
{
    if (w == NULL)
        return;
    event_writer_stop(w);
    for (unsigned i = 0; i < w->output_count; i++)
        w->outputs[i]->methods->free(w->outputs[i]);
    for (unsigned i = 0; i < w->ring_count; i++)
        ring_fini(&w->rings[i]);
    free(w->rings);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

bool event_writer_start(struct event_writer *w, struct imw_error_info *err)
{
    sigset_t all, before;

    sigfillset(&all); /* signals are for the program's other threads; and a peer that went is an error here */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        errno = error;
        return error_errno(err, "thread of events");
    }
    pthread_setname_np(w->thread, "imward-events");
    w->running = true;
    return true;
}

void event_writer_stop(struct event_writer *w)
{
    if (!w->running)
        return;
    atomic_store_explicit(&w->stopping, true, memory_order_release);
    pthread_join(w->thread, NULL);
    w->running = false;
}

void event_writer_reopen(struct event_writer *w)
{
    atomic_store_explicit(&w->reopen, true, memory_order_relaxed);
}

bool event_put_flow(struct event_writer *w, unsigned worker, const struct flow_event *e)
{
    return pack_flow(&w->rings[worker], e);
}

bool event_put_activity(struct event_writer *w, unsigned worker, const struct activity_event *e)
{
    return pack_activity(&w->rings[worker], e);
}

bool event_put_enforced(struct event_writer *w, unsigned worker, const struct enforced_event *e)
{
    return pack_enforced(&w->rings[worker], e);
}

static void wait_for_room(struct ring *r)
{
    const struct timespec step = { .tv_nsec = 1000000 };

    while (!ring_has_room(r))
        nanosleep(&step, NULL);
}

void event_writer_wait_for_room(struct event_writer *w, unsigned worker)
{
    wait_for_room(&w->rings[worker]);
}

bool event_put_stats(struct event_writer *w, const struct counters *counters, uint64_t time_us)
{
    return pack_stats(&w->rings[w->workers], counters, time_us);
}

bool event_put_file(struct event_writer *w, const struct file_event *e)
{
    return pack_file(&w->rings[w->workers + 1], e);
}

bool event_put_alert(struct event_writer *w, const struct alert_event *e)
{
    return pack_alert(&w->rings[w->workers + 1], e);
}

void event_writer_wait_for_content(struct event_writer *w)
{
    wait_for_room(&w->rings[w->workers + 1]);
}

bool event_writer_drained(struct event_writer *w, unsigned wait_ms)
{
    const struct timespec step = { .tv_nsec = 1000000 };
    uint64_t until = clock_ms() + wait_ms;

    for (unsigned i = 0; i < w->ring_count; i++) {
        uint64_t mark = ring_mark(&w->rings[i]);
        while (!ring_passed(&w->rings[i], mark)) {
            if (clock_ms() >= until)
                return false;
            nanosleep(&step, NULL);
        }
    }
    return true;
}
