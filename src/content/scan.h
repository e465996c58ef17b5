/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a file, and is it harmful: type by content (libmagic), members of archives (libarchive, with
 * limits against bombs), ClamAV's clamd over its socket, YARA rules, lists of hashes.
 *
 * A scanner is made once and shared; scan_file() is called by several threads at a time, each with a
 * scan_worker of its own (libmagic and YARA keep state).
 */
#pragma once
#include "content/settings.h"
#include "content/spool.h"

/* Never silently "clean": what could not be judged says why. */
#define SCAN_STATES(X)                                                                                       \
    X(CLEAN, 0, "clean", "every scanner that is configured found nothing")                                   \
    X(INFECTED, 1, "infected", "a scanner, a rule or a hash list names it")                                  \
    X(NOT_SCANNED, 2, "not-scanned", "no verdict: the reason says why")                                      \
    X(SUSPICIOUS, 3, "suspicious", "an archive bomb, or an archive that lies about itself")
#define X(id, number, ...) SCAN_##id = number,
enum scan_state { SCAN_STATES(X) SCAN_STATE_COUNT };
#undef X

#define SCAN_REASONS(X)                                                                                      \
    X(NONE, 0, "")                                                                                           \
    X(NO_SCANNER, 1, "no scanner is configured")                                                             \
    X(SCANNER_AWAY, 2, "the scanner did not answer")                                                         \
    X(TIMED_OUT, 3, "the scanner took too long")                                                             \
    X(SCANNER_FAILED, 4, "the scanner answered with an error")                                               \
    X(TOO_LARGE, 5, "larger than the limit")                                                                 \
    X(INCOMPLETE, 6, "parts of the file did not come")                                                       \
    X(ENCRYPTED, 7, "encrypted")                                                                             \
    X(UNREADABLE, 8, "the archive cannot be read")                                                           \
    X(QUEUE_FULL, 9, "too many files at a time")                                                             \
    X(STOPPED, 10, "the sensor was stopped")
#define X(id, number, ...) SCAN_REASON_##id = number,
enum scan_reason { SCAN_REASONS(X) SCAN_REASON_COUNT };
#undef X
const char *scan_state_name(enum scan_state s);
const char *scan_reason_text(enum scan_reason r);

enum { SCAN_MEMBERS = 32, SCAN_NAME_BYTES = 256, SCAN_SIGNATURE_BYTES = 128 };

struct scan_member {
    char name[SCAN_NAME_BYTES]; /* made printable; never used as a path */
    uint64_t size;
    bool encrypted, executable; /* by content or name */
};

struct scan_result {
    enum scan_state state;
    enum scan_reason reason;
    char by[32];                          /* "clamav", "yara", "hash-list", "archive" */
    char signature[SCAN_SIGNATURE_BYTES]; /* what it was named; empty where clean */
    char member[SCAN_NAME_BYTES];         /* in which member of an archive; empty: the file itself */
    char media_type[96], magic[160];      /* by content: "application/zip", in words */
    char extension[16];                   /* usual for the type, empty: not known */
    bool executable, archive, encrypted, media, document;
    char media_work[SCAN_SIGNATURE_BYTES]; /* the copyrighted work, by its hash; empty: none */
    unsigned member_count;                 /* in all; the first SCAN_MEMBERS are told */
    struct scan_member members[SCAN_MEMBERS];
    uint64_t unpacked_bytes;
    char engine[96];      /* "ClamAV 1.4.6/27800" */
    int64_t signatures_s; /* when its signatures were made, since 1970; 0: it does not say */
    unsigned took_ms;
};

struct scanner;
struct scan_worker;

bool scanner_new(const struct scan_settings *settings, struct scanner **out,
                 struct imw_error_info *err) IMW_MUST_USE;
void scanner_free(struct scanner *s);
bool scan_worker_new(struct scanner *s, struct scan_worker **out, struct imw_error_info *err) IMW_MUST_USE;
void scan_worker_free(struct scan_worker *w);

/* Judge a file that is done. `name` as on the wire; `facts` of it. Takes at most the settings' time-out for
 * each scanner. */
void scan_file(struct scan_worker *w, struct spool_file *f, const struct spool_facts *facts, struct view name,
               const uint8_t sha256[SHA256_BYTES], struct scan_result *out);

/* What is known of the scanners, asked now and then (clamd's VERSION and STATS). */
struct scanner_status {
    bool clamd_up;
    char clamd_version[96];    /* "ClamAV 1.4.6/27800/Sun Nov 22 ..." */
    int64_t signatures_made_s; /* since 1970; 0: not known */
    unsigned yara_rules, hashes;
    char error[160]; /* the last; empty: none since it is up */
};
void scanner_status(struct scanner *s, struct scanner_status *out);
