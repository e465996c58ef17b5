/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSN's peer-to-peer layer (MSN Messenger 6 and later): MSNSLP invitations, P2P frames, and the direct leg.
 *
 * P2P frame, little-endian, 48 octets: session 32, identifier 32, offset 64, size of all 64, size of this
 * piece 32, flags 32 (02 acknowledges, 20 object, 1000030 file), then what is acknowledged: two identifiers
 * 32, size 64. Session 0 carries MSNSLP: text like SIP,
 *
 *     INVITE MSNMSGR:peer MSNSLP/1.0          200 OK with the addresses of a listener:
 *     Call-ID: {call}                         Listening: true
 *     EUF-GUID: {what for}                    IPv4Internal-Addrs: 192.168.0.2
 *     SessionID: 4711                         IPv4Internal-Port: 3312
 *     Context: base64 of size and file name
 *
 * Later clients write the address lines, names and values, backwards. Other sessions carry the bytes, each
 * frame with its own offset: frames may be mixed, reordered and sent again. BYE with the same Call-ID closes.
 *
 * Version 2 of the frame (MSNP16), big-endian: length of this header 8, operation 8, length of the message
 * 16, identifier 32, list of type-length-value; then the message: length of its header 8, kind 8 (1 first, 4
 * object, 6 file), package 16, session 32, list (type 1: octets still to come 64), bytes. It has no offset:
 * that follows from the size and what is still to come.
 *
 * Direct leg. Who connects sends a block "foo\0", then each side blocks of a little-endian length of 32 bits
 * and a frame; the first frame is the handshake with the nonce that the invitation gave.
 *
 * Tokens. An invitation announces its file under "msn SESSIONID", and frames of the session find it there, in
 * the switchboard and on the leg alike. Pictures (MSN objects) are files too; who asks for one invites.
 *
 * Sources. hypothetic.org/docs/msn (P2P section); Pidgin libpurple/protocols/msn: p2p.h, slpcall.c,
 * directconn.c (fields, flags, GUIDs); MSNPSharp DataTransfer/P2PHeader.cs (version 2); vnsecurity.net
 * 2010-03 (lines written backwards). Limits. Blocks over BLOCK_BYTES are skipped; an invitation cut by the
 * end of its frame is read so far. Of more than MSN_TRANSFERS sessions at a time the oldest counts as cut
 * off. After a loss inside blocks the leg goes on at the next frame of a session that it knows.
 */
#include "im/msnslp.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "identify/parser.h"
#include "im/transcode.h"

enum {
    FRAME_HEAD = 48,
    BLOCK_BYTES = 8192,
    BLOCK_LIMIT = 1 << 20, /* no client sends a longer one */
    MAX_ADDRESSES = 8,     /* of one line */
    HEAD_BYTES = 48,       /* enough of a frame to know it by */
    FLAG_ACK = 0x02,
    FLAG_DATA = 0x20, /* of an object; files have 0x30 and more */
    TLVS = 16,
    KIND_FIRST = 1, /* version 2 */
    KIND_DATA = 4,  /* 4 object, 6 file */
};

struct view msn_field(struct view lines, struct view name)
{
    while (lines.len > 0) {
        struct view line = view_trim(view_token(&lines, '\n'));
        if (view_starts_nocase(line, name) && line.len > name.len && line.at[name.len] == ':')
            return view_trim(view_from(line, name.len + 1));
    }
    return view_of(NULL, 0);
}

static const struct {
    const char *guid;
    enum activity activity;
} applications[] = {
    { "5D3E02AB-6190-11D3-BBBB-00C04F795683", ACTIVITY_FILE },
    { "4BD96FC0-AB17-4425-A14A-439185962DC8", ACTIVITY_CALL },     /* webcam, offered */
    { "1C9AA97E-9C05-4583-A3BD-908A196F1E92", ACTIVITY_CALL },     /* webcam, asked for */
    { "02D3C01F-BF30-4825-A83A-DE7AF41648AA", ACTIVITY_CALL },     /* voice */
    { "44BBA842-CC51-11CF-AAFA-00AA00B6015C", ACTIVITY_CALL },     /* NetMeeting */
    { "A4268EEC-FEC5-49E5-95C3-F126696BDBF6", ACTIVITY_PRESENCE }, /* display picture, emoticon */
};

