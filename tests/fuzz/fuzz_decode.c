/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the decoder and of reassembly. The input is a list of frames: link type 2, length 2 (both
 * big-endian), bytes; the length is clipped. The wire length is that of the input's frame, or longer by the
 * link type's uppermost nibble, as with a snap length.
 */
#include "packet/packet.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct counters counters;
    struct defrag *d = defrag_new(4, 64 << 10, &counters);
    uint64_t time_us = 0;

    for (size_t at = 0; d != NULL && at + 4 <= size;) {
        unsigned link = (unsigned)(data[at] << 8 | data[at + 1]);
        size_t len = (size_t)(data[at + 2] << 8 | data[at + 3]);
        at += 4;
        if (len > size - at)
            len = size - at;
        uint8_t *copy = malloc(len > 0 ? len : 1); /* of its own size: a read past the end is caught */
        if (copy == NULL)
            break;
        memcpy(copy, data + at, len);
        at += len;
        struct frame frame = { time_us += 1000 * 1000,
                               view_of(copy, len),
                               (uint32_t)len + (link >> 12) * 100,
                               link & 0xfff,
                               { 0 } };
        struct packet p = { 0 };
        enum decode_answer answer = decode(&frame, d, &counters, &p);
        if (answer == DECODE_NEIGHBOUR && p.payload.len != 6)
            abort();
        if (answer == DECODE_PACKET) {
            uint8_t sum = 0;
            for (size_t i = 0; i < p.payload.len; i++) /* all of the payload can be read */
                sum = (uint8_t)(sum + p.payload.at[i]);
            if ((p.l4 != 6 && p.l4 != 17) || p.payload_len < p.payload.len ||
                (sum != 0 && p.payload.len == 0))
                abort();
        }
        free(copy);
    }
    defrag_free(d);
    return 0;
}
