/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything the engine counts: one table, one array a worker, added up for --stats and metrics. A limit that
 * is hit, a byte that is lost, an input that is refused has its line here: nothing is dropped silently.
 */
#pragma once
#include <stdint.h>

/* identifier, name in stats, what it counts */
#define COUNTERS(X)                                                                                          \
    X(FRAMES, "frames", "frames read")                                                                       \
    X(FRAME_BYTES, "frame_bytes", "bytes of frames on the wire")                                             \
    X(FRAMES_CUT, "frames_cut", "frames that the capture holds only in part (snap length)")                  \
    X(LINK_UNKNOWN, "link_unknown", "frames of a link type that is not decoded")                             \
    X(DECODE_SHORT, "decode_short", "frames that end inside a header")                                       \
    X(DECODE_BAD, "decode_bad", "headers whose lengths or versions contradict each other")                   \
    X(DECODE_OTHER, "decode_other", "frames that are neither TCP nor UDP")                                   \
    X(DECODE_DEPTH, "decode_depth", "frames with more encapsulations than the limit")                        \
    X(TUNNELLED, "tunnelled", "packets found inside a tunnel")                                               \
    X(FRAGMENTS, "fragments", "IP fragments")                                                                \
    X(FRAGMENTS_JOINED, "fragments_joined", "datagrams put together from fragments")                         \
    X(FRAGMENTS_OVERLAP, "fragments_overlap", "fragments that overlap another; the datagram is dropped")     \
    X(FRAGMENTS_DROPPED, "fragments_dropped", "fragments dropped by a limit, a time-out or a bad offset")    \
    X(PACKETS, "packets", "TCP and UDP packets given to a flow")                                             \
    X(FLOWS, "flows", "flows begun")                                                                         \
    X(FLOWS_EVICTED, "flows_evicted", "flows ended early because the table was full")                        \
    X(FLOWS_IM, "flows_im", "flows of an IM service")                                                        \
    X(FLOWS_SETTLED, "flows_settled", "flows on which inspection ended before the flow did")                 \
    X(FLOWS_BYPASSED, "flows_bypassed", "settled flows whose packets the kernel counts and keeps from us")   \
    X(INSPECT_FULL, "inspect_full", "flows not inspected because all inspection memory was in use")          \
    X(STREAM_OUT_OF_ORDER, "stream_out_of_order", "TCP segments kept until the bytes before them came")      \
    X(STREAM_RETRANSMITTED, "stream_retransmitted", "TCP segments that only repeat bytes")                   \
    X(STREAM_CONFLICT, "stream_conflict",                                                                    \
      "TCP segments that repeat bytes with other content: a sign of injection")                              \
    X(STREAM_GAPS, "stream_gaps", "holes in a TCP stream that were given up")                                \
    X(STREAM_GAP_BYTES, "stream_gap_bytes", "bytes lost in such holes")                                      \
    X(STREAM_DROPPED, "stream_dropped", "TCP segments dropped by the limit on bytes kept out of order")      \
    X(STREAM_MIDSTREAM, "stream_midstream", "TCP flows whose beginning was not seen")                        \
    X(PROBES, "probes", "probes run")                                                                        \
    X(PARSER_FULL, "parser_full", "protocol messages longer than the buffer for them")                       \
    X(LAYERS_DEEP, "layers_deep", "tunnels inside tunnels beyond the limit")                                 \
    X(NAMES, "names", "server names looked up in the catalog")                                               \
    X(ADDRESSES_LEARNT, "addresses_learnt", "addresses learnt from DNS answers")                             \
    X(EXPECTATIONS, "expectations", "direct legs announced by a signalling protocol")                        \
    X(EXPECTATIONS_MET, "expectations_met", "direct legs that came")                                         \
    X(ANOMALIES, "anomalies",                                                                                \
      "breaches of protocol rules, and signs of tampering, on flows that are inspected")                     \
    X(FILES, "files", "files whose bytes were carried by IM flows")                                          \
    X(FILE_BYTES, "file_bytes", "bytes of such files")                                                       \
    X(CONTENT_LOST, "content_lost",                                                                          \
      "messages and pieces of files dropped: the queue to the content thread was full")                      \
    X(GATE_PACKETS, "gate_packets", "packets that the gateway decided on")                                   \
    X(GATE_SETTLED, "gate_settled", "flows that the kernel passes from then on")                             \
    X(GATE_BLOCKED, "gate_blocked", "flows that were blocked")                                               \
    X(GATE_DROPPED, "gate_dropped", "packets that were dropped")                                             \
    X(GATE_SPOILED, "gate_spoiled", "offers that were made void")                                            \
    X(GATE_NAMES_REFUSED, "gate_names_refused", "questions to DNS that were answered with no such name")     \
    X(GATE_FORGED, "gate_forged", "resets and answers sent in the name of an end")                           \
    X(GATE_FORGED_FAILED, "gate_forged_failed", "such packets that could not be sent")                       \
    X(GATE_HELD, "gate_held", "packets that waited for the end of a message or for the scanner")             \
    X(GATE_HELD_TOO_LONG, "gate_held_too_long", "packets that waited too long, or found no room to wait")    \
    X(GATE_THROTTLED, "gate_throttled", "packets dropped to slow a flow down")                               \
    X(GATE_UNSCANNED, "gate_unscanned", "files to be scanned that could not be")                             \
    X(EVENTS, "events", "events written")

enum counter {
#define X(id, name, what) COUNT_##id,
    COUNTERS(X)
#undef X
        COUNTER_COUNT
};

struct counters {
    uint64_t n[COUNTER_COUNT];
};

/* Count one; `counters` may not be NULL. */
static inline void count(struct counters *counters, enum counter which)
{
    counters->n[which]++;
}

static inline void count_add(struct counters *counters, enum counter which, uint64_t n)
{
    counters->n[which] += n;
}

const char *counter_name(enum counter which);
const char *counter_help(enum counter which);
void counters_sum(struct counters *sum, const struct counters *add);
