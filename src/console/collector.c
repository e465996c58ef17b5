/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's connections: one thread, one epoll loop, many sensors.
 *
 *     TLS handshake (certificate of our authority) -> HELLO -> asked of the store -> WELCOME -> batches
 *
 * A connection has 10 s from its first octet to its WELCOME (but for the time that the store takes), and then
 * is gone when it says nothing for a minute; a sensor has one, and the newest counts, since the one before is
 * then dead or a copy. Batches are unpacked here and go to the store in order; what is stored is
 * acknowledged. Where the store's queue is full nothing is read from anybody.
 *
 * Who has no certificate of ours gets no further than the handshake; of those at most UNKNOWN_MAX are there
 * at a time, the oldest makes room. Memory is bounded by LINKS_MAX connections of at most one frame each, and
 * the queue.
 */
#include "console/collector.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "console/collector_store.h"
#include "event/collector_wire.h"
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    LINKS_MAX = 1024,
    UNKNOWN_MAX = 128,
    OPENING_MS = 10000,
    IN_BYTES = 64 * 1024, /* at first; grows to a frame */
    OUT_BYTES = 16 * 1024,
    TURN_BYTES = 1 << 20, /* of one connection before the next */
    EVENTS = 64,
    SWEEP_MS = 1000,
    SILENT_MS = 30000, /* until what was sent is acknowledged by TCP */
    /* epoll's data: those below are not connections */
    DATA_LISTENER = LINKS_MAX,
    DATA_WAKE,
    DATA_SIGNALS,
};

enum link_state { LINK_FREE, LINK_HANDSHAKE, LINK_HELLO, LINK_WAITING, LINK_UP, LINK_ENDING };

struct link {
    enum link_state state;
    uint64_t number; /* never used again */
    int fd;
    SSL *ssl;
    bool paused, more; /* not read for want of room; TLS may hold octets that epoll does not see */
    uint32_t waits;    /* what epoll waits for */
    uint64_t begun_ms, heard_ms, end_us;
    int64_t sensor;
    char address[64], name[COLLECTOR_NAME_BYTES], software[COLLECTOR_NAME_BYTES];
    uint8_t *in;
    size_t in_len, in_size;
    size_t out_len;
    uint8_t out[OUT_BYTES];
};

struct collector {
    const struct collector_config *config;
    SSL_CTX *tls;
    struct collector_store *store;
    int epoll, wake;
    bool stopping, full;
    uint64_t next_number, now_ms, sweep_ms;
    struct link *links[LINKS_MAX]; /* NULL: free */
};

/* ---- the end of a connection ---- */

static unsigned index_of(const struct collector *c, const struct link *l)
{
    unsigned i = 0;

    while (c->links[i] != l)
        i++;
    return i;
}

static void link_close(struct collector *c, struct link *l, const char *why)
{
    if (l->sensor != 0)
        log_notice("sensor_gone", "sensor=%s address=%s why=\"%s\"", l->name, l->address, why);
    else
        log_info("sensor_refused", "address=%s why=\"%s\"", l->address, why);
    c->links[index_of(c, l)] = NULL;
    SSL_free(l->ssl);
    close(l->fd);
    free(l->in);
    free(l);
}

/* ---- out ---- */

static void wait_for(struct collector *c, struct link *l, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.u32 = index_of(c, l) };

    if (l->waits == events)
        return;
    l->waits = events;
    (void)epoll_ctl(c->epoll, EPOLL_CTL_MOD, l->fd, &e);
}

static void wait_as_needed(struct collector *c, struct link *l)
{
    wait_for(c, l, (l->paused ? 0u : (uint32_t)EPOLLIN) | (l->out_len > 0 ? (uint32_t)EPOLLOUT : 0u));
}

static const char *tls_words(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return reason != NULL ? reason : "the connection broke";
}

/* Send what there is. False: it was closed. */
static bool link_flush(struct collector *c, struct link *l)
{
    while (l->out_len > 0) {
        ERR_clear_error();
        int n = SSL_write(l->ssl, l->out, (int)l->out_len);
        int why = n > 0 ? SSL_ERROR_NONE : SSL_get_error(l->ssl, n);
        if (why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ)
            break;
        if (n <= 0) {
            link_close(c, l, tls_words());
            return false;
        }
        memmove(l->out, l->out + n, l->out_len - (size_t)n);
        l->out_len -= (size_t)n;
    }
    if (l->state == LINK_ENDING && l->out_len == 0) {
        (void)SSL_shutdown(l->ssl);
        link_close(c, l, "refused");
        return false;
    }
    wait_as_needed(c, l);
    return true;
}

