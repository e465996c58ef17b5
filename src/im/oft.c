/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peer legs of OSCAR: file transfer (OFT), direct messages (ODC), and both through AOL's proxy (ARS).
 *
 * OFT. Either side may have opened the connection. The sender of a file begins: a header "OFT2" or "OFT3",
 * its length (256 with a name of up to 64 octets, more with a longer one), a type, a cookie, counts, sizes,
 * name.
 *
 *     0101 prompt      sender      name and size of the next file
 *     0202 acknowledge receiver    then the sender sends the file's bytes, bare
 *     0205 resume      receiver    has so many bytes already
 *     0106 resuming    sender      agrees to a place
 *     0207 go on       receiver    then the sender sends the rest
 *     0204 done        receiver
 *     11xx, 12xx       the same exchange for listings and "get file"
 *
 * A folder is sent as one prompt after the other on the same connection. A file is ours to carry from the
 * receiver's answer on, or, where only the sender's side is seen, from the first bytes that are no header.
 *
 * ODC. A header "ODC2" of 76 octets with the sender's name and the length of what follows: text in HTML, with
 * pictures in a <BINARY> part behind it, <DATA ID="1" SIZE="n"> and n octets each, which the text names; a
 * length of 0 is a typing notice.
 *
 * Proxy. Length, version 044a, type: 2 create, 3 created, 4 join, 5 ready, 1 error. After "ready" the two
 * sides speak OFT or ODC through the proxy.
 *
 * Who sends to whom is known by the cookie that all of them carry: the token "oft " and its hex, announced by
 * oscar.c. A prompt may have none, the receiver's answer has it.
 *
 * All three share one state and one feed, since which of them comes next only the bytes tell. Bytes that are
 * lost within a file or picture leave a hole in it; where a header is lost following ends, the flow keeps its
 * service.
 *
 * Limits. Text of a direct message over TEXT_BYTES is cut, and its pictures are not found. Names of
 * PICTURES_KEPT pictures of one message are kept.
 *
 * Sources. Pidgin libpurple/protocols/oscar: peer.h, oft.c, odc.c, peer_proxy.c (fields and constants).
 */
#include "base/cursor.h"
#include "identify/parser.h"
#include "im/oscar.h"
#include "im/transcode.h"

enum {
    OFT_HEAD_MIN = 256,
    OFT_HEAD_MAX = 2048,
    OFT_NAME_AT = 192,
    OFT_CHARSET_AT = 188,
    ODC_HEAD = 76,
    PROXY_HEAD = 12,
    PROXY_MAX = 1024,
    PROXY_VERSION = 0x044a,
    COOKIE_BYTES = 8,
    TEXT_BYTES = 8192, /* of a direct message: pictures come behind the text */
    FILE_NAME_BYTES = 256,
    MAX_PICTURES = 16, /* told of one message */
    PICTURES_KEPT = 8,
    PICTURE_NAME_BYTES = 64,
    TAG_BYTES = 128, /* in a <BINARY> part */
};

enum oft_type {
    OFT_PROMPT = 0x0101,
    OFT_ACK = 0x0202,
    OFT_DONE = 0x0204,
    OFT_RESUME = 0x0205,
    OFT_RESUMING = 0x0106,
    OFT_GO_ON = 0x0207,
};
static const uint16_t oft_types[] = {
    OFT_PROMPT, OFT_ACK, OFT_DONE, OFT_RESUME, OFT_RESUMING, OFT_GO_ON,
    0x1108,     0x1209,  0x120a,   0x120b,     0x120c,
};

/* A picture that the text of a direct message names, and <DATA> of the same number will bring. */
struct picture {
    uint64_t id;
    uint8_t name_len;
    char name[PICTURE_NAME_BYTES];
};

/* What one side sends. */
struct side {
    uint32_t file;     /* of the session, 0: none is open, or nobody wants it */
    uint32_t bare;     /* bytes of the file or picture to come */
    uint64_t at;       /* the place of the next one */
    uint32_t odc_left; /* of the <BINARY> part of a direct message, the picture's bytes included */
    uint8_t picture_count;
    struct picture pictures[PICTURES_KEPT];
};

