/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of files to look into, the threads that do, and a queue of those that are done. */
#include "engine/scan_pool.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    QUEUE_MOST = 256,
    THREADS_MOST = 64,
    DOCUMENT_TEXT_BYTES = 16 << 20,
    DOCUMENT_MS = 10000,
    PLAIN_PIECE_BYTES = 65536,
};

struct queue {
    struct transfer *first, **last;
    unsigned count;
};

struct scan_pool {
    struct scan_pool_config config;
    struct scanner *scanner;
    pthread_t thread[THREADS_MOST];
    unsigned thread_count;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    struct queue waiting, finished;
    uint64_t put, told; /* files handed over; taken back, where that goes in order */
    unsigned under_way; /* taken out of `waiting`, not in `finished` yet */
    bool stop, ask, has_status;
    struct scanner_status status;
};

/* What a thread has of its own. */
struct hands {
    struct scan_pool *pool;
    struct scan_worker *scan;
    struct leak_search *leaks; /* NULL: not searched */
};

static void queue_put(struct queue *q, struct transfer *t)
{
    t->next = NULL;
    if (q->first == NULL)
        q->last = &q->first;
    *q->last = t;
    q->last = &t->next;
    q->count++;
}

static struct transfer *queue_take(struct queue *q)
{
    struct transfer *t = q->first;

    if (t != NULL) {
        q->first = t->next;
        q->count--;
    }
    return t;
}

static void search_text(void *context, struct view text)
{
    leak_more(context, text);
}

/* Plain text needs no reader. Returns why not all of it could be searched, or NULL. */
static const char *search_plain(struct leak_search *leaks, int fd, uint64_t bytes)
{
    uint8_t piece[PLAIN_PIECE_BYTES];

    for (uint64_t at = 0; at < bytes;) {
        ssize_t n = pread(fd, piece, sizeof piece, (off_t)at);
        if (n <= 0)
            return "the file cannot be read back";
        leak_more(leaks, view_of(piece, (size_t)n));
        at += (uint64_t)n;
    }
    return NULL;
}

/* Leaks in the text of a document; what could not be searched is told, so that nobody takes it for clean. */
static void search(struct hands *h, struct transfer *t)
{
    struct documents *documents = h->pool->config.documents;
    int fd = spool_fd(t->spool);
    uint64_t bytes = spool_is_thin(&t->facts) ? t->facts.gap[0].from : t->facts.extent;
    struct imw_error_info err;

    if (h->leaks == NULL || bytes == 0)
        return;
    leak_begin(h->leaks, t->leak, TRANSFER_LEAKS);
    if (strcmp(t->scan.media_type, "text/plain") == 0)
        t->unsearched = search_plain(h->leaks, fd, bytes);
    else if (documents != NULL)
        t->unsearched =
            document_answer_text(document_read(documents, fd, t->scan.media_type, DOCUMENT_TEXT_BYTES,
                                               DOCUMENT_MS, search_text, h->leaks, &err));
    t->leak_count = leak_end(h->leaks);
    t->leaks_told = t->leak_count < TRANSFER_LEAKS ? t->leak_count : TRANSFER_LEAKS;
}

static void look_into(struct hands *h, struct transfer *t)
{
    const char *extract = h->pool->config.extract;

    t->hashed = !spool_is_thin(&t->facts) && spool_sha256(t->spool, t->sha256);
    scan_file(h->scan, t->spool, &t->facts, view_string(t->name), t->sha256, &t->scan);
    search(h, t);
    if (extract != NULL &&
        !spool_save(t->spool, extract, view_string(t->name), t->stored, sizeof t->stored, &t->problem))
        t->stored[0] = '\0';
}

static void ask_scanners(struct scan_pool *p)
{
    struct scanner_status status;

    p->ask = false;
    pthread_mutex_unlock(&p->lock);
    scanner_status(p->scanner, &status);
    pthread_mutex_lock(&p->lock);
    p->status = status;
    p->has_status = true;
}

