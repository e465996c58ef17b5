/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of one parser (PARSER): the input is a script of segments. First byte: bit 0 UDP, bit 1
 * mid-stream, bit 2 names are known, bit 3 they are of hosts for files. Then, repeated: one byte of direction
 * (bit 7) and length (bits 0 to 6; 127: two more bytes of length follow; 0: 100 bytes of a stream are lost),
 * then the bytes. A parser that no flow begins with (its `starts` refuses every byte) is put
 * in charge at once, as an upgrade does; bits 2 to 7 of the first byte then say at which of its questions it
 * finds the leg announced, as a file of 100 bytes.
 */
#include "identify/parser.h"
#include "recorder.h"
#include <stdlib.h>

extern const struct parser PARSER;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct recorder recorder;

static void probe(enum im_answer *answer, const struct sample *s)
{
    struct finding finding = { 0 };

    *answer = PARSER.probe(s, &finding);
    if (memchr(finding.value, '\0', sizeof finding.value) == NULL)
        abort();
}

static bool needs_upgrade(void)
{
    for (unsigned first = 0; first < 256 && PARSER.starts != NULL; first++)
        if (PARSER.starts((uint8_t)first, FROM_CLIENT) || PARSER.starts((uint8_t)first, FROM_SERVER))
            return false;
    return PARSER.starts != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct datagram_head heads[SAMPLE_HEADS];
    static uint64_t state[(PARSER_STATE_BYTES + 7) / 8];
    uint8_t *stream[2] = { malloc(size + 1), malloc(size + 1) };
    size_t len[2] = { 0, 0 };
    enum im_answer answer = needs_upgrade() ? IM_YES : IM_MORE;
    struct sample s = { 0 };

    if (size == 0 || stream[0] == NULL || stream[1] == NULL)
        goto out;
    recorder_init(&recorder);
    if (answer == IM_YES) {
        struct text name = TEXT(recorder.server_name);
        text_string(&name, "0123456789abcdef0123456789abcdef01234567"); /* of an XMPP bytestream */
        recorder.announced_at = data[0] >> 2;
        recorder.announced.size = 100;
    }
    memset(state, 0, sizeof state);
    s.l4 = (data[0] & 1) != 0 && (PARSER.on & PARSER_UDP) != 0 ? L4_UDP : L4_TCP;
    if ((PARSER.on & PARSER_TCP) == 0)
        s.l4 = L4_UDP;
    s.midstream = (data[0] & 2) != 0;
    s.heads = heads;
    recorder.udp = s.l4 == L4_UDP;
    recorder.known_names = (data[0] & 4) != 0;
    recorder.media = (data[0] & 8) != 0;
    recorder.forbid = (data[0] & 16) != 0 ? 0xff : 0;
    for (size_t at = 1; at < size && !recorder.settled && !recorder.upgraded && answer != IM_NO;) {
        enum flow_dir from = data[at] >> 7;
        size_t n = data[at++] & 127;
        if (n == 127 && at + 2 <= size) {
            n = (size_t)(data[at] << 8 | data[at + 1]);
            at += 2;
        }
        if (n > size - at)
            n = size - at;
        uint8_t *copy = malloc(n > 0 ? n : 1); /* of its own size: a read past the end is caught */
        if (copy == NULL)
            break;
        memcpy(copy, data + at, n);
        at += n;
        s.from = from;
        if (s.l4 == L4_UDP) {
            s.datagram = view_of(copy, n);
            s.bytes[0] = s.bytes[1] = view_of(NULL, 0);
            if (s.head_count < SAMPLE_HEADS) {
                struct datagram_head *h = &heads[s.head_count++];
                h->from = (uint8_t)from;
                h->len = (uint16_t)n;
                h->kept = (uint8_t)(n < SAMPLE_HEAD_BYTES ? n : SAMPLE_HEAD_BYTES);
                memcpy(h->data, copy, h->kept);
            }
            if (answer == IM_MORE)
                probe(&answer, &s);
            if (answer == IM_YES && PARSER.feed != NULL)
                (void)PARSER.feed(state, recorder_session(&recorder), from, s.datagram);
        } else if (n == 0 && answer == IM_YES && PARSER.gap != NULL) {
            if (!PARSER.gap(state, recorder_session(&recorder), from, 100 + len[from]))
                answer = IM_NO;
            len[from] = 0;
        } else {
            memcpy(stream[from] + len[from], copy, n);
            len[from] += n;
            s.bytes[0] = view_of(stream[0], len[0]);
            s.bytes[1] = view_of(stream[1], len[1]);
            bool first_yes = false;
            if (answer == IM_MORE) {
                probe(&answer, &s);
                first_yes = answer == IM_YES;
            }
            for (unsigned d = 0; d < 2 && answer == IM_YES && PARSER.feed != NULL; d++) {
                if (d != (unsigned)from && !first_yes)
                    continue;
                for (;;) {
                    if (len[d] == 0 || recorder.settled || recorder.upgraded)
                        break;
                    uint8_t *tight = malloc(len[d]);
                    if (tight == NULL)
                        break;
                    memcpy(tight, stream[d], len[d]);
                    size_t used = PARSER.feed(state, recorder_session(&recorder), (enum flow_dir)d,
                                              view_of(tight, len[d]));
                    free(tight);
                    if (used > len[d])
                        abort();
                    memmove(stream[d], stream[d] + used, len[d] - used);
                    len[d] -= used;
                    if (used == 0)
                        break;
                }
                if (len[d] > PARSER_MESSAGE_BYTES && PARSER.gap != NULL &&
                    PARSER.gap(state, recorder_session(&recorder), (enum flow_dir)d, 100))
                    len[d] = 0;
            }
        }
        free(copy);
    }
out:
    free(stream[0]);
    free(stream[1]);
    return 0;
}
