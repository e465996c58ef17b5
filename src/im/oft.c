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
 * ODC. A header "ODC2" of 76 octets with the sender's name and the length of what follows: text in HTML, with
 * pictures in a <BINARY> part behind it; a length of 0 is a typing notice.
 *
 * Proxy. Length, version 044a, type: 2 create, 3 created, 4 join, 5 ready, 1 error. After "ready" the two
 * sides speak OFT or ODC through the proxy.
 *
 * All three share one state and one feed, since which of them comes next only the bytes tell. After lost
 * bytes the place in a file is not known: following ends, the flow keeps its service.
 *
 * Sources. Pidgin libpurple/protocols/oscar: peer.h, oft.c, odc.c, peer_proxy.c (fields and constants).
 */
#include "base/cursor.h"
#include "identify/parser.h"
#include "im/oscar.h"

enum {
    OFT_HEAD_MIN = 256,
    OFT_HEAD_MAX = 2048,
    OFT_NAME_AT = 192,
    ODC_HEAD = 76,
    PROXY_HEAD = 12,
    PROXY_MAX = 1024,
    PROXY_VERSION = 0x044a,
    TEXT_BYTES = 8192, /* of a direct message: pictures come behind the text */
    MAX_PICTURES = 16, /* told of one message */
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

struct leg {
    uint32_t file_left[2]; /* bare bytes of a file to come, by who sends them */
    uint32_t skip[2];      /* rest of a direct message */
    uint32_t size, resume; /* of the file that was prompted */
    uint8_t file_sender;   /* who sent the prompt */
    bool delivery_told;
};

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

/* What follows a header: a prompt tells the file, the receiver's answer lets its bytes come. */
static void read_oft(struct talk *t, uint16_t type, uint32_t size, uint32_t received, struct view name)
{
    struct leg *l = t->leg;
    struct im_detail detail = { .file = name, .size = size, .outgoing = t->from == FROM_CLIENT };
    bool from_receiver = t->from != (enum flow_dir)l->file_sender;

    if (type == OFT_PROMPT) {
        l->file_sender = (uint8_t)t->from;
        l->size = size;
        l->resume = 0;
        session_activity(t->s, ACTIVITY_FILE, &detail);
    } else if (type == OFT_RESUMING && !from_receiver) {
        l->resume = received < l->size ? received : l->size;
    } else if (type == OFT_ACK && from_receiver) {
        l->file_left[l->file_sender] = l->size;
    } else if (type == OFT_GO_ON && from_receiver) {
        l->file_left[l->file_sender] = l->size - l->resume;
    }
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
    struct cursor sizes = cursor_open(view_from(frame, 32)); /* behind cookie, counts, size of all */
    uint32_t size = cursor_u32(&sizes);
    cursor_skip(&sizes, 24);
    uint32_t received = cursor_u32(&sizes);

    tell_delivery(t, DELIVERY_PEER);
    read_oft(t, type, size, received, until_nul(view_from(frame, OFT_NAME_AT)));
    return STEP_DONE;
}

/* All bytes of files pass here. */
static void file_bytes(struct talk *t, struct view bytes)
{
    t->leg->file_left[t->from] -= (uint32_t)bytes.len;
}

/* ---- ODC ---- */

/* The value behind `key` in an HTML tag: quoted, up to the closing quote. */
static struct view attribute(struct view tag, struct view key)
{
    struct view v = view_from(tag, view_find_nocase(tag, key) + key.len);

