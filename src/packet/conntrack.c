/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPCTNL_MSG_CT_GET for one tuple (linux/netfilter/nfnetlink_conntrack.h). The kernel finds a connection by
 * the tuple of either direction; behind a translation of addresses only one of them has the ends that we see,
 * so both are tried.
 */
#include "packet/conntrack.h"
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_BYTES = 8192, WAIT_MS = 200 };

struct conntrack {
    int fd;
    uint32_t sequence;
    pthread_mutex_t lock;
};

bool conntrack_open(int *out_fd, struct imw_error_info *err)
{
    const struct timeval wait = { .tv_usec = WAIT_MS * 1000 };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

    if (fd < 0)
        return error_errno(err, "netlink socket for connection tracking");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) != 0) {
        close(fd);
        return error_errno(err, "netlink socket for connection tracking");
    }
    *out_fd = fd;
    return true;
}

bool conntrack_new(int fd, struct conntrack **out, struct imw_error_info *err)
{
    struct conntrack *c = calloc(1, sizeof *c);

    if (c == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory to ask for connections");
    c->fd = fd;
    pthread_mutex_init(&c->lock, NULL);
    *out = c;
    return true;
}

void conntrack_free(struct conntrack *c)
{
    if (c == NULL)
        return;
    close(c->fd);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* ---- the question ---- */

static const uint8_t *v4_bytes(const struct ip_addr *a)
{
    return (const uint8_t *)a->word + 12;
}

static void put_tuple(struct nlmsghdr *m, const struct live_flow *f, unsigned source)
{
    const struct ip_addr *src = &f->addr[source], *dst = &f->addr[!source];
    bool v4 = ip_is_v4(src);
    struct nlattr *tuple = mnl_attr_nest_start(m, CTA_TUPLE_ORIG);
    struct nlattr *ip = mnl_attr_nest_start(m, CTA_TUPLE_IP);

    mnl_attr_put(m, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, v4 ? 4 : 16, v4 ? v4_bytes(src) : (const void *)src);
    mnl_attr_put(m, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, v4 ? 4 : 16, v4 ? v4_bytes(dst) : (const void *)dst);
    mnl_attr_nest_end(m, ip);
    struct nlattr *proto = mnl_attr_nest_start(m, CTA_TUPLE_PROTO);
    mnl_attr_put_u8(m, CTA_PROTO_NUM, f->l4);
    mnl_attr_put_u16(m, CTA_PROTO_SRC_PORT, htobe16(f->port[source]));
    mnl_attr_put_u16(m, CTA_PROTO_DST_PORT, htobe16(f->port[!source]));
    mnl_attr_nest_end(m, proto);
    mnl_attr_nest_end(m, tuple);
}

static bool ask(struct conntrack *c, const struct live_flow *f, unsigned source)
{
    uint8_t buffer[512];
    struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);
    bool v4 = ip_is_v4(&f->addr[0]);

    m->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
    m->nlmsg_flags = NLM_F_REQUEST;
    m->nlmsg_seq = ++c->sequence;
    struct nfgenmsg *family = mnl_nlmsg_put_extra_header(m, sizeof *family);
    *family = (struct nfgenmsg){ .nfgen_family = v4 ? AF_INET : AF_INET6, .version = NFNETLINK_V0 };
    put_tuple(m, f, source);
    return send(c->fd, m, m->nlmsg_len, 0) == (ssize_t)m->nlmsg_len;
}

/* ---- the answer ---- */

struct answer {
    uint64_t packets[2], bytes[2]; /* by the kernel's direction */
    uint16_t original_port;
    bool counted;
};

static uint64_t number_of(const struct nlattr *a)
{
    return mnl_attr_validate(a, MNL_TYPE_U64) >= 0 ? be64toh(mnl_attr_get_u64(a)) : 0;
}

struct one_way {
    uint64_t packets, bytes;
};

static int take_counter(const struct nlattr *a, void *out)
{
    struct one_way *way = out;

    if (mnl_attr_get_type(a) == CTA_COUNTERS_PACKETS)
        way->packets = number_of(a);
    else if (mnl_attr_get_type(a) == CTA_COUNTERS_BYTES)
        way->bytes = number_of(a);
    return MNL_CB_OK;
}

static void take_counters(const struct nlattr *nest, unsigned direction, struct answer *out)
{
    struct one_way way = { 0 };

    if (mnl_attr_validate(nest, MNL_TYPE_NESTED) < 0 || mnl_attr_parse_nested(nest, take_counter, &way) < 0)
        return;
    out->packets[direction] = way.packets;
    out->bytes[direction] = way.bytes;
    out->counted = true;
}

static int take_port(const struct nlattr *a, void *out)
{
    if (mnl_attr_get_type(a) == CTA_PROTO_SRC_PORT && mnl_attr_validate(a, MNL_TYPE_U16) >= 0)
        ((struct answer *)out)->original_port = be16toh(mnl_attr_get_u16(a));
    return MNL_CB_OK;
}

/* The port from which the connection was opened. */
static int take_original(const struct nlattr *a, void *out)
{
    if (mnl_attr_get_type(a) == CTA_TUPLE_PROTO && mnl_attr_validate(a, MNL_TYPE_NESTED) >= 0)
        (void)mnl_attr_parse_nested(a, take_port, out);
    return MNL_CB_OK;
}

static int take_part(const struct nlattr *a, void *context)
{
    struct answer *out = context;

    switch (mnl_attr_get_type(a)) {
    case CTA_COUNTERS_ORIG: take_counters(a, 0, out); break;
    case CTA_COUNTERS_REPLY: take_counters(a, 1, out); break;
    case CTA_TUPLE_ORIG:
        if (mnl_attr_validate(a, MNL_TYPE_NESTED) >= 0)
            (void)mnl_attr_parse_nested(a, take_original, out);
        break;
    }
    return MNL_CB_OK;
}

static bool hear(struct conntrack *c, struct answer *out)
{
    _Alignas(struct nlmsghdr) uint8_t buffer[BUFFER_BYTES];
    const struct nlmsghdr *m = (const struct nlmsghdr *)(const void *)buffer;

    *out = (struct answer){ .counted = false };
    for (;;) {
        ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
        if (n <= 0)
            return false;
        if (!mnl_nlmsg_ok(m, (int)n) || m->nlmsg_seq != c->sequence)
            continue; /* late, of a question before */
        return m->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) &&
               mnl_attr_parse(m, sizeof(struct nfgenmsg), take_part, out) >= 0 && out->counted;
    }
}

bool conntrack_read(struct conntrack *c, const struct live_flow *f, struct live_bypassed *out)
{
    struct answer answer;
    bool found = false;

    pthread_mutex_lock(&c->lock);
    for (unsigned source = 0; source < 2 && !found; source++)
        found = ask(c, f, source) && hear(c, &answer);
    pthread_mutex_unlock(&c->lock);
    if (!found)
        return false;
    unsigned first = answer.original_port == f->port[0] ? 0 : 1; /* the end that opened it */
    *out = (struct live_bypassed){ .last_us = 0 };
    for (unsigned d = 0; d < 2; d++) {
        out->packets[d] = answer.packets[d ^ first];
        out->bytes[d] = answer.bytes[d ^ first];
    }
    return true;
}