/* False: it was closed. */
static bool link_say(struct collector *c, struct link *l, const struct collector_frame *f)
{
    if (OUT_BYTES - l->out_len < COLLECTOR_REPLY_BYTES) {
        link_close(c, l, "it does not read what is said to it");
        return false;
    }
    l->out_len += collector_frame_write(f, l->out + l->out_len);
    return link_flush(c, l);
}

static void link_refuse(struct collector *c, struct link *l, const char *why)
{
    const struct collector_frame refused = { .type = COLLECTOR_REFUSED, .why = view_string(why) };

    log_warning("sensor_refused", "sensor=%s address=%s why=\"%s\"", l->name, l->address, why);
    l->state = LINK_ENDING;
    (void)link_say(c, l, &refused);
}

/* ---- what sensors say ---- */

/* False: no memory; it was closed. */
static bool put_job(struct collector *c, struct link *l, struct collector_job *j)
{
    if (j == NULL) {
        link_close(c, l, "no memory for what it sends");
        return false;
    }
    j->sensor = l->sensor;
    j->end_us = l->end_us;
    memcpy(j->software, l->software, sizeof j->software);
    memcpy(j->address, l->address, sizeof j->address);
    collector_store_put(c->store, j);
    return true;
}

static bool hear_hello(struct collector *c, struct link *l, const struct collector_frame *f)
{
    struct collector_job *j;
    X509 *certificate = SSL_get0_peer_certificate(l->ssl);
    unsigned n = FINGERPRINT_BYTES;
    struct text name = TEXT(l->name), software = TEXT(l->software);

    text_printable(&name, f->name);
    text_printable(&software, f->software);
    if (f->version != COLLECTOR_VERSION) {
        link_refuse(c, l, "it speaks another version than this collector: bring both to one");
        return false;
    }
    j = collector_job_new(JOB_HELLO, l->number, 0);
    if (j != NULL &&
        (certificate == NULL || X509_digest(certificate, EVP_sha256(), j->fingerprint, &n) != 1)) {
        free(j);
        j = NULL;
    }
    l->state = LINK_WAITING;
    return put_job(c, l, j);
}

static bool hear_batch(struct collector *c, struct link *l, const struct collector_frame *f)
{
    struct collector_job *j = collector_job_new(JOB_BATCH, l->number, f->plain);
    struct view lines;

    if (j != NULL && !collector_unpack(f, j->plain, &lines)) {
        free(j);
        log_warning("sensor_batch", "sensor=%s address=%s: not what it says it is", l->name, l->address);
        link_close(c, l, "a broken batch");
        return false;
    }
    if (j != NULL) {
        j->number = f->number;
        j->lines = f->lines;
    }
    return put_job(c, l, j);
}

static bool hear_status(struct collector *c, struct link *l, const struct collector_frame *f)
{
    struct collector_job *j = collector_job_new(JOB_STATUS, l->number, 0);

    if (j != NULL) {
        j->lost = f->lost;
        j->waiting = f->waiting;
    }
    return put_job(c, l, j);
}

/* False: it was closed, or is about to be. */
static bool hear_frame(struct collector *c, struct link *l, const struct collector_frame *f)
{
    if (l->state == LINK_HELLO && f->type == COLLECTOR_HELLO)
        return hear_hello(c, l, f);
    if (l->state == LINK_UP && f->type == COLLECTOR_BATCH)
        return hear_batch(c, l, f);
    if ((l->state == LINK_UP || l->state == LINK_WAITING) && f->type == COLLECTOR_STATUS)
        return l->state == LINK_WAITING || hear_status(c, l, f);
    link_close(c, l, "it speaks out of turn");
    return false;
}

/* Frames that are there whole. False: it was closed. */
static bool hear_frames(struct collector *c, struct link *l)
{
    struct view in = view_of(l->in, l->in_len);
    enum wire_answer answer = WIRE_MORE;
    struct collector_frame f;
    size_t used;

    while (!l->paused && (answer = collector_frame_parse(in, true, &f, &used)) == WIRE_FRAME) {
        if (!hear_frame(c, l, &f))
            return false;
        in = view_from(in, used);
        if (!collector_store_has_room(c->store))
            l->paused = c->full = true;
    }
    if (answer == WIRE_BAD) {
        link_close(c, l, "it does not speak as a sensor");
        return false;
    }
    if (in.len < l->in_len) {
        memmove(l->in, in.at, in.len);
        l->in_len = in.len;
    }
    return true;
}

