/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content thread: takes records out of all rings in turn, and files that were scanned out of the pool.
 * All that it tells, it tells itself, so that whoever listens needs no lock against it.
 *
 * The vault has a thread of its own, since a disk may take its time: it puts on disk what was given to the
 * vault, and deletes what has expired.
 *
 * A file's flow may end before its bytes are looked into; the facts of the flow are therefore copied when the
 * file begins.
 */
#include "engine/pipeline.h"
#include "base/json.h"
#include "content/plain.h"
#include "content/vault.h"
#include "engine/carry.h"
#include "engine/scan_pool.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    RING_BYTES = 16 << 20,
    BATCH = 128,
    OPEN_MOST = 1024,  /* files under way */
    IDLE_US = 1000,    /* between two looks into empty rings */
    ROOM_US = 200,     /* between two tries of a worker that waits */
    FILE_IDLE_S = 900, /* of traffic's time: a file whose end was lost */
    SCANNERS_S = 600,  /* of the clock: how the scanners are */
    PLAIN_BYTES = CARRY_TEXT_BYTES + 1,
    LEAKS_MOST = 16,
    META_BYTES = 16384, /* four names, at six bytes an escaped byte */
    VAULT_TICK_US = 100000,
    EXPIRE_S = 3600, /* of the clock: the whole journal is read */
    STOP_MS = 15000, /* that files may still wait for a scanner when a sensor stops */
};

struct lane {
    struct ring ring;
    uint32_t next; /* number of the worker's newest file; the worker's */
};

struct pipeline {
    struct pipeline_config config;
    struct content_settings settings;
    struct lane lanes[ENGINE_LANES];
    pthread_t thread, vault_thread;
    bool running, vault_running;
    _Atomic bool stopping, vault_stopping;
    const struct rules *_Atomic newest;
    const struct rules *_Atomic in_use;

    /* the content thread's own */
    struct spool *spool;
    struct scan_pool *pool;
    struct leak_rules *leak_rules;
    struct leak_search *leaks;
    struct vault *vault;
    struct threats *threats;
    struct transfer *open[OPEN_MOST]; /* by number, open addressing */
    unsigned open_count;
    uint64_t now_us;   /* newest time of the traffic */
    uint64_t swept_us; /* when idle files were looked for, by it */
    int64_t asked_s;   /* when the scanners were asked, by the clock */
    bool status_waits; /* for their answer */
    char plain[PLAIN_BYTES];

    pthread_mutex_t lock; /* of what follows */
    struct pipeline_status status;
    struct imw_error_info vault_problem; /* to be told by the content thread; IMW_OK: none */
};

bool pipeline_wants_files(const struct pipeline *p)
{
    return p->config.files;
}

/* ---- workers ---- */

/* A record was refused for want of room: is it worth another try? */
static bool try_again(const struct pipeline *p)
{
    if (!p->config.wait)
        return false;
    usleep(ROOM_US);
    return true;
}

/* Live, what finds no room is lost, and the ring counts it. */
#define CARRY(p, call)                                                                                       \
    do {                                                                                                     \
    } while (!(call) && try_again(p))

void pipeline_activity(struct pipeline *p, unsigned worker, const struct activity_event *e)
{
    CARRY(p, carry_activity(&p->lanes[worker].ring, e));
}

void pipeline_contact(struct pipeline *p, unsigned worker, const struct activity_event *where,
                      const struct im_contact *c)
{
    CARRY(p, carry_contact(&p->lanes[worker].ring, where, c));
}

void pipeline_anomaly(struct pipeline *p, unsigned worker, const struct activity_event *where, enum anomaly a,
                      struct view value)
{
    CARRY(p, carry_anomaly(&p->lanes[worker].ring, where, a, value));
}

void pipeline_ticket(struct pipeline *p, unsigned worker, const struct activity_event *where, uint64_t hash)
{
    CARRY(p, carry_ticket(&p->lanes[worker].ring, where, hash));
}

