/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the opener and the sensor. */
#include "sensor/channel.h"
#include "base/cursor.h"
#include "base/text.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAGIC = 0x696d7772, /* "imwr" */
    VERSION = 1,
    HEAD_BYTES = 8,
    CHANNEL_FDS = LIVE_GRANT_FDS, /* most of a message */
};
_Static_assert((int)GUARD_FDS <= (int)CHANNEL_FDS, "both kinds of grants fit");

bool channel_pair(int out_ends[2], struct imw_error_info *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, out_ends) != 0)
        return error_errno(err, "socketpair");
    return true;
}

/* ---- to bytes ---- */

struct writing {
    uint8_t bytes[MESSAGE_BYTES];
    size_t len;
};

static void put(struct writing *w, uint64_t n, unsigned size)
{
    while (size-- > 0)
        w->bytes[w->len++] = (uint8_t)(n >> (8 * size));
}

static void put_text(struct writing *w, const char *text, size_t size)
{
    size_t len = strnlen(text, size);

    memcpy(w->bytes + w->len, text, len);
    w->len += len;
}

/* How many descriptors there are, and the place of each. */
static unsigned put_slots(struct writing *w, int *const *slots, unsigned slot_count, int *fds)
{
    size_t count_at = w->len;
    unsigned count = 0;

    put(w, 0, 1);
    for (unsigned slot = 0; slot < slot_count; slot++) {
        if (*slots[slot] < 0)
            continue;
        put(w, slot, 1);
        fds[count++] = *slots[slot];
    }
    w->bytes[count_at] = (uint8_t)count;
    return count;
}

static unsigned put_grant(struct writing *w, const struct live_grant *grant, int *fds)
{
    struct live_grant g = *grant;
    int *slots[LIVE_GRANT_FDS];
    unsigned slot_count = live_grant_fds(&g, slots);

    put(w, g.ifindex, 4);
    put(w, g.bypass, 1);
    unsigned count = put_slots(w, slots, slot_count, fds);
    put_text(w, g.note, sizeof g.note);
    return count;
}

static unsigned put_guard(struct writing *w, const struct guard_grant *grant, int *fds)
{
    struct guard_grant g = *grant;
    int *slots[GUARD_FDS];
    unsigned slot_count = guard_grant_fds(&g, slots);

    put(w, g.generation, 1);
    unsigned count = put_slots(w, slots, slot_count, fds);
    put_text(w, g.note, sizeof g.note);
    return count;
}

bool channel_send(int fd, const struct role_message *m)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int) * CHANNEL_FDS)];
    } control = { 0 };
    struct writing w = { .len = 0 };
    int fds[CHANNEL_FDS];
    unsigned fd_count = 0;

    put(&w, MAGIC, 4);
    put(&w, VERSION, 1);
    put(&w, m->type, 1);
    put(&w, 0, 2);
    switch (m->type) {
    case MESSAGE_GRANT: fd_count = put_grant(&w, &m->grant, fds); break;
    case MESSAGE_DENIED: put_text(&w, m->text, sizeof m->text); break;
    case MESSAGE_ORDER: put(&w, m->order, 1); break;
    case MESSAGE_OPEN: break;
    case MESSAGE_GUARD: fd_count = put_guard(&w, &m->guard, fds); break;
    case MESSAGE_SWITCH: put(&w, m->generation, 1); break;
    }
    w.bytes[6] = (uint8_t)((w.len - HEAD_BYTES) >> 8);
    w.bytes[7] = (uint8_t)(w.len - HEAD_BYTES);

    struct iovec part = { w.bytes, w.len };
    struct msghdr out = { .msg_iov = &part, .msg_iovlen = 1 };
    if (fd_count > 0) {
        out.msg_control = control.room;
        out.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *head = CMSG_FIRSTHDR(&out);
        *head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int) * fd_count),
                                  .cmsg_level = SOL_SOCKET,
                                  .cmsg_type = SCM_RIGHTS };
        memcpy(CMSG_DATA(head), fds, sizeof(int) * fd_count);
    }
    return sendmsg(fd, &out, MSG_NOSIGNAL) == (ssize_t)w.len;
}

/* ---- from bytes ---- */

