/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HPACK, the header compression of HTTP/2 (RFC 7541), for a reader who wants a few fields of requests only.
 *
 * The decoder keeps what the encoder's dynamic table needs to stay in step: of each entry the two lengths,
 * and the value only of the fields in enum hpack_name. Encoders that were allowed a table of more than 4 KiB
 * are followed as well: the newest 4 KiB are kept, and a reference to an older entry gives a field that is
 * not known.
 */
#pragma once
#include "base/view.h"

enum {
    HPACK_TABLE_BYTES = 4096, /* section 4.2 and RFC 9113 section 6.5.2: size at the start */
    HPACK_ENTRY_BYTES = 32,   /* section 4.1: what an entry counts beside its name and value */
    HPACK_ENTRIES = HPACK_TABLE_BYTES / HPACK_ENTRY_BYTES,
    HPACK_VALUE_BYTES = 1024, /* a value is cut to this */
};

/* The fields that are told; all others are HPACK_OTHER and not told. */
enum hpack_name {
    HPACK_OTHER,
    HPACK_AUTHORITY,
    HPACK_METHOD,
    HPACK_PATH,
    HPACK_PROTOCOL,
    HPACK_HOST,
    HPACK_AGENT,
};

struct hpack_entry {
    uint32_t size; /* as section 4.1 counts */
    uint16_t name_len;
    uint16_t kept; /* bytes of its value in hpack.value */
    uint8_t name;  /* enum hpack_name */
};

/* The decoding state of one direction of a connection. */
struct hpack {
    uint32_t limit; /* of the encoder's table */
    uint32_t size;  /* of the entries below */
    uint16_t count;
    uint16_t kept;                           /* bytes used of value */
    struct hpack_entry entry[HPACK_ENTRIES]; /* oldest first */
    char value[HPACK_TABLE_BYTES + 1];       /* the kept values in the same order, without gaps; and a NUL */
};

void hpack_init(struct hpack *h);

/* Gets each field of enum hpack_name, in order. `value` is borrowed for the call. */
typedef void hpack_field(void *context, enum hpack_name name, struct view value);

/* Decode one whole header block. False: malformed; the tables are out of step from here on. */
bool hpack_block(struct hpack *h, struct view block, hpack_field *field, void *context);