void pipeline_flow(struct pipeline *p, unsigned worker, const struct flow_event *e)
{
    CARRY(p, carry_flow(&p->lanes[worker].ring, e));
}

uint32_t pipeline_file_begin(struct pipeline *p, unsigned worker, const struct activity_event *where,
                             const struct im_file *f)
{
    struct lane *lane = &p->lanes[worker];

    lane->next = lane->next % (ENGINE_FILES - 1u) + 1; /* 0 is no file */
    uint32_t number = worker * ENGINE_FILES + lane->next;
    CARRY(p, carry_begin(&lane->ring, where, number, f));
    return number;
}

void pipeline_file_bytes(struct pipeline *p, unsigned worker, uint32_t file, uint64_t offset,
                         struct view bytes)
{
    while (bytes.len > 0) {
        struct view piece = view_slice(bytes, 0, CARRY_PIECE_BYTES);
        CARRY(p, carry_bytes(&p->lanes[worker].ring, file, offset, piece));
        offset += piece.len;
        bytes = view_from(bytes, piece.len);
    }
}

void pipeline_file_end(struct pipeline *p, unsigned worker, uint32_t file, uint64_t time_us, bool whole)
{
    CARRY(p, carry_end(&p->lanes[worker].ring, file, time_us, whole));
}

/* ---- counting ---- */

#define COUNT(p, what, n)                                                                                    \
    do {                                                                                                     \
        pthread_mutex_lock(&(p)->lock);                                                                      \
        (p)->status.what += (n);                                                                             \
        pthread_mutex_unlock(&(p)->lock);                                                                    \
    } while (0)

/* ---- alerts ---- */

static void on_alert(void *context, const struct scene *s, const struct alert *a, uint64_t suppressed)
{
    struct pipeline *p = context;
    struct judgement judged = { .verdict = { .action = "alert", .rule = "default" } };

    if (s->flow != NULL)
        judged = rules_judge_scene(p->in_use, s, s->flow->activities);
    struct alert_event e = { .scene = s, .alert = a, .suppressed = suppressed, .verdict = judged.verdict };
    p->config.alert(p->config.context, &e);
}

/* ---- the vault ---- */

static void meta_add(struct json *j, const char *key, struct view v)
{
    if (v.len > 0)
        json_view(j, key, v);
}

/* Keep a message or a file where the policy says so. */
static bool keep(struct pipeline *p, const struct scene *s, bool is_file, struct view from, struct view to,
                 struct view room, struct view name, struct view bytes, int fd, char id[VAULT_ID_BYTES])
{
    uint8_t activity = (uint8_t)(1 << (is_file ? ACTIVITY_FILE : ACTIVITY_CHAT));
    struct imw_error_info err;
    char meta[META_BYTES];

    if (p->vault == NULL)
        return false;
    struct judgement judged = rules_judge_scene(p->in_use, s, activity);
    uint32_t for_s = is_file ? judged.keep_files_s : judged.keep_messages_s;
    if (for_s == 0)
        return false;
    const struct catalog_service *service = catalog_service(s->catalog, s->flow->service);
    struct json j = json_over(meta, sizeof meta);
    json_object(&j, NULL);
    json_time(&j, "timestamp", s->time_us);
    json_number(&j, "flow_id", s->flow_id);
    json_string(&j, "service", service->slug);
    json_string(&j, "rule", judged.verdict.rule);
    meta_add(&j, "from", from);
    meta_add(&j, "to", to);
    meta_add(&j, "room", room);
    meta_add(&j, "name", name);
    json_object_end(&j);
    bool kept =
        !j.text.cut && vault_put(p->vault, is_file, s->time_us, s->time_us + for_s * (uint64_t)1000000,
                                 view_of(meta, j.text.len), bytes, fd, id, &err);
    if (kept)
        COUNT(p, kept, 1);
    else
        COUNT(p, not_kept, 1);
    if (!kept && !j.text.cut && p->config.problem != NULL)
        p->config.problem(p->config.context, &err);
    return kept;
}

