/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between the opener and the sensor, over a Unix socket that keeps their bounds (SOCK_SEQPACKET).
 *
 *     magic 4, version 1, type 1, length 2 (of the body), body; numbers are big-endian
 *
 *     GRANT    to the sensor   interface index 4, bypass 1, number of descriptors 1, for each its place by
 *                              live_grant_fds() 1, note (the rest); the descriptors travel beside it
 *                              (SCM_RIGHTS) in the same order
 *     DENIED   to the sensor   why (text)
 *     ORDER    to the sensor   enum order 1
 *     OPEN     to the opener   empty
 *     GUARD    to the sensor   generation 1, number of descriptors 1, for each its place by guard_grant_fds()
 *                              1, note (the rest); the descriptors as with GRANT
 *     SWITCH   to the opener   generation 1, not 0: of rules that are in force from now on
 *
 * The other end may have been taken over by whoever sent the packets that it parses: what does not fit
 * exactly is refused whole, and its descriptors are closed.
 */
#pragma once
#include "packet/live.h"
#include "sensor/gatekeeper.h"

/* id, number, for good */
#define MESSAGES(X) X(GRANT, 1) X(DENIED, 2) X(ORDER, 3) X(OPEN, 4) X(GUARD, 5) X(SWITCH, 6)
enum message_type {
#define X(id, number) MESSAGE_##id = number,
    MESSAGES(X)
#undef X
};

enum order { ORDER_STOP = 1, ORDER_RELOAD = 2, ORDER_REOPEN = 3 };

enum {
    MESSAGE_BYTES = 512,
    MESSAGE_TEXT_BYTES = 256,
};

struct role_message {
    enum message_type type;
    enum order order;
    struct live_grant grant;  /* the receiver's, live_grant_close() */
    struct guard_grant guard; /* likewise, guard_grant_close() */
    unsigned generation;
    char text[MESSAGE_TEXT_BYTES];
};

enum channel_answer {
    CHANNEL_NOTHING, /* for now */
    CHANNEL_MESSAGE,
    CHANNEL_BAD,    /* not a message of ours */
    CHANNEL_CLOSED, /* the other end is no more */
};

/* Two connected ends, closed on exec. */
bool channel_pair(int out_ends[2], struct imw_error_info *err) IMW_MUST_USE;

/* Descriptors of a grant stay the sender's. False: it did not go out. */
bool channel_send(int fd, const struct role_message *m);

/* Never waits. */
enum channel_answer channel_receive(int fd, struct role_message *out);

/* A message of its bytes and descriptors, which are the caller's still if this is false. */
bool channel_parse(struct view bytes, const int *fds, unsigned fd_count, struct role_message *out);