struct leg {
    struct side side[2];
    uint32_t size, resume; /* of the file that was prompted */
    uint8_t file_sender;   /* who sent the prompt */
    bool prompted;         /* and its bytes have not begun */
    bool delivery_told;
    bool has_cookie;
    uint8_t cookie[COOKIE_BYTES];
    uint16_t name_len;
    char name[FILE_NAME_BYTES];
};
_Static_assert(sizeof(struct leg) <= PARSER_STATE_BYTES, "fits the slab");

struct talk {
    struct leg *leg;
    struct session *s;
    enum flow_dir from;
};

/* What a step of feed did. */
enum step { STEP_MORE, STEP_DONE, STEP_BAD };

static void tell_delivery(struct talk *t, enum delivery delivery)
{
    if (!t->leg->delivery_told)
        session_delivery(t->s, delivery);
    t->leg->delivery_told = true;
}

static struct view until_nul(struct view v)
{
    return view_slice(v, 0, view_find_byte(v, '\0', 0));
}

/* ---- OFT ---- */

static bool is_oft_type(uint16_t type)
{
    for (size_t i = 0; i < sizeof oft_types / sizeof oft_types[0]; i++)
        if (oft_types[i] == type)
            return true;
    return false;
}

static bool is_oft_mark(struct view v)
{
    return view_starts(v, VIEW("OFT2")) || view_starts(v, VIEW("OFT3"));
}

/* The rendezvous that this leg belongs to; zeros are none. */
static void learn_cookie(struct talk *t, struct view cookie)
{
    static const uint8_t none[COOKIE_BYTES];

    if (cookie.len != COOKIE_BYTES || memcmp(cookie.at, none, COOKIE_BYTES) == 0)
        return;
    memcpy(t->leg->cookie, cookie.at, COOKIE_BYTES);
    t->leg->has_cookie = true;
}

/* What was said of this leg. */
static bool announced(struct talk *t, struct announced_file *out)
{
    char buffer[32];
    struct text token = TEXT(buffer);

    oscar_token(&token, view_of(t->leg->cookie, COOKIE_BYTES));
    return t->leg->has_cookie && session_announced(t->s, view_of(buffer, token.len), out);
}

/* The file that was prompted: its bytes begin at `offset`. */
static void begin_file(struct talk *t, uint32_t offset)
{
    struct leg *l = t->leg;
    struct side *sender = &l->side[l->file_sender];
    struct announced_file told;
    struct im_file file = { .outgoing = l->file_sender == FROM_CLIENT };

    if (announced(t, &told)) {
        file = announced_view(&told);
        file.type = view_of(NULL, 0);
    }
    file.name = view_of(l->name, l->name_len);
    file.size = l->size;
    file.offset = offset;
    l->prompted = false;
    sender->file = session_file_begin(t->s, &file);
    sender->bare = l->size - offset;
    sender->at = offset;
    if (sender->bare == 0)
        session_file_end(t->s, sender->file, true);
}

static void read_prompt(struct talk *t, uint32_t size, uint16_t charset, struct view name)
{
    struct leg *l = t->leg;
    struct im_detail detail = { .size = size, .outgoing = t->from == FROM_CLIENT };
    struct text kept = TEXT(l->name);

    oscar_file_name(&kept, charset, name);
    l->name_len = (uint16_t)kept.len;
    l->file_sender = (uint8_t)t->from;
    l->size = size;
    l->resume = 0;
    l->prompted = true;
    detail.file = view_of(l->name, l->name_len); /* who offers it to whom the signalling has told */
    session_activity(t->s, ACTIVITY_FILE, &detail);
}

/* What follows a header: a prompt tells the file, the receiver's answer lets its bytes come. */
static void read_oft(struct talk *t, uint16_t type, uint32_t received)
{
    struct leg *l = t->leg;
    bool from_receiver = t->from != (enum flow_dir)l->file_sender;

    if (type == OFT_RESUMING && !from_receiver)
        l->resume = received < l->size ? received : l->size;
    else if (type == OFT_ACK && from_receiver && l->prompted)
        begin_file(t, 0);
    else if (type == OFT_GO_ON && from_receiver && l->prompted)
        begin_file(t, l->resume);
}

