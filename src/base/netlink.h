/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of netlink(7) out of what was received, and the attributes in them. (mnl_nlmsg_ok() of
 * libmnl 1.0.4 takes a length of 2 GiB and more for a negative one that fits.) The bytes lie at a multiple of
 * four.
 */
#pragma once
#include "base/view.h"
#include <linux/netlink.h>

static inline size_t netlink_align(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

/* Cut one off the front. NULL: no whole one is left. */
static inline const struct nlmsghdr *netlink_message(struct view *rest)
{
    const struct nlmsghdr *m = (const struct nlmsghdr *)(const void *)rest->at;

    if (rest->len < sizeof *m || m->nlmsg_len < sizeof *m || m->nlmsg_len > rest->len)
        return NULL;
    *rest = view_from(*rest, netlink_align(m->nlmsg_len));
    return m;
}

/* What is behind the header of a message, and behind `skip` more. */
static inline struct view netlink_payload(const struct nlmsghdr *m, size_t skip)
{
    return view_from(view_of(m, m->nlmsg_len), sizeof *m + netlink_align(skip));
}

static inline const struct nlattr *netlink_attr(struct view *rest)
{
    const struct nlattr *a = (const struct nlattr *)(const void *)rest->at;

    if (rest->len < sizeof *a || a->nla_len < sizeof *a || a->nla_len > rest->len)
        return NULL;
    *rest = view_from(*rest, netlink_align(a->nla_len));
    return a;
}

/* The error that a message tells, 0: it acknowledges. False: it is no such message. */
static inline bool netlink_error(const struct nlmsghdr *m, int *out_errno)
{
    struct nlmsgerr e;
    struct view payload = netlink_payload(m, 0);

    if (m->nlmsg_type != NLMSG_ERROR || payload.len < sizeof e)
        return false;
    memcpy(&e, payload.at, sizeof e);
    *out_errno = e.error < 0 && e.error >= -4095 ? -e.error : 0;
    return true;
}