/* ---- messages ---- */

static void find_leaks(struct pipeline *p, const struct scene *s, const struct carried_message *m)
{
    struct leak_finding found[LEAKS_MOST];

    if (p->leaks == NULL || m->again)
        return;
    unsigned count = leak_find(p->leaks, m->text, found, LEAKS_MOST);
    if (count == 0)
        return;
    struct leaked leaked = {
        .message = m, .finding = found, .count = count, .told = count < LEAKS_MOST ? count : LEAKS_MOST
    };
    COUNT(p, leaks, count);
    if (p->threats != NULL)
        threats_leaks(p->threats, s, &leaked);
}

static void take_message(struct pipeline *p, const struct scene *s, const struct im_detail *d)
{
    char id[VAULT_ID_BYTES];
    struct text plain = TEXT(p->plain);

    plain_text(&plain, d->markup, d->text);
    struct carried_message m = {
        .from = d->outgoing ? d->account : d->peer,
        .to = d->outgoing ? d->peer : d->account,
        .room = d->room,
        .display = d->display,
        .text = view_of(p->plain, plain.len),
        .sent_us = d->sent_us != 0 ? d->sent_us : s->time_us,
        .outgoing = d->outgoing,
        .again = d->again,
    };
    COUNT(p, messages, 1);
    if (p->threats != NULL)
        threats_message(p->threats, s, &m);
    if (p->config.graph != NULL)
        graph_message(p->config.graph, s, &m);
    find_leaks(p, s, &m);
    if (!m.again)
        (void)keep(p, s, false, m.from, m.to, m.room, view_of(NULL, 0), m.text, -1, id);
}

static void take_activity(struct pipeline *p, const struct carried *c)
{
    if (p->threats != NULL)
        threats_activity(p->threats, &c->scene, c->activity, &c->detail);
    if (c->activity == ACTIVITY_CHAT && c->detail.text.len > 0)
        take_message(p, &c->scene, &c->detail);
}

/* ---- files ---- */

/* The place of a file's number: where it is, or where it could go. */
static unsigned place_of(const struct pipeline *p, uint32_t number)
{
    unsigned i = (number * 2654435761u) % OPEN_MOST;

    while (p->open[i] != NULL && p->open[i]->number != number)
        i = (i + 1) % OPEN_MOST;
    return i;
}

/* Take a file out of the table; those that stood behind it move up. */
static void close_place(struct pipeline *p, unsigned i)
{
    p->open[i] = NULL;
    p->open_count--;
    for (unsigned n = (i + 1) % OPEN_MOST; p->open[n] != NULL; n = (n + 1) % OPEN_MOST) {
        struct transfer *t = p->open[n];
        p->open[n] = NULL;
        p->open[place_of(p, t->number)] = t;
    }
}

static void copy(char out[TRANSFER_NAME_BYTES], struct view v)
{
    struct text t = text_over(out, TRANSFER_NAME_BYTES);

    text_printable(&t, v);
}

