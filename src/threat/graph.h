/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who knows whom, and who writes to whom: accounts and rooms of each service as nodes; being in a buddy list,
 * messages and files as edges, with counts and times. For analysts, as JSON. Bounded: the oldest are
 * forgotten, and counted. One thread.
 */
#pragma once
#include "threat/threat.h"
#include <stdio.h>

struct graph;

/* At most so many (rounded up to a power of two; 0: 65,536 nodes, 262,144 edges). */
bool graph_new(uint32_t nodes, uint32_t edges, struct graph **out, struct imw_error_info *err) IMW_MUST_USE;
void graph_free(struct graph *g);

/* A buddy list's entry, a message or file as it passes. Copies are not counted, nor the same message or file
 * on the receiver's connection where it was seen on the sender's within two seconds. */
void graph_contact(struct graph *g, const struct scene *s, const struct im_contact *c);
void graph_message(struct graph *g, const struct scene *s, const struct carried_message *m);
void graph_file(struct graph *g, const struct scene *s, const struct carried_file *f);

/*
 * {"nodes":[{"id":1,"service":"xmpp","account":"al@im.example","room":false,"display":"Al","presence":"online",
 *            "first":TIME,"last":TIME}, ...],
 *  "edges":[{"from":1,"to":2,"contact":true,"messages":3,"files":0,"first":TIME,"last":TIME}, ...],
 *  "forgotten":0}
 * Services by their slugs in `catalog` (NULL: as numbers). False: the file could not be written.
 */
bool graph_write(const struct graph *g, const struct catalog *catalog, FILE *out) IMW_MUST_USE;

struct graph_status {
    uint32_t nodes, edges;
    uint64_t forgotten;
};
void graph_status(const struct graph *g, struct graph_status *out);
