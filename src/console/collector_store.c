/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs of the collector's connections, done in order by one thread with one connection to the database.
 *
 * A round takes what waits, up to some 20,000 events, and does it in one transaction: the busier it is, the
 * more events share the wait for the disk. Only after the commit is anything said: a batch is acknowledged, a
 * sensor welcome. The number of a batch is stored in the same transaction, and a batch whose number is not
 * greater than the last is dropped, so that one sent twice is stored once.
 *
 * A round that fails is rolled back and tried again until it succeeds, with a growing pause, and where the
 * database is there but one job may be what it does not take, job by job: a job that fails by itself alone
 * then holds up the others no more than its tries do, since it goes to the end of the queue with all that its
 * sensor sent after it.
 *
 * Revoked sensors, and those whose certificate was replaced, are looked for every two seconds.
 */
#include "console/collector_store.h"
#include "base/json_value.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "store/event_store.h"
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    QUEUE_BYTES = 64 << 20,
    ROUND_LINES = 20000,
    ROUND_JOBS = 2000,
    SENSORS_MAX = 4096, /* whose words are remembered */
    LOOK_MS = 2000,
    PAUSE_MS = 250,
    PAUSE_MAX_MS = 5000,
};

/* What is known of a sensor that said HELLO. */
struct known {
    int64_t id;
    struct ingest *ingest; /* NULL: none yet */
    uint8_t fingerprint[FINGERPRINT_BYTES];
    bool here, cut; /* said HELLO; was cut since */
    uint64_t here_ms;
    struct ingest_counts round; /* of the transaction under way */
    char *lines;                /* and its lines: many small batches are stored as one */
    size_t lines_len, lines_room;
    uint64_t refused;
    uint64_t lost, waiting, end_us;
    char software[64], address[64];
};

struct collector_store {
    char *database;
    int wake;
    struct changes *changes;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t ready;
    /* under the lock */
    bool stopping;
    struct collector_job *first, *last;
    size_t bytes;
    struct collector_result *results, *results_last;
    /* the thread's own */
    struct db *db;
    struct known *known;
    unsigned known_count;
    uint64_t look_ms, pause_ms;
    bool single; /* the last round failed: one job at a time */
};

/* ---- results ---- */

static struct collector_result *result_new(enum result_type type, uint64_t link, int64_t sensor,
                                           uint64_t number)
{
    struct collector_result *r = calloc(1, sizeof *r);

    if (r != NULL)
        *r = (struct collector_result){ .type = type, .link = link, .sensor = sensor, .number = number };
    return r;
}

struct results {
    struct collector_result *first, *last;
};

static void result_add(struct results *l, struct collector_result *r)
{
    if (l->last != NULL)
        l->last->next = r;
    else
        l->first = r;
    l->last = r;
}

static void results_free(struct results *l)
{
    while (l->first != NULL) {
        struct collector_result *r = l->first;
        l->first = r->next;
        free(r);
    }
    *l = (struct results){ 0 };
}

