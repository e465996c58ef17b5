/* SPDX-License-Identifier: Apache-2.0 */
/* A picture or film of a course as an answer: whole, or the part that the request names (RFC 9110, 14). */
#pragma once
#include "console/call.h"
#include "program/course.h"

/* "bytes=FROM-TO", "bytes=FROM-" or "bytes=-LAST" of `size` octets. */
enum range { RANGE_NONE /* all of it */, RANGE_PART, RANGE_BEYOND };
enum range range_read(const char *header, uint64_t size, uint64_t *out_from, uint64_t *out_count);

/* Of a long part the first PART_BYTES are sent: whoever plays a film asks for more. */
enum { PART_BYTES = 4 << 20 };
void answer_asset(struct call *c, const struct course_asset *asset);
