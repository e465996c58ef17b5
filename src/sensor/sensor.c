/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sensor's process: it closes its sandbox, puts the parts together and then keeps house once a second.
 *
 * messages it takes: GRANT, DENIED, ORDER. It sends: OPEN.
 *
 * threads     the first keeps house (this file); one a worker (engine/live.c); the writer of events
 *             (event/writer.c); that of content and those that scan (engine/pipeline.c); one that reloads
 *             (reloader.c); where they are wanted, the control socket, metrics and RADIUS
 * lock        `lock` is for what changes when the interface goes and comes back, since the threads of the
 *             control socket and of metrics ask for the status meanwhile
 */
#include "sensor/sensor.h"
#include "base/log.h"
#include "sensor/carried.h"
#include "sensor/channel.h"
#include "sensor/conditions.h"
#include "sensor/confine.h"
#include "sensor/guard.h"
#include "sensor/notify.h"
#include "sensor/radius.h"
#include "sensor/reloader.h"
#include "sensor/who_file.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
    GRANT_WAIT_MS = 10000, /* for the first one */
    GUARD_END_MS = 5000,   /* for rules to be taken down */
    TICK_MS = 1000,
    TEND_MS = 100, /* between looks at addresses that the kernel is to drop */
};

struct sensor {
    const struct sensor_config *config;
    int channel, signal_fd, stop_fd, statm_fd;
    struct notify notify;
    struct event_writer *writer;
    struct engine *engine;
    struct watch *watch;
    struct carried_content content;
    struct guard guard;
    struct reloader *reloader;
    struct control *control;
    struct metrics *metrics;
    struct radius *radius;
    _Atomic(struct who_file *) who; /* workers read it; NULL: none */
    struct who_file *who_before;    /* until no worker reads it any more */
    struct control_counts control_counts;
    struct conditions conditions;
    uint64_t started_us, started_s, stats_s, watchdog_s;
    uint64_t beats[ENGINE_WORKERS_MAX]; /* of each worker, when it was last seen alive, */
    uint64_t beaten_s;                  /* all of them then */
    uint64_t clock_steps;
    struct sandbox_status sandbox;
    bool open_asked, stopping;
    bool failed;        /* to guard */
    atomic_bool ending; /* workers are asked to end all flows */

    pthread_mutex_t lock;
    struct live *live;           /* NULL: the interface is gone */
    struct live_counters before; /* of those before */
    char bypass[128];
    const char *state;
};

static int failed(const struct imw_error_info *err)
{
    char line[768];

    fprintf(stderr, "imward: %s\n", error_format(err, line, sizeof line));
    return EXIT_FAILURE;
}

static uint64_t clock_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Of a clock that only grows. */
static uint64_t now_s(void)
{
    return clock_us(CLOCK_MONOTONIC) / 1000000;
}

/* ---- status ---- */

static void copy_text(char *out, size_t size, const char *text)
{
    struct text t = text_over(out, size);

    text_string(&t, text != NULL ? text : "");
}
#define COPY_TEXT(array, text) copy_text(array, sizeof(array), text)

static void add_live(struct live_counters *sum, const struct live_counters *more)
{
    sum->received += more->received;
    sum->dropped += more->dropped;
    sum->freezes += more->freezes;
    sum->bypassed_packets += more->bypassed_packets;
    sum->bypassed_bytes += more->bypassed_bytes;
    sum->bypassed_flows += more->bypassed_flows;
    sum->bypass_full += more->bypass_full;
}

/* Under the lock. */
static struct live_counters live_sum(const struct sensor *s)
{
    struct live_counters sum = s->before, now;

    if (s->config->guard.inline_) {
        struct queue_counters queued;
        guard_counters(&s->guard, &queued);
        return (struct live_counters){ .received = queued.received, .dropped = queued.overrun };
    }

    if (s->live != NULL) {
        live_counters(s->live, &now);
        add_live(&sum, &now);
    }
    return sum;
}

