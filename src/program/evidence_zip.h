/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The archive of an evidence package: a ZIP that anybody can open, of which no octet can change unseen.
 *
 * Written by libarchive, the parts in the order in which they are added, with fixed times and rights, and
 * without zip64: 2 GiB at most. What no ZIP protects (headers, names, times, the directory) the *seal* does:
 * the archive's comment, which ends the file, is a signature over the SHA-256 of all octets before it. It is
 * simpler than packing anew and comparing, and does not ask for the same compressor on the examiner's
 * machine.
 *
 *     [entries][central directory][end record, which says how long the comment is][SEAL_OPENS SIGNATURE]
 *
 * What is signed, for manifest and archive alike: EVIDENCE_SIGNED "manifest"|"archive" LF SHA-256-IN-HEX LF.
 *
 * Read by ourselves (PKWARE APPNOTE 6.3.9, 4.3) since strictness is the point: entries follow each other from
 * the first octet to the directory, the directory lists them in that order with the same words, the end
 * record follows it, and nothing else is there.
 */
#pragma once
#include "base/error.h"
#include <stdio.h>

#define EVIDENCE_SIGNED "imward evidence package 1\n"
#define EVIDENCE_SEAL "imward evidence seal 1 "

enum {
    EVIDENCE_SIGNED_SIZE = 128,
    EVIDENCE_SIGNATURE_CHARS = 88, /* 64 octets in base64 */
    EVIDENCE_SEAL_BYTES = sizeof EVIDENCE_SEAL - 1 + EVIDENCE_SIGNATURE_CHARS,
    EVIDENCE_PARTS = 4096,
    EVIDENCE_NAME_BYTES = 128,
};
#define EVIDENCE_BYTES (2ull << 30) /* of the archive, and of one part */

/* The text whose signature a manifest or an archive has. */
void evidence_signed_text(const char *what, const char *sha256, char out[EVIDENCE_SIGNED_SIZE]);
/* Is it 88 characters of base64, in the one way to write them, of this key's signature? */
bool evidence_is_signed(const char *what, const char *sha256, struct view signature, const uint8_t key[32]);
/* "data/training/certificates.csv": lower-case letters, digits, '-', '_', '.', '/'; no part begins with a
 * dot. */
bool evidence_name_is_safe(struct view name);

/* ---- writing ---- */
struct zip_writer;
bool zip_begin(const char *path, struct zip_writer **out, struct imw_error_info *err) IMW_MUST_USE;
/* All of `from`, from its beginning. */
bool zip_add(struct zip_writer *w, const char *name, FILE *from, struct imw_error_info *err) IMW_MUST_USE;
/* The archive is on disk, with room for its seal; *out_sha256: of what the seal is over. Frees `w`. */
bool zip_end(struct zip_writer *w, char out_sha256[65], struct imw_error_info *err) IMW_MUST_USE;
void zip_abandon(struct zip_writer *w); /* NULL is fine */
/* Put the seal where zip_end() left room. */
bool zip_seal(const char *path, const uint8_t signature[64], struct imw_error_info *err) IMW_MUST_USE;

/* ---- reading ---- */
struct zip_entry {
    struct view name, packed;
    uint32_t crc, size;
    bool deflated;
};
struct zip_file {
    struct zip_entry *entries;
    unsigned count;
    struct view sealed; /* what the seal is over */
    struct view seal;   /* the comment; empty: there is none */
};
/* The structure alone. False (IMW_ERROR_FORMAT): err says what is wrong with it. zip_close() in both cases.
 */
bool zip_open(struct view file, struct zip_file *out, struct imw_error_info *err) IMW_MUST_USE;
void zip_close(struct zip_file *z);
/* All of an entry, a piece after the other, checked against size and CRC. False: err says what is wrong. */
typedef bool zip_piece(void *context, struct view piece);
bool zip_read(const struct zip_entry *e, zip_piece *piece, void *context,
              struct imw_error_info *err) IMW_MUST_USE;