static enum step oft_step(struct talk *t, struct cursor *c)
{
    struct cursor head = cursor_open(cursor_peek(c));
    cursor_skip(&head, 4);
    uint16_t len = cursor_u16(&head), type = cursor_u16(&head);

    if (head.bad)
        return STEP_MORE;
    if (len < OFT_HEAD_MIN || len > OFT_HEAD_MAX || !is_oft_type(type))
        return STEP_BAD;
    if (cursor_left(c) < len)
        return STEP_MORE;
    struct view frame = cursor_take(c, len);
    struct cursor sizes = cursor_open(view_from(frame, 8));
    struct view cookie = cursor_take(&sizes, COOKIE_BYTES);
    cursor_skip(&sizes, 16); /* counts, size of all */
    uint32_t size = cursor_u32(&sizes);
    cursor_skip(&sizes, 24);
    uint32_t received = cursor_u32(&sizes);

    tell_delivery(t, DELIVERY_PEER);
    learn_cookie(t, cookie);
    if (type == OFT_PROMPT)
        read_prompt(t, size, view_u16(frame, OFT_CHARSET_AT), view_from(frame, OFT_NAME_AT));
    else
        read_oft(t, type, received);
    return STEP_DONE;
}

/* All bytes of files and pictures pass here. */
static void file_bytes(struct talk *t, struct view bytes)
{
    struct side *side = &t->leg->side[t->from];

    session_file_bytes(t->s, side->file, side->at, bytes);
    side->at += bytes.len;
    side->bare -= (uint32_t)bytes.len;
    if (side->bare == 0)
        session_file_end(t->s, side->file, true);
}

/* ---- ODC ---- */

/* The value behind `key` in an HTML tag: quoted, up to the closing quote. */
static struct view attribute(struct view tag, struct view key)
{
    struct view v = view_from(tag, view_find_nocase(tag, key) + key.len);

    return view_slice(v, 0, view_find_byte(v, '"', 0));
}

static void keep_picture(struct side *side, struct view id, struct view name)
{
    struct picture *p = &side->pictures[side->picture_count];

    if (side->picture_count == PICTURES_KEPT || !view_decimal(id, UINT32_MAX, &p->id))
        return;
    struct text kept = TEXT(p->name);
    text_8bit(&kept, name);
    p->name_len = (uint8_t)kept.len;
    side->picture_count++;
}

/* Pictures of a message: <IMG SRC="name" ID="1" DATASIZE="size">. */
static void tell_pictures(struct talk *t, struct im_detail *detail, struct view html)
{
    struct side *side = &t->leg->side[t->from];

    side->picture_count = 0;
    for (unsigned n = 0; n < MAX_PICTURES; n++) {
        html = view_from(html, view_find_nocase(html, VIEW("<IMG ")));
        struct view tag = view_slice(html, 0, view_find_byte(html, '>', 0));
        if (tag.len == 0)
            return;
        html = view_from(html, tag.len);
        detail->file = attribute(tag, VIEW("SRC=\""));
        detail->size = 0;
        keep_picture(side, attribute(tag, VIEW(" ID=\"")), detail->file);
        if (view_decimal(attribute(tag, VIEW("DATASIZE=\"")), UINT32_MAX, &detail->size))
            session_activity(t->s, ACTIVITY_FILE, detail);
    }
}

/* Who talks on this leg: the header has its sender's name, the announcement both. */
static struct im_detail odc_detail(struct talk *t, struct announced_file *told, struct view name)
{
    struct im_detail detail = { .outgoing = t->from == FROM_CLIENT };

    if (announced(t, told)) {
        detail.account = view_string(told->account);
        detail.peer = view_string(told->peer);
        detail.outgoing = name.len > 0 ? oscar_same_name(name, detail.account) : detail.outgoing;
        return detail;
    }
    if (detail.outgoing)
        detail.account = name;
    else
        detail.peer = name;
    return detail;
}

