/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that answer requests, each with its own connection to the database. One asker (session, token or
 * address) has at most half of them at a time, and those who are not signed in (whose passwords take time) at
 * most two: so slow questions, however many, leave threads for others.
 */
#include "base/log.h"
#include "base/thread.h"
#include "console/server.h"
#include "store/db.h"
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { WORKERS_MOST = 64, CHECKS = 256, PUBLIC_AT_ONCE = 2, AGAIN_S = 2 };

struct check {
    char cookie[128];
    size_t len;
    _Atomic int *flag;
};

struct workers {
    struct server *server;
    struct api *api;
    const char *database;
    unsigned count;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct request *first, **last;
    struct check checks[CHECKS];
    unsigned check_count;
    struct {
        bool busy, public_;
        uint64_t who;
    } at[WORKERS_MOST];
    unsigned started, waiting, running;
    bool ended;
};

struct api *server_api(struct server *s);
void server_resume(struct server *s, struct request *r);
void server_park(struct server *s, struct request *r);

static bool is_slow_public(const struct request *r)
{
    return r->in.route->permission == PERMISSION_PUBLIC && r->in.route->method != METHOD_GET;
}

/* May one more of this asker begin? Under the lock. */
static bool may_begin(const struct workers *w, const struct request *r)
{
    unsigned same = 0, slow = 0;

    for (unsigned i = 0; i < w->count; i++) {
        same += w->at[i].busy && w->at[i].who == r->who;
        slow += w->at[i].busy && w->at[i].public_;
    }
    return same < (w->count + 1) / 2 && (slow < PUBLIC_AT_ONCE || !is_slow_public(r));
}

/* The first that may begin. Under the lock. */
static struct request *take_request(struct workers *w)
{
    for (struct request **at = &w->first; *at != NULL; at = &(*at)->next) {
        struct request *r = *at;
        if (!may_begin(w, r))
            continue;
        *at = r->next;
        if (*at == NULL)
            w->last = at;
        r->next = NULL;
        w->waiting--;
        return r;
    }
    return NULL;
}

static void answer_one(struct workers *w, struct db *db, struct request *r)
{
    if (db == NULL) {
        answer_problem(&r->answer, 503, NULL,
                       "the database does not answer; try again, and see the server's log");
    } else if (r->head_only) {
        r->authorised = dispatch_authorise(w->api, db, &r->in, clock_us(), &r->answer);
    } else {
        dispatch(w->api, db, &r->in, clock_us(), &r->answer);
    }
}

/* A connection, again where the last was lost. */
static void keep_connected(const struct workers *w, struct db **db, uint64_t *tried_ms)
{
    struct imw_error_info err = { 0 };
    char line[768];

    if (*db != NULL || (*tried_ms != 0 && clock_ms() - *tried_ms < AGAIN_S * 1000))
        return;
    *tried_ms = clock_ms();
    if (!db_open(w->database, db, &err)) {
        *db = NULL;
        log_error("console_database", "%s", error_format(&err, line, sizeof line));
    }
}

/* Does the connection still work? Asked when an answer was a failure. */
static void drop_if_lost(struct db **db)
{
    struct imw_error_info err = { 0 };
    int64_t one;

    if (*db == NULL || db_query_int(*db, "select 1", DB_NONE, &one, NULL, &err))
        return;
    db_close(*db);
    *db = NULL;
}

static void *work(void *context)
{
    struct workers *w = context;
    struct db *db = NULL;
    uint64_t tried_ms = 0;

    pthread_mutex_lock(&w->lock);
    const unsigned me = w->started++;
    while (!w->ended) {
        struct request *r = take_request(w);
        if (r != NULL) {
            w->at[me].busy = true;
            w->at[me].who = r->who;
            w->at[me].public_ = is_slow_public(r);
            w->running++;
            pthread_mutex_unlock(&w->lock);
            keep_connected(w, &db, &tried_ms);
            answer_one(w, db, r);
            if (r->answer.status >= 500)
                drop_if_lost(&db);
            if (r->answer.waits)
                server_park(w->server, r);
            else
                server_resume(w->server, r);
            pthread_mutex_lock(&w->lock);
            w->at[me].busy = false;
            w->running--;
            pthread_cond_broadcast(&w->work); /* whoever had to wait for this one */
        } else if (w->check_count > 0) {
            struct check c = w->checks[--w->check_count];
            pthread_mutex_unlock(&w->lock);
            keep_connected(w, &db, &tried_ms);
            if (db != NULL && !dispatch_still(db, view_of(c.cookie, c.len), clock_us()))
                atomic_store(c.flag, 1);
            pthread_mutex_lock(&w->lock);
        } else if (w->ended) {
            break;
        } else {
            pthread_cond_wait(&w->work, &w->lock);
        }
    }
    pthread_mutex_unlock(&w->lock);
    db_close(db);
    return NULL;
}

bool workers_new(struct server *s, unsigned count, struct workers **out, struct imw_error_info *err)
{
    struct workers *w = calloc(1, sizeof *w);
    pthread_t thread;

    if (w == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the workers");
    w->server = s;
    w->api = server_api(s);
    w->database = w->api->config->database;
    w->count = count < WORKERS_MOST ? count : WORKERS_MOST;
    w->last = &w->first;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    for (unsigned i = 0; i < w->count; i++) {
        if (!thread_start(&thread, "worker", work, w, err))
            return false; /* the role ends */
        pthread_detach(thread);
    }
    *out = w;
    return true;
}

void workers_give(struct workers *w, struct request *r)
{
    pthread_mutex_lock(&w->lock);
    r->next = NULL;
    *w->last = r;
    w->last = &r->next;
    w->waiting++;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
}

void workers_check(struct workers *w, struct view cookie, _Atomic int *flag)
{
    pthread_mutex_lock(&w->lock);
    if (cookie.len < sizeof w->checks[0].cookie && w->check_count < CHECKS) { /* else the next time */
        struct check *c = &w->checks[w->check_count++];
        memcpy(c->cookie, cookie.at, cookie.len);
        c->len = cookie.len;
        c->flag = flag;
        pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->lock);
}

bool workers_stop(struct workers *w, unsigned wait_ms)
{
    bool idle = false;

    for (uint64_t until_ms = clock_ms() + wait_ms; !idle && clock_ms() < until_ms;) {
        pthread_mutex_lock(&w->lock);
        w->ended = true;
        pthread_cond_broadcast(&w->work);
        idle = w->running == 0;
        pthread_mutex_unlock(&w->lock);
        if (!idle)
            (void)poll(NULL, 0, 5);
    }
    return idle;
}
