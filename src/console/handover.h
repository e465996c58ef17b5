/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection handed from the front to the api: a datagram with one descriptor beside it (SCM_RIGHTS).
 *
 *     magic 4 "imwc", family 1 (4 or 6), port 2, address 16 (an IPv4 address in its first 4); big-endian
 */
#pragma once
#include "base/view.h"
#include <sys/socket.h>

enum { HANDOVER_BYTES = 23 };
enum handover_answer { HANDOVER_NOTHING, HANDOVER_CONNECTION, HANDOVER_BAD, HANDOVER_CLOSED };

/* The descriptor stays the caller's. False: it did not go out; *out_full: since the other end is slow. */
bool handover_send(int edge, int fd, const struct sockaddr_storage *from, bool *out_full);
/* Never waits. The descriptor is the caller's. */
enum handover_answer handover_receive(int edge, int *out_fd, struct sockaddr_storage *out_from,
                                      socklen_t *out_size);
/* The bytes alone. */
bool handover_parse(struct view bytes, struct sockaddr_storage *out_from, socklen_t *out_size);
