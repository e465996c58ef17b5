/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread, one socket. radius_packet.c knows the packets; here is who may send them, what they do, and the
 * memory of those that were answered lately, so that one sent again does nothing twice: an old Start that
 * comes after the Stop must not bring the user back. `lock` is for the secrets, which may be read again.
 */
#include "sensor/radius.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/thread.h"
#include "sensor/net_list.h"
#include "sensor/radius_packet.h"
#include "sensor/server.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ANSWERED = 4096, /* requests remembered */
    ANSWERED_S = 60, /* for so long; clients give up before */
    DELAY_MOST_S = 86400,
};

/* A request that was answered: the same client, port, identifier and authenticator are the same request. */
struct answered {
    struct ip_addr client;
    uint64_t at_us;
    uint8_t authenticator[RADIUS_AUTHENTICATOR_BYTES];
    uint16_t port;
    uint8_t identifier;
};

struct radius {
    pthread_mutex_t lock;
    struct net_list *secrets;
    struct knowledge *knowledge;
    uint64_t (*now_us)(void);
    int socket, stop; /* -1: none */
    uint16_t port;
    bool running;
    pthread_t thread;
    struct answered answered[ANSWERED]; /* of the thread alone */
    _Atomic uint64_t requests, repeated, users, unknown, forged, malformed;
};

/* ---- what a request does ---- */

static bool is_machine(struct view name)
{
    return view_starts(name, VIEW("host/")) || (name.len > 1 && name.at[name.len - 1] == '$');
}

/* The machine's own name in that of its account: host/pc-17.bank.example, BANK\PC-17$. */
static struct view machine_name(struct view name)
{
    if (view_starts(name, VIEW("host/")))
        return view_from(name, 5);
    size_t domain = view_find_byte(name, '\\', 0);
    return view_slice(name, domain < name.len ? domain + 1 : 0, name.len - 1);
}

/* Sessions may overlap, and a Stop come late: it ends the session of its own user only. */
static void end_session(struct radius *r, const struct ip_addr *addr, struct view user, uint64_t at_us)
{
    char name[WHO_NAME_BYTES];
    struct text t = TEXT(name);
    struct known_who who;

    text_printable(&t, user);
    if (!knowledge_who(r->knowledge, addr, at_us, &who))
        return;
    if (user.len == 0 || strcmp(who.user, name) == 0)
        knowledge_forget_user(r->knowledge, addr, at_us);
}

/* The user or machine signed in, or out, at one address. */
static void apply_at(struct radius *r, const struct radius_request *q, const struct ip_addr *addr,
                     uint64_t at_us)
{
    uint8_t mac[6];

    if (q->status == RADIUS_STOP) {
        end_session(r, addr, q->user, at_us);
        return;
    }
    if (q->has_mac)
        knowledge_learn_mac(r->knowledge, addr, q->mac, at_us);
    if (radius_parse_mac(q->user, mac))
        return;
    if (is_machine(q->user))
        knowledge_learn_host(r->knowledge, WHO_RADIUS, addr, machine_name(q->user), 0, at_us);
    else
        knowledge_learn_user(r->knowledge, WHO_RADIUS, addr, q->user, 0, at_us);
}

static void apply(struct radius *r, const struct radius_request *q, uint64_t now_us)
{
    uint64_t delay_us = (uint64_t)(q->delay_s < DELAY_MOST_S ? q->delay_s : DELAY_MOST_S) * 1000000;
    uint64_t at_us = now_us > delay_us ? now_us - delay_us : 0;

    if (q->status != RADIUS_START && q->status != RADIUS_INTERIM && q->status != RADIUS_STOP)
        return;
    for (unsigned i = 0; i < q->addresses; i++)
        apply_at(r, q, &q->address[i], at_us);
    atomic_fetch_add(&r->users, q->addresses > 0);
}

/* ---- requests ---- */