    return view_slice(v, 0, view_find_byte(v, '"', 0));
}

/* Pictures of a message: <IMG SRC="name" ID="1" DATASIZE="size">. */
static void tell_pictures(struct talk *t, struct im_detail *detail, struct view html)
{
    for (unsigned n = 0; n < MAX_PICTURES; n++) {
        html = view_from(html, view_find_nocase(html, VIEW("<IMG ")));
        struct view tag = view_slice(html, 0, view_find_byte(html, '>', 0));
        if (tag.len == 0)
            return;
        html = view_from(html, tag.len);
        detail->file = attribute(tag, VIEW("SRC=\""));
        detail->size = 0;
        if (view_decimal(attribute(tag, VIEW("DATASIZE=\"")), UINT32_MAX, &detail->size))
            session_activity(t->s, ACTIVITY_FILE, detail);
    }
}

/* All text of direct messages passes here. */
static void read_direct_message(struct talk *t, struct view name, uint16_t charset, struct view payload)
{
    struct view html = view_slice(payload, 0, view_find_nocase(payload, VIEW("<BINARY>")));
    bool out = t->from == FROM_CLIENT;
    struct im_detail detail = { .account = out ? name : view_of(NULL, 0),
                                .peer = out ? view_of(NULL, 0) : name,
                                .outgoing = out };
    char buffer[TEXT_BYTES * 2];
    struct text text = TEXT(buffer);

    oscar_text(&text, charset, html);
    detail.text = view_of(buffer, text.len);
    session_activity(t->s, ACTIVITY_CHAT, &detail);
    detail.text = view_of(NULL, 0);
    tell_pictures(t, &detail, html);
}

static enum step odc_step(struct talk *t, struct cursor *c)
{
    struct cursor head = cursor_open(cursor_peek(c));

    cursor_skip(&head, 4);
    uint16_t head_len = cursor_u16(&head), type = cursor_u16(&head);
    cursor_skip(&head, 20);
    uint32_t len = cursor_u32(&head);
    uint16_t charset = (uint16_t)cursor_u32(&head);
    cursor_skip(&head, 8);
    struct view name = until_nul(cursor_take(&head, 32));
    if (head.bad)
        return STEP_MORE;
    if (head_len != ODC_HEAD || type != 1)
        return STEP_BAD;
    uint32_t shown = len < TEXT_BYTES ? len : TEXT_BYTES;
    struct view payload = cursor_take(&head, shown);
    if (head.bad)
        return STEP_MORE;
    cursor_skip(c, ODC_HEAD + shown);
    t->leg->skip[t->from] = len - shown;

    tell_delivery(t, DELIVERY_PEER);
    if (len > 0)
        read_direct_message(t, name, charset, payload);
    else
        session_activity(t->s, ACTIVITY_PRESENCE, NULL);
    return STEP_DONE;
}

/* ---- proxy ---- */

enum { PROXY_ERROR = 1, PROXY_CREATE = 2, PROXY_JOIN = 4, PROXY_READY = 5 };

/* Create or join: name, password of the session (join only), cookie, TLV 1 with the capability. */
static void read_proxy_request(struct talk *t, uint16_t type, struct cursor *body)
{
    struct im_detail detail = { .outgoing = t->from == FROM_CLIENT };

    detail.account = cursor_take(body, cursor_u8(body));
    cursor_skip(body, type == PROXY_JOIN ? 10 : 8);
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

/* Use up bytes that stand in no frame. True: there were some. */
static bool take_bare(struct talk *t, struct cursor *c)
{
    uint32_t *skip = &t->leg->skip[t->from];
    uint32_t file_left = t->leg->file_left[t->from];
    size_t left = cursor_left(c);

    if (*skip > 0) {
        size_t n = left < *skip ? left : *skip;
        cursor_skip(c, n);
        *skip -= (uint32_t)n;
        return true;
    }
    if (file_left > 0) {
        file_bytes(t, cursor_take(c, left < file_left ? left : file_left));
        return true;
    }
    return false;
}

static enum step next_frame(struct talk *t, struct cursor *c)
{
    struct view v = cursor_peek(c);

    if (v.len < 4)
        return STEP_MORE;
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
        if (take_bare(&t, &c))
            continue;
        enum step step = next_frame(&t, &c);
        if (step == STEP_BAD)
            session_settle(s);
        if (step != STEP_DONE)
            break;
    }
    return in.len - cursor_left(&c);
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
};

const struct parser parser_odc = {
    .protocol = PROTOCOL_ODC,
    .service = "oscar",
    .on = PARSER_TCP,
    .starts = starts_with_o,
    .probe = probe_odc,
    .state_size = sizeof(struct leg),
    .feed = feed,
};

const struct parser parser_oscar_proxy = {
    .protocol = PROTOCOL_OSCAR,
    .service = "oscar",
    .on = PARSER_TCP,
    .starts = starts_short,
    .probe = probe_proxy,
    .state_size = sizeof(struct leg),
    .feed = feed,
};
