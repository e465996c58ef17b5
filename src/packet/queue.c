/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NFQUEUE, by the kernel's include/uapi/linux/netfilter/nfnetlink_queue.h. A message of the kernel is one
 * packet: a number that our verdict names again, then attributes, of which the last is the packet's bytes, at
 * most 65,531 of them since an attribute has no more; NFQA_CAP_LEN tells that some are missing.
 *
 * Packets come as the kernel has them (NFQA_CFG_F_GSO): several segments in one, transport checksums not yet
 * worked out. One that gets other bytes loses "not worked out", so those need all checksums; the size by
 * which the kernel cuts it into segments later on stays, and one that gets shorter than a segment is lost
 * there. Without the flag the kernel would cut before asking us, and each segment would cost a question.
 *
 * A verdict that the kernel refuses comes back as an error message. One for a packet that is gone (its
 * interface went down) is no news; one that says that the queue is not ours, or that we may not, ends the
 * queue.
 *
 * The kernel tells nobody when a packet found no room in the socket (NETLINK_NO_ENOBUFS, or reading would
 * fail at each), nor when its queue is full, but counts both in /proc. Where we may not read that, gaps in
 * the packets' numbers tell the first.
 */
#include "packet/queue.h"
#include "base/netlink.h"
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    LENGTH = 8192,
    COPY_BYTES = 65531, /* of a packet: what an attribute holds */
    SLOT_BYTES = QUEUE_PACKET_BYTES + 1025,
    SOCKET_BYTES = 32 << 20, /* what waits in the socket, with the kernel's own overhead */
    VERDICT_BYTES = 64,      /* of one without the packet's bytes: 40 */
    VERDICTS_BYTES = 4 * SLOT_BYTES,
    LINK_RAW = 101,
    STAMP_OLD_US = 60000000, /* no packet waits for so long before we read it */
};
static const char proc_file[] = "/proc/thread-self/net/netfilter/nfnetlink_queue";

struct queue {
    int fd;
    int proc; /* -1: we may not */
    uint16_t number;
    bool gone;
    uint32_t last_id; /* 0: none yet */
    size_t used;      /* of `verdicts` */
    int wait_ms;      /* that the socket waits; -1: not known */
    struct mmsghdr messages[QUEUE_BATCH];
    struct iovec parts[QUEUE_BATCH];
    struct sockaddr_nl from[QUEUE_BATCH];
    _Atomic uint64_t received, accepted, dropped, replaced, missed;
    _Alignas(MNL_ALIGNTO) uint8_t slots[QUEUE_BATCH][SLOT_BYTES];
    _Alignas(MNL_ALIGNTO) uint8_t verdicts[VERDICTS_BYTES];
};
_Static_assert(SLOT_BYTES % MNL_ALIGNTO == 0, "messages are read where they lie");
_Static_assert((size_t)VERDICTS_BYTES >= VERDICT_BYTES + QUEUE_PACKET_BYTES + MNL_ALIGNTO, "one always fits");

static void add(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static struct nlmsghdr *begin(void *at, uint16_t type, uint16_t flags, uint16_t number)
{
    struct nlmsghdr *m = mnl_nlmsg_put_header(at);
    struct nfgenmsg *head = mnl_nlmsg_put_extra_header(m, sizeof *head);

    m->nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type);
    m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    head->nfgen_family = AF_UNSPEC;
    head->version = NFNETLINK_V0;
    head->res_id = htons(number);
    return m;
}

/* ---- opening ---- */