/* All text of direct messages passes here. */
static void read_direct_message(struct talk *t, struct view name, uint16_t charset, struct view html)
{
    struct announced_file told;
    struct im_detail detail = odc_detail(t, &told, name);
    char buffer[TEXT_BYTES * 2];
    struct text text = TEXT(buffer);

    oscar_text(&text, charset, html);
    detail.markup = MARKUP_HTML;
    detail.text = view_of(buffer, text.len);
    session_activity(t->s, ACTIVITY_CHAT, &detail);
    detail.text = view_of(NULL, 0);
    detail.markup = MARKUP_NONE;
    tell_pictures(t, &detail, view_of(buffer, text.len));
}

/* A header and the text behind it; its pictures are steps of their own. */
static enum step odc_step(struct talk *t, struct cursor *c)
{
    struct cursor head = cursor_open(cursor_peek(c));

    cursor_skip(&head, 4);
    uint16_t head_len = cursor_u16(&head), type = cursor_u16(&head);
    cursor_skip(&head, 4);
    struct view cookie = cursor_take(&head, COOKIE_BYTES);
    cursor_skip(&head, 8);
    uint32_t len = cursor_u32(&head);
    uint16_t charset = (uint16_t)cursor_u32(&head);
    cursor_skip(&head, 8);
    struct view name = until_nul(cursor_take(&head, 32));
    if (head.bad)
        return STEP_MORE;
    if (head_len != ODC_HEAD || type != 1)
        return STEP_BAD;
    struct view payload = cursor_take(&head, len < TEXT_BYTES ? len : TEXT_BYTES);
    if (head.bad)
        return STEP_MORE;
    struct view html = view_slice(payload, 0, view_find_nocase(payload, VIEW("<BINARY>")));
    cursor_skip(c, ODC_HEAD + html.len);
    t->leg->side[t->from].odc_left = len - (uint32_t)html.len;

    tell_delivery(t, DELIVERY_PEER);
    learn_cookie(t, cookie);
    if (len > 0)
        read_direct_message(t, name, charset, html);
    else
        session_activity(t->s, ACTIVITY_PRESENCE, NULL);
    return STEP_DONE;
}

/* <DATA ID="1" SIZE="9">: so many bytes of a picture that the text named. */
static void begin_picture(struct talk *t, struct view tag)
{
    struct side *side = &t->leg->side[t->from];
    struct announced_file told;
    struct im_file file = { .outgoing = t->from == FROM_CLIENT };
    uint64_t id, size;

    if (!view_decimal(attribute(tag, VIEW(" ID=\"")), UINT32_MAX, &id) ||
        !view_decimal(attribute(tag, VIEW(" SIZE=\"")), side->odc_left, &size) || size == 0)
        return;
    if (announced(t, &told)) {
        file.account = view_string(told.account);
        file.peer = view_string(told.peer);
    }
    file.size = size;
    for (unsigned i = 0; i < side->picture_count; i++)
        if (side->pictures[i].id == id)
            file.name = view_of(side->pictures[i].name, side->pictures[i].name_len);
    side->file = session_file_begin(t->s, &file);
    side->bare = (uint32_t)size;
    side->at = 0;
}

/* Tags between the pictures of a direct message; where there is none, the rest of the message is passed
 * over. */
static enum step binary_step(struct talk *t, struct cursor *c)
{
    struct side *side = &t->leg->side[t->from];
    struct view v = view_slice(cursor_peek(c), 0, side->odc_left < TAG_BYTES ? side->odc_left : TAG_BYTES);
    size_t len = view_find_byte(v, '>', 0) + 1;

    if (v.at[0] != '<' || (len > v.len && (v.len == side->odc_left || v.len == TAG_BYTES))) {
        cursor_drain(c, &side->odc_left);
        return STEP_DONE;
    }
    if (len > v.len)
        return STEP_MORE;
    cursor_skip(c, len);
    side->odc_left -= (uint32_t)len;
    if (view_starts_nocase(v, VIEW("<DATA ")))
        begin_picture(t, view_slice(v, 0, len));
    return STEP_DONE;
}

/* ---- proxy ---- */

