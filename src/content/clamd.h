/* SPDX-License-Identifier: Apache-2.0 */
/* A client of ClamAV's clamd. Any thread, several at a time; no call takes longer than its time-out. */
#pragma once
#include "base/text.h"
#include "content/settings.h"

enum clamd_answer {
    CLAMD_CLEAN,
    CLAMD_FOUND,
    CLAMD_AWAY,      /* nobody answers, or it hung up */
    CLAMD_TIMED_OUT, /* it is there, but took too long */
    CLAMD_TOO_LARGE, /* for its limits */
    CLAMD_ENCRYPTED, /* it says no more than that (AlertEncrypted) */
    CLAMD_FAILED,    /* an error, or an answer that is none */
};

enum { CLAMD_TEXT_BYTES = 160 };

struct clamd;

/* `addresses`: "unix:PATH", "tcp:HOST:PORT", "tcp:[ADDRESS]:PORT". Names are looked up here, once. */
bool clamd_new(const struct string_list *addresses, struct clamd **out,
               struct imw_error_info *err) IMW_MUST_USE;
void clamd_free(struct clamd *c);

/* Scan the file behind `fd`, all of it. `text`: the signature that was FOUND, or what is wrong. */
enum clamd_answer clamd_scan(struct clamd *c, int fd, unsigned timeout_ms, struct text *text);

/* Ask for the version: CLAMD_CLEAN is the answer yes, `text` then is "ClamAV 1.4.6/27800/Sun Nov 22 ...". */
enum clamd_answer clamd_version(struct clamd *c, unsigned timeout_ms, struct text *text);

/* When the signatures of a version were made, in seconds since 1970; 0: it does not say. */
int64_t clamd_signature_time(struct view version);

/* What a reply to a scan says. For tests. */
enum clamd_answer clamd_reply(struct view reply, struct text *text);
