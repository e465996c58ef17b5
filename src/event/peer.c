/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine of a connection. */
#include "event/peer.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    ADDRESSES = 8,
    OPENING_MS = 5000, /* for a connection to come up */
    RETRY_MS = 500,
    RETRY_MAX_MS = 30000,
    UNSENT_BYTES = 128 * 1024,
    SILENT_MS = 30000, /* until what was sent is acknowledged */
    STEADY_MS = 10000, /* up for so long, a connection counts as one that works */
};

struct address {
    struct sockaddr_storage at;
    socklen_t len;
};

struct addresses {
    struct address list[ADDRESSES];
    unsigned count;
    int error; /* of getaddrinfo(), 0: none */
};

/* A name that a thread of its own resolves. Whoever of the two is done with it last frees it. */
struct lookup {
    struct peer_config config;
    struct addresses found;
    _Atomic int users; /* 2: the thread works, the peer waits; 1: one of them left */
};

enum state { AWAY, RESOLVING, CONNECTING, HANDSHAKE, UP };

struct peer {
    struct peer_config config;
    enum state state;
    struct addresses addresses;
    unsigned next; /* address to try */
    bool numeric, resolved;
    struct lookup *lookup;
    int fd; /* -1: none */
    SSL_CTX *tls;
    SSL *ssl;
    bool wants_read; /* the handshake waits for the other side */
    uint64_t deadline_ms, retry_ms, wait_ms, up_ms;
    char error[160];
};

/* ---- names ---- */

static void resolve(const struct peer_config *c, int flags, struct addresses *out)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICSERV | flags,
                              .ai_socktype = c->transport == PEER_UDP ? SOCK_DGRAM : SOCK_STREAM };
    struct addrinfo *list = NULL;

    out->count = 0;
    out->error = getaddrinfo(c->host, c->port, &hints, &list);
    for (struct addrinfo *a = list; out->error == 0 && a != NULL && out->count < ADDRESSES; a = a->ai_next) {
        struct address *to = &out->list[out->count++];
        to->len = a->ai_addrlen;
        memcpy(&to->at, a->ai_addr, a->ai_addrlen);
    }
    if (list != NULL)
        freeaddrinfo(list);
}

static void lookup_leave(struct lookup *l)
{
    if (atomic_fetch_sub(&l->users, 1) == 1)
        free(l);
}

static void *look_up(void *context)
{
    struct lookup *l = context;

    resolve(&l->config, 0, &l->found);
    lookup_leave(l);
    return NULL;
}

static bool lookup_start(struct peer *p)
{
    struct lookup *l = calloc(1, sizeof *l);
    pthread_attr_t attr;
    pthread_t thread;

    if (l == NULL)
        return false;
    l->config = p->config;
    atomic_init(&l->users, 2);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    bool ok = pthread_create(&thread, &attr, look_up, l) == 0;
    pthread_attr_destroy(&attr);
    if (ok)
        p->lookup = l;
    else
        free(l);
    return ok;
}

/* ---- going away ---- */

static void away(struct peer *p, uint64_t now_ms, const char *format, ...) IMW_PRINTF(3, 4);

static void away(struct peer *p, uint64_t now_ms, const char *format, ...)
{
    uint64_t most_ms = p->config.retry_max_ms != 0 ? p->config.retry_max_ms : RETRY_MAX_MS;
    va_list args;

    va_start(args, format);
    vsnprintf(p->error, sizeof p->error, format, args);
    va_end(args);
    SSL_free(p->ssl);
    p->ssl = NULL;
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    p->wants_read = false;
    if (p->state == CONNECTING && p->next < p->addresses.count) {
        p->state = AWAY; /* the next address of the name at once */
        p->retry_ms = now_ms;
        return;
    }
    if (p->state == UP && now_ms - p->up_ms >= STEADY_MS)
        p->wait_ms = 0;
    p->state = AWAY;
    p->next = 0;
    p->resolved = false;
    p->wait_ms = p->wait_ms == 0 ? RETRY_MS : p->wait_ms * 2 < most_ms ? p->wait_ms * 2 : most_ms;
    p->retry_ms = now_ms + p->wait_ms;
}

