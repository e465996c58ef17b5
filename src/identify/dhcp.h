/* SPDX-License-Identifier: Apache-2.0 */
/* What the parsers of DHCP and DHCPv6 share. */
#pragma once
#include "base/text.h"

/* Add a name in the form of DNS labels (RFC 1035 section 3.1, not compressed) as text with dots, up to its
 * end or the end of `v`: a client may leave out the domain and the last octet (RFC 4702 section 2.3.1). */
void text_labels(struct text *t, struct view v);