/* Room for the rest of the frame that has begun. */
static bool grow(struct link *l)
{
    size_t size = l->in_size == 0 ? IN_BYTES : COLLECTOR_FRAME_BYTES;
    uint8_t *in;

    if (l->in_len < l->in_size)
        return true;
    in = size > l->in_size ? realloc(l->in, size) : NULL;
    if (in == NULL)
        return false;
    l->in = in;
    l->in_size = size;
    return true;
}

/* Read a turn's worth. */
static void link_read(struct collector *c, struct link *l)
{
    size_t turn = 0;

    l->more = false;
    while (!l->paused) {
        if (turn >= TURN_BYTES) {
            l->more = true;
            break;
        }
        if (!grow(l)) {
            link_close(c, l, "no memory for what it sends");
            return;
        }
        ERR_clear_error();
        int n = SSL_read(l->ssl, l->in + l->in_len, (int)(l->in_size - l->in_len));
        int why = n > 0 ? SSL_ERROR_NONE : SSL_get_error(l->ssl, n);
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
            break;
        if (n <= 0) {
            link_close(c, l, why == SSL_ERROR_ZERO_RETURN ? "it closed the connection" : tls_words());
            return;
        }
        l->heard_ms = c->now_ms;
        l->in_len += (size_t)n;
        turn += (size_t)n;
        if (!hear_frames(c, l))
            return;
    }
    wait_as_needed(c, l);
}

/* ---- the beginning of a connection ---- */

static uint64_t end_of(const X509 *certificate)
{
    struct tm end;

    return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1 ? (uint64_t)timegm(&end) * 1000000 : 0;
}

static void link_handshake(struct collector *c, struct link *l)
{
    ERR_clear_error();
    int n = SSL_accept(l->ssl);
    int why = n == 1 ? SSL_ERROR_NONE : SSL_get_error(l->ssl, n);
    long verdict = SSL_get_verify_result(l->ssl);
    const X509 *certificate = n == 1 ? SSL_get0_peer_certificate(l->ssl) : NULL;

    if (n == 1 && certificate != NULL) {
        l->state = LINK_HELLO;
        l->end_us = end_of(certificate);
        wait_for(c, l, EPOLLIN);
        link_read(c, l);
    } else if (why == SSL_ERROR_WANT_READ) {
        wait_for(c, l, EPOLLIN);
    } else if (why == SSL_ERROR_WANT_WRITE) {
        wait_for(c, l, EPOLLOUT);
    } else {
        const char *words = verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : tls_words();
        log_warning("sensor_handshake", "address=%s: %s", l->address, words);
        link_close(c, l, words);
    }
}

static void address_text(const struct sockaddr_storage *at, struct text *out)
{
    char words[INET6_ADDRSTRLEN] = "";

    if (at->ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)at)->sin_addr, words, sizeof words);
    else if (at->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)at)->sin6_addr, words, sizeof words);
    text_string(out, words);
}

/* A free place; where too many are unknown, that of the oldest of them. LINKS_MAX: none. */
static unsigned find_place(struct collector *c)
{
    struct link *oldest = NULL;
    unsigned unknown = 0, place = LINKS_MAX;

    for (unsigned i = 0; i < LINKS_MAX; i++) {
        struct link *l = c->links[i];
        if (l == NULL) {
            place = place == LINKS_MAX ? i : place;
        } else if (l->state == LINK_HANDSHAKE) {
            unknown++;
            if (oldest == NULL || l->begun_ms < oldest->begun_ms)
                oldest = l;
        }
    }
    if (oldest != NULL && (unknown >= UNKNOWN_MAX || place == LINKS_MAX)) {
        place = index_of(c, oldest);
        link_close(c, oldest, "too many connections without a certificate");
    }
    return place;
}

static bool link_begin(struct collector *c, int fd, const struct sockaddr_storage *at)
{
    unsigned place = find_place(c);
    struct link *l = place < LINKS_MAX ? calloc(1, sizeof *l) : NULL;
    SSL *ssl = l != NULL ? SSL_new(c->tls) : NULL;
    struct epoll_event e = { .events = EPOLLIN, .data.u32 = place };
    int on = 1, silent_ms = SILENT_MS;

    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        SSL_free(ssl);
        free(l);
        return false;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof silent_ms);
    *l = (struct link){ .state = LINK_HANDSHAKE,
                        .number = ++c->next_number,
                        .fd = fd,
                        .ssl = ssl,
                        .waits = EPOLLIN,
                        .begun_ms = c->now_ms,
                        .heard_ms = c->now_ms };
    struct text address = TEXT(l->address);
    address_text(at, &address);
    c->links[place] = l;
    return true;
}