static void fill_workers(const struct sensor *s, struct sensor_status *out)
{
    struct watch_status w;

    out->worker_count = s->config->live.workers;
    for (unsigned i = 0; i < out->worker_count; i++) {
        watch_status(s->watch, i, &w);
        out->workers[i] = (struct sensor_worker_status){ .cpu = s->config->cpus[i],
                                                         .packets = w.counters.n[COUNT_PACKETS],
                                                         .flows = w.counters.n[COUNT_FLOWS] };
        counters_sum(&out->counters, &w.counters);
        out->flows_live += (uint32_t)w.flows_live;
        out->memory.flow_bytes += w.flow_bytes;
        out->memory.inspect_bytes += w.inspect_bytes;
        out->memory.flows_peak += (uint32_t)w.flows_peak;
        out->memory.inspect_used += (uint32_t)w.inspect_used;
        decisions_sum(&out->decided, &w.decisions);
    }
}

static uint64_t resident_bytes(const struct sensor *s)
{
    char text[128];
    ssize_t n = s->statm_fd >= 0 ? pread(s->statm_fd, text, sizeof text - 1, 0) : 0;
    const char *second = n > 0 ? memchr(text, ' ', (size_t)n) : NULL;
    uint64_t pages;

    if (second == NULL)
        return 0;
    text[n] = '\0';
    return view_decimal(view_of(second + 1, strcspn(second + 1, " ")), UINT64_MAX, &pages)
               ? pages * (uint64_t)sysconf(_SC_PAGESIZE)
               : 0;
}

static const char *method_name(const struct sensor_config *c)
{
    return c->guard.inline_ ? "nfqueue" : c->live.method == LIVE_XDP ? "af_xdp" : "af_packet";
}

static const char *enforcement_name(const struct guard_config *g)
{
    if (g->inline_)
        return g->fail_open ? "gateway, fail-open" : "gateway, fail-closed";
    return !g->reset ? "" : g->dry_run ? "resets, dry run" : "resets";
}

static void on_status(void *context, struct sensor_status *out)
{
    struct sensor *s = context;
    struct reloader_status rules;

    *out = (struct sensor_status){ .pid = (int)getpid(),
                                   .started_us = s->started_us,
                                   .now_us = clock_us(CLOCK_REALTIME),
                                   .method = method_name(s->config) };
    COPY_TEXT(out->version, IMWARD_VERSION);
    COPY_TEXT(out->interface, s->config->guard.inline_ ? "forwarded" : s->config->live.interface);
    COPY_TEXT(out->enforcement, enforcement_name(&s->config->guard));
    fill_workers(s, out);
    pthread_mutex_lock(&s->lock);
    out->live = live_sum(s);
    out->state = s->state;
    COPY_TEXT(out->bypass, s->bypass);
    pthread_mutex_unlock(&s->lock);
    out->resident_bytes = resident_bytes(s);
    guard_endpoints(&s->guard, &out->endpoints);
    event_writer_status(s->writer, &out->events);
    out->counters.n[COUNT_EVENTS] = out->events.written;
    pipeline_status(s->content.pipeline, &out->content);
    out->counters.n[COUNT_CONTENT_LOST] = out->content.lost;
    reloader_status(s->reloader, &rules);
    memcpy(out->catalog_version, rules.catalog_version, sizeof out->catalog_version);
    memcpy(out->reload_error, rules.error, sizeof out->reload_error);
    if (s->radius != NULL)
        radius_counters(s->radius, &out->radius);
    out->sandbox = s->sandbox;
    COPY_TEXT(out->catalog_path, s->config->catalog);
    COPY_TEXT(out->policy_path, s->config->policy);
    out->catalog_built_s = rules.catalog_built_s;
    out->reloads = rules.reloads;
    out->reloads_failed = rules.failed;
    out->reloaded_us = rules.reloaded_us;
}

/* ---- what others ask of us ---- */

/* Packets never wait for events; at a stop there are no more, and the events of all flows come at once. */
static void wait_at_the_end(const struct sensor *s, unsigned worker)
{
    if (atomic_load_explicit(&s->ending, memory_order_relaxed))
        event_writer_wait_for_room(s->writer, worker);
}

