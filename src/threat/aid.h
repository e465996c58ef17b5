/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What detectors share: a bounded table that forgets what was touched longest ago, counts over a time that
 * slides, and alerts put together piece by piece.
 */
#pragma once
#include "threat/threat.h"

/* ---- a table by 64-bit keys ---- */

struct recall {
    uint8_t *at;
    size_t stride;
    uint32_t sets; /* a power of two */
};

/* Room for `entries`, rounded up to a power of two, of `value_bytes` each. False without memory, err says so.
 */
bool recall_init(struct recall *r, uint32_t entries, size_t value_bytes, struct imw_error_info *err);
void recall_fini(struct recall *r);
/* The value of a key, aligned for anything; NULL: not there. Does not count as a touch. */
void *recall_find(const struct recall *r, uint64_t key);
/* The same, made (zeroed) if it is not there, in the place of the one of a few that was touched longest ago.
 */
void *recall_get(struct recall *r, uint64_t key, uint64_t now_us);

/* An account, name or other text of a service as a key: letters in lower case (ASCII). */
uint64_t key_of(uint16_t service, struct view text);
uint64_t key_of_address(const struct ip_addr *a);

/* ---- how often lately ---- */

/* Of the span of time before the current one, so much counts as reaches into the last `span`. Zero at the
 * start. */
struct rate {
    uint64_t since_us;
    uint32_t now, before;
};
/* Count one, or none (`n` 0); how many there were in about the last `span_us`. */
uint32_t rate_add(struct rate *r, uint64_t now_us, uint64_t span_us, uint32_t n);

/* ---- who and where ---- */

/* Is an address ours: private, or in the networks that the institution gave? */
bool is_ours(const struct threat_world *world, const struct ip_addr *a);

/* A copy, or written more than a minute ago: out of an archive, or it waited for its receiver. */
bool is_history(const struct scene *s, const struct carried_message *m);

struct shown_address {
    char text[48];
};
struct shown_address show_address(const struct ip_addr *a);

enum { SHOWN_BYTES = 128 };
struct shown_text {
    char text[SHOWN_BYTES];
};
struct shown_text show_text(struct view v); /* printable, cut */

/* What tells whether two addresses are one person's or one machine's: hashes, 0: not known. */
struct identity {
    uint64_t user, host, mac;
};
struct identity identity_of(const struct known_who *who); /* NULL: nobody */
bool identity_same(const struct identity *a, const struct identity *b);

/* Slug of the flow's service, "" where there is none. */
const char *service_of(const struct scene *s);

/* ---- alerts ---- */

/* An alert with room for its texts: begin, say, give evidence, raise. */
struct report {
    struct alert alert;
    char seen[512], subject[SHOWN_BYTES];
    char value[ALERT_EVIDENCE][SHOWN_BYTES];
};

void report_begin(struct report *r, const struct detector *d, unsigned kind, enum severity severity,
                  const char *title, const char *why, const char *advice);
void report_seen(struct report *r, const char *format, ...) IMW_PRINTF(2, 3);
void report_subject(struct report *r, const char *format, ...) IMW_PRINTF(2, 3);
/* Empty values are left out. Printable already. */
void report_evidence(struct report *r, const char *key, const char *format, ...) IMW_PRINTF(3, 4);
/* Client and server of the scene's flow, and the account where the record knows it. */
void report_ends(struct report *r, const struct scene *s);
void report_raise(struct report *r, struct threats *t, const struct scene *s);
