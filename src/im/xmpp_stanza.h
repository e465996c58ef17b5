/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a connection of XMPP and of the stanza that comes in on each side (xmpp_stanza.c). */
#pragma once
#include "identify/parser.h"
#include "im/xml.h"
#include "im/xmpp_file.h"

enum {
    XMPP_ARENA_BYTES = 2560, /* of what a stanza holds */
    XMPP_TEXT_BYTES = 15360, /* of a message that is waited for until it is there whole */
    XMPP_ACCOUNT_BYTES = 96,
    XMPP_JID_BYTES = 160,
    XMPP_ROOMS = 4,
};

/* A stretch of a stanza's arena. */
struct xmpp_span {
    uint16_t at, len;
};

struct xmpp_stanza {
    uint8_t kind, depth, capture, capture_depth, candidates;
    uint8_t band; /* the transfer whose block is being read, + 1 */
    uint8_t presence, item_depth;
    bool plain; /* SASL PLAIN */
    bool responder_sends, item_removed;
    bool body_borrowed; /* it lies in the state's `text`, not in the arena */
    uint16_t item_mark; /* the arena before this item of a roster */
    uint16_t arena_len;
    uint32_t facts;
    uint64_t id, request; /* hashes: of the stanza's id; of a Jingle session */
    uint64_t size, offset, sent_us;
    struct xmpp_span from, to, type, captured;
    struct xmpp_span name, version, media, url; /* a file's name or a program's; put or get */
    struct xmpp_span stream;                    /* id of a bytestream */
    struct xmpp_span body, nick;
    struct xmpp_span item, item_name, group;
    char arena[XMPP_ARENA_BYTES];
};

struct xmpp_state {
    struct view written[2]; /* the message's body and its URL, as they are written; borrowed for the call */
    struct text *text; /* for the body of a message that is there whole; borrowed for the call, NULL: none */
    struct xmpp_stanza stanza[2]; /* by enum flow_dir */
    struct xmpp_files files;
    uint64_t occupant[XMPP_ROOMS]; /* hashes: the client's own address in rooms */
    uint8_t next_occupant;
    char account[XMPP_ACCOUNT_BYTES]; /* user, or user@host once that is known */
    char jid[XMPP_JID_BYTES];         /* of the client, with its resource */
    bool lost[2];                     /* skipping to the next stanza */
    bool login_told, proxy_told, broker_told, header_told, client_told;
};

/* The tag that opens a stanza. */
void xmpp_stanza_begin(struct xmpp_stanza *z, const struct xml_tag *t, bool outgoing);

/* An element inside the stanza of this side begins; text in it; an element, `depth` levels deep, ends. */
void xmpp_stanza_element(struct xmpp_state *st, struct session *s, enum flow_dir from,
                         const struct xml_tag *t);
void xmpp_stanza_text(struct xmpp_state *st, struct session *s, enum flow_dir from, struct view text,
                      bool entities);
void xmpp_stanza_close(struct xmpp_state *st, struct session *s, enum flow_dir from);

/* The stanza is there whole: tell it. True: the stream is no longer XML behind it. */
bool xmpp_stanza_end(struct xmpp_state *st, struct session *s, enum flow_dir from);

/* Can the body that begins `v` be read at once, up to the end of its message? True of what is no message's.
 */
bool xmpp_stanza_whole(const struct xmpp_stanza *z, struct view v);

/* The call ends and `st->text` with it: what the stanza of this side has there moves to the arena. */
void xmpp_stanza_settle_text(struct xmpp_state *st, enum flow_dir from);

/* What is borrowed of the stanza's text ends. */
void xmpp_stanza_forget_written(struct xmpp_state *st);

/* The rest of the stanza is lost. */
void xmpp_stanza_drop(struct xmpp_stanza *z);