static void on_flow(void *context, const struct flow_event *e)
{
    const struct sensor *s = context;

    wait_at_the_end(s, e->worker);
    (void)event_put_flow(s->writer, e->worker, e); /* one that is lost is counted there */
}

static void on_activity(void *context, const struct activity_event *e)
{
    const struct sensor *s = context;

    wait_at_the_end(s, e->worker);
    (void)event_put_activity(s->writer, e->worker, e);
}

static void on_enforced(void *context, const struct enforced_event *e)
{
    const struct sensor *s = context;

    wait_at_the_end(s, e->where->worker);
    (void)event_put_enforced(s->writer, e->where->worker, e);
}

static void on_scanned(void *context, uint32_t file, const struct scan_result *result)
{
    struct sensor *s = context;

    pthread_mutex_lock(&s->lock);
    if (s->watch != NULL)
        watch_scanned(s->watch, file, result);
    pthread_mutex_unlock(&s->lock);
}

static bool on_reload(void *context, struct imw_error_info *err)
{
    const struct sensor *s = context;

    return reloader_wait(s->reloader, err);
}

static void on_reopen(void *context)
{
    const struct sensor *s = context;

    event_writer_reopen(s->writer);
    log_notice("reopened", "event files begin anew at their paths");
}

static void on_stop(void *context)
{
    const struct sensor *s = context;
    const uint64_t one = 1;

    (void)!write(s->stop_fd, &one, sizeof one);
}

static void on_rules(void *context, void (*tell)(void *to, const struct rules *r), void *to)
{
    const struct sensor *s = context;

    reloader_rules(s->reloader, tell, to);
}

static bool on_learn(void *context, const struct ip_addr *addr, struct view user, struct view host,
                     uint32_t for_s, struct imw_error_info *err)
{
    const struct sensor *s = context;
    uint64_t now_us = clock_us(CLOCK_REALTIME);
    struct knowledge *k = engine_knowledge(s->engine);

    (void)err;
    if (user.len > 0)
        knowledge_learn_user(k, WHO_PUSH, addr, user, for_s, now_us);
    if (host.len > 0)
        knowledge_learn_host(k, WHO_PUSH, addr, host, for_s, now_us);
    return true;
}

/* ---- who is where ---- */

static uint64_t clock_now_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

static bool on_who(void *context, const struct ip_addr *addr, uint64_t now_us, struct known_who *known)
{
    struct sensor *s = context;
    const struct who_file *who = atomic_load_explicit(&s->who, memory_order_acquire);

    (void)now_us;
    return who != NULL && who_file_tell(who, addr, known);
}

/* Read the list of who is where and the secrets of RADIUS again: both change, or neither. */
static bool load_lists(void *context, struct imw_error_info *err)
{
    struct sensor *s = context;
    struct who_file *next = NULL;

    if (s->who_before != NULL) /* a worker that did not move since the last reload may still read it */
        return error_set(err, IMW_ERROR_SYSTEM,
                         "a worker has not taken up the reload before: try again, and restart the sensor if "
                         "its log says worker_stuck");
    if (s->config->who != NULL && !who_file_load(s->config->who, clock_now_us(), &next, err))
        return false;
    if (s->radius != NULL && !radius_reload(s->radius, s->config->radius_secrets, err)) {
        who_file_free(next);
        return false;
    }
    if (next != NULL)
        s->who_before = atomic_exchange(&s->who, next);
    return true;
}

/* No worker uses what was before a reload any more. */
static void on_settled(void *context)
{
    struct sensor *s = context;

    who_file_free(s->who_before);
    s->who_before = NULL;
    carried_compare(&s->content, engine_rules(s->engine));
    guard_follow(&s->guard, s->channel, engine_rules(s->engine));
}

/* ---- the interface goes and comes back ---- */

static void note_bypass(struct sensor *s, const char *note)
{
    if (!s->config->live.bypass)
        COPY_TEXT(s->bypass, "off");
    else if (live_can_bypass(s->live))
        COPY_TEXT(s->bypass, "on");
    else
        COPY_TEXT(s->bypass, note[0] != '\0' ? note : "off: the kernel cannot");
}