enum activity msn_application(struct view guid)
{
    if (guid.len > 2 && guid.at[0] == '{')
        guid = view_slice(guid, 1, guid.len - 1);
    for (size_t i = 0; i < sizeof applications / sizeof applications[0]; i++)
        if (view_equal_nocase(guid, view_string(applications[i].guid)))
            return applications[i].activity;
    return ACTIVITY_COUNT;
}

/* ---- direct legs ---- */

bool msn_expect(struct session *s, struct view addresses, struct view port, enum protocol protocol)
{
    struct expectation e = { .l4 = L4_TCP, .activity = ACTIVITY_FILE, .protocol = protocol };
    bool any = false;

    for (unsigned n = 0; n < MAX_ADDRESSES && addresses.len > 0; n++) {
        struct view own_port = view_token(&addresses, ' ');
        struct view host = view_token(&own_port, ':');
        uint64_t number;

        if (!ip_parse(host, &e.addr) || ip_is_zero(&e.addr) ||
            !view_decimal(own_port.len > 0 ? own_port : view_token(&port, ' '), 65535, &number))
            continue;
        e.port = (uint16_t)number;
        session_expect(s, &e);
        any = true;
    }
    return any;
}

static const struct {
    const char *addresses, *port;
    bool backwards;
} address_lines[] = {
    { "IPv4Internal-Addrs", "IPv4Internal-Port", false },
    { "IPv4External-Addrs", "IPv4External-Port", false },
    { "IPv4InternalAddrsAndPorts", "", false },
    { "IPv4ExternalAddrsAndPorts", "", false },
    { "srddA-lanretnI4vPI", "troP-lanretnI4vPI", true },
    { "srddA-lanretxE4vPI", "troP-lanretxE4vPI", true },
    { "stroPdnAsrddAlanretnI4vPI", "", true },
    { "stroPdnAsrddAlanretxE4vPI", "", true },
};

/* A line's value the right way round. */
static void add_value(struct text *t, struct view value, bool backwards)
{
    for (size_t i = 0; i < value.len; i++)
        text_add(t, view_slice(value, backwards ? value.len - 1 - i : i, backwards ? value.len - i : i + 1));
}

static bool read_addresses(struct session *s, struct view text)
{
    bool any = false;

    for (size_t i = 0; i < sizeof address_lines / sizeof address_lines[0]; i++) {
        char addresses[256], port[32];
        struct text a = TEXT(addresses), p = TEXT(port);

        add_value(&a, msn_field(text, view_string(address_lines[i].addresses)), address_lines[i].backwards);
        add_value(&p, msn_field(text, view_string(address_lines[i].port)), address_lines[i].backwards);
        any |= msn_expect(s, view_of(addresses, a.len), view_of(port, p.len), PROTOCOL_MSNSLP);
    }
    return any;
}

/* ---- transfers ---- */

static struct msn_transfer *transfer_find(struct msn_p2p *p2p, uint32_t session)
{
    for (unsigned i = 0; i < MSN_TRANSFERS; i++)
        if (session != 0 && p2p->transfer[i].session == session)
            return &p2p->transfer[i];
    return NULL;
}

/* A place for a session; where all are taken, the one that is replaced was cut off as far as we can see. */
static struct msn_transfer *transfer_new(struct session *s, struct msn_p2p *p2p, uint32_t session)
{
    struct msn_transfer *t = NULL;

    for (unsigned i = 0; i < MSN_TRANSFERS && t == NULL; i++)
        if (p2p->transfer[i].session == 0)
            t = &p2p->transfer[i];
    for (unsigned i = 0; i < MSN_TRANSFERS && t == NULL; i++)
        if (p2p->transfer[i].done) /* those last: frames may come once more */
            t = &p2p->transfer[i];
    if (t == NULL) {
        t = &p2p->transfer[p2p->replace];
        p2p->replace = (uint8_t)((p2p->replace + 1) % MSN_TRANSFERS);
        if (t->begun)
            session_file_end(s, t->file, false);
    }
    *t = (struct msn_transfer){ .session = session };
    return t;
}

static void transfer_end(struct session *s, struct msn_transfer *t, bool whole)
{
    if (t->begun && !t->done)
        session_file_end(s, t->file, whole);
    t->done = true;
}

