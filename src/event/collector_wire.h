/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sensor and the collector of a console say to each other, over TLS 1.3 with certificates of both
 * sides: the collector's bears the name COLLECTOR_NAME, a sensor is known by the fingerprint of its own.
 *
 * Frames: length 4 (of what follows), type 1, body. Numbers are big-endian.
 *
 *     to the collector
 *     HELLO    magic "imwc", version 1, name of the sensor block8, software block8     first, once
 *     BATCH    number 8, lines 4, plain size 4, whole EVE lines packed with zstd (the rest)
 *     STATUS   events lost 8, octets that wait 8                                       at least every 10 s
 *     to the sensor
 *     WELCOME  version 1, number of the last batch that is stored 8                    the answer to HELLO
 *     ACK      number 8: this batch and those before it are on disk
 *     REFUSED  why, text (the rest); the connection ends
 *
 * Numbers of batches only grow, over all runs of a sensor: the first one of a run is the time in
 * microseconds, or what WELCOME says plus one, whichever is greater. The collector stores the number in the
 * transaction of the batch. A sensor keeps each batch until its ACK and sends it again after a new WELCOME,
 * which says which ones it need not: nothing that is acknowledged is lost, nothing is stored twice.
 *
 * Each end takes the other for hostile: a frame that does not fit exactly ends the connection.
 */
#pragma once
#include "base/view.h"

#define COLLECTOR_NAME "imward-collector"
#define COLLECTOR_PORT "8444"

/* id, number for good, does a sensor send it */
#define COLLECTOR_FRAMES(X)                                                                                  \
    X(HELLO, 1, true)                                                                                        \
    X(BATCH, 2, true) X(STATUS, 3, true) X(WELCOME, 16, false) X(ACK, 17, false) X(REFUSED, 18, false)
enum collector_frame_type {
#define X(id, number, from_sensor) COLLECTOR_##id = number,
    COLLECTOR_FRAMES(X)
#undef X
};

enum {
    COLLECTOR_VERSION = 1,
    COLLECTOR_NAME_BYTES = 64,
    COLLECTOR_HEAD_BYTES = 5,
    COLLECTOR_BATCH_HEAD_BYTES = COLLECTOR_HEAD_BYTES + 16,
    COLLECTOR_PLAIN_BYTES = 1 << 20,                     /* lines of a batch */
    COLLECTOR_PACKED_BYTES = (1 << 20) + (1 << 13),      /* a batch; zstd adds little to what does not pack */
    COLLECTOR_FRAME_BYTES = COLLECTOR_PACKED_BYTES + 64, /* to the collector */
    COLLECTOR_REPLY_BYTES = COLLECTOR_HEAD_BYTES + 256,  /* to the sensor */
    COLLECTOR_STATUS_MS = 10000,
    COLLECTOR_SILENT_MS = 60000, /* a sensor that says nothing for so long is gone */
};

struct collector_frame {
    enum collector_frame_type type;
    uint64_t number;        /* BATCH, ACK; WELCOME: the last that is stored */
    uint32_t lines, plain;  /* BATCH */
    uint64_t lost, waiting; /* STATUS */
    uint8_t version;        /* HELLO, WELCOME */
    struct view name;       /* HELLO: printable */
    struct view software;   /* HELLO */
    struct view packed;     /* BATCH */
    struct view why;        /* REFUSED */
};

enum wire_answer { WIRE_MORE, WIRE_FRAME, WIRE_BAD };

/* The first frame in `in`: of a sensor, or (`from_sensor` false) of the collector. WIRE_FRAME: *out is
 * borrowed from `in`, *out_used its octets. WIRE_MORE: it is not there whole. */
enum wire_answer collector_frame_parse(struct view in, bool from_sensor, struct collector_frame *out,
                                       size_t *out_used);

/* Lines of a batch, unpacked into `out` (batch->plain octets): as many as it says, each with its end and no
 * NUL in it. False: it is not that. */
bool collector_unpack(const struct collector_frame *batch, uint8_t *out, struct view *out_lines);

/* Any frame but a BATCH, into `out` (COLLECTOR_REPLY_BYTES). Returns its octets. */
size_t collector_frame_write(const struct collector_frame *f, uint8_t *out);
/* The head of a batch of `packed` octets, which follow. */
void collector_batch_head(uint8_t out[COLLECTOR_BATCH_HEAD_BYTES], uint64_t number, uint32_t lines,
                          uint32_t plain, size_t packed);
