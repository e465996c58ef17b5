/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of captures, known to the capture files only. A format reader sees a window of the file: all of it
 * where the file is mapped, else what the buffer holds. It takes whole records off the front of `next` and
 * never waits: where no whole record is left it returns 0 and the frame (capture.c) brings more bytes or
 * ends.
 */
#pragma once
#include "base/cursor.h"
#include "packet/capture_input.h"
#include "packet/packet.h"

enum {
    /* Longest frame. As libpcap: no sane capture has longer ones, and a broken length is noticed at once. */
    CAPTURE_FRAME_BYTES = 256 << 10,
    /*
     * Longest pcapng block that we look into; also the buffer for streams, which so always holds a whole
     * record.
     */
    CAPTURE_BLOCK_BYTES = 512 << 10,
    CAPTURE_INTERFACES = 1 << 16, /* in a pcapng section */
};

/* An interface of a pcapng section. A time stamp counts units of 1/`base`**`exponent` seconds. */
struct capture_interface {
    uint16_t link;
    uint8_t base; /* 10 or 2 */
    uint8_t exponent;
    uint32_t snap_len;  /* 0: no limit */
    uint64_t power;     /* base 10: of 10, from this unit to microseconds or back */
    uint64_t offset_us; /* to add, modulo 2**64 */
};

typedef unsigned capture_reader(struct capture *c, struct frame *out, unsigned max);

struct capture {
    struct cursor next;     /* from the next record to the end of the window */
    capture_reader *reader; /* of the file's format and byte order */
    uint64_t window_end;    /* offset in the file, unpacked, of the window's end */
    const uint8_t *asked;   /* memory before this was asked for */
    uint64_t skip;          /* bytes still to drop from a stream: the rest of a long block of no interest */
    bool failed, foreign;
    struct imw_error_info err, foreign_err;
    char name[256];

    /* pcap: of all frames */
    uint16_t link;

    /* pcapng: of the section */
    struct capture_interface *interfaces;
    uint32_t interface_count, interface_room;
    uint64_t last_us; /* time of the latest frame: simple packet blocks have none of their own */

    /* a mapped file */
    uint8_t *map;
    size_t map_size;
    size_t map_ready, map_dropped; /* pages before these offsets are made present, are given back */
    int fd;

    /* a stream */
    struct input *input;
    uint8_t *buffer;
};

/* Offset in the file, unpacked, of the next record. */
static inline uint64_t capture_offset(const struct capture *c)
{
    return c->window_end - cursor_left(&c->next);
}

/*
 * Only a record tells where the next one lies, so that memory would be waited for once a record, and again
 * for the bytes that inspection reads. Ask for all that lies ahead in the file, some frames before it is
 * needed: memory then streams beside the work.
 */
static inline void capture_ask_ahead(struct capture *c, const struct cursor *next)
{
    enum { AHEAD_BYTES = 8192, LINE_BYTES = 64 };
    const uint8_t *asked = c->asked;
    size_t left = cursor_left(next);
    const uint8_t *until = next->at + (left < AHEAD_BYTES ? left : AHEAD_BYTES);

    if (asked < next->at || asked > until)
        asked = next->at;
    for (; asked < until; asked += LINE_BYTES)
        __builtin_prefetch(asked);
    c->asked = asked;
}

/* Stop reading here; returns 0, the number of frames. */
unsigned capture_fail(struct capture *c, const char *format, ...) IMW_PRINTF(2, 3);

/* A link type that the file announces at this offset: remember the first that is not known. */
void capture_note_link(struct capture *c, uint16_t link, uint64_t offset);

/* Take the file header off `next` and choose the reader. False: err is set. The magic number is there. */
bool pcap_begin(struct capture *c, struct imw_error_info *err);
bool pcapng_begin(struct capture *c, struct imw_error_info *err);

/* Do the first bytes look like this format? */
bool pcap_is(struct view start);
bool pcapng_is(struct view start);

enum { PCAP_HEADER_BYTES = 24, LINK_AT = 20 };