/* "msn SESSIONID" */
static struct view token_of(char *buffer, size_t size, uint32_t session)
{
    struct text t = text_over(buffer, size);

    text_format(&t, "msn %u", session);
    return view_of(buffer, t.len);
}

/* ---- invitations ---- */

/* What an invitation is for. */
struct offer {
    char name[512];
    size_t name_len;
    uint64_t size;
};

/* Context of a file: header length, version, size, type, name in UTF-16. */
static void read_file_context(struct offer *o, struct view context)
{
    char raw[640];
    struct text decoded = TEXT(raw), name = TEXT(o->name);

    text_base64(&decoded, context);
    struct cursor c = cursor_open(view_of(raw, decoded.len));
    cursor_skip(&c, 8);
    o->size = cursor_le64(&c);
    cursor_skip(&c, 4);
    text_utf16(&name, view_slice(cursor_rest(&c), 0, 520), false);
    o->name_len = name.len;
}

/* The value of name="…" in an element. */
static struct view attribute(struct view element, struct view name)
{
    struct view v = view_from(element, view_find(element, name) + name.len);

    return view_slice(v, 0, view_find_byte(v, '"', 0));
}

/* Context of a picture: <msnobj Creator="…" Size="…" Location="…" Friendly="…"/>, the friendly name in
 * base64. */
static void read_object_context(struct offer *o, struct view context)
{
    char raw[1024], shown[256];
    struct text decoded = TEXT(raw), friendly = TEXT(shown), name = TEXT(o->name);

    text_base64(&decoded, context);
    struct view element = view_of(raw, decoded.len);
    text_base64(&friendly, attribute(element, VIEW(" Friendly=\"")));
    text_utf16(&name, view_of(shown, friendly.len), false);
    if (name.len == 0)
        text_8bit(&name, attribute(element, VIEW(" Location=\"")));
    o->name_len = name.len;
    (void)view_decimal(attribute(element, VIEW(" Size=\"")), UINT32_MAX, &o->size);
}

/* The bytes of this session will come in frames, here or on a direct leg. A picture comes from whom is asked.
 */
static void offer_session(struct session *s, struct msn_p2p *p2p, const struct msn_people *who,
                          struct view text, const struct offer *o, bool asked_for)
{
    struct im_file f = { .name = view_of(o->name, o->name_len),
                         .account = who->account,
                         .peer = who->peer,
                         .room = who->room,
                         .size = o->size,
                         .outgoing = who->outgoing != asked_for };
    char buffer[32];
    uint64_t session;

    if (!session_wants_files(s) || !view_decimal(msn_field(text, VIEW("SessionID")), UINT32_MAX, &session) ||
        session == 0)
        return;
    struct msn_transfer *t = transfer_find(p2p, (uint32_t)session);
    if (t == NULL)
        t = transfer_new(s, p2p, (uint32_t)session);
    t->call = hash_bytes(msn_field(text, VIEW("Call-ID")), 0);
    t->offered = true;
    session_announce(s, token_of(buffer, sizeof buffer, t->session), &f);
}

/* False: it is forbidden, and void: no client knows an application of this number. */
static bool read_invite(struct session *s, struct msn_p2p *p2p, const struct msn_people *who,
                        struct view text)
{
    struct im_detail detail = {
        .account = who->account, .peer = who->peer, .room = who->room, .outgoing = who->outgoing
    };
    struct view application = msn_field(text, VIEW("EUF-GUID"));
    enum activity activity = msn_application(application);
    bool forbidden = false;
    struct view context = msn_field(text, VIEW("Context"));
    struct offer o = { .name_len = 0 };

    if (activity == ACTIVITY_FILE) {
        read_file_context(&o, context);
        detail.file = view_of(o.name, o.name_len);
        detail.size = o.size;
        forbidden = session_forbidden(s, ACTIVITY_FILE, &detail, application, MSN_NO_APPLICATION);
        session_activity(s, ACTIVITY_FILE, &detail);
    } else if (activity == ACTIVITY_PRESENCE) {
        read_object_context(&o, context);
        session_activity(s, ACTIVITY_PRESENCE, NULL);
    } else if (activity != ACTIVITY_COUNT) {
        forbidden = session_forbidden(s, activity, &detail, application, MSN_NO_APPLICATION);
        session_activity(s, activity, &detail);
    }
    if ((activity == ACTIVITY_FILE || activity == ACTIVITY_PRESENCE) && !forbidden)
        offer_session(s, p2p, who, text, &o, activity == ACTIVITY_PRESENCE);
    return !forbidden;
}

