/* SPDX-License-Identifier: Apache-2.0 */
/* Questions and answers between two roles. */
#include "console/link.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "console/serve.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct waiting {
    uint64_t id; /* 0: free */
    json_t *answer;
};

struct role_link {
    int fd;
    const char *name;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    pthread_t reader;
    uint64_t next_id;
    struct waiting waiting[LINK_WAITING];
};

/* ---- messages ---- */

json_t *link_parse(struct view bytes, uint64_t *out_id)
{
    if (bytes.len == 0 || bytes.len > LINK_BYTES || json_depth(bytes, LINK_DEPTH + 1) > LINK_DEPTH)
        return NULL;
    json_t *message = json_loadb((const char *)bytes.at, bytes.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *id = json_object_get(message, "id");
    if (!json_is_object(message) || !json_is_integer(id) || json_integer_value(id) <= 0) {
        json_decref(message);
        return NULL;
    }
    *out_id = (uint64_t)json_integer_value(id);
    return message;
}

/* Takes `message` over. False: it is too long, or did not go out in time. */
static bool link_send(int fd, json_t *message, unsigned wait_ms)
{
    char *text = message != NULL ? json_dumps(message, JSON_COMPACT) : NULL;
    size_t len = text != NULL ? strlen(text) : 0;
    uint64_t until_ms = clock_ms() + wait_ms;
    bool sent = false;

    json_decref(message);
    while (text != NULL && len <= LINK_BYTES) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        uint64_t now_ms = clock_ms();
        sent = n == (ssize_t)len;
        if (sent || (errno != EAGAIN && errno != EINTR) || now_ms >= until_ms)
            break;
        struct pollfd ready = { .fd = fd, .events = POLLOUT };
        (void)poll(&ready, 1, (int)(until_ms - now_ms));
    }
    free(text);
    return sent;
}

/* Something strange came: no more of it. Nobody else may end, so it is this process and, as it finds the edge
 * closed, the other. */
static _Noreturn void link_close(int fd, const char *name, const char *why)
{
    log_error("role_channel", "other=%s: %s; both begin anew", name, why);
    (void)shutdown(fd, SHUT_RDWR);
    _exit(ROLE_CHANNEL_GONE);
}

/* The next message, of a blocking socket. */
static json_t *link_receive(int fd, const char *name, char *room, uint64_t *out_id)
{
    for (;;) {
        struct iovec part = { room, LINK_BYTES };
        struct msghdr in = { .msg_iov = &part, .msg_iovlen = 1 };
        ssize_t n = recvmsg(fd, &in, 0); /* no room for descriptors: the kernel closes what comes along */
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            link_close(fd, name, "it was closed");
        json_t *message = (in.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0
                              ? link_parse(view_of(room, (size_t)n), out_id)
                              : NULL;
        if (message == NULL)
            link_close(fd, name, "what came is no message");
        return message;
    }
}

/* ---- asking ---- */

static void *link_read(void *context)
{
    struct role_link *l = context;
    char *room = malloc(LINK_BYTES);
    uint64_t id;

    if (room == NULL)
        link_close(l->fd, l->name, "no memory");
    for (;;) {
        json_t *answer = link_receive(l->fd, l->name, room, &id);
        if (!json_is_boolean(json_object_get(answer, "ok")))
            link_close(l->fd, l->name, "what came is no answer");
        pthread_mutex_lock(&l->lock);
        for (unsigned i = 0; answer != NULL && i < LINK_WAITING; i++)
            if (l->waiting[i].id == id && l->waiting[i].answer == NULL) {
                l->waiting[i].answer = answer;
                answer = NULL;
                pthread_cond_broadcast(&l->answered);
            }
        pthread_mutex_unlock(&l->lock);
        json_decref(answer); /* too late, or of a question that was asked before we began */
    }
}

bool link_new(int fd, const char *name, struct role_link **out, struct imw_error_info *err)
{
    struct role_link *l = calloc(1, sizeof *l);
    pthread_condattr_t monotonic;
    uint32_t start;

    if (l == NULL || getrandom(&start, sizeof start, 0) != (ssize_t)sizeof start) {
        free(l);
        return error_set(err, IMW_ERROR_MEMORY, "no memory for a channel");
    }
    l->fd = fd;
    l->name = name;
    l->next_id = ((uint64_t)start << 16) + 1;
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&l->answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!thread_start(&l->reader, "link", link_read, l, err)) {
        free(l);
        return false;
    }
    *out = l;
    return true;
}

/* A place to wait in, its number in the question. NULL: all are taken. */
static struct waiting *waiting_take(struct role_link *l, json_t *question)
{
    struct waiting *mine = NULL;

    pthread_mutex_lock(&l->lock);
    for (unsigned i = 0; mine == NULL && i < LINK_WAITING; i++)
        if (l->waiting[i].id == 0)
            mine = &l->waiting[i];
    if (mine != NULL) {
        *mine = (struct waiting){ .id = l->next_id++ };
        if (json_object_set_new(question, "id", json_integer((json_int_t)mine->id)) != 0) {
            mine->id = 0;
            mine = NULL;
        }
    }
    pthread_mutex_unlock(&l->lock);
    return mine;
}

