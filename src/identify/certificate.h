/* SPDX-License-Identifier: Apache-2.0 */
/* The names in a server's certificate, for handshakes that show it (TLS up to 1.2). */
#pragma once
#include "base/cursor.h"
#include "identify/session.h"

/*
 * Look up the names of a DER certificate. `asked` is the name that the client asked for, or empty: a
 * certificate that covers it says nothing new, its other names are those of the server's other sites. Returns
 * true when a name is one of a service in the catalog.
 */
bool certificate_tell(struct view der, struct view asked, struct session *s);
