/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front: TLS 1.3 of browsers, and nothing else. It has the certificate's key and no other secret, parses
 * no HTTP, opens no file but the certificate, makes no connection.
 *
 * messages it takes: none. It sends: CONNECTIONS (api).
 *
 * One thread, edge-triggered: an event on either end of a connection moves bytes in both directions as long
 * as that goes on (pump). Between the two ends lie two buffers of BUFFER_BYTES; when one is full, nothing
 * more is read from the side that fills it, so a client that takes its answer slowly holds up its own answer
 * only.
 */
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "console/certificate.h"
#include "console/handover.h"
#include "console/serve.h"
#include "sensor/sandbox.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    CONNECTIONS = 2000,
    CONNECTIONS_OF_ONE = 1000, /* address: a proxy may stand before many people */
    BUFFER_BYTES = 16 * 1024,
    HANDSHAKE_MS = 10000,
    STUCK_MS = 30000,   /* bytes for a client that it does not take */
    IDLE_MS = 600000,   /* nothing in either direction; the api is stricter */
    LINGER_MS = 2000,   /* after the end, until the client has closed, too: it is to read what was sent */
    HANDOVER_MS = 5000, /* until the api takes a connection */
    ROUND_MS = 250,
    ACCEPTS = 64,
    MOVES = 64, /* of one connection at a time, before others have their turn */
    EVENTS = 256,
};

enum state { STATE_FREE, STATE_HANDSHAKE, STATE_HANDOVER, STATE_OPEN, STATE_LINGER };

struct buffer {
    uint8_t *at; /* BUFFER_BYTES, or NULL: empty */
    size_t from, to;
};

struct connection {
    enum state state;
    int client, api;
    SSL *tls;
    struct sockaddr_storage from;
    struct buffer in, out; /* client to api, api to client */
    bool client_done, api_done, again;
    uint64_t since_ms; /* of the state, or of the last byte */
    uint64_t taken_ms; /* the client took something last, or there was nothing for it */
};

struct front {
    const struct role_context *context;
    SSL_CTX *tls;
    int epoll, api_edge;
    unsigned count;
    uint64_t refused, failed, stuck;
    uint64_t swept_ms, told_ms;
    struct connection at[CONNECTIONS];
};

/* ---- ends ---- */

static void buffer_drop(struct buffer *b)
{
    if (b->at != NULL)
        explicit_bzero(b->at, BUFFER_BYTES);
    free(b->at);
    *b = (struct buffer){ 0 };
}

static void connection_close(struct front *f, struct connection *c)
{
    if (c->state == STATE_FREE)
        return;
    SSL_free(c->tls);
    if (c->client >= 0)
        close(c->client);
    if (c->api >= 0)
        close(c->api);
    buffer_drop(&c->in);
    buffer_drop(&c->out);
    *c = (struct connection){ .client = -1, .api = -1 };
    f->count--;
}

static void enter(struct connection *c, enum state state)
{
    c->state = state;
    c->since_ms = c->taken_ms = clock_ms();
}

/* The api has ended it and all is sent: tell the client, and wait until it has closed, too. */
static void begin_linger(struct front *f, struct connection *c)
{
    ERR_clear_error();
    (void)SSL_shutdown(c->tls);
    if (shutdown(c->client, SHUT_WR) != 0) {
        connection_close(f, c);
        return;
    }
    close(c->api);
    c->api = -1;
    enter(c, STATE_LINGER);
}

/* ---- moving bytes ---- */

enum moved { MOVED_NOTHING, MOVED_SOME, MOVED_END };

static bool buffer_room(struct buffer *b)
{
    if (b->at == NULL) {
        b->at = malloc(BUFFER_BYTES);
        b->from = b->to = 0;
    }
    return b->at != NULL;
}

static enum moved client_read(struct connection *c)
{
    if (c->client_done || c->in.to > c->in.from || !buffer_room(&c->in))
        return MOVED_NOTHING;
    ERR_clear_error();
    int n = SSL_read(c->tls, c->in.at, BUFFER_BYTES);
    if (n > 0) {
        c->in.from = 0;
        c->in.to = (size_t)n;
        return MOVED_SOME;
    }
    int why = SSL_get_error(c->tls, n);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return MOVED_NOTHING;
    c->client_done = true; /* a browser that has ended its side wants no answer any more */
    return MOVED_END;
}