/* What /proc tells of a queue. False: nothing. */
static bool read_proc(int fd, uint16_t number, uint32_t *out_port, uint64_t *out_overrun)
{
    char text[64 * 96 + 1]; /* QUEUES_MAX lines and more */
    size_t len = 0;
    ssize_t n;

    while (len < sizeof text - 1 && (n = pread(fd, text + len, sizeof text - 1 - len, (off_t)len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    struct view rest = view_of(text, len), line;
    while (view_line(&rest, &line)) {
        uint64_t field[7] = { 0 }; /* number, port, waiting, mode, range, found the queue full, the socket */

        for (unsigned i = 0; i < 7; i++) {
            line = view_trim(line);
            if (!view_decimal(view_token(&line, ' '), UINT32_MAX, &field[i]))
                break;
        }
        if (field[0] == number) {
            *out_port = (uint32_t)field[1];
            *out_overrun = field[5] + field[6];
            return true;
        }
    }
    return false;
}

/* A netlink socket's port is by custom the process that opened it. */
static void name_owner(uint16_t number, struct text *t)
{
    char path[48], name[32] = "";
    uint32_t port = 0;
    uint64_t overrun;
    int fd = open(proc_file, O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        (void)read_proc(fd, number, &port, &overrun);
        close(fd);
    }
    snprintf(path, sizeof path, "/proc/%" PRIu32 "/comm", port);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, name, sizeof name - 1);
    close(fd);
    if (n > 0)
        text_format(t, " (process %" PRIu32 ", %.*s)", port, (int)strcspn(name, "\n"), name);
}

static bool refused(int error, uint16_t number, bool binding, struct imw_error_info *err)
{
    char owner[80] = "";
    struct text t = text_over(owner, sizeof owner);

    if (error == EPERM && binding) /* what the socket needed of permission was there */
        error = EBUSY;
    switch (error) {
    case EPERM:
    case EACCES:
        return error_set(err, IMW_ERROR_SYSTEM,
                         "no permission for packet queue %u: run as root, or with CAP_NET_ADMIN", number);
    case EBUSY:
        name_owner(number, &t);
        return error_set(
            err, IMW_ERROR_SYSTEM,
            "packet queue %u is in use by another program%s: end it, or take another number of queue", number,
            owner);
    case EPROTONOSUPPORT:
    case ENOENT:
    case EINVAL:
        if (binding || error == EPROTONOSUPPORT)
            return error_set(err, IMW_ERROR_SYSTEM,
                             "this kernel has no packet queues: load its module nfnetlink_queue ('modprobe "
                             "nfnetlink_queue', CONFIG_NETFILTER_NETLINK_QUEUE)");
        break;
    default: break;
    }
    return error_set(err, IMW_ERROR_SYSTEM, "packet queue %u: %s", number, strerror(error));
}

/* Send one request and wait for its answer. Returns the kernel's error, 0: done. */
static int ask(int fd, const struct nlmsghdr *m)
{
    _Alignas(MNL_ALIGNTO) uint8_t answer[4096];

    if (send(fd, m, m->nlmsg_len, 0) < 0)
        return errno;
    for (;;) {
        ssize_t n = recv(fd, answer, sizeof answer, 0);
        struct view rest = view_of(answer, n > 0 ? (size_t)n : 0);
        const struct nlmsghdr *a = netlink_message(&rest);
        int error;

        if (n < 0 && errno != EINTR)
            return errno;
        if (a != NULL && netlink_error(a, &error))
            return error;
    }
}

/* The mode of copying comes last and its answer is not waited for: from there on packets come, maybe before
 * the answer. */
static int bind_queue(int fd, const struct queue_config *config, bool *binding)
{
    uint8_t buffer[256] __attribute__((aligned(MNL_ALIGNTO)));
    struct nfqnl_msg_config_cmd bind = { .command = NFQNL_CFG_CMD_BIND };
    struct nfqnl_msg_config_params copy = { .copy_range = htonl(COPY_BYTES), .copy_mode = NFQNL_COPY_PACKET };
    uint32_t flags = NFQA_CFG_F_GSO | (config->fail_open ? NFQA_CFG_F_FAIL_OPEN : 0);
    struct nlmsghdr *m = begin(buffer, NFQNL_MSG_CONFIG, NLM_F_ACK, config->number);

    mnl_attr_put(m, NFQA_CFG_CMD, sizeof bind, &bind);
    int error = ask(fd, m);
    *binding = error != 0;
    if (error != 0)
        return error;
    m = begin(buffer, NFQNL_MSG_CONFIG, NLM_F_ACK, config->number);
    mnl_attr_put_u32(m, NFQA_CFG_QUEUE_MAXLEN, htonl(config->length > 0 ? config->length : LENGTH));
    mnl_attr_put_u32(m, NFQA_CFG_FLAGS, htonl(flags));
    mnl_attr_put_u32(m, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN));
    error = ask(fd, m);
    if (error != 0)
        return error;
    m = begin(buffer, NFQNL_MSG_CONFIG, 0, config->number);
    mnl_attr_put(m, NFQA_CFG_PARAMS, sizeof copy, &copy);
    return send(fd, m, m->nlmsg_len, 0) < 0 ? errno : 0;
}

bool queue_open(const struct queue_config *config, int *out_fd, struct imw_error_info *err)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    int bytes = SOCKET_BYTES, yes = 1;
    struct sockaddr_nl own = { .nl_family = AF_NETLINK };
    bool binding = false;

    if (fd < 0)
        return refused(errno, config->number, false, err);
    int error = 0;
    if (bind(fd, (const struct sockaddr *)&own, sizeof own) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0 ||
        setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &yes, sizeof yes) != 0 ||
        setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &yes, sizeof yes) != 0)
        error = errno;
    if (error == 0)
        error = bind_queue(fd, config, &binding);
    if (error != 0) {
        close(fd);
        return refused(error, config->number, binding, err);
    }
    *out_fd = fd;
    return true;
}