/* Was it answered before? It counts as answered from now on. */
static bool was_answered(struct radius *r, const struct radius_request *q, const struct ip_addr *client,
                         uint16_t port, uint64_t now_us)
{
    uint64_t hash = hash_bytes(view_of(q->authenticator, sizeof q->authenticator), q->identifier);
    struct answered *a = &r->answered[hash % ANSWERED];
    bool same = ip_equal(&a->client, client) && a->port == port && a->identifier == q->identifier &&
                memcmp(a->authenticator, q->authenticator, sizeof a->authenticator) == 0 &&
                a->at_us + ANSWERED_S * UINT64_C(1000000) > now_us;

    if (!same) {
        *a = (struct answered){
            .client = *client, .at_us = now_us, .port = port, .identifier = q->identifier
        };
        memcpy(a->authenticator, q->authenticator, sizeof a->authenticator);
    }
    return same;
}

/* Handle a packet of this client; true: *out_answer goes back. */
static bool handle(struct radius *r, struct view packet, const struct ip_addr *client, uint16_t port,
                   uint8_t out_answer[RADIUS_HEADER_BYTES])
{
    struct radius_request q;
    struct view secret;
    uint64_t now_us = r->now_us();

    if (!net_list_find(r->secrets, client, &secret)) {
        atomic_fetch_add(&r->unknown, 1);
        return false;
    }
    if (!radius_read(packet, &q)) {
        atomic_fetch_add(&r->malformed, 1);
        return false;
    }
    if (!radius_is_authentic(packet, secret)) {
        char name[64];
        struct text t = TEXT(name);
        text_address(&t, client);
        log_warning("radius_secret", "client=%s: its secret is not the one in the file; mend either", name);
        atomic_fetch_add(&r->forged, 1);
        return false;
    }
    if (!radius_answer(&q, secret, out_answer))
        return false;
    atomic_fetch_add(&r->requests, 1);
    if (was_answered(r, &q, client, port, now_us))
        atomic_fetch_add(&r->repeated, 1);
    else
        apply(r, &q, now_us);
    return true;
}

static void read_sender(const struct sockaddr_storage *from, struct ip_addr *out_addr, uint16_t *out_port)
{
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
        *out_addr = ip_from_v4((const uint8_t *)&v4->sin_addr);
        *out_port = ntohs(v4->sin_port);
    } else {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
        *out_addr = ip_from_v6(v6->sin6_addr.s6_addr);
        *out_port = ntohs(v6->sin6_port);
    }
}