static enum moved api_write(struct connection *c)
{
    if (c->in.to == c->in.from)
        return MOVED_NOTHING;
    ssize_t n = send(c->api, c->in.at + c->in.from, c->in.to - c->in.from, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return MOVED_NOTHING;
    if (n <= 0) /* it listens no more, but may have answered: what comes is dropped until that is read */
        n = (ssize_t)(c->in.to - c->in.from);
    c->in.from += (size_t)n;
    return MOVED_SOME;
}

static enum moved api_read(struct connection *c)
{
    if (c->api_done || c->out.to > c->out.from || !buffer_room(&c->out))
        return MOVED_NOTHING;
    ssize_t n = recv(c->api, c->out.at, BUFFER_BYTES, MSG_DONTWAIT);
    if (n > 0) {
        c->out.from = 0;
        c->out.to = (size_t)n;
        return MOVED_SOME;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return MOVED_NOTHING;
    c->api_done = true;
    return MOVED_SOME;
}

static enum moved client_write(struct connection *c)
{
    if (c->out.to == c->out.from)
        return MOVED_NOTHING;
    ERR_clear_error();
    int n = SSL_write(c->tls, c->out.at + c->out.from, (int)(c->out.to - c->out.from));
    if (n > 0) {
        c->out.from += (size_t)n;
        return MOVED_SOME;
    }
    int why = SSL_get_error(c->tls, n);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? MOVED_NOTHING : MOVED_END;
}

static void linger(struct front *f, struct connection *c)
{
    uint8_t dropped[4096];

    for (unsigned i = 0; i < MOVES; i++) {
        ssize_t n = recv(c->client, dropped, sizeof dropped, MSG_DONTWAIT);
        if (n > 0)
            continue;
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            connection_close(f, c);
        return;
    }
    c->again = true;
}

static void pump_open(struct front *f, struct connection *c)
{
    enum moved (*const steps[])(struct connection *) = { client_read, api_write, api_read, client_write };

    for (unsigned i = 0; i < MOVES; i++) {
        bool some = false;
        for (unsigned step = 0; step < 4; step++) {
            enum moved m = steps[step](c);
            if (m == MOVED_END) {
                connection_close(f, c);
                return;
            }
            some = some || m == MOVED_SOME;
        }
        if (some)
            c->since_ms = clock_ms();
        if (some || c->out.to == c->out.from)
            c->taken_ms = clock_ms();
        if (c->api_done && c->out.to == c->out.from) {
            begin_linger(f, c);
            return;
        }
        if (!some) {
            if (c->in.to == c->in.from)
                buffer_drop(&c->in);
            if (c->out.to == c->out.from)
                buffer_drop(&c->out);
            return;
        }
    }
    c->again = true;
}

/* ---- beginning ---- */

static bool watch(struct front *f, int fd, unsigned index)
{
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u32 = index };
    return epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

/* The api gets one end of a pair, with the client's address. */
static void hand_over(struct front *f, struct connection *c)
{
    int pair[2];
    bool full = false;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        connection_close(f, c);
        return;
    }
    bool sent = handover_send(f->api_edge, pair[1], &c->from, &full);
    close(pair[1]);
    if (!sent) {
        close(pair[0]);
        if (full)
            c->again = true; /* the sweep tries again */
        else
            connection_close(f, c);
        return;
    }
    c->api = pair[0];
    enter(c, STATE_OPEN);
    if (!watch(f, c->api, (unsigned)(c - f->at)))
        connection_close(f, c);
    else
        pump_open(f, c);
}

static void shake_hands(struct front *f, struct connection *c)
{
    ERR_clear_error();
    int n = SSL_accept(c->tls);

    if (n == 1) {
        enter(c, STATE_HANDOVER);
        hand_over(f, c);
        return;
    }
    int why = SSL_get_error(c->tls, n);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return;
    f->failed++;
    connection_close(f, c);
}

static void pump(struct front *f, struct connection *c)
{
    c->again = false;
    switch (c->state) {
    case STATE_FREE: break;
    case STATE_HANDSHAKE: shake_hands(f, c); break;
    case STATE_HANDOVER: break; /* the sweep's */
    case STATE_OPEN: pump_open(f, c); break;
    case STATE_LINGER: linger(f, c); break;
    }
}

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return memcmp(&((const struct sockaddr_in *)(const void *)a)->sin_addr,
                      &((const struct sockaddr_in *)(const void *)b)->sin_addr, 4) == 0;
    return memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
                  &((const struct sockaddr_in6 *)(const void *)b)->sin6_addr, 8) == 0; /* its /64 */
}

