/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files of settings: read into memory, and replaced. */
#pragma once
#include "base/error.h"

/* All of a plain file of at most `most` bytes, with a NUL behind it that is not counted. True: the caller
 * frees *out. False: err says why. */
bool file_read(const char *path, size_t most, char **out, size_t *out_len,
               struct imw_error_info *err) IMW_MUST_USE;
/* Put a whole file in the place of another, with the mode that it had (else 0644): who reads it has the old
 * one or the new. */
bool file_replace(const char *path, struct view text, struct imw_error_info *err) IMW_MUST_USE;
