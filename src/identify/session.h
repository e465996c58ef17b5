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
    struct view text;    /* message text in UTF-8, with its mark-up: never written to an event by default */
    enum markup markup;  /* of the text: content/plain.h takes it off */
    struct view display; /* the name that the sender shows, where it is not the account */
    uint64_t sent_us;    /* written then, where that is not now (offline, archive); 0: now */
    bool again;          /* a copy of a message sent before: carbon, archive, echo of a room */
    bool outgoing;       /* from the flow's client */
};

/* An activity happened. Sets the flow's activity bit; with a detail, an `im` event is written as well. */
void session_activity(struct session *s, enum activity a, const struct im_detail *detail);

/*
 * May this offer (of a file, a call) go on? False: it may, or nobody enforces. True: the policy forbids it,
 * and `token`, bytes of this call of feed without which the other end cannot take the offer, is overwritten
 * `with` in the packet before it goes on; where it is not in this packet's bytes any more, or cannot be
 * changed (inside WebSocket, compressed), the flow is cut. Call it once an offer, before the
 * session_activity() that tells of it; expect and announce nothing where it is true.
 */
bool session_forbidden(struct session *s, enum activity a, const struct im_detail *detail, struct view token,
                       uint8_t with);

/* A message has begun whose end has not come, though feed has consumed its bytes: whoever forbids messages
 * waits before the packet goes on. False: no longer. (Bytes that feed leaves unconsumed say the same.) */
void session_midway(struct session *s, enum flow_dir from, bool midway);

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
    bool relay;  /* no direct leg: a server in between, that passes on what `activity` says */
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

/* ---- what is carried ---- */

/* One entry of a buddy list, or the presence of somebody; empty views where not known. */
struct im_contact {
    struct view account; /* whose list, or who sees it: the local user */
    struct view peer;    /* the buddy's account */
    struct view display; /* the buddy's name as shown */
    struct view group;   /* in the list */
    enum presence presence;
    bool removed; /* taken off the list, refused, blocked */
};
void session_contact(struct session *s, const struct im_contact *c);

/* A file that flows carry; empty views and zero where not known. */
struct im_file {
    struct view name;    /* as announced, with whatever path it has */
    struct view type;    /* media type as announced */
    struct view account; /* the local user's, as of im_detail */
    struct view peer, room;
    uint64_t size;   /* as announced, bytes */
    uint64_t offset; /* of the first byte that is sent (resumed transfers) */
    bool outgoing;   /* from the local user */
};

/*
 * The bytes of a file begin to come on this flow. Returns its number, by which the parser names it from now
 * on; 0: nobody wants files, or there is no room (counted), and the other two calls do nothing with it. A
 * file that is not ended when its flow ends was cut off.
 */
uint32_t session_file_begin(struct session *s, const struct im_file *f);
/* Bytes that stand at `offset` of the whole file, decoded (no base64), in any order; what never comes is
 * marked as missing. */
void session_file_bytes(struct session *s, uint32_t file, uint64_t offset, struct view bytes);
/* No more will come. `whole`: the protocol says that it is complete (its announced size came, or it said so).
 */
void session_file_end(struct session *s, uint32_t file, bool whole);
/* Is the host that was asked for one that the service has for files (ROLE_MEDIA)? */
bool session_is_media(const struct session *s);
/* Does anybody want the bytes of files? Decoding them for nobody is a waste. */
bool session_wants_files(const struct session *s);

/*
 * This flow tells of a file that another one will carry, which is found by a token that both know: "dcc
 * ADDRESS:PORT", the hash of a SOCKS5 bytestream, a URL. Announced again it is replaced. For two hours.
 */
void session_announce(struct session *s, struct view token, const struct im_file *f);

enum { ANNOUNCED_NAME_BYTES = 256, ANNOUNCED_ACCOUNT_BYTES = 96 };
/* The copy that session_announced() gives; names are cut. */
struct announced_file {
    uint64_t token, since_us, size, offset;
    uint16_t service; /* of the flow that told, 0: not known */
    bool outgoing;
    char name[ANNOUNCED_NAME_BYTES], type[64];
    char account[ANNOUNCED_ACCOUNT_BYTES], peer[ANNOUNCED_ACCOUNT_BYTES], room[ANNOUNCED_ACCOUNT_BYTES];
};
/* True: *out is what was announced. Also makes the announcer's service this flow's, where it has none
 * (evidence EVIDENCE_EXPECTED). */
bool session_announced(struct session *s, struct view token, struct announced_file *out);
/* An im_file that borrows from an announcement. */
static inline struct im_file announced_view(const struct announced_file *a)
{
    return (struct im_file){ .name = view_string(a->name),
                             .type = view_string(a->type),
                             .account = view_string(a->account),
                             .peer = view_string(a->peer),
                             .room = view_string(a->room),
                             .size = a->size,
                             .offset = a->offset,
                             .outgoing = a->outgoing };
}

/* The name that the client asked for on this flow (SNI, SOCKS target ...); empty: none. Borrowed for the
 * call. */
struct view session_server_name(const struct session *s);

/* Something that a well-behaved program does not do; for the threat detectors. `value`: what was seen. */
void session_anomaly(struct session *s, enum anomaly a, struct view value);

/* What the client shows to be let in without a password (cookie, ticket, key): whoever else shows it has
 * stolen it. Only a hash of it is kept. */
void session_ticket(struct session *s, struct view ticket);

/* Nothing more to learn from this flow: stop feeding me. */
void session_settle(struct session *s);

/* Facts of the flow that some parsers need. */
const struct ip_addr *session_address(const struct session *s, bool server);
uint16_t session_port(const struct session *s, bool server);
bool session_is_udp(const struct session *s);

/* A line for --explain; costs a test when the flow is not traced. */
void session_trace(struct session *s, const char *format, ...) IMW_PRINTF(2, 3);
