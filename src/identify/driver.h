/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the inspection driver, shared by its four files: inspect.c (flows), layer.c (streams within
 * flows, probing and feeding), session.c (what parsers tell), spoil.c (offers that are made void). Private to
 * the room.
 */
#pragma once
#include "identify/decide.h"
#include "identify/inspect.h"
#include "identify/tamper.h"

enum {
    STATE_CLASSES = 3,
    LAYERS = 3, /* carried in each other, at most */
    STATE_SMALL = 256,
    STATE_MEDIUM = 1536,
    BUFFER_SMALL = 2048,
    BUFFER_LARGE = PARSER_MESSAGE_BYTES,
};
_Static_assert((int)SAMPLE_BYTES <= (int)BUFFER_LARGE, "a sample fits a buffer");

/* A set of parsers, by their place in the table. */
struct parser_set {
    uint64_t bits[INSPECT_PARSERS / 64];
};

struct side {
    uint32_t buffer; /* handle, 0: none */
    uint32_t len;
    bool large;
};

enum layer_state { LAYER_PROBING, LAYER_FED, LAYER_DEAD };

struct layer {
    struct parser_set candidates;
    const struct parser *parser;
    uint32_t inner; /* layer carried in this one, 0: none */
    uint8_t state;  /* enum layer_state */
    uint8_t depth;
    bool started[2]; /* bytes came from this side */
    bool midstream;
    bool body;    /* carried in an HTTP/1 message: PARSER_BODY */
    bool upgrade; /* asked for during feed */
    uint16_t upgrade_to;
    struct side side[2];
    uint32_t memory; /* the parser's state, 0: none */
    uint8_t memory_class;
    uint8_t again;  /* tries with the same kept bytes */
    uint8_t midway; /* bits by enum flow_dir: session_midway() */
};

struct inspection {
    struct layer layer;  /* of the flow itself; what it carries hangs behind it */
    uint32_t stream[2];  /* TCP reassembly, 0: not yet */
    uint8_t head_count;  /* UDP */
    bool settle;         /* asked for during feed */
    bool sealed;         /* settled, but for what may still be sent again: is_sure() */
    bool holes;          /* bytes are missing: lost, or before the first */
    uint8_t held_parser; /* UDP: said yes while one before it still waited; its number + 1, 0: none */
    struct finding held;
    uint32_t heads; /* UDP while probing: first datagrams, 0: none */
    struct finding_notes notes;
    struct tamper tamper; /* TCP */
    uint32_t spoiled;     /* TCP: what was changed in packets and is not acknowledged yet, 0: nothing */
    uint8_t refused[2];   /* ACTIVITY_ bits of offers that were made void and are not told yet */
};

/* Bytes that were overwritten in packets of a flow. */
enum { SPOILED = 16 };
struct spoiled {
    struct spoiled_bytes {
        uint32_t seq, count;
        uint8_t from; /* enum flow_dir */
        uint8_t with;
    } of[SPOILED];
    uint8_t count;
};

/* Bytes at an address that stand in the packet's payload. */
struct origin {
    const uint8_t *at;
    uint32_t count, offset;
};

/* The packet at hand, while somebody enforces. */
enum { ORIGINS = 8 };
struct tracked {
    const struct packet *packet; /* NULL: none */
    enum flow_dir from;
    uint8_t count;
    uint8_t unasked; /* ACTIVITY_ bits that were told without an offer that is void */
    struct origin origin[ORIGINS];
};

struct inspector {
    struct inspector_config config;
    struct counters *counters;
    struct slab inspections, layers /* inner ones */, heads, small, large, records, spoiled;
    struct slab states[STATE_CLASSES]; /* parsers' state, by size */
    struct stream_pool *streams;
    /* Candidates by transport (0 TCP, 1 UDP), first sender and first byte; and all of a transport. */
    struct parser_set by_first[2][2][256];
    struct parser_set all[2];
    /* Parsers for which this side never begins: what it answers with may be anything. */
    struct parser_set answering[2][2];
    struct parser_set bodies;
    struct parser_set given; /* never asked: no flow begins with them */
    struct inspect_outcome outcome;
    struct tracked tracked;
};

