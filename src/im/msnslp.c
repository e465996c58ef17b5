/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSN's peer-to-peer layer (MSN Messenger 6 and later): MSNSLP invitations, P2P frames, and the direct leg.
 *
 * P2P frame, little-endian, 48 octets: session 32, identifier 32, offset 64, size of all 64, size of this
 * piece 32, flags 32, then three numbers of acknowledgement. Session 0 carries MSNSLP: text like SIP,
 *
 *     INVITE MSNMSGR:peer MSNSLP/1.0          200 OK with the addresses of a listener:
 *     …                                       Listening: true
 *     EUF-GUID: {what for}                    IPv4Internal-Addrs: 192.168.0.2
 *     Context: base64 of size and file name   IPv4Internal-Port: 3312
 *
 * Later clients write the address lines, names and values, backwards. Other sessions carry the bytes.
 *
 * Direct leg. Who connects sends a block "foo\0", then each side blocks of a little-endian length of 32 bits
 * and a frame; the first frame is the handshake with the nonce that the invitation gave.
 *
 * Sources. hypothetic.org/docs/msn (P2P section); Pidgin libpurple/protocols/msn: p2p.h, slpcall.c,
 * directconn.c (fields, flags, GUIDs); vnsecurity.net 2010-03 (lines written backwards).
 * Limits. Blocks over BLOCK_BYTES are skipped; an invitation cut by the end of its frame is read so far.
 */
#include "im/msnslp.h"
#include "base/cursor.h"
#include "identify/parser.h"
#include "im/transcode.h"

enum {
    FRAME_HEAD = 48,
    BLOCK_BYTES = 8192,
    BLOCK_LIMIT = 1 << 20, /* no client sends a longer one */
    MAX_ADDRESSES = 8,     /* of one line */
    FLAG_FILE = 0x10,
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

/* ---- invitations ---- */

/* Context of a file: header length, version, size, type, name in UTF-16. */
static void tell_file(struct session *s, struct im_detail *detail, struct view context)
{
    char raw[640], name[512];
    struct text decoded = TEXT(raw), text = TEXT(name);

    text_base64(&decoded, context);
    struct cursor c = cursor_open(view_of(raw, decoded.len));
    cursor_skip(&c, 8);
    detail->size = cursor_le64(&c);
    cursor_skip(&c, 4);
    text_utf16(&text, view_slice(cursor_rest(&c), 0, 520), false);
    detail->file = view_of(name, text.len);
    session_activity(s, ACTIVITY_FILE, detail);
}

bool msn_slp_read(struct session *s, const struct msn_people *who, struct view text)
{
    struct im_detail detail = { .account = who->account, .peer = who->peer, .outgoing = who->outgoing };
    bool invites = view_find(text, VIEW("INVITE MSNMSGR:")) < text.len;
    enum activity activity = msn_application(msn_field(text, VIEW("EUF-GUID")));

    if (invites && activity == ACTIVITY_FILE)
        tell_file(s, &detail, msn_field(text, VIEW("Context")));
    else if (invites && activity != ACTIVITY_COUNT)
        session_activity(s, activity, activity == ACTIVITY_PRESENCE ? NULL : &detail);
    return read_addresses(s, text);
}

/* ---- frames ---- */

/* All bytes of files pass here, piece by piece; the first one tells the file. */
static void file_bytes(struct session *s, const struct msn_people *who, uint64_t offset, uint64_t size,
                       struct view piece)
{
    struct im_detail detail = {
        .account = who->account, .peer = who->peer, .size = size, .outgoing = who->outgoing
    };

    if (offset == 0 && piece.len > 0)
        session_activity(s, ACTIVITY_FILE, &detail);
}

bool msn_p2p_read(struct session *s, const struct msn_people *who, struct view frame, uint32_t app)
{
    struct cursor c = cursor_open(frame);
    uint32_t session = cursor_le32(&c);
    cursor_skip(&c, 4);
    uint64_t offset = cursor_le64(&c), size = cursor_le64(&c);
    uint32_t len = cursor_le32(&c), flags = cursor_le32(&c);
    cursor_skip(&c, 16);
    struct view piece = cursor_take(&c, len);

    if (view_find(frame, VIEW("MSNSLP/1.0")) < frame.len)
        return msn_slp_read(s, who, frame); /* any version of the frame header */
    bool is_file = app == MSN_APP_FILE || (app == MSN_APP_UNKNOWN && (flags & FLAG_FILE) != 0);
    if (!c.bad && session != 0 && is_file)
        file_bytes(s, who, offset, size, piece);
    return false;
}

/* ---- the direct leg ---- */

struct leg {
    uint32_t skip[2];
    bool delivery_told;
};

static size_t feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct leg *l = state;
    struct msn_people who = { view_of(NULL, 0), view_of(NULL, 0), from == FROM_CLIENT };
    struct cursor c = cursor_open(in);

    if (!l->delivery_told) {
        session_delivery(s, DELIVERY_PEER);
        l->delivery_told = true;
    }
    for (;;) {
        cursor_drain(&c, &l->skip[from]);

        struct cursor block = cursor_open(cursor_peek(&c));
        uint32_t len = cursor_le32(&block);
        if (block.bad)
            break;
        if (len > BLOCK_LIMIT) {
            session_settle(s);
            break;
        }
        if (len > BLOCK_BYTES) {
            l->skip[from] = 4 + len;
            continue;
        }
        struct view frame = cursor_take(&block, len);
        if (block.bad)
            break;
        cursor_skip(&c, 4 + (size_t)len);
        (void)msn_p2p_read(s, &who, frame, MSN_APP_UNKNOWN); /* this is the direct leg */
    }
    return in.len - cursor_left(&c);
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
};