/* Frames from what was granted. Takes the grant. */
static bool take_grant(struct sensor *s, struct live_grant *grant, struct imw_error_info *err)
{
    struct live *live;
    char note[sizeof grant->note];

    memcpy(note, grant->note, sizeof note);
    if (!live_new(&s->config->live, grant, &live, err)) {
        live_grant_close(grant);
        return false;
    }
    if (note[0] != '\0')
        log_notice("interface_limits", "%s", note);
    pthread_mutex_lock(&s->lock);
    s->live = live;
    s->state = "up";
    note_bypass(s, note);
    pthread_mutex_unlock(&s->lock);
    return true;
}

static void lose_interface(struct sensor *s)
{
    log_warning("interface_gone", "interface=%s: flows are kept; looked for every second until it is back",
                s->config->live.interface);
    watch_use(s->watch, NULL);
    pthread_mutex_lock(&s->lock);
    struct live *old = s->live;
    s->before = live_sum(s);
    s->live = NULL;
    s->state = "gone";
    pthread_mutex_unlock(&s->lock);
    live_free(old);
}

static void on_grant(struct sensor *s, struct live_grant *grant)
{
    struct imw_error_info err;
    char line[768];

    s->open_asked = false;
    if (s->live != NULL) {
        live_grant_close(grant); /* nobody asked for it */
    } else if (!take_grant(s, grant, &err)) {
        log_warning("interface_open", "%s: tried again", error_format(&err, line, sizeof line));
    } else {
        watch_use(s->watch, s->live);
        log_notice("interface_back", "interface=%s bypass=%s", s->config->live.interface, s->bypass);
    }
}

static void look_at_interface(struct sensor *s)
{
    enum watch_link link = watch_link(s->watch);
    const char *state = link == WATCH_UP ? "up" : "down";

    if (s->config->guard.inline_) {
        if (link == WATCH_GONE && !s->failed) {
            log_error("queue_gone", "the kernel gives no packets and takes no verdicts any more: ending");
            s->failed = s->stopping = true;
        }
        return;
    }
    if (s->live != NULL && link == WATCH_GONE)
        lose_interface(s);
    if (s->live == NULL) {
        const struct role_message open = { .type = MESSAGE_OPEN };
        if (!s->open_asked)
            s->open_asked = channel_send(s->channel, &open);
        return;
    }
    if (strcmp(state, s->state) == 0)
        return;
    if (link == WATCH_UP)
        log_notice("interface_up", "interface=%s", s->config->live.interface);
    else
        log_warning("interface_down", "interface=%s: nothing is seen until it is up again",
                    s->config->live.interface);
    pthread_mutex_lock(&s->lock);
    s->state = state;
    pthread_mutex_unlock(&s->lock);
}

/* ---- housekeeping ---- */

/* A worker that no longer moves would be found by nobody else: then systemd is given no sign of life. */
static void watchdog(struct sensor *s, uint64_t second)
{
    struct watch_status w;
    bool all = true;

    for (unsigned i = 0; i < s->config->live.workers; i++) {
        watch_status(s->watch, i, &w);
        all &= w.beats != s->beats[i];
        s->beats[i] = w.beats;
    }
    if (all) {
        s->beaten_s = second;
        notify_send(&s->notify, "WATCHDOG=1");
    } else if (second - s->beaten_s >= 5) {
        log_error("worker_stuck", "seconds=%llu: a worker does not move; please report it",
                  (unsigned long long)(second - s->beaten_s));
    }
}

static void look_at_clock(struct sensor *s)
{
    struct watch_status w;
    uint64_t steps = 0;

    for (unsigned i = 0; i < s->config->live.workers; i++) {
        watch_status(s->watch, i, &w);
        steps += w.clock_steps;
    }
    if (steps > s->clock_steps)
        log_notice("clock_set_back", "all flows were ended, and begin anew");
    s->clock_steps = steps;
}