/* Tell of a file that was looked into, or that found no room, and forget it. */
static void tell_file(struct pipeline *p, struct transfer *t)
{
    struct carried_file file = { .name = view_string(t->name),
                                 .from = view_string(t->from),
                                 .to = view_string(t->to),
                                 .room = view_string(t->room),
                                 .size = t->announced > t->facts.extent ? t->announced : t->facts.extent,
                                 .sha256 = t->hashed ? t->sha256 : NULL,
                                 .scan = &t->scan,
                                 .outgoing = t->outgoing,
                                 .whole = t->whole };
    struct leaked leaked = {
        .file = &file,
        .finding = t->leak,
        .count = t->leak_count,
        .told = t->leaks_told,
        .unsearched = t->unsearched,
    };
    char id[VAULT_ID_BYTES] = "";

    t->scene.time_us = t->last_us;
    t->scene.catalog = p->in_use->catalog;
    bool kept = t->spool != NULL && keep(p, &t->scene, true, file.from, file.to, file.room, file.name,
                                         view_of(NULL, 0), spool_fd(t->spool), id);
    if (t->problem.code != IMW_OK && p->config.problem != NULL)
        p->config.problem(p->config.context, &t->problem);
    struct file_event e = { .scene = &t->scene,
                            .file = &file,
                            .facts = &t->facts,
                            .stored = t->stored[0] != '\0' ? t->stored
                                      : kept               ? id
                                                           : NULL,
                            .leaks = t->leak_count > 0 || t->unsearched != NULL ? &leaked : NULL };
    if (p->config.judged != NULL) /* first: a packet may wait for it */
        p->config.judged(p->config.context, t->number, &t->scan);
    p->config.file(p->config.context, &e);
    pthread_mutex_lock(&p->lock);
    p->status.clean += t->scan.state == SCAN_CLEAN;
    p->status.suspicious += t->scan.state == SCAN_SUSPICIOUS;
    p->status.infected += t->scan.state == SCAN_INFECTED;
    p->status.not_scanned += t->scan.state == SCAN_NOT_SCANNED;
    p->status.files_cut += !t->whole;
    p->status.leaks += t->leak_count;
    p->status.not_searched += t->unsearched != NULL;
    pthread_mutex_unlock(&p->lock);
    if (p->config.graph != NULL)
        graph_file(p->config.graph, &t->scene, &file);
    if (p->threats != NULL) {
        threats_file(p->threats, &t->scene, &file);
        if (t->leak_count > 0)
            threats_leaks(p->threats, &t->scene, &leaked);
    }
    spool_close(t->spool);
    free(t);
}

/* Nobody looked into it. */
static void tell_unscanned(struct pipeline *p, struct transfer *t, enum scan_reason why)
{
    t->scan.state = SCAN_NOT_SCANNED;
    t->scan.reason = why;
    t->unsearched = p->leak_rules != NULL ? scan_reason_text(why) : NULL;
    tell_file(p, t);
}

/* A file that begins, but for where its bytes go. */
static void fill_transfer(struct transfer *t, const struct carried *c)
{
    const struct scene *s = &c->scene;
    const struct im_file *f = &c->begin;

    t->number = c->file;
    t->last_us = c->time_us;
    t->announced = f->size;
    t->flow = *s->flow;
    t->has_record = s->record != NULL;
    if (t->has_record)
        t->record = *s->record;
    t->has_client = s->client != NULL;
    if (t->has_client)
        t->client = *s->client;
    t->scene = *s;
    t->scene.flow = &t->flow;
    t->scene.record = t->has_record ? &t->record : NULL;
    t->scene.client = t->has_client ? &t->client : NULL;
    t->scene.server = NULL;
    t->outgoing = f->outgoing;
    copy(t->name, f->name);
    copy(t->from, f->outgoing ? f->account : f->peer);
    copy(t->to, f->outgoing ? f->peer : f->account);
    copy(t->room, f->room);
}

/* There is no room for it; that is told, so that it passes for no clean file. */
static void refuse_file(struct pipeline *p, struct transfer *t)
{
    t->facts.failed = true;
    COUNT(p, files_refused, 1);
    tell_unscanned(p, t, SCAN_REASON_QUEUE_FULL);
}

static void begin_file(struct pipeline *p, const struct carried *c)
{
    struct transfer *t = calloc(1, sizeof *t);

    if (t == NULL) {
        COUNT(p, files_refused, 1);
        return;
    }
    fill_transfer(t, c);
    if (p->open_count < OPEN_MOST / 2)
        t->spool = spool_open(p->spool);
    if (t->spool == NULL) {
        refuse_file(p, t);
        return;
    }
    p->open[place_of(p, t->number)] = t;
    p->open_count++;
    COUNT(p, files, 1);
}

