/* SPDX-License-Identifier: Apache-2.0 */
/* Listening on an address of this machine: "ADDRESS:PORT", with IPv6 in brackets. */
#pragma once
#include "base/address.h"
#include "base/error.h"

struct listen_at {
    struct ip_addr ip;
    uint16_t port; /* 0: the system chooses */
};

/* `usual`: the address where only a port is given; NULL: both are needed, and 0 is no port. `examples`, for
 * the message: "0.0.0.0:8443 or [::]:8443". */
bool listen_read(const char *where, const char *usual, const char *examples, struct listen_at *out,
                 struct imw_error_info *err) IMW_MUST_USE;

/* Bound and listening, does not block, closed on exec. `both`: [::] takes IPv4, too. `at->port` becomes the
 * one that it is. `where` names it in errors. */
bool listen_open(struct listen_at *at, bool both, const char *where, int *out_fd,
                 struct imw_error_info *err) IMW_MUST_USE;