static void keep_house(struct sensor *s, uint64_t second)
{
    struct sensor_status *status = malloc(sizeof *status);

    look_at_interface(s);
    look_at_clock(s);
    watchdog(s, second);
    if (status == NULL)
        return;
    on_status(s, status);
    (void)conditions_check(&s->conditions, status, second);
    if (s->config->stats_interval_s > 0 && second - s->stats_s >= s->config->stats_interval_s) {
        s->stats_s = second;
        (void)event_put_stats(s->writer, &status->counters, status->now_us);
    }
    free(status);
}

/* ---- waiting ---- */

static void obey(struct sensor *s, enum order order)
{
    switch (order) {
    case ORDER_STOP: s->stopping = true; break;
    case ORDER_RELOAD: reloader_ask(s->reloader); break;
    case ORDER_REOPEN: on_reopen(s); break;
    }
}

static void hear_opener(struct sensor *s)
{
    struct role_message m;

    for (;;) {
        enum channel_answer answer = channel_receive(s->channel, &m);
        if (answer == CHANNEL_NOTHING)
            return;
        if (answer != CHANNEL_MESSAGE) {
            log_error("opener_gone", "stopping: without it the interface could not be opened again");
            s->stopping = true;
            return;
        }
        if (m.type == MESSAGE_ORDER)
            obey(s, m.order);
        else if (m.type == MESSAGE_GUARD)
            guard_grant_close(&m.guard); /* nobody asked for it */
        else if (m.type == MESSAGE_GRANT)
            on_grant(s, &m.grant);
        else if (m.type == MESSAGE_DENIED)
            s->open_asked = false; /* said once, when it went; the next second asks again */
    }
}

/* Signals that were meant for the sensor itself, or for the terminal's whole group. */
static void hear_signals(struct sensor *s)
{
    struct signalfd_siginfo info;

    while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            s->stopping = true;
}

static void wait_for_orders(struct sensor *s)
{
    struct pollfd fds[] = { { .fd = s->channel, .events = POLLIN },
                            { .fd = s->signal_fd, .events = POLLIN },
                            { .fd = s->stop_fd, .events = POLLIN } };
    uint64_t due_ms = clock_us(CLOCK_MONOTONIC) / 1000 + TICK_MS;

    while (!s->stopping) {
        uint64_t now_ms = clock_us(CLOCK_MONOTONIC) / 1000;
        if (now_ms >= due_ms) {
            keep_house(s, now_ms / 1000);
            due_ms = now_ms + TICK_MS;
            if (s->config->duration_s > 0 && now_ms / 1000 - s->started_s >= s->config->duration_s)
                s->stopping = true;
            continue;
        }
        guard_tend(&s->guard);
        uint64_t wait_ms = s->guard.endpoints != NULL ? TEND_MS : TICK_MS;
        (void)poll(fds, 3, (int)(due_ms - now_ms < wait_ms ? due_ms - now_ms : wait_ms));
        hear_opener(s);
        hear_signals(s);
        if ((fds[2].revents & POLLIN) != 0)
            s->stopping = true;
    }
}

/* ---- start and end ---- */

static bool first_message(struct sensor *s, enum message_type type, struct role_message *out,
                          struct imw_error_info *err)
{
    struct pollfd p = { .fd = s->channel, .events = POLLIN };

    (void)poll(&p, 1, GRANT_WAIT_MS);
    if (channel_receive(s->channel, out) != CHANNEL_MESSAGE)
        return error_set(err, IMW_ERROR_SYSTEM, "the opener granted nothing");
    if (out->type == MESSAGE_DENIED)
        return error_set(err, IMW_ERROR_SYSTEM,
                         "not started: the kernel does not do what is needed, see above");
    return out->type == type || error_set(err, IMW_ERROR_SYSTEM, "the opener granted something else");
}

/* What the opener opened for us: none of the two, one, or both. */
struct grants {
    struct live_grant live;
    struct guard_grant guard;
    bool has_live, has_guard;
};