/* ---- TLS ---- */

/* Why the last call of OpenSSL failed, in its words. */
static const char *tls_words(char *out, size_t size)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

    snprintf(out, size, "%s", reason != NULL ? reason : "the connection broke");
    ERR_clear_error();
    return out;
}

/* Certificate, key and CA in one file: the first certificate is ours, those after it are the CA's. */
static bool tls_bundle(struct peer *p, struct imw_error_info *err)
{
    const char *path = p->config.bundle;
    char words[128];

    if (SSL_CTX_use_certificate_file(p->tls, path, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_use_PrivateKey_file(p->tls, path, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(p->tls) == 1 && SSL_CTX_load_verify_locations(p->tls, path, NULL) == 1)
        return true;
    return error_file(err, IMW_ERROR_VALUE, path,
                      "no bundle of certificate, key and CA in PEM, as 'imward sensor add' makes one: %s",
                      tls_words(words, sizeof words));
}

static bool tls_prepare(struct peer *p, struct imw_error_info *err)
{
    const struct peer_config *c = &p->config;
    char words[128];

    p->tls = SSL_CTX_new(TLS_client_method());
    if (p->tls == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "TLS: %s", tls_words(words, sizeof words));
    SSL_CTX_set_min_proto_version(p->tls, c->bundle[0] != '\0' ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_verify(p->tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(p->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (c->bundle[0] != '\0')
        return tls_bundle(p, err);
    if (c->ca[0] != '\0' ? SSL_CTX_load_verify_locations(p->tls, c->ca, NULL) != 1
                         : SSL_CTX_set_default_verify_paths(p->tls) != 1)
        return error_file(err, IMW_ERROR_VALUE, c->ca, "no CA certificates in PEM: %s",
                          tls_words(words, sizeof words));
    if (c->cert[0] == '\0')
        return true;
    if (SSL_CTX_use_certificate_chain_file(p->tls, c->cert) != 1)
        return error_file(err, IMW_ERROR_VALUE, c->cert, "no certificate in PEM: %s",
                          tls_words(words, sizeof words));
    if (SSL_CTX_use_PrivateKey_file(p->tls, c->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(p->tls) != 1)
        return error_file(err, IMW_ERROR_VALUE, c->key, "no private key in PEM for %s: %s", c->cert,
                          tls_words(words, sizeof words));
    return true;
}

static bool tls_begin(struct peer *p)
{
    p->ssl = SSL_new(p->tls);
    if (p->ssl == NULL || SSL_set_fd(p->ssl, p->fd) != 1)
        return false;
    if (p->config.bundle[0] != '\0')
        return SSL_set1_host(p->ssl, p->config.server_name) == 1;
    if (p->numeric)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(p->ssl), p->config.host) == 1;
    SSL_set_hostflags(p->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(p->ssl, p->config.host) == 1 &&
           SSL_set_tlsext_host_name(p->ssl, p->config.host) == 1;
}

/* After a call that did not succeed: does it only wait? Else the peer is away. */
static bool tls_waits(struct peer *p, int result, const char *what, uint64_t now_ms)
{
    int why = SSL_get_error(p->ssl, result);
    long verdict = SSL_get_verify_result(p->ssl);
    char words[128];

    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        p->wants_read = p->state == HANDSHAKE && why == SSL_ERROR_WANT_READ;
        return true;
    }
    if (p->state == HANDSHAKE && verdict != X509_V_OK)
        away(p, now_ms, "TLS: the server's certificate is refused: %s (see %s)",
             X509_verify_cert_error_string(verdict), p->config.bundle[0] != '\0' ? "bundle=" : "ca=");
    else
        away(p, now_ms, "TLS %s: %s", what, tls_words(words, sizeof words));
    ERR_clear_error();
    return false;
}

static void is_up(struct peer *p, uint64_t now_ms)
{
    p->state = UP;
    p->up_ms = now_ms;
}

static void handshake(struct peer *p, uint64_t now_ms)
{
    ERR_clear_error();
    int result = SSL_connect(p->ssl);
    if (result == 1) {
        is_up(p, now_ms);
        p->wants_read = false;
    } else {
        tls_waits(p, result, "handshake", now_ms);
    }
}

/* ---- connecting ---- */

static bool is_datagram(const struct peer *p)
{
    return p->config.transport == PEER_UDP || p->config.transport == PEER_UNIX;
}

static void connected(struct peer *p, uint64_t now_ms)
{
    if (p->config.transport != PEER_TLS) {
        is_up(p, now_ms);
        return;
    }
    p->state = HANDSHAKE;
    if (tls_begin(p))
        handshake(p, now_ms);
    else
        away(p, now_ms, "TLS: '%s' is no name of a server", p->config.host);
}

static void connect_now(struct peer *p, const struct sockaddr *at, socklen_t len, uint64_t now_ms)
{
    int type = is_datagram(p) ? SOCK_DGRAM : SOCK_STREAM, unsent = UNSENT_BYTES, silent_ms = SILENT_MS;

    p->state = CONNECTING;
    p->deadline_ms = now_ms + OPENING_MS;
    p->fd = socket(at->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* What the kernel has not sent yet is lost when the connection breaks; it may be megabytes. And that the
     * other side is gone without a word is to be known before a quarter of an hour. */
    if (p->fd >= 0 && type == SOCK_STREAM) {
        setsockopt(p->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
        setsockopt(p->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof silent_ms);
    }
    if (p->fd < 0)
        away(p, now_ms, "socket: %s", strerror(errno));
    else if (connect(p->fd, at, len) == 0)
        connected(p, now_ms);
    else if (errno != EINPROGRESS)
        away(p, now_ms, "connect: %s", strerror(errno));
}

static void connect_next(struct peer *p, uint64_t now_ms)
{
    if (p->config.transport == PEER_UNIX) {
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        memcpy(at.sun_path, p->config.path, strlen(p->config.path));
        connect_now(p, (struct sockaddr *)&at, sizeof at, now_ms);
    } else if (p->next < p->addresses.count) {
        const struct address *a = &p->addresses.list[p->next++];
        connect_now(p, (const struct sockaddr *)&a->at, a->len, now_ms);
    } else {
        away(p, now_ms, "name %s: %s", p->config.host,
             gai_strerror(p->addresses.error != 0 ? p->addresses.error : EAI_NONAME));
    }
}

static void begin(struct peer *p, uint64_t now_ms)
{
    bool by_name = p->config.transport != PEER_UNIX && !p->numeric;

    if (now_ms < p->retry_ms)
        return;
    if (by_name && !p->resolved && lookup_start(p))
        p->state = RESOLVING;
    else
        connect_next(p, now_ms);
}

static void resolving(struct peer *p, uint64_t now_ms)
{
    if (atomic_load(&p->lookup->users) == 2)
        return; /* the thread is still at it */
    if (p->lookup->found.error == 0)
        p->addresses = p->lookup->found;
    lookup_leave(p->lookup);
    p->lookup = NULL;
    p->resolved = true;
    p->next = 0;
    connect_next(p, now_ms);
}

static void connecting(struct peer *p, uint64_t now_ms)
{
    struct pollfd fd = { .fd = p->fd, .events = POLLOUT };
    int error = 0;
    socklen_t len = sizeof error;

    if (poll(&fd, 1, 0) == 1) {
        getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error != 0)
            away(p, now_ms, "connect: %s", strerror(error));
        else
            connected(p, now_ms);
    }
}

/* A server of syslog says nothing; what there is to read is its end, or TLS's own business. */
static void listen_to(struct peer *p, uint64_t now_ms)
{
    char byte[256];

    if (is_datagram(p) || p->config.receives)
        return;
    if (p->ssl != NULL) {
        ERR_clear_error();
        int n = SSL_read(p->ssl, byte, sizeof byte);
        if (n <= 0 && SSL_get_error(p->ssl, n) == SSL_ERROR_ZERO_RETURN)
            away(p, now_ms, "the server closed the connection");
        else if (n <= 0)
            tls_waits(p, n, "read", now_ms);
        return;
    }
    ssize_t n = recv(p->fd, byte, sizeof byte, MSG_DONTWAIT);
    if (n == 0)
        away(p, now_ms, "the server closed the connection");
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        away(p, now_ms, "%s", strerror(errno));
}

bool peer_advance(struct peer *p, uint64_t now_ms)
{
    if (p->state == AWAY)
        begin(p, now_ms);
    if (p->state == RESOLVING)
        resolving(p, now_ms);
    if (p->state == CONNECTING)
        connecting(p, now_ms);
    if (p->state == HANDSHAKE)
        handshake(p, now_ms);
    if (p->state == UP)
        listen_to(p, now_ms);
    if ((p->state == CONNECTING || p->state == HANDSHAKE) && now_ms >= p->deadline_ms)
        away(p, now_ms, "no answer within %d s", OPENING_MS / 1000);
    return p->state == UP;
}

ssize_t peer_send(struct peer *p, const void *bytes, size_t n, uint64_t now_ms)
{
    if (p->state != UP)
        return -1;
    if (p->ssl != NULL) {
        ERR_clear_error();
        int sent = SSL_write(p->ssl, bytes, n < INT32_MAX ? (int)n : INT32_MAX);
        if (sent <= 0)
            return tls_waits(p, sent, "write", now_ms) ? 0 : -1;
        return sent;
    }
    ssize_t sent = send(p->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0)
        return sent;
    if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)
        return 0;
    if (errno == EMSGSIZE) { /* of a datagram: no other way of sending this one */
        snprintf(p->error, sizeof p->error, "%s", strerror(errno));
        return -1;
    }
    away(p, now_ms, "send: %s", strerror(errno));
    return -1;
}

ssize_t peer_receive(struct peer *p, void *bytes, size_t size, uint64_t now_ms)
{
    if (p->state != UP || p->ssl == NULL)
        return -1;
    ERR_clear_error();
    int n = SSL_read(p->ssl, bytes, size < INT32_MAX ? (int)size : INT32_MAX);
    if (n > 0)
        return n;
    if (SSL_get_error(p->ssl, n) != SSL_ERROR_ZERO_RETURN)
        return tls_waits(p, n, "read", now_ms) ? 0 : -1;
    away(p, now_ms, "the server closed the connection");
    return -1;
}

void peer_end(struct peer *p, uint64_t now_ms, const char *why)
{
    if (p->state == UP)
        away(p, now_ms, "%s", why);
}

void peer_proved(struct peer *p)
{
    p->wait_ms = 0;
}

uint64_t peer_certificate_end_s(const struct peer *p)
{
    const X509 *certificate = p->tls != NULL ? SSL_CTX_get0_certificate(p->tls) : NULL;
    struct tm end;

    if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
        return 0;
    time_t s = timegm(&end);
    return s > 0 ? (uint64_t)s : 0;
}

bool peer_wants(const struct peer *p, bool sending, struct pollfd *out)
{
    if (p->fd < 0 || !sending)
        return false;
    *out = (struct pollfd){ .fd = p->fd, .events = p->wants_read ? POLLIN : POLLOUT };
    return true;
}

const char *peer_error(const struct peer *p)
{
    return p->error;
}

/* ---- life ---- */

bool peer_new(const struct peer_config *config, struct peer **out, struct imw_error_info *err)
{
    struct peer *p = calloc(1, sizeof *p);

    if (p == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for an output");
    p->config = *config;
    p->fd = -1;
    if (config->transport == PEER_TLS && !tls_prepare(p, err)) {
        peer_free(p);
        return false;
    }
    if (config->transport != PEER_UNIX) {
        resolve(config, AI_NUMERICHOST, &p->addresses);
        p->numeric = p->addresses.error == 0;
        if (!p->numeric)
            resolve(config, 0, &p->addresses);
        p->resolved = true;
    }
    *out = p;
    return true;
}

void peer_free(struct peer *p)
{
    if (p == NULL)
        return;
    if (p->ssl != NULL && p->state == UP)
        SSL_shutdown(p->ssl);
    SSL_free(p->ssl);
    SSL_CTX_free(p->tls);
    if (p->fd >= 0)
        close(p->fd);
    if (p->lookup != NULL)
        lookup_leave(p->lookup);
    free(p);
}