/* BYE: the session is closed; its call tells which, later clients name it too. */
static void read_bye(struct session *s, struct msn_p2p *p2p, struct view text)
{
    uint64_t call = hash_bytes(msn_field(text, VIEW("Call-ID")), 0), session = 0;

    (void)view_decimal(msn_field(text, VIEW("SessionID")), UINT32_MAX, &session);
    for (unsigned i = 0; i < MSN_TRANSFERS; i++) {
        struct msn_transfer *t = &p2p->transfer[i];
        if (t->session != 0 && (t->session == session || (t->call != 0 && t->call == call)))
            transfer_end(s, t, t->size > 0 && (t->next >= t->size || t->came >= t->size));
    }
}

bool msn_slp_read(struct session *s, struct msn_p2p *p2p, const struct msn_people *who, struct view text)
{
    bool invites = view_find(text, VIEW("INVITE MSNMSGR:")) < text.len;

    if (invites && !read_invite(s, p2p, who, text))
        return false;
    if (!invites && view_find(text, VIEW("BYE MSNMSGR:")) < text.len)
        read_bye(s, p2p, text);
    return read_addresses(s, text);
}

/* ---- frames ---- */

/* What a frame's header says, in either version. */
struct head {
    uint32_t session;
    uint64_t offset, size; /* size 0: told by others */
    uint64_t remaining;    /* version 2: octets of the file behind this piece; it has no offset */
    uint64_t acked;        /* so many octets of the session arrived */
    size_t at, piece_len;  /* of the piece, in the frame */
    bool data;             /* the piece is of a file or picture */
    bool v2;
};

static bool head_v1(struct head *h, struct view frame, size_t len, uint32_t app)
{
    struct cursor c = cursor_open(frame);

    *h = (struct head){ .session = cursor_le32(&c), .at = FRAME_HEAD };
    cursor_skip(&c, 4);
    h->offset = cursor_le64(&c);
    h->size = cursor_le64(&c);
    h->piece_len = cursor_le32(&c);
    uint32_t flags = cursor_le32(&c);
    cursor_skip(&c, 8);
    uint64_t acked = cursor_le64(&c);
    if (c.bad || h->piece_len > len - FRAME_HEAD || h->offset > h->size || h->piece_len > h->size - h->offset)
        return false;
    h->acked = (flags & FLAG_ACK) != 0 ? acked : 0;
    h->data = h->session != 0 && h->piece_len > 0 && (app == MSN_APP_FILE || (flags & FLAG_DATA) != 0);
    return true;
}

/* The data header's list of type, length, value has one entry of interest: how much is still to come. */
static uint64_t remaining_of(struct cursor list)
{
    for (unsigned n = 0; n < TLVS && cursor_left(&list) >= 2; n++) {
        uint8_t type = cursor_u8(&list);
        struct cursor value = cursor_block8(&list);
        if (type == 0)
            break;
        if (type == 1 && cursor_left(&value) == 8)
            return cursor_u64(&value);
    }
    return 0;
}

static bool head_v2(struct head *h, struct view frame, size_t len)
{
    struct cursor c = cursor_open(frame);
    uint8_t head_len = cursor_u8(&c), operation = cursor_u8(&c);
    uint16_t message_len = cursor_u16(&c);

    *h = (struct head){ .v2 = true };
    if (c.bad || head_len < 8 || head_len % 4 != 0 || operation > 3 || (size_t)head_len + message_len != len)
        return false;
    cursor_skip(&c, head_len - 4u);
    if (message_len == 0)
        return !c.bad;
    uint8_t data_len = cursor_u8(&c), kind = cursor_u8(&c);
    cursor_skip(&c, 2);
    h->session = cursor_u32(&c);
    if (c.bad || data_len < 8 || data_len > message_len)
        return false;
    h->remaining = remaining_of(cursor_sub(&c, data_len - 8u));
    h->at = (size_t)head_len + data_len;
    h->piece_len = (size_t)message_len - data_len;
    h->data = h->session != 0 && (kind & KIND_DATA) != 0;
    if (h->data && (kind & KIND_FIRST) != 0 && h->remaining <= UINT64_MAX - h->piece_len)
        h->size = h->remaining + h->piece_len;
    return !c.bad;
}