/* What a parser holds while it is called. */
struct session {
    struct inspector *in;
    struct flow *flow;
    struct inspection *inspection;
    struct layer *layer;
    uint64_t now_us;
};

/* ---- sets of parsers ---- */

static inline void set_add(struct parser_set *s, unsigned i)
{
    s->bits[i / 64] |= (uint64_t)1 << (i % 64);
}

static inline void set_remove(struct parser_set *s, unsigned i)
{
    s->bits[i / 64] &= ~((uint64_t)1 << (i % 64));
}

/* Only what is in `kept` too. */
static inline void set_keep(struct parser_set *s, const struct parser_set *kept)
{
    for (unsigned i = 0; i < INSPECT_PARSERS / 64; i++)
        s->bits[i] &= kept->bits[i];
}

static inline bool set_empty(const struct parser_set *s)
{
    uint64_t any = 0;

    for (unsigned i = 0; i < INSPECT_PARSERS / 64; i++)
        any |= s->bits[i];
    return any == 0;
}

/* The first member at or after `from`, or INSPECT_PARSERS. */
static inline unsigned set_next(const struct parser_set *s, unsigned from)
{
    for (unsigned word = from / 64; word < INSPECT_PARSERS / 64; word++) {
        uint64_t bits = s->bits[word] & (word == from / 64 ? ~(uint64_t)0 << (from % 64) : ~(uint64_t)0);
        if (bits != 0)
            return word * 64 + (unsigned)__builtin_ctzll(bits);
    }
    return INSPECT_PARSERS;
}

/* ---- layers (layer.c) ---- */

/* Give back what a layer holds, and the layers inside it. */
void layer_fini(struct inspector *in, struct layer *l);

/* Bytes of one side of the session's layer, in order; and: bytes of that side were lost. */
void layer_bytes(struct session *s, enum flow_dir from, struct view in);
void layer_lost(struct session *s, enum flow_dir from, uint64_t lost);

/* A datagram of a UDP flow. */
void layer_datagram(struct session *s, enum flow_dir from, struct view datagram, uint32_t wire_len);

/* Put the parser of a protocol that is announced, never recognised, in charge of the session's layer. False:
 * there is none of this protocol. */
bool layer_give(struct session *s, enum protocol protocol);

bool layer_is_given(const struct inspector *in, enum protocol protocol); /* is there one? */

/* The same of a parser that keeps nothing from one datagram to the next. */
bool layer_resume(struct session *s, enum protocol protocol);

/* No more bytes will come: decide with those that are kept. */
void layer_finish(struct session *s);

/* ---- offers that are made void (spoil.c) ---- */

/* Before each packet, while somebody enforces, with `i` NULL for a flow that is not inspected; and: what
 * comes now is of no packet. */
void spoil_begin(struct inspector *in, const struct inspection *i, enum flow_dir from,
                 const struct packet *p);
void spoil_end(struct inspector *in);

/* An activity is told: of an offer that was made void? Only between the two. */
void spoil_told(struct session *s, enum activity a);

/* Has a message begun, from this side, that is not over? */
bool layers_are_midway(const struct session *s, enum flow_dir from);

/* Bytes were copied; and: a buffer's bytes behind its first `back` were moved to its beginning, or it was
 * given up where `back` is all of it. Only between spoil_begin() and spoil_end(). */
void origin_copied(struct inspector *in, const uint8_t *to, struct view from);
void origin_moved(struct inspector *in, struct view buffer, size_t back);

static inline bool is_tracked(const struct inspector *in)
{
    return in->tracked.count > 0;
}

/* ---- what is known of the flow (session.c) ---- */

struct record *record_of(const struct inspector *in, const struct flow *f); /* NULL: none */
/* The flow's record, made if need be; NULL when all are in use. */
struct record *record_get(struct inspector *in, struct flow *f);

struct decision_context decision_context(const struct session *s);

/* Add evidence for a service and decide anew; service 0 is ignored. */
void session_adopt(struct session *s, uint16_t service, enum evidence_kind kind, unsigned confidence,
                   struct view value);

/* The catalog's number of a slug, or of the service of the parser in charge when it is NULL; 0: none. */
uint16_t session_service(const struct session *s, const char *slug);
