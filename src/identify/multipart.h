/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files in a body of multipart/form-data (RFC 7578, RFC 2046 section 5.1), told while the body passes.
 * Nothing of the body is kept but the line of a part's head that is being read.
 */
#pragma once
#include "base/text.h"
#include "identify/session.h"

enum {
    MULTIPART_BOUNDARY = 70, /* RFC 2046 section 5.1.1 */
    MULTIPART_LINE = 224,
    MULTIPART_NAME = 128,
    MULTIPART_TYPE = 40,
};

struct multipart {
    uint8_t place; /* in the grammar */
    bool is_file, lost;
    uint8_t boundary_len, matched, line_len, name_len, type_len;
    uint16_t parts, lines;
    uint32_t file;
    uint64_t at; /* in the file */
    char boundary[MULTIPART_BOUNDARY], line[MULTIPART_LINE];
    char name[MULTIPART_NAME], type[MULTIPART_TYPE];
};

/* The boundary in a Content-Type's parameters; empty where there is none, or none that can be. */
struct view multipart_boundary(struct view parameters);

/* A body begins. */
void multipart_begin(struct multipart *m, struct view boundary);
/* Bytes of it, from the side that is `outgoing`. */
void multipart_feed(struct multipart *m, struct session *s, bool outgoing, struct view in);
/* So many bytes of it never came. */
void multipart_lost(struct multipart *m, uint64_t lost);
/* No more comes; a file that no boundary ended was cut off. */
void multipart_end(struct multipart *m, struct session *s);

/* The file name that a Content-Disposition gives (RFC 6266: filename*, filename), in UTF-8 where it says so.
 */
void disposition_name(struct text *out, struct view value);