static void results_tell(struct collector_store *s, struct results *l)
{
    const uint64_t one = 1;

    if (l->first == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    if (s->results_last != NULL)
        s->results_last->next = l->first;
    else
        s->results = l->first;
    s->results_last = l->last;
    pthread_mutex_unlock(&s->lock);
    *l = (struct results){ 0 };
    if (write(s->wake, &one, sizeof one) != (ssize_t)sizeof one)
        return; /* it is full, so the other side will wake */
}

/* ---- sensors ---- */

static struct known *known_find(struct collector_store *s, int64_t id)
{
    for (unsigned i = 0; i < s->known_count; i++)
        if (s->known[i].id == id)
            return &s->known[i];
    return NULL;
}

static struct known *known_get(struct collector_store *s, int64_t id)
{
    struct known *k = known_find(s, id);

    if (k != NULL || s->known_count == SENSORS_MAX)
        return k;
    struct known *grown = realloc(s->known, (s->known_count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    s->known = grown;
    k = &grown[s->known_count++];
    *k = (struct known){ .id = id };
    return k;
}

/* The transaction was rolled back, or the connection is another. */
static void forget(struct collector_store *s)
{
    for (unsigned i = 0; i < s->known_count; i++) {
        struct known *k = &s->known[i];
        if (k->ingest != NULL)
            ingest_forget(k->ingest);
        k->round = (struct ingest_counts){ 0 };
        k->lines_len = 0;
    }
}

static void forget_all(struct collector_store *s)
{
    for (unsigned i = 0; i < s->known_count; i++) {
        ingest_free(s->known[i].ingest);
        s->known[i].ingest = NULL;
        s->known[i].round = (struct ingest_counts){ 0 };
        s->known[i].lines_len = 0;
    }
}

/* ---- status ---- */

static char *status_text(const struct known *k)
{
    json_t *status = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "software", k->software, "address",
                               k->address, "lost", (json_int_t)k->lost, "waiting", (json_int_t)k->waiting,
                               "certificate_end_s", (json_int_t)(k->end_us / 1000000), "connected_s",
                               (json_int_t)((clock_ms() - k->here_ms) / 1000));
    char *text = status != NULL ? json_dumps(status, JSON_COMPACT) : NULL;

    json_decref(status);
    return text;
}

static bool status_keep(struct collector_store *s, const struct known *k, struct imw_error_info *err)
{
    char *status = status_text(k);
    bool ok = db_run(s->db, "update sensor set seen_us = ?, status = ? where id = ?",
                     DB_ARGS(db_int((int64_t)clock_us()), db_text(status), db_int(k->id)), NULL, err);

    free(status);
    return ok;
}

/* ---- jobs, in a transaction ---- */

static bool job_hello(struct collector_store *s, const struct collector_job *j, struct results *out,
                      struct imw_error_info *err)
{
    struct db_rows *rows;
    struct imw_error_info row_err = { 0 };
    struct collector_result *r = result_new(RESULT_REFUSED, j->link, 0, 0);

    if (r == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for a sensor's answer");
    result_add(out, r);
    if (!db_query(s->db, "select id, state, batch, name from sensor where fingerprint = ?",
                  DB_ARGS(db_blob(view_of(j->fingerprint, sizeof j->fingerprint))), &rows, err))
        return false;
    if (!db_next(rows, &row_err)) {
        db_rows_end(rows);
        snprintf(r->text, sizeof r->text,
                 "this certificate is not, or no longer, that of an enrolled sensor");
        if (row_err.code != IMW_OK)
            *err = row_err;
        return row_err.code == IMW_OK;
    }
    int64_t id = db_get_int(rows, 0);
    bool active = view_equal(db_get_text(rows, 1), VIEW("active"));
    r->number = (uint64_t)db_get_int(rows, 2);
    struct text name = TEXT(r->text);
    text_printable(&name, db_get_text(rows, 3));
    db_rows_end(rows);
    struct known *k = active ? known_get(s, id) : NULL;
    if (k == NULL) {
        snprintf(r->text, sizeof r->text, "%s",
                 active ? "too many sensors"
                        : "this sensor was revoked; 'imward sensor add' makes a new bundle");
        return true;
    }
    memcpy(k->fingerprint, j->fingerprint, sizeof k->fingerprint);
    memcpy(k->software, j->software, sizeof k->software);
    memcpy(k->address, j->address, sizeof k->address);
    k->end_us = j->end_us;
    k->here = true;
    k->here_ms = clock_ms();
    k->cut = false;
    r->type = RESULT_WELCOME;
    r->sensor = id;
    return status_keep(s, k, err);
}

static bool job_status(struct collector_store *s, const struct collector_job *j, struct imw_error_info *err)
{
    struct known *k = known_find(s, j->sensor);

    if (k == NULL)
        return true;
    if (j->lost > k->lost)
        log_warning("sensor_loses",
                    "sensor=%" PRId64 " events=%" PRIu64 ": it keeps as many as its output's keep= allows",
                    j->sensor, j->lost - k->lost);
    k->lost = j->lost;
    k->waiting = j->waiting;
    return status_keep(s, k, err);
}

/* It changed nothing: the batch is there already, or else the sensor was revoked a moment ago. */
static bool stored_before(struct collector_store *s, const struct collector_job *j,
                          struct collector_result *r, struct imw_error_info *err)
{
    int64_t batch = 0;
    bool found;

    if (!db_query_int(s->db, "select batch from sensor where id = ?", DB_ARGS(db_int(j->sensor)), &batch,
                      &found, err))
        return false;
    if (!found || batch < (int64_t)j->number) {
        r->type = RESULT_CUT;
        snprintf(r->text, sizeof r->text, "this sensor was revoked");
    }
    return true;
}

static bool lines_keep(struct known *k, struct view lines)
{
    if (lines.len + 1 > k->lines_room - k->lines_len) {
        size_t room = (k->lines_len + lines.len + 1) * 2;
        char *more = realloc(k->lines, room);
        if (more == NULL)
            return false;
        k->lines = more;
        k->lines_room = room;
    }
    if (lines.len == 0)
        return true;
    memcpy(k->lines + k->lines_len, lines.at, lines.len);
    k->lines_len += lines.len;
    if (k->lines[k->lines_len - 1] != '\n')
        k->lines[k->lines_len++] = '\n';
    return true;
}

/* What the batches of this transaction brought, of all sensors together: one change of each sum. */
static bool lines_store(struct collector_store *s, struct imw_error_info *err)
{
    struct ingest_batch *list = malloc((s->known_count + 1) * sizeof *list);
    unsigned count = 0;

    if (list == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for batches of events");
    for (unsigned i = 0; i < s->known_count; i++) {
        struct known *k = &s->known[i];
        if (k->lines_len > 0)
            list[count++] = (struct ingest_batch){ k->ingest, view_of(k->lines, k->lines_len), &k->round };
        k->lines_len = 0;
    }
    bool ok = count == 0 || ingest_batches(list, count, clock_us(), err);
    free(list);
    return ok;
}

static bool job_batch(struct collector_store *s, const struct collector_job *j, struct results *out,
                      struct imw_error_info *err)
{
    struct known *k = known_find(s, j->sensor);
    struct collector_result *r = result_new(RESULT_STORED, j->link, j->sensor, j->number);
    struct view lines = view_of(j->plain, j->size);
    uint64_t changed = 0, now_us = clock_us();

    if (r == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for an acknowledgement");
    result_add(out, r);
    if (k == NULL || k->cut) { /* nothing of it counts any more */
        r->type = RESULT_CUT;
        return true;
    }
    if (!db_run(s->db,
                "update sensor set batch = ?, seen_us = ? where id = ? and batch < ? and state = 'active'",
                DB_ARGS(db_int((int64_t)j->number), db_int((int64_t)now_us), db_int(k->id),
                        db_int((int64_t)j->number)),
                &changed, err))
        return false;
    if (changed == 0)
        return stored_before(s, j, r, err);
    return lines_keep(k, lines) || error_set(err, IMW_ERROR_MEMORY, "no memory for a batch of events");
}

static bool job_do(struct collector_store *s, const struct collector_job *j, struct results *out,
                   struct imw_error_info *err)
{
    switch (j->type) {
    case JOB_HELLO: return job_hello(s, j, out, err);
    case JOB_STATUS: return job_status(s, j, err);
    case JOB_BATCH: return job_batch(s, j, out, err);
    }
    return true;
}

/* ---- rounds ---- */

/* Take off the queue what one transaction does. */
static struct collector_job *round_take(struct collector_store *s)
{
    struct collector_job *first, *last = NULL;
    uint32_t lines = 0;
    unsigned jobs = 0;
    struct timespec until;

    pthread_mutex_lock(&s->lock);
    if (s->first == NULL && !s->stopping) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        pthread_cond_timedwait(&s->ready, &s->lock, &until);
    }
    first = s->stopping ? NULL : s->first;
    for (struct collector_job *j = first;
         j != NULL && lines < ROUND_LINES && jobs < (s->single ? 1u : (unsigned)ROUND_JOBS); j = j->next) {
        last = j;
        lines += j->lines;
        jobs++;
        s->bytes -= j->size;
    }
    if (last != NULL) {
        s->first = last->next;
        if (s->first == NULL)
            s->last = NULL;
        last->next = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    return first;
}

static void jobs_free(struct collector_job *j)
{
    while (j != NULL) {
        struct collector_job *next = j->next;
        free(j);
        j = next;
    }
}

/* They failed: back to the head of the queue. */
static void round_return(struct collector_store *s, struct collector_job *jobs)
{
    struct collector_job *last = jobs;

    pthread_mutex_lock(&s->lock);
    for (;; last = last->next) {
        s->bytes += last->size;
        if (last->next == NULL)
            break;
    }
    last->next = s->first;
    s->first = jobs;
    if (s->last == NULL)
        s->last = last;
    pthread_mutex_unlock(&s->lock);
}

/* One job failed by itself while the database works: it and what its sensor sent after it go behind the rest.
 */
static void round_postpone(struct collector_store *s, int64_t sensor)
{
    struct collector_job *kept = NULL, **kept_end = &kept, *late = NULL, **late_end = &late, *last = NULL;

    pthread_mutex_lock(&s->lock);
    for (struct collector_job *j = s->first, *next; j != NULL; j = next) {
        next = j->next;
        j->next = NULL;
        struct collector_job ***end = j->sensor == sensor && sensor != 0 ? &late_end : &kept_end;
        **end = j;
        *end = &j->next;
    }
    *kept_end = late;
    s->first = kept;
    for (struct collector_job *j = kept; j != NULL; j = j->next)
        last = j;
    s->last = last;
    pthread_mutex_unlock(&s->lock);
}

static bool is_open(struct collector_store *s, struct imw_error_info *err)
{
    return s->db != NULL || db_open(s->database, &s->db, err);
}

static bool ingest_make(struct collector_store *s, struct known *k, struct imw_error_info *err)
{
    for (unsigned i = 0; i < s->known_count; i++)
        if (s->known[i].ingest != NULL)
            return ingest_new_beside(s->known[i].ingest, k->id, &k->ingest, err);
    return ingest_new(s->db, k->id, &k->ingest, err);
}

/* What makes tables where they are not there yet: before the transaction. */
static bool prepare(struct collector_store *s, const struct collector_job *jobs, struct imw_error_info *err)
{
    for (const struct collector_job *j = jobs; j != NULL; j = j->next) {
        struct known *k = j->type == JOB_BATCH ? known_find(s, j->sensor) : NULL;
        if (k != NULL && k->ingest == NULL && !ingest_make(s, k, err))
            return false;
    }
    return true;
}

static bool round_try(struct collector_store *s, const struct collector_job *jobs, struct results *out,
                      struct imw_error_info *err)
{
    if (!is_open(s, err) || !prepare(s, jobs, err) || !db_begin_feed(s->db, err))
        return false;
    for (const struct collector_job *j = jobs; j != NULL; j = j->next)
        if (!job_do(s, j, out, err))
            return false;
    return lines_store(s, err) && db_commit(s->db, err);
}

static void pause_thread(struct collector_store *s)
{
    struct timespec until;

    s->pause_ms = s->pause_ms == 0                 ? PAUSE_MS
                  : s->pause_ms * 2 < PAUSE_MAX_MS ? s->pause_ms * 2
                                                   : PAUSE_MAX_MS;
    clock_gettime(CLOCK_REALTIME, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + s->pause_ms % 1000 * 1000000;
    until.tv_sec += (time_t)(s->pause_ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_mutex_lock(&s->lock);
    while (!s->stopping && pthread_cond_timedwait(&s->ready, &s->lock, &until) == 0)
        continue; /* new jobs do not end the pause */
    pthread_mutex_unlock(&s->lock);
}

static void told(struct collector_store *s, const struct collector_job *jobs)
{
    bool sensors = false, events = false;

    for (unsigned i = 0; i < s->known_count; i++) {
        struct known *k = &s->known[i];
        events |= k->round.stored > 0;
        if (k->round.refused > 0)
            log_warning("sensor_lines_refused", "sensor=%" PRId64 " lines=%" PRIu64 " first=\"%s\"", k->id,
                        k->round.refused, k->round.refusal);
        k->round = (struct ingest_counts){ 0 };
    }
    for (; jobs != NULL; jobs = jobs->next)
        sensors |= jobs->type != JOB_BATCH;
    if (events)
        changes_tell(s->changes, CHANGE_EVENTS);
    if (sensors)
        changes_tell(s->changes, CHANGE_SENSORS);
}

static void round_failed(struct collector_store *s, struct collector_job *jobs,
                         const struct imw_error_info *err)
{
    bool job = err->code == IMW_ERROR_VALUE || err->code == IMW_ERROR_FORMAT;
    char words[768];

    if (s->db != NULL)
        db_rollback(s->db);
    forget(s);
    log_error("collector_store", "%s: events wait, and sensors keep theirs; tried again",
              error_format(err, words, sizeof words));
    int64_t sensor = jobs->sensor;
    bool alone = jobs->next == NULL;
    round_return(s, jobs);
    if (job && alone)
        round_postpone(s, sensor);
    s->single = job;
    pause_thread(s);
}

static void round_do(struct collector_store *s, struct collector_job *jobs)
{
    struct imw_error_info err = { 0 };
    struct results out = { 0 };

    if (!round_try(s, jobs, &out, &err)) {
        results_free(&out);
        round_failed(s, jobs, &err);
        return;
    }
    if (s->pause_ms > 0)
        log_notice("collector_store", "it works again");
    s->pause_ms = 0;
    s->single = false;
    told(s, jobs);
    results_tell(s, &out);
    jobs_free(jobs);
}

/* ---- the revoked ---- */

static bool look(struct collector_store *s, struct results *out, struct imw_error_info *err)
{
    struct db_rows *rows;
    struct imw_error_info row_err = { 0 };

    if (!is_open(s, err) ||
        !db_query(s->db, "select id, state, fingerprint from sensor where kind in ('sensor', 'gateway')",
                  DB_NONE, &rows, err))
        return false;
    while (db_next(rows, &row_err)) {
        struct known *k = known_find(s, db_get_int(rows, 0));
        bool valid = k != NULL && view_equal(db_get_text(rows, 1), VIEW("active")) &&
                     view_equal(db_get_blob(rows, 2), view_of(k->fingerprint, sizeof k->fingerprint));
        if (k == NULL || !k->here || k->cut || valid)
            continue;
        struct collector_result *r = result_new(RESULT_CUT, 0, k->id, 0);
        if (r == NULL)
            break;
        snprintf(r->text, sizeof r->text, "this sensor was revoked, or its certificate replaced");
        result_add(out, r);
        k->cut = true;
    }
    db_rows_end(rows);
    if (row_err.code != IMW_OK)
        *err = row_err;
    return row_err.code == IMW_OK;
}

static void look_at_times(struct collector_store *s)
{
    struct imw_error_info err = { 0 };
    struct results out = { 0 };
    uint64_t now_ms = clock_ms();
    char words[768];

    if (now_ms < s->look_ms)
        return;
    s->look_ms = now_ms + LOOK_MS;
    if (!look(s, &out, &err)) {
        log_error("collector_store", "%s", error_format(&err, words, sizeof words));
        if (s->db != NULL && err.code == IMW_ERROR_SYSTEM) { /* perhaps the connection: a new one */
            forget_all(s);
            db_close(s->db);
            s->db = NULL;
        }
    }
    results_tell(s, &out);
}

static void *run(void *context)
{
    struct collector_store *s = context;

    for (;;) {
        struct collector_job *jobs = round_take(s);
        pthread_mutex_lock(&s->lock);
        bool stopping = s->stopping;
        pthread_mutex_unlock(&s->lock);
        if (stopping) {
            jobs_free(jobs);
            return NULL;
        }
        look_at_times(s);
        if (jobs != NULL)
            round_do(s, jobs);
    }
}

/* ---- the other thread's side ---- */

bool collector_store_new(const char *database, int wake, struct changes *changes,
                         struct collector_store **out, struct imw_error_info *err)
{
    struct collector_store *s = calloc(1, sizeof *s);

    if (s == NULL || (s->database = strdup(database)) == NULL) {
        free(s);
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the collector");
    }
    s->wake = wake;
    s->changes = changes;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->ready, NULL);
    *out = s;
    return true;
}

bool collector_store_start(struct collector_store *s, struct imw_error_info *err)
{
    int error = pthread_create(&s->thread, NULL, run, s);

    if (error != 0) {
        errno = error;
        return error_errno(err, "thread of the collector");
    }
    s->running = true;
    return true;
}

void collector_store_free(struct collector_store *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->ready);
    pthread_mutex_unlock(&s->lock);
    if (s->running)
        pthread_join(s->thread, NULL);
    forget_all(s);
    for (unsigned i = 0; i < s->known_count; i++)
        free(s->known[i].lines);
    free(s->known);
    db_close(s->db);
    jobs_free(s->first);
    struct results rest = { s->results, s->results_last };
    results_free(&rest);
    pthread_cond_destroy(&s->ready);
    pthread_mutex_destroy(&s->lock);
    free(s->database);
    free(s);
}

struct collector_job *collector_job_new(enum job_type type, uint64_t link, size_t size)
{
    struct collector_job *j = malloc(sizeof *j + size);

    if (j != NULL) {
        memset(j, 0, sizeof *j);
        j->type = type;
        j->link = link;
        j->size = size;
    }
    return j;
}

void collector_store_put(struct collector_store *s, struct collector_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&s->lock);
    if (s->last != NULL)
        s->last->next = job;
    else
        s->first = job;
    s->last = job;
    s->bytes += job->size;
    pthread_cond_signal(&s->ready);
    pthread_mutex_unlock(&s->lock);
}

bool collector_store_has_room(struct collector_store *s)
{
    pthread_mutex_lock(&s->lock);
    bool room = s->bytes < QUEUE_BYTES;
    pthread_mutex_unlock(&s->lock);
    return room;
}

struct collector_result *collector_store_results(struct collector_store *s)
{
    pthread_mutex_lock(&s->lock);
    struct collector_result *first = s->results;
    s->results = s->results_last = NULL;
    pthread_mutex_unlock(&s->lock);
    return first;
}