static bool first_grants(struct sensor *s, struct grants *out, struct imw_error_info *err)
{
    const struct guard_config *guard = &s->config->guard;
    const struct role_message open = { .type = MESSAGE_OPEN };
    struct role_message m;

    *out = (struct grants){ .has_live = false };
    if (guard->inline_ && !channel_send(s->channel, &open))
        return error_set(err, IMW_ERROR_SYSTEM, "the opener is not there");
    if (guard->inline_ || guard->reset) {
        if (!first_message(s, MESSAGE_GUARD, &m, err))
            return false;
        out->guard = m.guard;
        out->has_guard = true;
        if (m.guard.note[0] != '\0')
            log_notice("kernel_limits", "%s", m.guard.note);
    }
    if (!guard->inline_) {
        if (!first_message(s, MESSAGE_GRANT, &m, err))
            return false;
        out->live = m.grant;
        out->has_live = true;
    }
    return true;
}

static void close_grants(struct grants *g)
{
    if (g->has_live)
        live_grant_close(&g->live);
    if (g->has_guard)
        guard_grant_close(&g->guard);
}

static bool make_engine(struct sensor *s, struct imw_error_info *err)
{
    struct engine_config config = { .workers = s->config->live.workers,
                                    .max_flows = s->config->max_flows,
                                    .all_flows = s->config->all_flows,
                                    .flow = on_flow,
                                    .activity = on_activity,
                                    .who = on_who,
                                    .context = s };

    if (getrandom(&config.hash_seed, sizeof config.hash_seed, 0) != sizeof config.hash_seed)
        return error_set(err, IMW_ERROR_SYSTEM, "no random numbers of the system");
    const struct rules_files files = { s->config->catalog, s->config->overrides, s->config->policy };
    if (!load_lists(s, err) || !rules_load_files(&files, NULL, &config.rules, err))
        return false;
    if (s->config->guard.inline_ || s->config->guard.reset)
        config.enforced = on_enforced;
    config.inline_ = s->config->guard.inline_;
    s->content.judged = s->config->guard.inline_ ? on_scanned : NULL;
    s->content.judged_context = s;
    bool started = carried_start(&s->content, s->config, config.rules, s->writer, err);
    config.pipeline = s->content.pipeline;
    if (started && engine_new(&config, &s->engine, err))
        return true;
    carried_stop(&s->content);
    rules_free(config.rules);
    return false;
}

/* Takes the grants. */
static bool start_engine(struct sensor *s, struct grants *grants, struct imw_error_info *err)
{
    struct watch_config config = { .bypass = s->config->live.bypass };

    memcpy(config.cpus, s->config->cpus, sizeof config.cpus);
    if (grants->has_guard) {
        if (!guard_learn(&s->guard, engine_knowledge(s->engine), err)) {
            close_grants(grants);
            return false;
        }
        memcpy(config.queues, s->guard.queues, sizeof config.queues);
        config.gate = &s->guard.gate;
        COPY_TEXT(s->bypass, s->config->guard.inline_ ? "on" : "off");
    }
    if ((grants->has_live && !take_grant(s, &grants->live, err)) || !event_writer_start(s->writer, err))
        return false;
    pthread_mutex_lock(&s->lock); /* a file may be scanned before all workers run */
    bool started = engine_watch(s->engine, s->live, &config, &s->watch, err);
    pthread_mutex_unlock(&s->lock);
    return started;
}

static bool start_servers(struct sensor *s, struct imw_error_info *err)
{
    const struct reloader_config reloader = { .engine = s->engine,
                                              .writer = s->writer,
                                              .notify = &s->notify,
                                              .catalog = s->config->catalog,
                                              .overrides = s->config->overrides,
                                              .policy = s->config->policy,
                                              .pipeline = s->content.pipeline,
                                              .also = load_lists,
                                              .settled = on_settled,
                                              .context = s };
    const struct control_calls calls = { .status = on_status,
                                         .reload = on_reload,
                                         .reopen = on_reopen,
                                         .stop = on_stop,
                                         .learn = on_learn,
                                         .rules = on_rules,
                                         .context = s,
                                         .counts = &s->control_counts };

    return (s->config->radius == NULL ||
            radius_new(s->config->radius, s->config->radius_secrets, engine_knowledge(s->engine),
                       clock_now_us, &s->radius, err)) &&
           reloader_new(&reloader, &s->reloader, err) &&
           (s->config->control == NULL || control_new(s->config->control, &calls, &s->control, err)) &&
           (s->config->metrics == NULL || metrics_new(s->config->metrics, &calls, &s->metrics, err));
}