/* A header of version 1 begins with a number of chance, or zero; its lengths tell it from one of version 2.
 */
static bool head_read(struct head *h, struct view frame, size_t len, uint32_t app)
{
    return head_v1(h, frame, len, app) || head_v2(h, frame, len);
}

/* The file that a session's first bytes begin: what the invitation said of it, on this flow or another. */
static void transfer_begin(struct session *s, struct msn_transfer *t, const struct msn_people *who,
                           const struct head *h, bool is_file)
{
    struct announced_file a;
    struct im_file f = { .outgoing = who->outgoing };
    char buffer[32];

    t->begun = true;
    if (session_announced(s, token_of(buffer, sizeof buffer, t->session), &a))
        f = announced_view(&a);
    if (who->account.len > 0 || who->peer.len > 0) { /* this flow knows better whose side is seen */
        f.account = who->account;
        f.peer = who->peer;
        f.room = who->room;
        f.outgoing = who->outgoing;
    }
    if (h->size > 0)
        f.size = h->size;
    t->size = f.size;
    if (is_file && !t->offered) {
        struct im_detail detail = { .account = f.account,
                                    .peer = f.peer,
                                    .room = f.room,
                                    .file = f.name,
                                    .size = f.size,
                                    .outgoing = f.outgoing };
        session_activity(s, ACTIVITY_FILE, &detail);
    }
    t->file = session_file_begin(s, &f);
}

/* How far the file came. One stretch that is early is remembered, which is what two paths or two threads
 * make. */
static void count_piece(struct msn_transfer *t, uint64_t at, uint64_t end)
{
    t->came += end - at;
    if (at > t->next && (t->early_end == 0 || at == t->early_end)) {
        t->early = t->early_end == 0 ? at : t->early;
        t->early_end = end;
    } else if (at <= t->next && end > t->next) {
        t->next = end;
    }
    if (t->early_end > 0 && t->early <= t->next) {
        t->next = t->early_end > t->next ? t->early_end : t->next;
        t->early_end = 0;
    }
}

/* All bytes of files pass here, piece by piece, in whatever order they come. */
static void file_bytes(struct session *s, struct msn_p2p *p2p, const struct msn_people *who, struct head *h,
                       struct view piece, bool is_file)
{
    struct msn_transfer *t = transfer_find(p2p, h->session);

    if (t == NULL)
        t = transfer_new(s, p2p, h->session);
    if (t->done)
        return; /* sent once more */
    if (!t->begun)
        transfer_begin(s, t, who, h, is_file);
    if (h->v2) {
        if (t->size < h->remaining || t->size - h->remaining < piece.len)
            return; /* its place is not known */
        h->offset = t->size - h->remaining - piece.len;
    }
    session_file_bytes(s, t->file, h->offset, piece);
    count_piece(t, h->offset, h->offset + piece.len);
    if (t->size > 0 && t->next >= t->size)
        transfer_end(s, t, true);
}

static bool carries_files(uint32_t app)
{
    return app == MSN_APP_UNKNOWN || app == MSN_APP_OBJECT || app == MSN_APP_FILE ||
           app == MSN_APP_EMOTICON || app == MSN_APP_PICTURE;
}

bool msn_p2p_read(struct session *s, struct msn_p2p *p2p, const struct msn_people *who, struct view frame,
                  uint32_t app)
{
    struct head h;

    if (!head_read(&h, frame, frame.len, app))
        return false;
    struct view piece = view_slice(frame, h.at, h.at + h.piece_len);
    struct msn_transfer *t = transfer_find(p2p, h.session);
    if (t != NULL && h.acked > 0 && h.acked == t->size)
        transfer_end(s, t, true); /* the other side has it all, pieces sent anew included */
    if (h.session == 0 && view_find(piece, VIEW("MSNSLP/1.0")) < piece.len)
        return msn_slp_read(s, p2p, who, piece);
    if (h.data && carries_files(app))
        file_bytes(s, p2p, who, &h, piece, app == MSN_APP_FILE || app == MSN_APP_UNKNOWN);
    return false;
}