static void end_file(struct pipeline *p, unsigned place, bool whole)
{
    struct transfer *t = p->open[place];

    close_place(p, place);
    spool_facts(t->spool, t->announced, &t->facts);
    t->whole = whole && t->facts.gap_count == 0 && !t->facts.more_gaps && !t->facts.cut && !t->facts.failed;
    /* While captures are read nothing is hurried: the pool has room when it has worked some off. */
    while (!scan_pool_put(p->pool, t)) {
        struct transfer *done = p->config.wait ? scan_pool_take(p->pool, 1000) : NULL;
        if (done != NULL) {
            tell_file(p, done);
        } else if (!p->config.wait) {
            tell_unscanned(p, t, SCAN_REASON_QUEUE_FULL);
            return;
        }
    }
}

static void take_bytes(struct pipeline *p, const struct carried *c)
{
    struct transfer *t = p->open[place_of(p, c->file)];

    if (t == NULL)
        return;                                       /* it was refused, or its beginning was lost */
    (void)spool_write(t->spool, c->offset, c->bytes); /* what fails is in the facts */
    t->last_us = p->now_us;
    COUNT(p, file_bytes, c->bytes.len);
}

/* Files of a flow that ended, and those whose end was lost. */
static void end_files(struct pipeline *p, bool (*which)(const struct transfer *t, const void *context),
                      const void *context)
{
    for (unsigned i = 0; p->open_count > 0 && i < OPEN_MOST;) {
        if (p->open[i] != NULL && which(p->open[i], context))
            end_file(p, i, false); /* another may have moved here */
        else
            i++;
    }
}

static bool is_of_flow(const struct transfer *t, const void *flow_id)
{
    return t->scene.flow_id == *(const uint64_t *)flow_id;
}

static bool is_idle(const struct transfer *t, const void *now_us)
{
    return t->last_us + FILE_IDLE_S * (uint64_t)1000000 < *(const uint64_t *)now_us;
}

static bool is_any(const struct transfer *t, const void *none)
{
    (void)t;
    (void)none;
    return true;
}

/* ---- the thread ---- */

static void take(struct pipeline *p, const void *record)
{
    struct carried c;

    carry_read(record, &c);
    c.scene.catalog = p->in_use->catalog;
    if (c.time_us > p->now_us)
        p->now_us = c.time_us;
    switch (c.type) {
    case CARRY_ACTIVITY: take_activity(p, &c); break;
    case CARRY_CONTACT:
        if (p->threats != NULL)
            threats_contact(p->threats, &c.scene, &c.contact);
        if (p->config.graph != NULL)
            graph_contact(p->config.graph, &c.scene, &c.contact);
        break;
    case CARRY_ANOMALY:
        if (p->threats != NULL)
            threats_anomaly(p->threats, &c.scene, c.anomaly, c.value);
        break;
    case CARRY_TICKET:
        if (p->threats != NULL)
            threats_ticket(p->threats, &c.scene, c.ticket);
        break;
    case CARRY_FLOW:
        end_files(p, is_of_flow, &c.scene.flow_id);
        if (p->threats != NULL)
            threats_flow(p->threats, &c.scene);
        break;
    case CARRY_BEGIN: begin_file(p, &c); break;
    case CARRY_BYTES: take_bytes(p, &c); break;
    case CARRY_END: {
        unsigned place = place_of(p, c.file);
        if (p->open[place] != NULL) {
            p->open[place]->last_us = c.time_us;
            end_file(p, place, c.whole);
        }
        break;
    }
    }
}

/* True: there was something. */
static bool take_batch(struct pipeline *p)
{
    bool any = false;

    for (unsigned i = 0; i < p->config.workers; i++) {
        struct ring *r = &p->lanes[i].ring;
        const void *record;
        for (unsigned n = 0; n < BATCH && (record = ring_next(r)) != NULL; n++) {
            take(p, record);
            ring_release(r);
            any = true;
        }
    }
    struct transfer *done;
    while ((done = scan_pool_take(p->pool, 0)) != NULL) {
        tell_file(p, done);
        any = true;
    }
    return any;
}