bool queue_new(int fd, uint16_t number, struct queue **out, struct imw_error_info *err)
{
    struct queue *q = calloc(1, sizeof *q); /* pages are touched as packets fill them */

    if (q == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for packet queue %u", number);
    q->fd = fd;
    q->number = number;
    q->wait_ms = -1;
    for (unsigned i = 0; i < QUEUE_BATCH; i++) {
        q->parts[i] = (struct iovec){ q->slots[i], sizeof q->slots[i] };
        q->messages[i].msg_hdr =
            (struct msghdr){ .msg_name = &q->from[i], .msg_iov = &q->parts[i], .msg_iovlen = 1 };
    }
    q->proc = open(proc_file, O_RDONLY | O_CLOEXEC);
    *out = q;
    return true;
}

void queue_free(struct queue *q)
{
    if (q == NULL)
        return;
    queue_flush(q);
    close(q->fd);
    if (q->proc >= 0)
        close(q->proc);
    free(q);
}

/* ---- packets ---- */

static uint32_t attr_u32(const struct nlattr *a)
{
    return mnl_attr_get_payload_len(a) >= sizeof(uint32_t) ? ntohl(mnl_attr_get_u32(a)) : 0;
}

/* A structure of the kernel's, copied; zeroed where the attribute is too short. */
static bool attr_copy(const struct nlattr *a, void *to, size_t bytes)
{
    bool whole = mnl_attr_get_payload_len(a) >= bytes;

    if (whole)
        memcpy(to, mnl_attr_get_payload(a), bytes);
    return whole;
}

static void put_attr(const struct nlattr *a, struct queued *p, bool *has_id)
{
    struct nfqnl_msg_packet_hdr head;
    struct nfqnl_msg_packet_timestamp stamp;
    struct nfqnl_msg_packet_hw hw;

    switch (mnl_attr_get_type(a)) {
    case NFQA_PACKET_HDR:
        *has_id = attr_copy(a, &head, sizeof head);
        p->id = *has_id ? ntohl(head.packet_id) : 0;
        break;
    case NFQA_PAYLOAD: p->frame.data = view_of(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a)); break;
    case NFQA_CAP_LEN: p->frame.wire_len = attr_u32(a); break;
    case NFQA_MARK: p->mark = attr_u32(a); break;
    case NFQA_IFINDEX_INDEV: p->in = attr_u32(a); break;
    case NFQA_IFINDEX_OUTDEV: p->out = attr_u32(a); break;
    case NFQA_IFINDEX_PHYSINDEV: p->phys_in = attr_u32(a); break;
    case NFQA_IFINDEX_PHYSOUTDEV: p->phys_out = attr_u32(a); break;
    case NFQA_SKB_INFO: p->no_checksum = (attr_u32(a) & NFQA_SKB_CSUMNOTREADY) != 0; break;
    case NFQA_TIMESTAMP:
        if (attr_copy(a, &stamp, sizeof stamp))
            p->frame.time_us = be64toh(stamp.sec) * 1000000 + be64toh(stamp.usec);
        break;
    case NFQA_HWADDR:
        if (attr_copy(a, &hw, sizeof hw) && ntohs(hw.hw_addrlen) == sizeof p->mac)
            memcpy(p->mac, hw.hw_addr, sizeof p->mac);
        break;
    default: break;
    }
}