/* The slots are empty before. */
static bool parse_slots(struct cursor *c, const int *fds, unsigned fd_count, int *const *slots,
                        unsigned slot_count)
{
    if (cursor_u8(c) != fd_count)
        return false;
    for (unsigned i = 0; i < fd_count; i++) {
        unsigned slot = cursor_u8(c);
        if (c->bad || slot >= slot_count || *slots[slot] >= 0)
            return false;
        *slots[slot] = fds[i];
    }
    return true;
}

static bool parse_grant(struct cursor *c, const int *fds, unsigned fd_count, struct live_grant *g)
{
    int *slots[LIVE_GRANT_FDS];
    unsigned slot_count = live_grant_fds(g, slots);

    for (unsigned slot = 0; slot < slot_count; slot++)
        *slots[slot] = -1;
    g->ifindex = cursor_u32(c);
    g->bypass = cursor_u8(c) != 0;
    if (!parse_slots(c, fds, fd_count, slots, slot_count))
        return false;
    struct text note = TEXT(g->note);
    text_printable(&note, cursor_rest(c));
    return !c->bad;
}

static bool parse_guard(struct cursor *c, const int *fds, unsigned fd_count, struct guard_grant *g)
{
    int *slots[GUARD_FDS];

    guard_grant_none(g);
    g->generation = cursor_u8(c);
    if (!parse_slots(c, fds, fd_count, slots, guard_grant_fds(g, slots)))
        return false;
    struct text note = TEXT(g->note);
    text_printable(&note, cursor_rest(c));
    return !c->bad;
}

bool channel_parse(struct view bytes, const int *fds, unsigned fd_count, struct role_message *out)
{
    struct cursor c = cursor_open(bytes);
    struct role_message m = { 0 };
    bool head = cursor_u32(&c) == MAGIC && cursor_u8(&c) == VERSION;
    unsigned type = cursor_u8(&c);
    size_t len = cursor_u16(&c);
    bool ok = false;

    if (!head || c.bad || len != bytes.len - HEAD_BYTES ||
        (fd_count > 0 && type != MESSAGE_GRANT && type != MESSAGE_GUARD))
        return false;
    struct text text = TEXT(m.text);
    m.type = (enum message_type)type;
    switch (type) {
    case MESSAGE_GRANT: ok = parse_grant(&c, fds, fd_count, &m.grant); break;
    case MESSAGE_DENIED:
        text_printable(&text, cursor_rest(&c));
        ok = true;
        break;
    case MESSAGE_ORDER:
        m.order = (enum order)cursor_u8(&c);
        ok = cursor_done(&c) && m.order >= ORDER_STOP && m.order <= ORDER_REOPEN;
        break;
    case MESSAGE_OPEN: ok = cursor_done(&c); break;
    case MESSAGE_GUARD: ok = parse_guard(&c, fds, fd_count, &m.guard); break;
    case MESSAGE_SWITCH:
        m.generation = cursor_u8(&c);
        ok = cursor_done(&c);
        break;
    }
    if (ok)
        *out = m;
    return ok;
}

/* The descriptors that came with a message. */
static unsigned take_descriptors(struct msghdr *in, int *fds)
{
    unsigned count = 0;

    for (struct cmsghdr *h = CMSG_FIRSTHDR(in); h != NULL; h = CMSG_NXTHDR(in, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        unsigned n = (unsigned)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds + count, CMSG_DATA(h), n * sizeof(int)); /* all fit: the room for them is as large */
        count += n;
    }
    return count;
}

enum channel_answer channel_receive(int fd, struct role_message *out)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int) * CHANNEL_FDS)];
    } control;
    uint8_t bytes[MESSAGE_BYTES];
    int fds[sizeof control.room / sizeof(int)] = { 0 };
    struct iovec part = { bytes, sizeof bytes };
    struct msghdr in = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room
    };
    ssize_t n = recvmsg(fd, &in, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? CHANNEL_NOTHING : CHANNEL_CLOSED;
    if (n == 0)
        return CHANNEL_CLOSED;
    unsigned fd_count = take_descriptors(&in, fds);
    bool whole = (in.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
    if (whole && channel_parse(view_of(bytes, (size_t)n), fds, fd_count, out))
        return CHANNEL_MESSAGE;
    for (unsigned i = 0; i < fd_count; i++)
        close(fds[i]);
    return CHANNEL_BAD;
}
