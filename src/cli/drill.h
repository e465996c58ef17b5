/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The drill: test flows of services that the policy blocks, sent through the live gateway to a responder
 * behind it, which says what arrived.
 *
 *     policy_drill.c      the command: what the policy says, the report
 *     drill_run.c         flows and what became of them
 *     drill_openings.c    the first bytes of each protocol
 *     drill_respond.c     the other end
 */
#pragma once
#include "base/error.h"
#include "identify/words.h"

/*
 * How a service is tried: name, l4, port, protocol, the slug of the service that the protocol itself proves;
 * NULL: any with a name.
 */
#define DRILL_METHODS(X)                                                                                     \
    X(TLS, "tls", 6, 443, PROTOCOL_TLS, NULL)                                                                \
    X(QUIC, "quic", 17, 443, PROTOCOL_QUIC, NULL)                                                            \
    X(HTTP, "http", 6, 80, PROTOCOL_HTTP, NULL)                                                              \
    X(DNS, "dns", 17, 53, PROTOCOL_DNS, NULL)                                                                \
    X(IRC, "irc", 6, 6667, PROTOCOL_IRC, "irc")                                                              \
    X(XMPP, "xmpp", 6, 5222, PROTOCOL_XMPP, "xmpp")                                                          \
    X(OSCAR, "oscar", 6, 5190, PROTOCOL_OSCAR, "oscar")                                                      \
    X(MSNP, "msnp", 6, 1863, PROTOCOL_MSNP, "msn")                                                           \
    X(YMSG, "ymsg", 6, 5050, PROTOCOL_YMSG, "yahoo")                                                         \
    X(MRIM, "mrim", 6, 2042, PROTOCOL_MRIM, "mra")                                                           \
    X(SIMPLE, "simple", 6, 5060, PROTOCOL_SIMPLE, "simple")
enum drill_method {
#define X(id, ...) DRILL_##id,
    DRILL_METHODS(X)
#undef X
        DRILL_METHOD_COUNT
};

struct drill_way {
    const char *name;
    uint8_t l4;
    uint16_t port;
    enum protocol protocol;
    const char *service;
};
const struct drill_way *drill_way(enum drill_method m);

enum {
    DRILL_ODD_PORT = 2600, /* TCP: no protocol's own */
    DRILL_CONTROL_PORT = 2611,
    DRILL_OPENING_BYTES = 2048,
    DRILL_NAME_BYTES = 256,
};

/* A name that is nobody's (RFC 2606): for flows that no rule may stop. */
#define DRILL_NEUTRAL "drill.invalid"

/*
 * What a client of it says first, with this name where it tells one. `neutral`: instead something of no
 * service, which any rule lets pass. Returns its length; 0: the crypto library failed.
 */
size_t drill_opening(enum drill_method m, const char *name, bool neutral, uint8_t out[DRILL_OPENING_BYTES]);

/* What the responder answers to anything. */
#define DRILL_ANSWER "imward drill: arrived\r\n"

/* Listen at the address, and answer until a signal ends it. Returns the exit status. */
int drill_respond(const char *address);

/* ---- a run ---- */

#define DRILL_OUTCOMES(X)                                                                                    \
    X(ARRIVED, "arrived") /* the responder has it */                                                         \
    X(RESET, "reset")                                                                                        \
    X(REFUSED, "refused") /* an ICMP error, or a reset before the connection was open */                     \
    X(SILENT, "silent")   /* nothing came back */                                                            \
    X(PAGE, "page")       /* an answer over HTTP that is not the responder's */                              \
    X(NO_NAME, "no-name") /* an answer of DNS that is not the responder's */                                 \
    X(FAILED, "failed")   /* the test itself could not be made */
enum drill_outcome {
#define X(id, name) DRILL_##id,
    DRILL_OUTCOMES(X)
#undef X
};
const char *drill_outcome_name(enum drill_outcome o);

struct drill_test {
    /* What to do. */
    enum drill_method method;
    bool odd_port; /* on DRILL_ODD_PORT */
    bool neutral;
    char name[DRILL_NAME_BYTES];
    /* What the command keeps of it: numbers and names of the catalog and the policy. */
    uint16_t service;
    bool to_be_blocked;
    unsigned rule;
    const char *rule_name;
    /* What became of it. */
    enum drill_outcome outcome;
    bool stopped;      /* no byte arrived */
    uint64_t arrived;  /* bytes of it that did */
    uint64_t began_us; /* since 1970 */
    uint64_t took_us;  /* until the outcome was clear */
    uint16_t src_port;
    char why[96]; /* of FAILED */
};

struct drill_run {
    const char *to, *from, *interface; /* from, interface: NULL: the system chooses */
    uint32_t wait_ms;                  /* for an answer */
    struct drill_test *tests;
    unsigned count;
    uint16_t first_port; /* of this side; drill_do() chooses */
};

uint16_t drill_port(const struct drill_test *t);

/* Do them all; those of different ports at a time. False: the responder does not answer; err says it. */
bool drill_do(struct drill_run *run, struct imw_error_info *err) IMW_MUST_USE;
