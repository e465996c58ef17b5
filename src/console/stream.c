/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events: which lists changed, so that a page asks for them again.
 *
 * Source: the HTML Living Standard, section 9.2 (event streams). `retry` first, then `event: changed` with
 * {"what":["events"]} whenever one of the shared counters grew, and a ping every 15 s, by which both ends
 * notice that the other has gone. All in the server's thread; between two looks a stream is suspended and
 * costs nothing. Its session is looked at when some session was ended here, and every ten seconds, since the
 * command line and the clerk end sessions, too.
 */
#include "base/text.h"
#include "base/thread.h"
#include "console/server.h"
#include <stdlib.h>
#include <sys/socket.h>

struct stream {
    struct streams *streams;
    struct MHD_Connection *connection;
    struct stream *next;
    bool suspended;
    _Atomic int over; /* its session; a worker says so */
    uint64_t seen[CHANGE_COUNT];
    int fd;
    uint64_t pinged_ms, checked_ms, looked_ms;
    char cookie[128];
    size_t cookie_len;
    char text[512]; /* on its way */
    size_t len, sent;
};

struct streams {
    struct changes *changes;
    struct workers *workers;
    struct stream *first;
    struct stream *graves; /* ended, kept for a while: a worker may still have its flag */
    unsigned count;
    uint64_t looked_ms, ended; /* sessions, as of the last look */
};

static const char *const change_names[] = {
#define X(id, name) name,
    CHANGES(X)
#undef X
};

struct streams *streams_new(struct changes *changes, struct workers *workers)
{
    struct streams *s = calloc(1, sizeof *s);

    if (s != NULL) {
        s->changes = changes;
        s->workers = workers;
    }
    return s;
}

/* What there is to say, if anything. */
static void compose(struct stream *st, uint64_t now_ms)
{
    struct text t = TEXT(st->text);
    unsigned changed = 0;

    for (unsigned i = 0; i < CHANGE_COUNT; i++) {
        uint64_t seen = changes_seen(st->streams->changes, (enum change)i);
        if (seen == st->seen[i])
            continue;
        st->seen[i] = seen;
        if (change_names[i][0] == '\0')
            continue;
        text_format(&t, "%s\"%s\"", changed++ == 0 ? "event: changed\ndata: {\"what\":[" : ",",
                    change_names[i]);
    }
    if (changed > 0)
        text_string(&t, "]}\n\n");
    if (now_ms - st->pinged_ms >= STREAM_PING_MS) {
        text_string(&t, "event: ping\ndata: {}\n\n");
        st->pinged_ms = now_ms;
    }
    st->len = t.len;
    st->sent = 0;
}

static ssize_t stream_read(void *context, uint64_t at, char *out, size_t room)
{
    struct stream *st = context;

    (void)at;
    if (atomic_load(&st->over) != 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (st->sent == st->len)
        compose(st, clock_ms());
    if (st->sent == st->len) {
        st->suspended = true;
        MHD_suspend_connection(st->connection);
        return 0;
    }
    size_t n = st->len - st->sent < room ? st->len - st->sent : room;
    memcpy(out, st->text + st->sent, n);
    st->sent += n;
    return (ssize_t)n;
}

/* The library has closed it. Its memory goes a check later, when no worker can have its flag. */
static void stream_gone(void *context)
{
    struct stream *st = context;
    struct streams *s = st->streams;

    for (struct stream **at = &s->first; *at != NULL; at = &(*at)->next)
        if (*at == st) {
            *at = st->next;
            break;
        }
    s->count--;
    st->checked_ms = clock_ms();
    st->next = s->graves;
    s->graves = st;
}

/* Has the browser gone? The library does not notice while the stream is suspended. */
static bool is_gone(const struct stream *st)
{
    char byte;

    return st->suspended && recv(st->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Those of this session that somebody still reads: a page that is left or loaded anew gives its place back at
 * once. */
static unsigned count_same(struct streams *s, struct view cookie)
{
    unsigned same = 0;

    for (struct stream *st = s->first; st != NULL; st = st->next) {
        if (!view_equal(view_of(st->cookie, st->cookie_len), cookie))
            continue;
        if (is_gone(st))
            atomic_store(&st->over, 1);
        same += atomic_load(&st->over) == 0;
    }
    return same;
}

struct MHD_Response *stream_new(struct streams *s, struct MHD_Connection *c, struct view cookie)
{
    if (s->count >= STREAMS || count_same(s, cookie) >= STREAMS_OF_ONE)
        return NULL;
    struct stream *st = calloc(1, sizeof *st);
    if (st == NULL || cookie.len > sizeof st->cookie) {
        free(st);
        return NULL;
    }
    st->streams = s;
    st->connection = c;
    st->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    memcpy(st->cookie, cookie.at, cookie.len);
    st->cookie_len = cookie.len;
    st->pinged_ms = st->checked_ms = clock_ms();
    for (unsigned i = 0; i < CHANGE_COUNT; i++)
        st->seen[i] = changes_seen(s->changes, (enum change)i);
    struct text t = TEXT(st->text);
    text_string(&t, "retry: 3000\nevent: ping\ndata: {}\n\n");
    st->len = t.len;
    struct MHD_Response *r =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1024, stream_read, st, stream_gone);
    if (r == NULL) {
        free(st);
        return NULL;
    }
    st->next = s->first;
    s->first = st;
    s->count++;
    MHD_add_response_header(r, "Content-Type", "text/event-stream");
    MHD_add_response_header(r, "X-Accel-Buffering", "no"); /* a proxy before us is not to keep it */
    return r;
}

void streams_look(struct streams *s, uint64_t now_ms)
{
    uint64_t sum = 0, ended = changes_seen(s->changes, CHANGE_SESSIONS);

    if (now_ms - s->looked_ms < STREAM_LOOK_MS)
        return;
    const bool some_ended = ended != s->ended;
    s->looked_ms = now_ms;
    s->ended = ended;
    for (unsigned i = 0; i < CHANGE_COUNT; i++)
        sum += changes_seen(s->changes, (enum change)i);
    for (struct stream *st = s->first; st != NULL; st = st->next) {
        uint64_t seen = 0;
        for (unsigned i = 0; i < CHANGE_COUNT; i++)
            seen += st->seen[i];
        if (some_ended || now_ms - st->checked_ms >= STREAM_CHECK_MS) {
            st->checked_ms = now_ms;
            workers_check(s->workers, view_of(st->cookie, st->cookie_len), &st->over);
        }
        if (st->suspended && now_ms - st->looked_ms >= STREAM_GONE_MS) {
            st->looked_ms = now_ms;
            if (is_gone(st))
                atomic_store(&st->over, 1);
        }
        if (st->suspended &&
            (seen != sum || now_ms - st->pinged_ms >= STREAM_PING_MS || atomic_load(&st->over) != 0)) {
            st->suspended = false;
            MHD_resume_connection(st->connection);
        }
    }
    for (struct stream **at = &s->graves; *at != NULL;) {
        struct stream *st = *at;
        if (now_ms - st->checked_ms < 2 * STREAM_CHECK_MS) {
            at = &st->next;
            continue;
        }
        *at = st->next;
        free(st);
    }
}