static void accept_all(struct collector *c)
{
    for (unsigned i = 0; i < EVENTS; i++) {
        struct sockaddr_storage at = { 0 };
        socklen_t len = sizeof at;
        int fd = accept4(c->config->listener, (struct sockaddr *)&at, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (!link_begin(c, fd, &at)) {
            log_warning("sensor_refused", "too many connections, or no memory for one more; limit=%d",
                        LINKS_MAX);
            close(fd);
        }
    }
}

/* ---- what the store says ---- */

static struct link *link_find(struct collector *c, uint64_t number)
{
    for (unsigned i = 0; i < LINKS_MAX; i++)
        if (c->links[i] != NULL && c->links[i]->number == number)
            return c->links[i];
    return NULL;
}

static void cut(struct collector *c, int64_t sensor, const struct link *but, const char *why)
{
    for (unsigned i = 0; i < LINKS_MAX; i++) {
        struct link *l = c->links[i];
        if (l != NULL && l != but && l->sensor == sensor && l->state == LINK_UP)
            link_refuse(c, l, why);
    }
}

static void welcome(struct collector *c, struct link *l, const struct collector_result *r)
{
    const struct collector_frame f = { .type = COLLECTOR_WELCOME,
                                       .version = COLLECTOR_VERSION,
                                       .number = r->number };
    struct text name = TEXT(l->name);

    cut(c, r->sensor, l, "another connection with this certificate was made: one bundle is for one sensor");
    text_string(&name, r->text);
    l->sensor = r->sensor;
    l->state = LINK_UP;
    l->heard_ms = c->now_ms;
    log_notice("sensor_here", "sensor=%s address=%s software=\"%s\"", l->name, l->address, l->software);
    if (link_say(c, l, &f))
        (void)hear_frames(c, l);
}

static void result_do(struct collector *c, const struct collector_result *r)
{
    const struct collector_frame ack = { .type = COLLECTOR_ACK, .number = r->number };
    struct link *l = r->link != 0 ? link_find(c, r->link) : NULL;

    if (r->type == RESULT_CUT)
        cut(c, r->sensor, NULL, r->text[0] != '\0' ? r->text : "this sensor was revoked");
    else if (l == NULL)
        return; /* gone meanwhile: it will ask anew */
    else if (r->type == RESULT_WELCOME && l->state == LINK_WAITING)
        welcome(c, l, r);
    else if (r->type == RESULT_REFUSED && l->state == LINK_WAITING)
        link_refuse(c, l, r->text);
    else if (r->type == RESULT_STORED && l->state == LINK_UP)
        (void)link_say(c, l, &ack);
}

/* Many batches of one connection are acknowledged at once: only the last is said. */
static bool is_said_later(const struct collector_result *r)
{
    const struct collector_result *next = r->next;

    return r->type == RESULT_STORED && next != NULL && next->type == RESULT_STORED && next->link == r->link;
}

static void results_do(struct collector *c)
{
    uint64_t count;
    ssize_t n = read(c->wake, &count, sizeof count);

    (void)n; /* only wakes */
    for (struct collector_result *r = collector_store_results(c->store), *next; r != NULL; r = next) {
        next = r->next;
        if (!is_said_later(r))
            result_do(c, r);
        free(r);
    }
}

/* There is room in the queue again: go on where we stopped. */
static void go_on(struct collector *c)
{
    if (!c->full || !collector_store_has_room(c->store))
        return;
    c->full = false;
    for (unsigned i = 0; i < LINKS_MAX; i++) {
        struct link *l = c->links[i];
        if (l == NULL || !l->paused)
            continue;
        l->paused = false;
        l->heard_ms = c->now_ms;
        if (hear_frames(c, l) && !l->paused)
            link_read(c, l);
    }
}

/* ---- the loop ---- */

static void sweep(struct collector *c)
{
    struct timespec t;

    if (c->now_ms < c->sweep_ms)
        return;
    c->sweep_ms = c->now_ms + SWEEP_MS;
    clock_gettime(CLOCK_REALTIME, &t);
    for (unsigned i = 0; i < LINKS_MAX; i++) {
        struct link *l = c->links[i];
        if (l == NULL)
            continue;
        bool opening = l->state == LINK_HANDSHAKE || l->state == LINK_HELLO || l->state == LINK_ENDING;
        if (opening && c->now_ms - l->begun_ms > OPENING_MS && c->now_ms - l->heard_ms > OPENING_MS)
            link_close(c, l, "it did not introduce itself in time");
        else if (l->state == LINK_UP && !l->paused && c->now_ms - l->heard_ms > COLLECTOR_SILENT_MS)
            link_close(c, l, "it says nothing any more");
        else if (l->state == LINK_UP && l->end_us != 0 && l->end_us < (uint64_t)t.tv_sec * 1000000)
            link_refuse(c, l, "its certificate has ended; 'imward sensor add --renew' makes a new bundle");
    }
    if (c->config->alive != NULL)
        c->config->alive(c->config->context);
}

static void link_event(struct collector *c, struct link *l, uint32_t events)
{
    if (l->state == LINK_HANDSHAKE) {
        link_handshake(c, l);
        return;
    }
    if (l->out_len > 0 && !link_flush(c, l))
        return;
    if (l->state == LINK_ENDING || (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0)
        return;
    if (l->paused && (events & (EPOLLHUP | EPOLLERR)) != 0)
        link_close(c, l, "the connection broke"); /* epoll tells of it whether asked or not */
    else if (!l->paused)
        link_read(c, l);
}

static int wait_ms(const struct collector *c)
{
    for (unsigned i = 0; i < LINKS_MAX; i++)
        if (c->links[i] != NULL && c->links[i]->more && !c->links[i]->paused)
            return 0;
    return c->full ? 20 : 500;
}

static void turn(struct collector *c)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(c->epoll, events, EVENTS, wait_ms(c));

    c->now_ms = clock_ms();
    for (int i = 0; i < n; i++) {
        uint32_t data = events[i].data.u32;
        if (data == DATA_LISTENER)
            accept_all(c);
        else if (data == DATA_WAKE)
            results_do(c);
        else if (data == DATA_SIGNALS)
            c->stopping = true;
        else if (c->links[data] != NULL)
            link_event(c, c->links[data], events[i].events);
    }
    for (unsigned i = 0; i < LINKS_MAX; i++)
        if (c->links[i] != NULL && c->links[i]->more && !c->links[i]->paused)
            link_read(c, c->links[i]);
    go_on(c);
    sweep(c);
}

/* ---- life ---- */

static bool tls_failed(struct imw_error_info *err, const char *file, const char *what)
{
    return error_file(err, IMW_ERROR_VALUE, file, "%s: %s", what, tls_words());
}

static bool tls_new(const struct collector_config *config, SSL_CTX **out, struct imw_error_info *err)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

    if (tls == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "TLS: %s", tls_words());
    SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_verify_depth(tls, 1);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(tls, 0); /* each connection shows its certificate */
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    bool ok = true;
    if (SSL_CTX_load_verify_locations(tls, config->ca, NULL) != 1)
        ok = tls_failed(err, config->ca, "no certificate of the sensors' authority");
    else if (SSL_CTX_use_certificate_file(tls, config->own, SSL_FILETYPE_PEM) != 1 ||
             SSL_CTX_use_PrivateKey_file(tls, config->own, SSL_FILETYPE_PEM) != 1)
        ok = tls_failed(err, config->own, "no certificate with its key");
    if (ok)
        *out = tls;
    else
        SSL_CTX_free(tls);
    return ok;
}