static json_t *waiting_end(struct role_link *l, struct waiting *mine, uint64_t until_ms)
{
    struct timespec until = { (time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000 };
    int failed = 0;

    pthread_mutex_lock(&l->lock);
    while (mine->answer == NULL && failed == 0)
        failed = pthread_cond_timedwait(&l->answered, &l->lock, &until);
    json_t *answer = mine->answer;
    *mine = (struct waiting){ 0 };
    pthread_mutex_unlock(&l->lock);
    return answer;
}

bool role_ask(struct role_link *link, json_t *question, unsigned wait_ms, json_t **out,
              struct imw_error_info *err)
{
    uint64_t until_ms = clock_ms() + wait_ms;
    struct waiting *mine = question != NULL && link != NULL ? waiting_take(link, question) : NULL;

    if (mine == NULL) {
        json_decref(question);
        return error_set(err, IMW_ERROR_LIMIT, "too many questions wait for an answer: try again");
    }
    json_t *answer = link_send(link->fd, question, wait_ms) ? waiting_end(link, mine, until_ms)
                                                            : waiting_end(link, mine, 0);
    if (answer == NULL)
        return error_set(err, IMW_ERROR_SYSTEM, "the %s gave no answer in %u ms: see the log", link->name,
                         wait_ms);
    if (json_is_true(json_object_get(answer, "ok"))) {
        *out = answer;
        return true;
    }
    const char *why = json_string_value(json_object_get(answer, "error"));
    bool value = json_is_true(json_object_get(answer, "value"));
    error_set(err, value ? IMW_ERROR_VALUE : IMW_ERROR_SYSTEM, "%s", why != NULL ? why : "it said no");
    json_decref(answer);
    return false;
}

/* ---- answering ---- */

json_t *link_reply(const struct link_service *s, const json_t *question, uint64_t id)
{
    const char *name = json_string_value(json_object_get(question, "ask"));
    struct imw_error_info err = { 0 };
    json_t *answer = NULL;
    bool ok = false;

    error_set(&err, IMW_ERROR_VALUE, "there is no such question");
    for (unsigned i = 0; name != NULL && i < s->count; i++)
        if (strcmp(s->asks[i].name, name) == 0) {
            err = (struct imw_error_info){ 0 };
            ok = s->asks[i].answer(s->context, question, &answer, &err);
            break;
        }
    if (ok && answer == NULL)
        answer = json_pack("{}");
    if (!ok) {
        char clean[256];
        struct text t = TEXT(clean);
        text_printable(&t, view_string(err.text));
        json_decref(answer);
        answer = json_pack("{s:s, s:b}", "error", clean, "value", err.code == IMW_ERROR_VALUE);
    }
    if (answer == NULL || json_object_set_new(answer, "id", json_integer((json_int_t)id)) != 0 ||
        json_object_set_new(answer, "ok", json_boolean(ok)) != 0) {
        json_decref(answer);
        return NULL;
    }
    return answer;
}

static void *link_answer_all(void *context)
{
    const struct link_service *s = context;
    char *room = malloc(LINK_BYTES);
    uint64_t id;

    if (room == NULL)
        link_close(s->fd, s->name, "no memory");
    for (;;) {
        json_t *question = link_receive(s->fd, s->name, room, &id);
        json_t *answer = link_reply(s, question, id);
        json_decref(question);
        if (answer == NULL || !link_send(s->fd, answer, 1000))
            log_warning("role_answer", "other=%s: an answer was lost", s->name);
        explicit_bzero(room, LINK_BYTES); /* passwords come this way */
    }
}

bool link_serve(const struct link_service *s, unsigned threads, struct imw_error_info *err)
{
    for (unsigned i = 0; i < threads; i++) {
        pthread_t thread;
        if (!thread_start(&thread, s->name, link_answer_all, (void *)s, err))
            return false;
        pthread_detach(thread);
    }
    return true;
}

bool ask_text(const json_t *question, const char *name, size_t most, const char **out,
              struct imw_error_info *err)
{
    const json_t *value = json_object_get(question, name);

    if (!json_is_string(value) || json_string_length(value) > most ||
        strlen(json_string_value(value)) != json_string_length(value))
        return error_set(err, IMW_ERROR_VALUE, "%s is missing or too long", name);
    *out = json_string_value(value);
    return true;
}

bool ask_number(const json_t *question, const char *name, int64_t min, int64_t max, int64_t *out,
                struct imw_error_info *err)
{
    const json_t *value = json_object_get(question, name);

    if (!json_is_integer(value) || json_integer_value(value) < min || json_integer_value(value) > max)
        return error_set(err, IMW_ERROR_VALUE, "%s is missing or out of its range", name);
    *out = json_integer_value(value);
    return true;
}