static void *serve(void *argument)
{
    struct radius *r = argument;
    struct pollfd wait[2] = { { .fd = r->socket, .events = POLLIN }, { .fd = r->stop, .events = POLLIN } };
    uint8_t packet[RADIUS_MOST_BYTES], answer[RADIUS_HEADER_BYTES];

    while (wait[1].revents == 0) {
        struct sockaddr_storage from = { 0 };
        socklen_t from_len = sizeof from;
        struct ip_addr client;
        uint16_t port;

        if (poll(wait, 2, -1) < 0 && errno != EINTR)
            break;
        ssize_t n =
            recvfrom(r->socket, packet, sizeof packet, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
        if (n < 0)
            continue;
        read_sender(&from, &client, &port);
        pthread_mutex_lock(&r->lock);
        bool answers = handle(r, view_of(packet, (size_t)n), &client, port, answer);
        pthread_mutex_unlock(&r->lock);
        if (answers)
            (void)sendto(r->socket, answer, sizeof answer, MSG_DONTWAIT, (struct sockaddr *)&from, from_len);
    }
    return NULL;
}

/* ---- start and end ---- */

static bool check_secret(struct view words, const char **out_why)
{
    *out_why = words.len == 0 ? "behind the address stands the secret of that client"
                              : "a secret has 128 octets at most";
    return words.len > 0 && words.len <= 128;
}

/* "ADDRESS:PORT" or "[ADDRESS]:PORT". */
static bool parse_end(const char *listen, struct ip_addr *out_addr, uint16_t *out_port,
                      struct imw_error_info *err)
{
    struct view v = view_string(listen);
    size_t colon = v.len;
    uint64_t port = 0;

    while (colon > 0 && v.at[colon - 1] != ':')
        colon--;
    struct view addr = view_slice(v, 0, colon > 0 ? colon - 1 : 0);
    if (addr.len > 2 && addr.at[0] == '[' && addr.at[addr.len - 1] == ']')
        addr = view_slice(addr, 1, addr.len - 1);
    if (!ip_parse(addr, out_addr) || !view_decimal(view_from(v, colon), 65535, &port))
        return error_set(err, IMW_ERROR_VALUE,
                         "listen for RADIUS on ADDRESS:PORT, as 10.0.0.5:1813, not '%s'", listen);
    *out_port = (uint16_t)port;
    return true;
}

static bool open_socket(struct radius *r, const char *listen, struct imw_error_info *err)
{
    struct ip_addr addr;
    uint16_t port;

    if (!parse_end(listen, &addr, &port, err))
        return false;
    bool v4 = ip_is_v4(&addr);
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    memcpy(&in.sin_addr, addr.octet + 12, 4);
    memcpy(&in6.sin6_addr, addr.octet, 16);
    struct sockaddr *end = v4 ? (struct sockaddr *)&in : (struct sockaddr *)&in6;
    socklen_t len = v4 ? sizeof in : sizeof in6;
    struct sockaddr_storage bound = { 0 };
    socklen_t bound_len = sizeof bound;

    r->socket = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (r->socket < 0 || bind(r->socket, end, len) != 0 ||
        getsockname(r->socket, (struct sockaddr *)&bound, &bound_len) != 0)
        return error_errno(err, listen);
    read_sender(&bound, &addr, &r->port);
    return true;
}

bool radius_new(const char *listen, const char *secrets_path, struct knowledge *k, uint64_t (*now_us)(void),
                struct radius **out, struct imw_error_info *err)
{
    struct radius *r = calloc(1, sizeof *r);

    if (r == NULL)
        return error_memory(err);
    pthread_mutex_init(&r->lock, NULL);
    r->knowledge = k;
    r->now_us = now_us;
    r->socket = -1;
    r->stop = eventfd(0, EFD_CLOEXEC);
    bool ok = r->stop >= 0 ? net_list_load(secrets_path, true, check_secret, &r->secrets, err) &&
                                 open_socket(r, listen, err)
                           : error_errno(err, "eventfd");
    if (!ok || !thread_start(&r->thread, "radius", serve, r, err)) {
        radius_free(r);
        return false;
    }
    r->running = true;
    *out = r;
    return true;
}

bool radius_reload(struct radius *r, const char *secrets_path, struct imw_error_info *err)
{
    struct net_list *next;

    if (!net_list_load(secrets_path, true, check_secret, &next, err))
        return false;
    pthread_mutex_lock(&r->lock);
    struct net_list *before = r->secrets;
    r->secrets = next;
    pthread_mutex_unlock(&r->lock);
    net_list_free(before);
    return true;
}

void radius_free(struct radius *r)
{
    const uint64_t one = 1;

    if (r == NULL)
        return;
    if (r->running && write(r->stop, &one, sizeof one) == (ssize_t)sizeof one)
        pthread_join(r->thread, NULL);
    if (r->socket >= 0)
        close(r->socket);
    if (r->stop >= 0)
        close(r->stop);
    net_list_free(r->secrets);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

uint16_t radius_port(const struct radius *r)
{
    return r->port;
}

void radius_counters(const struct radius *r, struct radius_counters *out)
{
    *out = (struct radius_counters){ .requests = atomic_load(&r->requests),
                                     .repeated = atomic_load(&r->repeated),
                                     .users = atomic_load(&r->users),
                                     .unknown = atomic_load(&r->unknown),
                                     .forged = atomic_load(&r->forged),
                                     .malformed = atomic_load(&r->malformed) };
}
