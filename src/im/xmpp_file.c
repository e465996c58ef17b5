/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of XMPP. An offer (XEP-0096, 0234, 0363) tells name and size, and an id under which the bytes come:
 *
 *   in band (XEP-0047, 0261): <data sid seq>base64</data>, read here as its text comes in, whatever the size
 * of a block. All blocks but the last are of the size that was agreed, which gives a block its place after
 *       lost ones.
 *   by SOCKS5 (XEP-0065, 0260): on a connection to either side or to a proxy, whose CONNECT asks for
 *       SHA-1(id, JID of who offers the address, JID of the other). That hash, in hexadecimal, is the token
 *       that is announced; the parser of the leg (bytestream.c) looks it up.
 *   by HTTP (XEP-0363): the token is "http HOST/PATH", without scheme and port, the host in lower case;
 * http.c looks it up.
 *
 * A bytestream that nobody offered has no name, and is a file all the same.
 *
 * Limits: 6 transfers of a connection at a time; URLs of 511 octets.
 */
/* The calls of OpenSSL 1.1.1: SHA1() of 3.0 looks its algorithm up under a lock and takes heap, each time. */
#define OPENSSL_API_COMPAT 10101
#include "im/xmpp_file.h"
#include "identify/authority.h"
#include <openssl/sha.h>

enum { URL_BYTES = 512, PIECE_BYTES = 1536 };

struct xmpp_transfer *xmpp_file_of_stream(struct xmpp_files *files, uint64_t stream)
{
    for (unsigned back = 1; back <= XMPP_TRANSFERS; back++) {
        struct xmpp_transfer *t = &files->transfer[(files->next + XMPP_TRANSFERS - back) % XMPP_TRANSFERS];
        if (stream != 0 && t->stream == stream)
            return t;
    }
    return NULL;
}

struct xmpp_transfer *xmpp_file_of_request(struct xmpp_files *files, uint64_t request)
{
    for (unsigned back = 1; back <= XMPP_TRANSFERS; back++) {
        struct xmpp_transfer *t = &files->transfer[(files->next + XMPP_TRANSFERS - back) % XMPP_TRANSFERS];
        if (request != 0 && t->request == request)
            return t;
    }
    return NULL;
}

struct xmpp_transfer *xmpp_file_offer(struct xmpp_files *files, struct session *s, uint64_t stream,
                                      uint64_t request, const struct im_file *f)
{
    struct xmpp_transfer *t = &files->transfer[files->next];

    files->next = (uint8_t)((files->next + 1) % XMPP_TRANSFERS);
    if (t->begun && !t->end)
        session_file_end(s, t->file, false);
    *t = (struct xmpp_transfer){
        .stream = stream, .request = request, .size = f->size, .offset = f->offset, .outgoing = f->outgoing
    };
    struct text name = TEXT(t->name), type = TEXT(t->type);
    text_add(&name, f->name);
    text_add(&type, f->type);
    return t;
}

struct im_file xmpp_file_view(const struct xmpp_transfer *t, const struct im_detail *who)
{
    return (struct im_file){ .name = view_string(t->name),
                             .type = view_string(t->type),
                             .account = who->account,
                             .peer = who->peer,
                             .room = who->room,
                             .size = t->size,
                             .offset = t->offset,
                             .outgoing = t->outgoing };
}

/* ---- on other connections ---- */

void xmpp_file_announce_socks(struct session *s, struct view id, struct view from, struct view to,
                              const struct im_file *f)
{
    uint8_t digest[SHA_DIGEST_LENGTH];
    char buffer[2 * SHA_DIGEST_LENGTH + 1];

    for (unsigned order = 0; order < 2; order++) { /* Jingle: who owns the candidate comes first */
        struct view parts[] = { id, order == 0 ? from : to, order == 0 ? to : from };
        struct text token = TEXT(buffer);
        SHA_CTX sha;
        SHA1_Init(&sha);
        for (unsigned i = 0; i < 3; i++)
            SHA1_Update(&sha, parts[i].at, parts[i].len);
        SHA1_Final(digest, &sha);
        text_hex(&token, view_of(digest, sizeof digest));
        session_announce(s, view_of(buffer, token.len), f);
    }
}

void xmpp_file_announce_url(struct session *s, struct view url, const struct im_file *f)
{
    char buffer[URL_BYTES];
    struct text token = TEXT(buffer);
    struct view host, path;

    if (!authority_of_url(url, &host, &path) || path.len == 0)
        return;
    authority_token(&token, host, path);
    if (!token.cut)
        session_announce(s, view_of(buffer, token.len), f);
}

/* ---- in band ---- */

/* Where a block belongs. */
static uint64_t block_place(struct xmpp_transfer *t, uint16_t block)
{
    int16_t ahead = (int16_t)(uint16_t)(block - t->block);
    uint64_t base = t->block_at;

    if (!t->begun) {
        ahead = (int16_t)block;
        base = t->offset;
    } else if (!t->in_block && ahead == 1) {
        return t->place;
    }
    t->unplaced |= ahead != 0 && t->block_size == 0;
    uint64_t bytes = (uint64_t)(ahead < 0 ? -(int)ahead : ahead) * t->block_size;
    if (ahead < 0)
        return base > t->offset + bytes ? base - bytes : t->offset;
    return base + bytes;
}

bool xmpp_band_begin(struct xmpp_transfer *t, struct session *s, enum flow_dir from, uint16_t block,
                     const struct im_detail *who)
{
    if (!session_wants_files(s) || t->end || (t->begun && t->from != (uint8_t)from))
        return false;
    if (!t->begun) {
        struct im_file f = xmpp_file_view(t, who);
        t->from = (uint8_t)from;
        f.outgoing = from == FROM_CLIENT;
        t->file = session_file_begin(s, &f);
    }
    t->place = t->block_at = block_place(t, block);
    t->begun = t->in_block = true;
    t->block = block;
    t->decoder = (struct base64){ .bits = 0 };
    return true;
}

void xmpp_band_text(struct xmpp_transfer *t, struct session *s, struct view text)
{
    uint8_t piece[PIECE_BYTES];

    while (text.len > 0) {
        size_t n = base64_decode(&t->decoder, &text, piece, sizeof piece);
        uint64_t left = t->size == 0 ? UINT64_MAX : t->size > t->place ? t->size - t->place : 0;
        size_t room = left > n ? n : (size_t)left;
        session_file_bytes(s, t->file, t->place, view_of(piece, room));
        t->place += room;
        if (t->size > 0 && t->place >= t->size && !t->end) {
            session_file_end(s, t->file, true);
            t->end = true;
        }
        if (room < n && !t->beyond)
            session_anomaly(s, ANOMALY_OVERLONG, VIEW("file in band"));
        t->beyond |= room < n;
    }
}

void xmpp_band_end(struct xmpp_transfer *t)
{
    if (t->block_size == 0 && t->place - t->block_at <= UINT16_MAX)
        t->block_size = (uint32_t)(t->place - t->block_at);
    t->in_block = false;
}

void xmpp_band_close(struct xmpp_transfer *t, struct session *s)
{
    if (t->begun && !t->end)
        session_file_end(s, t->file, t->size == 0 && !t->in_block && !t->unplaced);
    t->end = true;
}