/* A free place for this client. NULL: there are too many, of it or of all. */
/* Where all places are taken, that of whoever has been busy longest with saying who it is: to keep others out
 * one must come faster than they shake hands, not just be there. */
static struct connection *place_for(struct front *f, const struct sockaddr_storage *from)
{
    struct connection *free_one = NULL, *oldest = NULL;
    unsigned same = 0;

    for (unsigned i = 0; i < CONNECTIONS; i++) {
        if (f->at[i].state == STATE_FREE)
            free_one = free_one != NULL ? free_one : &f->at[i];
        else
            same += same_address(&f->at[i].from, from);
        if (f->at[i].state == STATE_HANDSHAKE && (oldest == NULL || f->at[i].since_ms < oldest->since_ms))
            oldest = &f->at[i];
    }
    if (same >= CONNECTIONS_OF_ONE)
        return NULL;
    if (free_one == NULL && oldest != NULL) {
        f->failed++;
        connection_close(f, oldest);
        free_one = oldest;
    }
    return free_one;
}

static void take_client(struct front *f, int fd, const struct sockaddr_storage *from)
{
    struct connection *c = place_for(f, from);

    if (c == NULL) {
        f->refused++;
        close(fd);
        return;
    }
    *c = (struct connection){ .client = fd, .api = -1, .from = *from };
    f->count++;
    enter(c, STATE_HANDSHAKE);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    c->tls = SSL_new(f->tls);
    if (c->tls == NULL || SSL_set_fd(c->tls, fd) != 1 || !watch(f, fd, (unsigned)(c - f->at)))
        connection_close(f, c);
}

static void accept_all(struct front *f)
{
    for (unsigned i = 0; i < ACCEPTS; i++) {
        struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
        socklen_t size = sizeof from;
        int fd = accept4(f->context->listener, (struct sockaddr *)&from, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        take_client(f, fd, &from);
    }
}

/* ---- what takes too long ---- */

static void sweep(struct front *f, uint64_t now_ms)
{
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        struct connection *c = &f->at[i];
        uint64_t age_ms = now_ms > c->since_ms ? now_ms - c->since_ms : 0;
        switch (c->state) {
        case STATE_FREE: break;
        case STATE_HANDSHAKE:
            f->failed += age_ms > HANDSHAKE_MS;
            if (age_ms > HANDSHAKE_MS)
                connection_close(f, c);
            break;
        case STATE_HANDOVER:
            if (age_ms > HANDOVER_MS)
                connection_close(f, c);
            else
                hand_over(f, c);
            break;
        case STATE_OPEN:
            if (age_ms > IDLE_MS ||
                (c->out.to > c->out.from && now_ms > c->taken_ms && now_ms - c->taken_ms > STUCK_MS)) {
                f->stuck++;
                connection_close(f, c);
            }
            break;
        case STATE_LINGER:
            if (age_ms > LINGER_MS)
                connection_close(f, c);
            break;
        }
    }
    if (f->refused + f->failed + f->stuck > 0 && now_ms - f->told_ms > 60000) {
        log_notice("front",
                   "connections=%u refused=%llu handshakes_failed=%llu stuck=%llu in the last minute",
                   f->count, (unsigned long long)f->refused, (unsigned long long)f->failed,
                   (unsigned long long)f->stuck);
        f->refused = f->failed = f->stuck = 0;
        f->told_ms = now_ms;
    }
}

/* ---- the role ---- */

static int choose_protocol(SSL *tls, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *context)
{
    static const unsigned char ours[] = "\x08http/1.1";

    (void)tls;
    (void)context;
    return SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, ours, sizeof ours - 1, in,
                                 in_len) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_NOACK;
}