static bool is_packet(const struct queue *q, const struct nlmsghdr *m)
{
    struct view payload = netlink_payload(m, 0);

    return m->nlmsg_type == (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET) &&
           payload.len >= sizeof(struct nfgenmsg) &&
           view_u16(payload, offsetof(struct nfgenmsg, res_id)) == q->number;
}

/* False: there is no packet with a number in it. */
static bool read_packet(struct queue *q, const struct nlmsghdr *m, uint64_t now_us, struct queued *out)
{
    struct view rest = netlink_payload(m, sizeof(struct nfgenmsg));
    const struct nlattr *a;
    bool has_id = false;

    *out = (struct queued){ .frame = { .time_us = now_us, .link = LINK_RAW, .data = view_of(NULL, 0) } };
    while ((a = netlink_attr(&rest)) != NULL)
        put_attr(a, out, &has_id);
    if (!has_id)
        return false;
    /* Some kernels tell a time of another clock, of packets that a program of this machine sent. */
    if (out->frame.time_us > now_us || out->frame.time_us + STAMP_OLD_US < now_us)
        out->frame.time_us = now_us;
    if (out->frame.wire_len < out->frame.data.len)
        out->frame.wire_len = (uint32_t)out->frame.data.len;
    uint32_t gap = out->id - q->last_id - 1;
    if (q->last_id != 0 && gap < UINT32_MAX / 2)
        add(&q->missed, gap);
    q->last_id = out->id;
    add(&q->received, 1);
    return true;
}

/* What one datagram holds: the kernel puts one message into each. */
static unsigned read_slot(struct queue *q, struct view rest, uint64_t now_us, struct queued *out,
                          unsigned room)
{
    const struct nlmsghdr *m;
    unsigned n = 0;

    while ((m = netlink_message(&rest)) != NULL) {
        struct queued extra;
        int error;

        if (netlink_error(m, &error))
            q->gone |= error == EPERM || error == ENODEV;
        else if (is_packet(q, m) && n < room)
            n += read_packet(q, m, now_us, &out[n]);
        else if (is_packet(q, m) && read_packet(q, m, now_us, &extra))
            queue_drop(q, extra.id);
    }
    return n;
}

static uint64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Waiting in the call that reads costs one call; asking, waiting and asking again would cost three a packet
 * when packets come one at a time. */
