/* SPDX-License-Identifier: Apache-2.0 */
/* A listening socket from "ADDRESS:PORT". */
#pragma once
#include "base/error.h"

/* "ADDRESS:PORT", "[ADDRESS]:PORT"; [::] takes IPv4, too. Bound and listening, does not block, closed on
 * exec. */
bool listen_bind(const char *where, int *out_fd, struct imw_error_info *err) IMW_MUST_USE;
/* Is it one? */
bool listen_check(const char *where, struct imw_error_info *err) IMW_MUST_USE;
