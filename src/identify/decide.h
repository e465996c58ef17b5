/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From evidence to a decision. Private to the room.
 *
 * Every piece of evidence is worth 1 to 100 (words.h). One piece worth DECIDE_ALONE decides; weaker ones are
 * told beside a decision but never make one, however many agree: a false decision stops a bank's business.
 * The first decision stands unless evidence that is worth more speaks for another service. What a flow says
 * itself (its protocol, a name that the client asked for) comes before what its addresses suggest: those are
 * asked only when the flow kept silent.
 */
#pragma once
#include "identify/inspect.h"

enum {
    DECIDE_ALONE = 60,
};

/* What parsers told of a flow while it was inspected; goes into the record when there is one. */
struct finding_notes {
    char server_name[64];
    char version[24];
    char client[48];
    char ja4[40];
    char hint_value[48];
    uint16_t hints, upgraded;
    uint64_t call;      /* of an ICE check, 0: none */
    bool asked_outside; /* server_name was asked of TLS, QUIC or a proxy, around what HTTP asks for */
    bool named;         /* the client gave a server name */
    bool reversed;      /* the flow's client is in fact the server */
};

struct decision_context {
    const struct catalog *catalog;
    struct knowledge *knowledge;
    uint64_t now_us;
};

struct known_evidence {
    uint16_t service;
    enum evidence_kind kind;
    unsigned confidence;
    char value[RECORD_VALUE_BYTES];
};

void record_add(struct record *r, uint16_t service, enum evidence_kind kind, unsigned confidence,
                struct view value);
void record_note(struct record *r, const struct finding_notes *notes);

/* Bring the flow's service and confidence in line with its record. */
void decide(struct flow *f, const struct record *r);

/* What a name's or address's role says of the activity: ACTIVITY_ bits. */
uint8_t role_activities(enum server_role role);
void flow_role(struct flow *f, enum server_role role);

/* Did the flow say nothing itself that excludes an IM service: no name of its own, no protocol such as SSH or
 * mail? */
bool flow_is_silent(const struct flow *f);

/* Other sources, asked in this order; each true with evidence that decides. */
bool decide_by_expectation(const struct decision_context *context, struct flow *f,
                           struct known_evidence *out);
bool decide_by_address(const struct decision_context *context, struct flow *f, struct known_evidence *out);
bool decide_by_neighbour(const struct decision_context *context, const struct flow *f,
                         struct known_evidence *out);

/* A number for the two user fragments of an ICE check, the same for either order; 0 where they are too short.
 */
uint64_t call_digest(struct view fragments);

/* Another flow of the same call is proved; `call` is its number, 0: no ICE check was seen. */
bool decide_by_call(const struct decision_context *context, uint64_t call, struct known_evidence *out);

/* A flow proved by what was spoken on it tells about other flows of its ends. */
void decide_by_payload_ends(const struct decision_context *context, const struct flow *f,
                            const struct record *r);

/* At the end of an IM flow: delivery and activities that no message told, from roles and the traffic's shape.
 */
void decide_rest(struct flow *f, const struct record *r, uint64_t last_us);

/* Do two server names belong to different registrations? Compared by their last two labels; addresses never.
 */
bool name_is_fronted(const char *outer, struct view inner);