enum { PROXY_ERROR = 1, PROXY_CREATE = 2, PROXY_JOIN = 4, PROXY_READY = 5 };

/* Create or join: name, password of the session (join only), cookie, TLV 1 with the capability. */
static void read_proxy_request(struct talk *t, uint16_t type, struct cursor *body)
{
    struct im_detail detail = { .outgoing = t->from == FROM_CLIENT };

    detail.account = cursor_take(body, cursor_u8(body));
    cursor_skip(body, type == PROXY_JOIN ? 2 : 0); /* a password */
    learn_cookie(t, cursor_take(body, COOKIE_BYTES));
    cursor_skip(body, 4);
    const struct oscar_capability *cap = oscar_capability(cursor_take(body, 16));
    if (!body->bad && cap != NULL)
        session_activity(t->s, cap->activity, &detail);
}

static enum step proxy_step(struct talk *t, struct cursor *c)
{
    struct cursor frame = cursor_open(cursor_peek(c));
    uint16_t len = cursor_u16(&frame), version = cursor_u16(&frame), type = cursor_u16(&frame);

    if (frame.bad)
        return STEP_MORE;
    if (len < PROXY_HEAD - 2 || len > PROXY_MAX || version != PROXY_VERSION || type < PROXY_ERROR ||
        type > PROXY_READY)
        return STEP_BAD;
    cursor_skip(&frame, 6);
    struct cursor body = cursor_sub(&frame, (size_t)len - (PROXY_HEAD - 2));
    if (frame.bad)
        return STEP_MORE;
    cursor_skip(c, (size_t)len + 2);

    tell_delivery(t, DELIVERY_SERVER_PROXY);
    if (type == PROXY_CREATE || type == PROXY_JOIN)
        read_proxy_request(t, type, &body);
    return STEP_DONE;
}

/* ---- feed ---- */

/* Are the next bytes of the sender those of its file, though no answer to its prompt was seen? */
static bool is_unanswered_file(struct talk *t, struct view v)
{
    struct leg *l = t->leg;

    return l->prompted && l->size > 0 && t->from == (enum flow_dir)l->file_sender && !is_oft_mark(v);
}

static enum step next_step(struct talk *t, struct cursor *c)
{
    struct side *side = &t->leg->side[t->from];
    struct view v = cursor_peek(c);

    if (side->bare > 0) {
        v = view_slice(v, 0, side->bare);
        cursor_skip(c, v.len);
        if (side->odc_left > 0)
            side->odc_left -= (uint32_t)v.len;
        file_bytes(t, v);
        return STEP_DONE;
    }
    if (side->odc_left > 0)
        return binary_step(t, c);
    if (v.len < 4)
        return STEP_MORE;
    if (is_unanswered_file(t, v)) {
        begin_file(t, t->leg->resume);
        return STEP_DONE;
    }
    if (is_oft_mark(v))
        return oft_step(t, c);
    if (view_starts(v, VIEW("ODC2")))
        return odc_step(t, c);
    return proxy_step(t, c);
}

static size_t feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct talk t = { state, s, from };
    struct cursor c = cursor_open(in);

    while (cursor_left(&c) > 0) {
        enum step step = next_step(&t, &c);
        if (step == STEP_BAD)
            session_settle(s);
        if (step != STEP_DONE)
            break;
    }
    return in.len - cursor_left(&c);
}

/* Within a file, or the rest of a direct message, the place is known. */
static bool gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct leg *l = state;
    struct side *side = &l->side[from];

    if (lost <= side->bare && side->bare > 0) {
        side->at += lost;
        side->bare -= (uint32_t)lost;
        if (side->odc_left > 0)
            side->odc_left -= (uint32_t)lost;
        if (side->bare == 0)
            session_file_end(s, side->file, true);
        return true;
    }
    if (side->bare > 0)
        session_file_end(s, side->file, false);
    bool within = side->bare == 0 && lost <= side->odc_left && side->odc_left > 0;
    side->bare = 0;
    if (!within)
        return false;
    side->odc_left -= (uint32_t)lost;
    return true;
}

/* ---- recognising ---- */

typedef enum im_answer recognise(struct view v, struct finding *out);

