/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of the institution's customer data, known by keyed hashes only: whoever takes the file, without the
 * salt, learns nothing from it, not even by trying all numbers there are.
 *
 * A value is its letters and digits, in lower case: "12-3456 X" is "123456x". It has EXACT_LEAST to
 * EXACT_MOST of them, and two digits in a row or an '@', since words alone would be found everywhere.
 *
 * The file, integers little-endian:
 *
 *      0  "IMWEXACT"
 *      8  u32 version, 1            12  u32 bytes of a row
 *     16  u64 rows                  24  u64 words of the filter, a power of two
 *     32  8 bytes: which salt       40  u64 bit n: there are values of n characters
 *     48  u32 least run: every value without '@' has so many digits in a row, as it was given; 4 at most
 *     52  u32 bit 0: there are mail addresses; bit 1: there are values without '@'
 *     56  40 bytes: name, NUL-padded
 *     96  filter: a Bloom filter of SipHash-2-4, one word a value, four bits in it
 *      -  rows: HMAC-SHA-256, cut to ten bytes, ascending
 *
 * The filter answers nearly all that is asked in a few nanoseconds; the rows decide. Both keys come from the
 * salt. It is read into memory, not mapped: a file that is cut short meanwhile must not end the sensor.
 */
#pragma once
#include "base/error.h"
#include <stdio.h>

enum {
    EXACT_LEAST = 6,
    EXACT_MOST = 63,
    EXACT_RUN = 4,    /* a longer run of digits is not asked for */
    EXACT_TEXT = 128, /* a value in a text, with what is between its characters */
    EXACT_NAME_BYTES = 40,
    EXACT_SALT_LEAST = 16,
};

struct exact;

/* `salt` NULL: the file beside it, PATH.salt. */
bool exact_open(const char *path, const char *salt, struct exact **out,
                struct imw_error_info *err) IMW_MUST_USE;
void exact_close(struct exact *e);
const char *exact_name(const struct exact *e);
uint64_t exact_rows(const struct exact *e);
/* What a text must have for a value to be in it: digits in a row, 0: none without '@'; mail addresses. */
unsigned exact_run(const struct exact *e);
bool exact_has_mail(const struct exact *e);

/* A value that ends with the run of digits before `end`, or with the word that the run is in; and a mail
 * address around the '@' at `at`. The longest is told. */
bool exact_find(const struct exact *e, struct view text, size_t end, size_t *out_from,
                size_t *out_to) IMW_MUST_USE;
bool exact_find_mail(const struct exact *e, struct view text, size_t at, size_t *out_from,
                     size_t *out_to) IMW_MUST_USE;

/* ---- making one ---- */

struct exact_maker;

bool exact_maker_new(const char *salt, const char *name, struct exact_maker **out,
                     struct imw_error_info *err) IMW_MUST_USE;
void exact_maker_free(struct exact_maker *m);

enum exact_put { EXACT_TAKEN, EXACT_REFUSED, EXACT_NO_MEMORY };
enum exact_put exact_put(struct exact_maker *m, struct view value);
/* Sort, and write it all; *out_rows: different values. False: no memory, or `to` failed. */
bool exact_write(struct exact_maker *m, FILE *to, uint64_t *out_rows) IMW_MUST_USE;