static SSL_CTX *make_tls(const struct console_config *config, struct imw_error_info *err)
{
    char cert[CERTIFICATE_PATH], key[CERTIFICATE_PATH];
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

    certificate_paths(config, cert, key);
    if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1) {
        error_set(err, IMW_ERROR_MEMORY, "no memory for TLS");
        SSL_CTX_free(tls);
        return NULL;
    }
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_num_tickets(tls, 1);
    SSL_CTX_set_alpn_select_cb(tls, choose_protocol, NULL);
    if (SSL_CTX_use_certificate_chain_file(tls, cert) != 1) {
        error_file(err, IMW_ERROR_FORMAT, cert, "no certificate in PEM: %s",
                   ERR_reason_error_string(ERR_get_error()));
    } else if (SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1 ||
               SSL_CTX_check_private_key(tls) != 1) {
        error_file(err, IMW_ERROR_FORMAT, key, "not the certificate's private key in PEM: %s",
                   ERR_reason_error_string(ERR_get_error()));
    } else {
        return tls;
    }
    SSL_CTX_free(tls);
    return NULL;
}

static void reload(struct front *f)
{
    struct imw_error_info err = { 0 };
    SSL_CTX *fresh = make_tls(f->context->config, &err);
    char line[768];

    if (fresh == NULL) {
        log_error("front_certificate", "%s; the old one stays", error_format(&err, line, sizeof line));
        return;
    }
    SSL_CTX_free(f->tls); /* connections keep what they have */
    f->tls = fresh;
    log_notice("front_certificate", "read anew");
}

static bool front_begin(struct front *f, struct imw_error_info *err)
{
    char cert[CERTIFICATE_PATH], key[CERTIFICATE_PATH], cert_folder[CERTIFICATE_PATH],
        key_folder[CERTIFICATE_PATH];

    certificate_paths(f->context->config, cert, key);
    certificate_folder(cert, cert_folder);
    certificate_folder(key, key_folder);
    const struct sandbox_path more[] = { { cert_folder, false },
                                         { key_folder, false } }; /* files are replaced */
    f->tls = make_tls(f->context->config, err);
    if (f->tls == NULL)
        return false;
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event listening = { .events = EPOLLIN, .data.u32 = CONNECTIONS };
    if (f->epoll < 0 || epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->context->listener, &listening) != 0)
        return error_errno(err, "epoll");
    return role_confine(f->context, more, 2, err);
}

int front_main(const struct role_context *context)
{
    struct front *f = calloc(1, sizeof *f);
    struct epoll_event events[EVENTS];
    struct imw_error_info err = { 0 };
    char line[768];
    int signals = role_signals(&err), came = 0;

    if (f == NULL || signals < 0)
        return ROLE_FAILED;
    f->context = context;
    f->api_edge = context->edges[EDGE_CONNECTIONS];
    if (!front_begin(f, &err)) {
        log_error("role_start", "role=front: %s", error_format(&err, line, sizeof line));
        return ROLE_FAILED;
    }
    while (came != SIGTERM) {
        bool busy = false;
        for (unsigned i = 0; i < CONNECTIONS; i++)
            if (f->at[i].again && f->at[i].state != STATE_HANDOVER) {
                pump(f, &f->at[i]);
                busy = true;
            }
        int n = epoll_wait(f->epoll, events, EVENTS, busy ? 0 : ROUND_MS);
        for (int i = 0; i < n; i++) {
            if (events[i].data.u32 == CONNECTIONS)
                accept_all(f);
            else
                pump(f, &f->at[events[i].data.u32]);
        }
        uint64_t now_ms = clock_ms();
        changes_alive(context->changes, CONSOLE_FRONT, now_ms);
        if (now_ms - f->swept_ms >= ROUND_MS) {
            f->swept_ms = now_ms;
            sweep(f, now_ms);
            came = role_signal(signals);
            if (came == SIGHUP)
                reload(f);
            struct pollfd edge = { .fd = f->api_edge };
            if (poll(&edge, 1, 0) > 0 && (edge.revents & (POLLHUP | POLLERR)) != 0)
                return ROLE_CHANNEL_GONE;
        }
    }
    for (unsigned i = 0; i < CONNECTIONS; i++)
        connection_close(f, &f->at[i]);
    SSL_CTX_free(f->tls);
    free(f);
    return ROLE_DONE;
}
