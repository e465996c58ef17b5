/* SPDX-License-Identifier: Apache-2.0 */
/* imward read --store: what was found in a capture goes into the database of a console. */
#pragma once
#include "base/error.h"
#include <stdio.h>

struct read_store;
/* `where`: the data folder of imward serve, or a database's URL. */
bool read_store_open(const char *where, struct read_store **out, struct imw_error_info *err) IMW_MUST_USE;
void read_store_free(struct read_store *s);
/* Begin with one capture. *out_known: it is stored already, by its octets, and `again` is not asked for. */
bool read_store_begin(struct read_store *s, const char *path, bool again, bool *out_known,
                      struct imw_error_info *err) IMW_MUST_USE;
/* Its events, one JSON object a line; `why` NULL: it was read to its end. */
bool read_store_end(struct read_store *s, FILE *events, const char *why, uint64_t *out_events,
                    struct imw_error_info *err) IMW_MUST_USE;