static bool start(struct sensor *s, struct imw_error_info *err)
{
    const struct event_writer_config events = { .workers = s->config->live.workers,
                                                .outputs = s->config->outputs,
                                                .output_count = s->config->output_count,
                                                .rotate_bytes = s->config->rotate_bytes,
                                                .rotate_s = s->config->rotate_s,
                                                .rotate_keep = s->config->rotate_keep };
    struct grants grants;

    notify_open(&s->notify);
    s->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (!carried_load(&s->content, s->config, err) || !first_grants(s, &grants, err))
        return false;
    /* Before the sandbox: queues look into /proc. */
    if (grants.has_guard) {
        struct content_settings usual;
        if (!guard_new(&s->guard, s->config, &grants.guard, carried_settings(&s->content, &usual), err)) {
            close_grants(&grants);
            return false;
        }
    }
    if (!confine(s->config, &s->content, &s->sandbox, err) || !event_writer_new(&events, &s->writer, err) ||
        !make_engine(s, err)) {
        close_grants(&grants);
        return false;
    }
    return start_engine(s, &grants, err) && start_servers(s, err);
}

static void print_stats(const struct counters *sum, const struct live_counters *live,
                        const struct pipeline_status *content)
{
    const struct {
        const char *name, *help;
        uint64_t n;
    } kernel[] = {
        { "kernel_received", "frames that the kernel had for us", live->received },
        { "kernel_dropped", "frames that it dropped: no room in a ring", live->dropped },
        { "kernel_freezes", "times a ring was full", live->freezes },
        { "bypassed_flows", "flows that the kernel counted and kept from us", live->bypassed_flows },
        { "bypassed_packets", "packets of theirs", live->bypassed_packets },
        { "bypassed_bytes", "bytes of theirs", live->bypassed_bytes },
        { "bypass_full", "flows that its table had no room for", live->bypass_full },
    };

    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        printf("%-22s %14llu  %s\n", counter_name((enum counter)i), (unsigned long long)sum->n[i],
               counter_help((enum counter)i));
#define X(name, help) printf("%-25s %11llu  %s\n", "content_" #name, (unsigned long long)content->name, help);
    PIPELINE_COUNTS(X)
#undef X
    for (size_t i = 0; i < sizeof kernel / sizeof kernel[0]; i++)
        printf("%-22s %14llu  %s\n", kernel[i].name, (unsigned long long)kernel[i].n, kernel[i].help);
    fflush(stdout);
}

/*
 * The kernel is to ask nobody any more, while somebody still answers: what comes during the rest of the end
 * would wait, and be dropped. Without an opener that answers the rules go when we are gone.
 */
static void stop_guarding(struct sensor *s)
{
    const struct role_message done = { .type = MESSAGE_SWITCH, .generation = GUARD_END };
    uint64_t until_ms = clock_us(CLOCK_MONOTONIC) / 1000 + GUARD_END_MS, now_ms;
    struct role_message m;

    if (!s->config->guard.inline_ || s->failed || !channel_send(s->channel, &done))
        return;
    while ((now_ms = clock_us(CLOCK_MONOTONIC) / 1000) < until_ms) {
        struct pollfd p = { .fd = s->channel, .events = POLLIN };
        (void)poll(&p, 1, (int)(until_ms - now_ms));
        enum channel_answer answer = channel_receive(s->channel, &m);
        if (answer == CHANNEL_CLOSED || answer == CHANNEL_BAD ||
            (answer == CHANNEL_MESSAGE && m.type == MESSAGE_SWITCH))
            return;
    }
}