bool msn_p2p_known(const struct msn_p2p *p2p, struct view frame, size_t len)
{
    struct head h;

    if (!head_read(&h, frame, len, MSN_APP_UNKNOWN) || !h.data)
        return false;
    for (unsigned i = 0; i < MSN_TRANSFERS; i++) {
        const struct msn_transfer *t = &p2p->transfer[i];
        if (t->session == h.session)
            return h.v2 || t->size == 0 || t->size == h.size;
    }
    return false;
}

/* ---- the direct leg ---- */

struct leg {
    struct msn_p2p p2p;
    uint32_t skip[2];
    uint32_t waits[2]; /* whole length of the block that lies incomplete at the front, 0: not known */
    bool lost[2];      /* where blocks begin is not known */
    bool delivery_told;
};

/* After a loss: go to where a block of a transfer that is known begins. False: more bytes are needed. */
static bool leg_resync(struct leg *l, enum flow_dir from, struct cursor *c)
{
    while (cursor_left(c) >= 4 + HEAD_BYTES) {
        struct cursor block = cursor_open(cursor_peek(c));
        uint32_t len = cursor_le32(&block);
        if (len > 0 && len <= BLOCK_BYTES &&
            msn_p2p_known(&l->p2p, view_slice(cursor_rest(&block), 0, len), len)) {
            l->lost[from] = false;
            return true;
        }
        cursor_skip(c, 1);
    }
    return false;
}

/* Take one block off the front. False: it is not whole yet, or (settled) this is no leg. */
static bool leg_step(struct leg *l, struct session *s, enum flow_dir from, struct cursor *c)
{
    struct msn_people who = { .outgoing = from == FROM_CLIENT };
    struct cursor block = cursor_open(cursor_peek(c));
    uint32_t len = cursor_le32(&block);

    if (block.bad)
        return false;
    if (len > BLOCK_LIMIT) {
        session_settle(s);
        return false;
    }
    if (len > BLOCK_BYTES) {
        l->skip[from] = 4 + len;
        return true;
    }
    struct view frame = cursor_take(&block, len);
    l->waits[from] = block.bad ? 4 + len : 0;
    if (block.bad)
        return false;
    cursor_skip(c, 4 + (size_t)len);
    (void)msn_p2p_read(s, &l->p2p, &who, frame, MSN_APP_UNKNOWN); /* this is the direct leg */
    return true;
}

static size_t feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct leg *l = state;
    struct cursor c = cursor_open(in);
    bool goes_on = true;

    if (!l->delivery_told) {
        session_delivery(s, DELIVERY_PEER);
        l->delivery_told = true;
    }
    while (goes_on) {
        cursor_drain(&c, &l->skip[from]);
        goes_on = l->lost[from] ? leg_resync(l, from, &c) : leg_step(l, s, from, &c);
    }
    return in.len - cursor_left(&c);
}

/* Of a block whose length is known the rest is passed over; else the next block is searched for. */
static bool gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct leg *l = state;
    uint64_t known = l->skip[from] > 0 ? l->skip[from] : l->waits[from];

    (void)s;
    l->lost[from] = lost > known;
    l->skip[from] = lost > known ? 0 : (uint32_t)(known - lost);
    l->waits[from] = 0;
    return true;
}

static bool starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first == 4;
}

static enum im_answer probe(const struct sample *s, struct finding *out)
{
    const struct view mark = VIEW("\x04\x00\x00\x00"
                                  "foo\x00");
    enum im_answer answer = IM_MORE;

    for (unsigned d = FROM_CLIENT; d <= FROM_SERVER; d++) {
        if (view_starts(s->bytes[d], mark)) {
            struct text value = TEXT(out->value);
            text_string(&value, "MSN direct connection");
            return IM_YES;
        }
        if (!view_starts(mark, s->bytes[d]))
            answer = IM_NO;
    }
    return answer;
}

extern const struct parser parser_msnslp;

const struct parser parser_msnslp = {
    .protocol = PROTOCOL_MSNSLP,
    .service = "msn",
    .on = PARSER_TCP,
    .starts = starts,
    .probe = probe,
    .state_size = sizeof(struct leg),
    .feed = feed,
    .gap = gap,
};
