/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a protocol is taught to imward: one `struct parser`, const, in the protocol's own file.
 *
 * A flow begins with candidates: all parsers whose first byte fits. Each is asked, with every piece of new
 * data, whether the flow is its protocol (`probe`). Parsers are asked in the order of the table; the first
 * that says yes, with all before it having said no, has the flow. From then on `feed` gets the bytes,
 * beginning with the first, and tells what it learns through the session (session.h), until it settles or the
 * flow ends.
 *
 * Rules for every parser
 *   - received bytes are read through struct cursor or the view functions, nothing else
 *   - too short is not malformed: IM_MORE while more bytes of the stream could still make it this protocol;
 *     IM_NO as soon as they cannot, which should be after few bytes
 *   - a yes needs enough bytes that chance or another protocol cannot explain it (32 bits of constants or
 *     structure at least); ports are never proof
 *   - no heap, no globals, no unbounded loop: all state is in the `state_size` bytes, zeroed before first use
 */
#pragma once
#include "flow/flow.h"
#include "identify/session.h"

enum im_answer {
    IM_NO,   /* not this protocol, never ask again */
    IM_MORE, /* could be: ask again with more */
    IM_YES,
};

enum {
    SAMPLE_BYTES = 16384, /* TCP bytes of one direction that are kept for probing */
    SAMPLE_HEADS = 16,    /* datagrams whose heads are kept */
    SAMPLE_HEAD_BYTES = 48,
    PARSER_STATE_BYTES = 8192,    /* most state of a parser */
    PARSER_MESSAGE_BYTES = 16384, /* longest stretch that feed may leave unconsumed and see again */
};

/* The beginning of an earlier datagram of a UDP flow. */
struct datagram_head {
    uint8_t from; /* enum flow_dir */
    uint8_t kept; /* bytes in data */
    uint16_t len; /* payload length */
    uint8_t data[SAMPLE_HEAD_BYTES];
};

/* What has been seen of a flow, or of a stream inside a tunnel. All views are borrowed for the call. */
struct sample {
    uint8_t l4;         /* L4_TCP or L4_UDP */
    bool midstream;     /* TCP: the beginning was not seen, bytes[] start anywhere, roles are a guess */
    enum flow_dir from; /* where the newest data came from */
    uint16_t port[2];   /* by enum flow_dir; order candidates, never decide */
    struct ip_addr addr[2];
    struct view bytes[2]; /* TCP: in-order bytes so far, by enum flow_dir; UDP: unused, empty */
    struct view datagram; /* UDP: the newest datagram, whole */
    const struct datagram_head
        *heads; /* UDP: first datagrams of the flow, oldest first, the newest included */
    unsigned head_count;
};

/* What a probe that says yes has found. Zeroed before the call. */
struct finding {
    const char *service; /* slug, where it differs from the parser's own */
    char value[64];      /* what was recognised, for the evidence: "FLAP sign-on, version 1" */
    uint8_t confidence;  /* 0: what EVIDENCE_PAYLOAD is worth */
    bool reversed;       /* mid-stream: who the flow takes for the client is the server */
};

/* PARSER_BODY: it is also found in bodies of HTTP/1 POSTs. Pages quote every protocol of text, so no other is
 * asked. */
enum { PARSER_TCP = 1, PARSER_UDP = 2, PARSER_BODY = 4 };

struct parser {
    enum protocol protocol;
    const char *service; /* slug that a yes proves; NULL: the protocol alone proves none (tls, http, stun) */
    unsigned on;         /* PARSER_TCP, PARSER_UDP or both; PARSER_BODY */

    /* Can a stream or first datagram begin with this byte, sent by `from`? NULL: any. Called at start only,
     * to build the dispatch table. A side for which it refuses every byte never begins: its answers are not
     * held against the parser. A parser that refuses every byte of both sides (parser_starts_never) is never
     * asked: it is given what was announced as its protocol, by session_upgrade() (WebSocket) or
     * session_expect() (a DCC leg, which carries no signature). Mid-stream flows skip it. For UDP only the
     * first datagram is looked at. */
    bool (*starts)(uint8_t first, enum flow_dir from);

    enum im_answer (*probe)(const struct sample *s, struct finding *out);

    /* Follow the conversation. TCP: `in` is what is in order and not consumed yet; return how many bytes of
     * its front are used up, the rest comes again with more behind it. UDP: `in` is one datagram, the first
     * being the one that brought the yes; the return value is ignored. NULL: nothing to follow, the flow is
     * settled by the yes. */
    size_t state_size;
    size_t (*feed)(void *state, struct session *s, enum flow_dir from, struct view in);

    /* UDP: feed keeps nothing from one datagram to the next, so that a flow that goes on and on (DNS) holds
     * no memory in between. */
    bool stateless;

    /* `lost` bytes of this direction never came; what comes next may start inside a message. True: can go on.
     * NULL: stop following (the flow keeps its service). */
    bool (*gap)(void *state, struct session *s, enum flow_dir from, uint64_t lost);
};

/* Of a parser that is never asked. */
static inline bool parser_starts_never(uint8_t first, enum flow_dir from)
{
    (void)first;
    (void)from;
    return false;
}

static inline enum im_answer parser_probes_never(const struct sample *s, struct finding *out)
{
    (void)s;
    (void)out;
    return IM_NO;
}
