/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of bytes out of a file descriptor, unpacked where it is gzip (RFC 1952) or zstd (RFC 8878). */
#pragma once
#include "base/error.h"

struct input;

/* Reads the first bytes to see how they are packed. The descriptor stays the caller's. NULL: err is set. */
struct input *input_new(int fd, const char *name, struct imw_error_info *err);
void input_free(struct input *in);

/* The next 1 to `max` bytes, as soon as there are any; *out_len is 0 at the end. False: err is set. */
bool input_read(struct input *in, uint8_t *out, size_t max, size_t *out_len, struct imw_error_info *err);

/* "gzip" or "zstd"; NULL where it is not packed. */
const char *input_packing(const struct input *in);

/* Bytes read of the descriptor. */
uint64_t input_done(const struct input *in);

/* Does this start say gzip or zstd? */
bool input_is_packed(struct view start);
