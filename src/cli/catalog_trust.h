/* SPDX-License-Identifier: Apache-2.0 */
/* imward catalog trust, distrust, overrides: a wrong block is set right in one command. */
#pragma once
#include "identify/catalog.h"

#define OVERRIDES_PATH "/etc/imward/overrides.yaml"

struct trust_request {
    const char *file, *what;
    const char *slug; /* that it is not; NULL: any service */
    const char *by, *why;
    bool trust; /* false: take it back */
};

/* Add a record to the file; the catalog says what it changes. Returns the exit status. */
int catalog_trust(const struct catalog *c, const struct trust_request *q);
/* List the records. */
int catalog_overrides(const char *file, bool json);