static bool watch(struct collector *c, int fd, uint32_t data)
{
    struct epoll_event e = { .events = EPOLLIN, .data.u32 = data };

    return fd < 0 || epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

bool collector_run(const struct collector_config *config,
                   bool (*confine)(void *context, struct imw_error_info *err), struct imw_error_info *err)
{
    struct collector *c = calloc(1, sizeof *c);
    bool ok = false;

    if (c == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the collector");
    c->config = config;
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    c->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (c->epoll < 0 || c->wake < 0 || !watch(c, config->listener, DATA_LISTENER) ||
        !watch(c, c->wake, DATA_WAKE) || !watch(c, config->signals, DATA_SIGNALS))
        error_errno(err, "the collector");
    else
        ok = tls_new(config, &c->tls, err) &&
             collector_store_new(config->database, c->wake, config->changes, &c->store, err) &&
             (confine == NULL || confine(config->context, err)) && collector_store_start(c->store, err);
    while (ok && !c->stopping)
        turn(c);
    for (unsigned i = 0; i < LINKS_MAX; i++)
        if (c->links[i] != NULL)
            link_close(c, c->links[i], "the collector ends");
    collector_store_free(c->store);
    SSL_CTX_free(c->tls);
    if (c->epoll >= 0)
        close(c->epoll);
    if (c->wake >= 0)
        close(c->wake);
    free(c);
    return ok;
}
