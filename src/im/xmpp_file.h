/* SPDX-License-Identifier: Apache-2.0 */
/* Files that XMPP tells of: offered, then carried in band, by SOCKS5 or by HTTP (xmpp_file.c). */
#pragma once
#include "identify/session.h"
#include "im/transcode.h"

enum { XMPP_TRANSFERS = 6, XMPP_FILE_NAME_BYTES = 128 };

/* One file on its way. Ids are kept as hash_bytes() of them; 0: none. */
struct xmpp_transfer {
    uint64_t stream;  /* id of the bytestream: XEP-0047, 0065, or of the transport of Jingle */
    uint64_t request; /* id of what asked for it: a Jingle session, the iq of XEP-0096 and 0363 */
    uint64_t size, offset;
    uint64_t place;      /* in band: of the next byte */
    uint64_t block_at;   /* and of the newest block */
    uint32_t block_size; /* 0: not known */
    uint32_t file;
    uint16_t block; /* its number */
    struct base64 decoder;
    uint8_t from;              /* enum flow_dir of the blocks */
    bool outgoing;             /* as offered: from the local user */
    bool begun, in_block, end; /* end: all of it came, or no more will */
    bool beyond;               /* and more than that */
    bool unplaced;             /* blocks were lost whose size was not known */
    char name[XMPP_FILE_NAME_BYTES], type[48];
};

struct xmpp_files {
    struct xmpp_transfer transfer[XMPP_TRANSFERS];
    uint8_t next;
};

/* The newest transfer with this id, or NULL. */
struct xmpp_transfer *xmpp_file_of_stream(struct xmpp_files *files, uint64_t stream);
struct xmpp_transfer *xmpp_file_of_request(struct xmpp_files *files, uint64_t request);

/* A file that is offered; the oldest transfer makes room for it. */
struct xmpp_transfer *xmpp_file_offer(struct xmpp_files *files, struct session *s, uint64_t stream,
                                      uint64_t request, const struct im_file *f);

/* The file of a transfer between the two people of `who`. */
struct im_file xmpp_file_view(const struct xmpp_transfer *t, const struct im_detail *who);

/* A SOCKS5 bytestream between two JIDs is to come, opened by either: the target of its CONNECT. */
void xmpp_file_announce_socks(struct session *s, struct view id, struct view from, struct view to,
                              const struct im_file *f);
/* A URL under which a file will be put or fetched; only of clear HTTP. */
void xmpp_file_announce_url(struct session *s, struct view url, const struct im_file *f);

/* A block in band begins. False: it is not to be read. */
bool xmpp_band_begin(struct xmpp_transfer *t, struct session *s, enum flow_dir from, uint16_t block,
                     const struct im_detail *who);
/* Some of its text; and its end. */
void xmpp_band_text(struct xmpp_transfer *t, struct session *s, struct view text);
void xmpp_band_end(struct xmpp_transfer *t);
/* The bytestream is closed. */
void xmpp_band_close(struct xmpp_transfer *t, struct session *s);
