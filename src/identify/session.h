/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a parser can say about the conversation that it follows. The inspection driver (inspect.c) implements
 * these calls; unit tests and fuzz targets link a recorder instead. All views are borrowed for the call;
 * nothing here fails: what exceeds a limit is cut or dropped, and counted.
 */
#pragma once
#include "flow/flow.h"
#include "identify/words.h"

struct session;

/* Why a flow belongs to a service. Strong evidence decides, weak evidence needs company. */
struct evidence {
    enum evidence_kind kind;
    const char *service; /* slug; NULL: the service of the parser in charge */
    struct view value;   /* what was seen; made printable and cut to 64 bytes */
    uint8_t confidence;  /* 0: what the kind is worth */
};
void session_evidence(struct session *s, const struct evidence *e);

/*
 * A server name seen by the wire protocol in charge: `kind` is EVIDENCE_SNI, EVIDENCE_QUIC_SNI,
 * EVIDENCE_CERTIFICATE, EVIDENCE_HTTP_HOST, EVIDENCE_TUNNEL_TARGET or EVIDENCE_DNS_QUERY. Looked up in the
 * catalog; a hit becomes evidence and the name's role an activity. Returns true on a hit.
 */
bool session_name(struct session *s, enum evidence_kind kind, struct view host);

/* One HTTP request, for the catalog's paths and user agents; host goes through session_name. Empty views
 * where a header is missing. Returns true when it proved a service. */
bool session_http(struct session *s, struct view method, struct view path, struct view agent);

/* Details of something that happens: empty views and zero where not known. */
struct im_detail {
    struct view account; /* who: the local user's account, nick, number */
    struct view peer;    /* to or from whom */
    struct view room;    /* group or channel */
    struct view file;    /* file name */
    uint64_t size;       /* of the file, bytes */
    struct view text;    /* message text: never written to an event by default */
    bool outgoing;       /* from the flow's client */
};

/* An activity happened. Sets the flow's activity bit; with a detail, an `im` event is written as well. */
void session_activity(struct session *s, enum activity a, const struct im_detail *detail);

void session_delivery(struct session *s, enum delivery d);

/* Version of the protocol ("MSNP18", "TLSv1.3") and of the client program ("ICQ 6.5"), once known. */
void session_version(struct session *s, struct view version);
void session_client(struct session *s, struct view software);

/* Fingerprint of a ClientHello (JA4), for the event and the catalog. */
void session_ja4(struct session *s, struct view ja4);

/* Is a fingerprint of any use for this flow? Call after the names: making one costs more than all else in a
 * hello. */
bool session_wants_ja4(const struct session *s);

/* The traffic tries to hide something; a hint for the analyst, not evidence. */
void session_hint(struct session *s, enum hint h, struct view value);

/*
 * A direct leg to come: the flow that matches is labelled `peer` and belongs to this session's service. A
 * zero address (ip_is_zero) or port 0 means any; at least one address must be given. `token`: bytes that the
 * leg must carry, or empty.
 */
struct expectation {
    uint8_t l4;          /* 6, 17, or 0 for both */
    struct ip_addr addr; /* one end, in whichever direction the leg is opened */
    uint16_t port;
    struct ip_addr other; /* the other end where known */
    enum activity activity;
    enum protocol protocol; /* what will be spoken on it: PROTOCOL_DCC … */
    const char *service;    /* slug; NULL: the parser's */
    bool server; /* no direct leg: another server of the service, to which this one sends the client */
    uint32_t lifetime_s; /* 0: 120 seconds */
};
void session_expect(struct session *s, const struct expectation *e);

/*
 * The two user fragments of an ICE check, "theirs:ours" or the other way round (RFC 8445 section 7.2.2):
 * flows that carry the same pair are ways of one call, and belong to one service.
 */
void session_call(struct session *s, struct view fragments);

/* A DNS answer: `addr` stands for `name`, the one asked, for `ttl_s` seconds from now; and for `canonical`,
 * the name that it led to, which may be the same. */
void session_learn_address(struct session *s, struct view name, struct view canonical,
                           const struct ip_addr *addr, uint32_t ttl_s);

/*
 * Who is at an address, for `for_s` seconds (0: a day): the name of the machine, of the
 * user who signed in there, and the hardware address (told first, where both are told: another machine's ends
 * what was known of the one before). session_forget_who: the machine gave the address back.
 */
void session_learn_host(struct session *s, enum who_source source, const struct ip_addr *addr,
                        struct view name, uint32_t for_s);
void session_learn_user(struct session *s, enum who_source source, const struct ip_addr *addr,
                        struct view name, uint32_t for_s);
void session_learn_mac(struct session *s, const struct ip_addr *addr, const uint8_t mac[6]);
void session_forget_who(struct session *s, const struct ip_addr *addr);

/*
 * From the first byte that feed does not consume in this call, the stream speaks something else: identify
 * again (HTTP CONNECT, SOCKS, STARTTLS, upgrade). `hint` names what is expected, PROTOCOL_UNKNOWN for
 * anything. What is known of the flow so far stays. Both directions change over; bytes that the other
 * direction sends from now on are the new protocol's.
 */
void session_upgrade(struct session *s, enum protocol hint);

/*
 * Bytes of a stream that is carried inside this one (WebSocket payload, HTTP body): they are identified and
 * followed as a stream of their own. session_inner_end: what follows is another inner stream.
 */
void session_inner(struct session *s, enum flow_dir from, struct view bytes);
void session_inner_end(struct session *s);

/* Nothing more to learn from this flow: stop feeding me. */
void session_settle(struct session *s);

/* Facts of the flow that some parsers need. */
const struct ip_addr *session_address(const struct session *s, bool server);
uint16_t session_port(const struct session *s, bool server);
bool session_is_udp(const struct session *s);

/* A line for --explain; costs a test when the flow is not traced. */
void session_trace(struct session *s, const char *format, ...) IMW_PRINTF(2, 3);