static void tell_scanners(struct pipeline *p)
{
    struct scanner_status status;
    struct scene s = { .time_us = p->now_us, .catalog = p->in_use->catalog };

    if (!p->status_waits || !scan_pool_status(p->pool, &status))
        return;
    p->status_waits = false;
    pthread_mutex_lock(&p->lock);
    p->status.scanners = status;
    pthread_mutex_unlock(&p->lock);
    if (p->threats != NULL)
        threats_scanners(p->threats, &s, &status);
}

static void tell_vault(struct pipeline *p)
{
    struct imw_error_info err;

    if (p->vault == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    err = p->vault_problem;
    p->vault_problem.code = IMW_OK;
    pthread_mutex_unlock(&p->lock);
    if (err.code != IMW_OK && p->config.problem != NULL)
        p->config.problem(p->config.context, &err);
}

static void *vault_thread(void *argument)
{
    struct pipeline *p = argument;
    struct timespec now;
    int64_t expired_s = 0;

    for (bool last = false; !last;) {
        struct imw_error_info err;
        unsigned deleted;
        last = atomic_load(&p->vault_stopping);
        bool ok = vault_commit(p->vault, last, &err);
        clock_gettime(CLOCK_REALTIME, &now);
        if (ok && !last && now.tv_sec >= expired_s + EXPIRE_S) {
            expired_s = now.tv_sec;
            const uint64_t now_us = (uint64_t)now.tv_sec * 1000000;
            ok = !vault_due(p->vault, now_us) || vault_expire(p->vault, now_us, &deleted, &err);
        }
        if (!ok) {
            pthread_mutex_lock(&p->lock);
            p->vault_problem = err;
            pthread_mutex_unlock(&p->lock);
        }
        if (!last)
            usleep(VAULT_TICK_US);
    }
    return NULL;
}

/* When the content thread has ended: nothing is put any more. */
static void stop_vault(struct pipeline *p)
{
    if (!p->vault_running)
        return;
    atomic_store(&p->vault_stopping, true);
    pthread_join(p->vault_thread, NULL);
    p->vault_running = false;
    tell_vault(p);
}

/* What is due by the clock or by the traffic's time. */
static void keep_house(struct pipeline *p)
{
    enum { SWEEP_US = 10000000 };
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (p->settings.scan.wanted && p->now_us != 0 && now.tv_sec >= p->asked_s + SCANNERS_S) {
        p->asked_s = now.tv_sec;
        p->status_waits = true;
        scan_pool_ask(p->pool);
    }
    tell_scanners(p);
    if (p->now_us > p->swept_us + SWEEP_US) {
        p->swept_us = p->now_us;
        end_files(p, is_idle, &p->now_us);
    }
    tell_vault(p);
    if (p->threats != NULL) {
        struct threats_status told;
        threats_status(p->threats, &told);
        pthread_mutex_lock(&p->lock);
        p->status.alerts = told.raised;
        p->status.alerts_suppressed = told.suppressed;
        pthread_mutex_unlock(&p->lock);
    }
}

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A sensor that is told to stop does not wait for a scanner that hangs with a queue before it, or whoever
 * stops it would lose patience and with it all events that are not written yet. */
static void finish_scans(struct pipeline *p)
{
    uint64_t until = now_ms() + STOP_MS;

    while (scan_pool_pending(p->pool) > 0) {
        struct transfer *waiting = !p->config.wait && now_ms() >= until ? scan_pool_withdraw(p->pool) : NULL;
        struct transfer *done = waiting == NULL ? scan_pool_take(p->pool, 1000) : NULL;
        if (waiting != NULL)
            tell_unscanned(p, waiting, SCAN_REASON_STOPPED);
        else if (done != NULL)
            tell_file(p, done);
    }
}

static void *content_thread(void *argument)
{
    struct pipeline *p = argument;

    for (;;) {
        bool stopping = atomic_load(&p->stopping); /* before the last look */
        atomic_store(&p->in_use, atomic_load(&p->newest));
        bool any = take_batch(p);
        keep_house(p);
        if (!any && stopping)
            break;
        if (!any)
            usleep(IDLE_US);
    }
    end_files(p, is_any, NULL);
    finish_scans(p);
    keep_house(p);
    return NULL;
}

void pipeline_use(struct pipeline *p, const struct rules *rules)
{
    atomic_store(&p->newest, rules);
    while (p->running && atomic_load(&p->in_use) != rules)
        usleep(IDLE_US);
}

/* ---- start and end ---- */

static bool start(struct pipeline *p, struct imw_error_info *err)
{
    const struct scan_settings *scan = &p->settings.scan;
    struct scan_pool_config pool = { .settings = &p->settings,
                                     .extract = p->config.extract,
                                     .ordered = p->config.wait };
    struct threats_config threats = {
        .settings = p->config.detectors, .world = p->config.world, .alert = on_alert, .context = p
    };

    for (unsigned i = 0; i < p->config.workers; i++)
        if (!ring_init(&p->lanes[i].ring, RING_BYTES, err))
            return false;
    if (p->settings.leaks.wanted && (!leak_rules_new(&p->settings.leaks, &p->leak_rules, err) ||
                                     !leak_search_new(p->leak_rules, &p->leaks, err)))
        return false;
    pool.leaks = p->leak_rules;
    pool.documents = p->config.documents;
    if (!spool_new(p->config.spool, scan->file_bytes, scan->spool_bytes, &p->spool, err) ||
        !scan_pool_new(&pool, &p->pool, err) ||
        (p->settings.vault.path != NULL && !vault_open(&p->settings.vault, &p->vault, err)) ||
        (p->config.threats && !threats_new(&threats, &p->threats, err)))
        return false;
    if (p->vault != NULL && pthread_create(&p->vault_thread, NULL, vault_thread, p) != 0)
        return error_set(err, IMW_ERROR_SYSTEM, "cannot start the vault's thread");
    p->vault_running = p->vault != NULL;
    if (pthread_create(&p->thread, NULL, content_thread, p) != 0)
        return error_set(err, IMW_ERROR_SYSTEM, "cannot start the content thread");
    (void)pthread_setname_np(p->thread, "content");
    p->running = true;
    return true;
}

bool pipeline_new(const struct pipeline_config *config, struct pipeline **out, struct imw_error_info *err)
{
    struct pipeline *p = aligned_alloc(_Alignof(struct pipeline), sizeof *p);

    if (p == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the content thread");
    memset(p, 0, sizeof *p);
    p->config = *config;
    p->settings = *config->settings;
    atomic_init(&p->newest, config->rules);
    atomic_init(&p->in_use, config->rules);
    pthread_mutex_init(&p->lock, NULL);
    if (!start(p, err)) {
        pipeline_free(p);
        return false;
    }
    *out = p;
    return true;
}

void pipeline_stop(struct pipeline *p)
{
    if (p->running) {
        atomic_store(&p->stopping, true);
        pthread_join(p->thread, NULL);
        p->running = false;
    }
    stop_vault(p);
}

void pipeline_free(struct pipeline *p)
{
    if (p == NULL)
        return;
    pipeline_stop(p);
    scan_pool_free(p->pool);
    threats_free(p->threats);
    vault_close(p->vault);
    leak_search_free(p->leaks);
    leak_rules_free(p->leak_rules);
    spool_free(p->spool);
    for (unsigned i = 0; i < p->config.workers; i++)
        ring_fini(&p->lanes[i].ring);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void pipeline_status(struct pipeline *p, struct pipeline_status *out)
{
    pthread_mutex_lock(&p->lock);
    *out = p->status;
    pthread_mutex_unlock(&p->lock);
    out->lost = 0;
    for (unsigned i = 0; i < p->config.workers && !p->config.wait; i++) /* who waits tries again */
        out->lost += ring_lost(&p->lanes[i].ring);
}