/* All flows are ended, then all events are written. */
static void finish(struct sensor *s)
{
    struct event_writer_status *events = malloc(sizeof *events);
    struct pipeline_status content;
    struct live_counters live;
    struct counters sum;

    stop_guarding(s);
    atomic_store(&s->ending, true);
    pthread_mutex_lock(&s->lock); /* scans may still come to an end */
    struct watch *watch = s->watch;
    s->watch = NULL;
    pthread_mutex_unlock(&s->lock);
    watch_stop(watch);
    carried_stop(&s->content);
    live = live_sum(s);
    engine_counters(s->engine, &sum);
    pipeline_status(s->content.pipeline, &content);
    sum.n[COUNT_CONTENT_LOST] = content.lost;
    (void)event_put_stats(s->writer, &sum, clock_us(CLOCK_REALTIME));
    event_writer_stop(s->writer);
    if (events != NULL) {
        event_writer_status(s->writer, events);
        sum.n[COUNT_EVENTS] = events->written;
        log_notice("stopped",
                   "packets=%llu flows=%llu flows_im=%llu events=%llu events_lost=%llu kernel_dropped=%llu "
                   "bypass=%s",
                   (unsigned long long)sum.n[COUNT_PACKETS], (unsigned long long)sum.n[COUNT_FLOWS],
                   (unsigned long long)sum.n[COUNT_FLOWS_IM], (unsigned long long)events->written,
                   (unsigned long long)events->lost, (unsigned long long)live.dropped, s->bypass);
    }
    if (s->config->stats)
        print_stats(&sum, &live, &content);
    free(events);
}

static void tear_down(struct sensor *s)
{
    metrics_free(s->metrics);
    control_free(s->control);
    reloader_free(s->reloader);
    radius_free(s->radius);
    if (s->watch != NULL)
        finish(s);
    carried_free(&s->content);
    event_writer_free(s->writer);
    engine_free(s->engine);
    guard_free(&s->guard);
    who_file_free(atomic_load(&s->who));
    who_file_free(s->who_before);
    live_free(s->live);
    notify_close(&s->notify);
    pthread_mutex_destroy(&s->lock);
}

static int signals_open(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void say_ready(const struct sensor *s)
{
    const struct sensor_config *c = s->config;

    if (c->guard.inline_) {
        log_notice("guarding", "queues=%u-%u workers=%u fail=%s", c->guard.rules.first_queue,
                   c->guard.rules.first_queue + c->guard.rules.queues - 1, c->live.workers,
                   c->guard.fail_open ? "open" : "closed");
        notify_send(&s->notify, "READY=1\nSTATUS=guarding what is forwarded");
    } else {
        log_notice("watching", "interface=%s method=%s workers=%u resets=%s bypass=%s", c->live.interface,
                   method_name(c), c->live.workers,
                   !c->guard.reset    ? "off"
                   : c->guard.dry_run ? "dry-run"
                                      : "on",
                   s->bypass);
        notify_send(&s->notify, "READY=1\nSTATUS=watching %s", c->live.interface);
    }
}

int sensor_run(const struct sensor_config *config, int channel)
{
    struct sensor *s = calloc(1, sizeof *s);
    struct imw_error_info err;
    int status = EXIT_SUCCESS;

    if (s == NULL)
        return EXIT_FAILURE;
    *s = (struct sensor){ .config = config,
                          .channel = channel,
                          .notify = { .fd = -1 },
                          .started_us = clock_us(CLOCK_REALTIME),
                          .started_s = now_s(),
                          .stats_s = now_s(),
                          .beaten_s = now_s(),
                          .state = "up",
                          .statm_fd = -1,
                          .stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                          .signal_fd = signals_open(),
                          .lock = PTHREAD_MUTEX_INITIALIZER };
    if (start(s, &err)) {
        say_ready(s);
        wait_for_orders(s);
        status = s->failed ? EXIT_FAILURE : EXIT_SUCCESS;
        notify_send(&s->notify, "STOPPING=1\nSTATUS=writing what is left");
    } else {
        status = failed(&err);
    }
    tear_down(s);
    free(s);
    return status;
}