/* Either side may speak first. */
static enum im_answer probe_sides(const struct sample *s, struct finding *out, recognise *recognise_one)
{
    enum im_answer answer = IM_MORE;

    for (unsigned d = FROM_CLIENT; d <= FROM_SERVER; d++) {
        if (s->bytes[d].len == 0)
            continue;
        enum im_answer a = recognise_one(s->bytes[d], out);
        if (a == IM_YES)
            return IM_YES;
        if (a == IM_NO)
            answer = IM_NO;
    }
    return answer;
}

static bool begins_as(struct view v, struct view mark)
{
    return view_starts(mark, view_slice(v, 0, mark.len));
}

static enum im_answer recognise_oft(struct view v, struct finding *out)
{
    struct cursor c = cursor_open(view_from(v, 4));
    uint16_t len = cursor_u16(&c), type = cursor_u16(&c);

    if (!begins_as(v, VIEW("OFT2")) && !begins_as(v, VIEW("OFT3")))
        return IM_NO;
    if (v.len < 8)
        return IM_MORE;
    if (len < OFT_HEAD_MIN || len > OFT_HEAD_MAX || !is_oft_type(type))
        return IM_NO;
    struct text value = TEXT(out->value);
    text_printable(&value, view_slice(v, 0, 4));
    text_format(&value, " header, type %04x", type);
    return IM_YES;
}

static enum im_answer recognise_odc(struct view v, struct finding *out)
{
    if (!begins_as(v, VIEW("ODC2\x00\x4c\x00\x01")))
        return IM_NO;
    if (v.len < 8)
        return IM_MORE;
    struct text value = TEXT(out->value);
    text_string(&value, "ODC2 header");
    return IM_YES;
}

/* Length, version, type, four zeros: 60 bits. */
static enum im_answer recognise_proxy(struct view v, struct finding *out)
{
    struct cursor c = cursor_open(v);
    uint16_t len = cursor_u16(&c), version = cursor_u16(&c), type = cursor_u16(&c);

    if (v.len >= 2 && (len < PROXY_HEAD - 2 || len > PROXY_MAX))
        return IM_NO;
    if (v.len >= 4 && version != PROXY_VERSION)
        return IM_NO;
    if (v.len >= 6 && (type < PROXY_ERROR || type > PROXY_READY))
        return IM_NO;
    uint32_t zeros = cursor_u32(&c);
    if (c.bad)
        return IM_MORE;
    if (zeros != 0)
        return IM_NO;
    struct text value = TEXT(out->value);
    text_format(&value, "rendezvous proxy, type %u", type);
    return IM_YES;
}

static enum im_answer probe_oft(const struct sample *s, struct finding *out)
{
    return probe_sides(s, out, recognise_oft);
}

static enum im_answer probe_odc(const struct sample *s, struct finding *out)
{
    return probe_sides(s, out, recognise_odc);
}

static enum im_answer probe_proxy(const struct sample *s, struct finding *out)
{
    return probe_sides(s, out, recognise_proxy);
}

static bool starts_with_o(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first == 'O';
}

static bool starts_short(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first <= PROXY_MAX >> 8;
}

extern const struct parser parser_oft, parser_odc, parser_oscar_proxy;

const struct parser parser_oft = {
    .protocol = PROTOCOL_OFT,
    .service = "oscar",
    .on = PARSER_TCP,
    .starts = starts_with_o,
    .probe = probe_oft,
    .state_size = sizeof(struct leg),
    .feed = feed,
    .gap = gap,
};

const struct parser parser_odc = {
    .protocol = PROTOCOL_ODC,
    .service = "oscar",
    .on = PARSER_TCP,
    .starts = starts_with_o,
    .probe = probe_odc,
    .state_size = sizeof(struct leg),
    .feed = feed,
    .gap = gap,
};

const struct parser parser_oscar_proxy = {
    .protocol = PROTOCOL_OSCAR,
    .service = "oscar",
    .on = PARSER_TCP,
    .starts = starts_short,
    .probe = probe_proxy,
    .state_size = sizeof(struct leg),
    .feed = feed,
    .gap = gap,
};