static bool set_wait(struct queue *q, int wait_ms)
{
    const struct timeval wait = { .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 };

    if (q->wait_ms != wait_ms && setsockopt(q->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0)
        q->wait_ms = wait_ms;
    return q->wait_ms == wait_ms;
}

enum queue_answer queue_read(struct queue *q, struct queued *out, unsigned max, int wait_ms,
                             unsigned *out_count)
{
    bool waits = wait_ms > 0 && set_wait(q, wait_ms);

    *out_count = 0;
    if (max > QUEUE_BATCH)
        max = QUEUE_BATCH;
    for (unsigned i = 0; i < max; i++) /* the kernel writes here, too */
        q->messages[i].msg_hdr.msg_namelen = sizeof q->from[i];
    int n = recvmmsg(q->fd, q->messages, max, waits ? MSG_WAITFORONE : MSG_DONTWAIT, NULL);
    if (n <= 0)
        q->gone |= n == 0 || (errno != EAGAIN && errno != EINTR && errno != ENOBUFS && errno != ENOMEM);
    uint64_t now_us = n > 0 ? clock_us() : 0;
    for (int i = 0; i < n; i++)
        if (q->from[i].nl_pid == 0) /* the kernel */
            *out_count += read_slot(q, view_of(q->slots[i], q->messages[i].msg_len), now_us, out + *out_count,
                                    max - *out_count);
    return *out_count > 0 ? QUEUE_PACKETS : q->gone ? QUEUE_GONE : QUEUE_QUIET;
}

/* ---- verdicts ---- */

static void put_verdict(struct queue *q, uint32_t id, uint32_t verdict, uint32_t mark,
                        const struct view *packet)
{
    size_t most = VERDICT_BYTES + (packet != NULL ? netlink_align(packet->len) : 0);
    struct nfqnl_msg_verdict_hdr head = { .verdict = htonl(verdict), .id = htonl(id) };

    if (most > sizeof q->verdicts - q->used)
        queue_flush(q);
    struct nlmsghdr *m = begin(q->verdicts + q->used, NFQNL_MSG_VERDICT, 0, q->number);
    mnl_attr_put(m, NFQA_VERDICT_HDR, sizeof head, &head);
    if (mark != 0)
        mnl_attr_put_u32(m, NFQA_MARK, htonl(mark));
    if (packet != NULL)
        mnl_attr_put(m, NFQA_PAYLOAD, packet->len, packet->at);
    q->used += netlink_align(m->nlmsg_len);
}

void queue_accept(struct queue *q, uint32_t id, uint32_t mark)
{
    put_verdict(q, id, NF_ACCEPT, mark, NULL);
    add(&q->accepted, 1);
}

void queue_drop(struct queue *q, uint32_t id)
{
    put_verdict(q, id, NF_DROP, 0, NULL);
    add(&q->dropped, 1);
}

void queue_replace(struct queue *q, uint32_t id, uint32_t mark, struct view packet)
{
    if (packet.len == 0 || packet.len > COPY_BYTES) { /* more does not fit the attribute */
        queue_drop(q, id);
        return;
    }
    put_verdict(q, id, NF_ACCEPT, mark, &packet);
    add(&q->replaced, 1);
}

void queue_flush(struct queue *q)
{
    struct view rest = view_of(q->verdicts, q->used);
    const struct nlmsghdr *m;

    /* The kernel may have no memory for so many in one piece: then one by one. */
    if (q->used > 0 && send(q->fd, q->verdicts, q->used, 0) < 0)
        while ((m = netlink_message(&rest)) != NULL)
            if (send(q->fd, m, m->nlmsg_len, 0) < 0)
                q->gone |= errno == EPERM || errno == EBADF;
    q->used = 0;
}

void queue_counters(struct queue *q, struct queue_counters *out)
{
    uint32_t port;
    uint64_t overrun;

    *out = (struct queue_counters){
        .received = atomic_load_explicit(&q->received, memory_order_relaxed),
        .accepted = atomic_load_explicit(&q->accepted, memory_order_relaxed),
        .dropped = atomic_load_explicit(&q->dropped, memory_order_relaxed),
        .replaced = atomic_load_explicit(&q->replaced, memory_order_relaxed),
        .overrun = atomic_load_explicit(&q->missed, memory_order_relaxed),
    };
    if (q->proc >= 0 && read_proc(q->proc, q->number, &port, &overrun))
        out->overrun = overrun;
}