static void *scan_thread(void *argument)
{
    struct hands *h = argument;
    struct scan_pool *p = h->pool;
    struct transfer *t;

    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        if (p->ask) {
            ask_scanners(p);
        } else if ((t = queue_take(&p->waiting)) != NULL) {
            p->under_way++;
            pthread_mutex_unlock(&p->lock);
            look_into(h, t);
            pthread_mutex_lock(&p->lock);
            p->under_way--;
            queue_put(&p->finished, t);
            pthread_cond_broadcast(&p->done);
        } else {
            pthread_cond_wait(&p->work, &p->lock);
        }
    }
    pthread_mutex_unlock(&p->lock);
    scan_worker_free(h->scan);
    leak_search_free(h->leaks);
    free(h);
    return NULL;
}

static bool start_thread(struct scan_pool *p, struct imw_error_info *err)
{
    struct hands *h = calloc(1, sizeof *h);

    if (h == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for a thread that scans");
    h->pool = p;
    if (scan_worker_new(p->scanner, &h->scan, err) &&
        (p->config.leaks == NULL || leak_search_new(p->config.leaks, &h->leaks, err))) {
        if (pthread_create(&p->thread[p->thread_count], NULL, scan_thread, h) == 0) {
            (void)pthread_setname_np(p->thread[p->thread_count++], "scan");
            return true;
        }
        (void)error_set(err, IMW_ERROR_SYSTEM, "cannot start a thread that scans");
    }
    scan_worker_free(h->scan);
    leak_search_free(h->leaks);
    free(h);
    return false;
}

bool scan_pool_new(const struct scan_pool_config *config, struct scan_pool **out, struct imw_error_info *err)
{
    struct scan_pool *p = calloc(1, sizeof *p);
    unsigned threads = config->settings->scan.parallel;
    bool ok = true;

    if (p == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for scanning");
    p->config = *config;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->done, NULL);
    if (!scanner_new(&config->settings->scan, &p->scanner, err)) {
        scan_pool_free(p);
        return false;
    }
    for (unsigned i = 0; ok && i < threads && i < THREADS_MOST; i++)
        ok = start_thread(p, err);
    if (!ok) {
        scan_pool_free(p);
        return false;
    }
    *out = p;
    return true;
}

void scan_pool_free(struct scan_pool *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->thread_count; i++)
        pthread_join(p->thread[i], NULL);
    scanner_free(p->scanner);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->done);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

bool scan_pool_put(struct scan_pool *p, struct transfer *t)
{
    pthread_mutex_lock(&p->lock);
    bool room = p->waiting.count < QUEUE_MOST;
    if (room) {
        t->turn = p->put++;
        queue_put(&p->waiting, t);
        pthread_cond_signal(&p->work);
    }
    pthread_mutex_unlock(&p->lock);
    return room;
}

static unsigned pending(const struct scan_pool *p)
{
    return p->waiting.count + p->under_way + p->finished.count;
}

/* One that is done, and whose turn it is. */
static struct transfer *take_finished(struct scan_pool *p)
{
    struct queue *q = &p->finished;

    if (!p->config.ordered)
        return queue_take(q);
    for (struct transfer **at = &q->first; *at != NULL; at = &(*at)->next) {
        struct transfer *t = *at;
        if (t->turn != p->told)
            continue;
        *at = t->next;
        if (t->next == NULL)
            q->last = at;
        q->count--;
        p->told++;
        return t;
    }
    return NULL;
}

struct transfer *scan_pool_take(struct scan_pool *p, unsigned wait_ms)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&p->lock);
    struct transfer *t;
    while ((t = take_finished(p)) == NULL && wait_ms > 0 && pending(p) > 0)
        if (pthread_cond_timedwait(&p->done, &p->lock, &until) != 0)
            break;
    pthread_mutex_unlock(&p->lock);
    return t;
}

struct transfer *scan_pool_withdraw(struct scan_pool *p)
{
    pthread_mutex_lock(&p->lock);
    struct transfer *t = queue_take(&p->waiting);
    pthread_mutex_unlock(&p->lock);
    return t;
}

unsigned scan_pool_pending(struct scan_pool *p)
{
    pthread_mutex_lock(&p->lock);
    unsigned n = pending(p);
    pthread_mutex_unlock(&p->lock);
    return n;
}

void scan_pool_ask(struct scan_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->ask = true;
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
}

bool scan_pool_status(struct scan_pool *p, struct scanner_status *out)
{
    pthread_mutex_lock(&p->lock);
    bool has = p->has_status;
    if (has)
        *out = p->status;
    pthread_mutex_unlock(&p->lock);
    return has;
}
