/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files under way: bytes that come in pieces, in any order, are written to files without a name in the spool
 * directory (O_TMPFILE), so that nothing is left behind by a crash and no name from the wire ever touches the
 * file system. What did not come is known as gaps. Bounded by the size of one file and of all.
 *
 * One thread uses a spool; a finished file may be handed to another.
 */
#pragma once
#include "base/error.h"
#include "base/view.h"

enum { SPOOL_GAPS = 64, SHA256_BYTES = 32 };

struct spool;
struct spool_file;

/* `directory` as it is; where that is NULL, $TMPDIR or /tmp. */
const char *spool_directory(const char *directory);
/* `directory` must exist; NULL: as above. */
bool spool_new(const char *directory, uint64_t file_bytes, uint64_t all_bytes, struct spool **out,
               struct imw_error_info *err) IMW_MUST_USE;
void spool_free(struct spool *s); /* all its files are freed before */

/* NULL: no room or too many open files; counted by the caller. */
struct spool_file *spool_open(struct spool *s);
/* Another file of the same spool, for what is unpacked from this one. Any thread. */
struct spool_file *spool_open_beside(const struct spool_file *f);
/* Bytes at an offset; what came before at the same place stays (as a TCP receiver would have it), and a byte
 * that differs is noted. False: the disk is full or failed; the file is marked and holds what came before. */
bool spool_write(struct spool_file *f, uint64_t offset, struct view bytes);

struct spool_gap {
    uint64_t from, to;
};
/* The content so far, for whoever looks at a file that is done. */
struct spool_facts {
    uint64_t bytes;  /* that came; */
    uint64_t extent; /* to the end of the last that came, gaps included */
    bool cut;        /* longer than the limit: only its beginning is here */
    bool failed;     /* could not be written */
    bool conflict;   /* the same place came twice with other content */
    unsigned gap_count;
    bool more_gaps;                   /* than fit */
    struct spool_gap gap[SPOOL_GAPS]; /* holes are zeros in the file */
};
void spool_facts(const struct spool_file *f, uint64_t announced_size, struct spool_facts *out);
/* What is missing between pieces outweighs what came: one byte at the end of the largest file would else be
 * as much work as that file. Of such a file only what stands before the first hole is worth a look. */
bool spool_is_thin(const struct spool_facts *facts);

/* SHA-256 over what is there (holes as zeros); worked out while it came in where that was in order. */
bool spool_sha256(struct spool_file *f, uint8_t out[SHA256_BYTES]);
/* A descriptor of the file, positioned anywhere; the spool's, valid until spool_close(). */
int spool_fd(const struct spool_file *f);
/* Give the file and its room back. Any thread. */
void spool_close(struct spool_file *f);

/*
 * Save a copy under `directory` with a name made from the one on the wire: only its last component, safe
 * characters, cut to 128 bytes, never hidden, never overwriting ("name (2).txt"). *out_name is where it went.
 */
bool spool_save(struct spool_file *f, const char *directory, struct view name, char *out_name, size_t size,
                struct imw_error_info *err) IMW_MUST_USE;
