/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zephyr, the notification service of MIT's Project Athena, over UDP.
 *
 * Framing: a notice is one datagram of fields that end with NUL; numbers are "0x" and eight hexadecimal
 * digits.
 *
 *     0 version "ZEPH0.2"   1 count of fields   2 kind   3 unique id (three numbers)   4 port   5 authentic
 *     6 length and 7 octets of the authenticator   8 class   9 instance   10 opcode   11 sender   12
 * recipient ...
 *
 * Behind the fields is the message: signature (the name that the sender shows), NUL, text; or the text alone.
 * Class MESSAGE is chat, with a recipient or to those who subscribe to the instance; any class but those of
 * the system is a room of its own, "class,instance". LOGIN and ZEPHYR_CTL are presence and subscriptions,
 * opcode PING is typing. What is sent again, until it is acknowledged, has the same unique id and is told
 * once.
 *
 * Sources: Zephyr's published library (Z_FormatRawHeader, field order only) and tcpdump's account of the
 * header.
 *
 * Recognised by version and field count: 12 octets.
 */
#include "base/hash.h"
#include "identify/parser.h"
#include "im/transcode.h"

enum {
    FIELD_KIND = 2,
    FIELD_ID = 3,
    FIELD_CLASS = 8,
    FIELD_INSTANCE = 9,
    FIELD_OPCODE = 10,
    FIELD_SENDER = 11,
    FIELD_RECIPIENT = 12,
    FIELDS = 13,
    TEXT_BYTES = 4096,
    NAME_BYTES = 256,
    RECENT = 8, /* notices that are known again */
    MAX_FIELDS = 64,
    KIND_LAST = 8,
    KIND_HMACK = 3,
    KIND_HMCTL = 4, /* from HMACK on acknowledgements, which repeat the header; but not HMCTL */
};

struct zephyr_notice {
    struct view field[FIELDS];
    uint32_t count, kind;
    struct view message;
};

static bool read_number(struct view v, uint32_t *out)
{
    uint32_t n = 0;

    if (!view_starts(v, VIEW("0x")) || v.len < 3 || v.len > 10)
        return false;
    for (size_t i = 2; i < v.len; i++) {
        uint8_t c = ascii_lower(v.at[i]);
        if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
            return false;
        n = n << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *out = n;
    return true;
}

static bool read_notice(struct view v, struct zephyr_notice *out)
{
    *out = (struct zephyr_notice){ .count = 0 };
    for (unsigned i = 0; i < MAX_FIELDS; i++) {
        if (i == 2 &&
            (!read_number(out->field[1], &out->count) || out->count <= FIELD_KIND || out->count > MAX_FIELDS))
            return false;
        if (i == FIELD_KIND + 1 &&
            (!read_number(out->field[FIELD_KIND], &out->kind) || out->kind > KIND_LAST))
            return false;
        if (i > FIELD_KIND && i == out->count)
            break;
        if (view_find_byte(v, '\0', 0) == v.len && i + 1 != out->count)
            return false;
        struct view field = view_token(&v, '\0');
        if (i < FIELDS)
            out->field[i] = field;
    }
    out->message = v;
    return view_equal(out->field[0], VIEW("ZEPH0.2"));
}

static enum im_answer zephyr_probe(const struct sample *s, struct finding *out)
{
    struct zephyr_notice n;
    struct text value = TEXT(out->value);

    if (!view_starts(s->datagram, VIEW("ZEPH0.2\0"
                                       "0x")) ||
        !read_notice(s->datagram, &n))
        return IM_NO;
    text_string(&value, "ZEPH0.2 notice");
    if (n.field[FIELD_CLASS].len > 0) {
        text_string(&value, " of class ");
        text_printable(&value, n.field[FIELD_CLASS]);
    }
    return IM_YES;
}

static bool zephyr_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first == 'Z';
}

struct zephyr_state {
    uint64_t recent[RECENT]; /* hashes of unique ids */
    unsigned recent_next;
    bool version_told, login_told, proxy_told;
};

/* Over UDP a notice is sent until it is acknowledged: was this one told? */
static bool is_retransmitted(struct zephyr_state *st, struct view id)
{
    uint64_t hash = hash_bytes(id, 1) | 1; /* 0 is a free place */

    if (id.len == 0)
        return false;
    for (unsigned i = 0; i < RECENT; i++)
        if (st->recent[i] == hash)
            return true;
    st->recent[st->recent_next++ % RECENT] = hash;
    return false;
}

/* Classes that carry no words of people. */
static bool is_of_system(struct view class)
{
    static const struct view classes[] = {
        { (const uint8_t *)"LOGIN", 5 },         { (const uint8_t *)"ZEPHYR_CTL", 10 },
        { (const uint8_t *)"ZEPHYR_ADMIN", 12 }, { (const uint8_t *)"HM_CTL", 6 },
        { (const uint8_t *)"HM_STAT", 7 },       { (const uint8_t *)"WG_CTL_CLASS", 12 }
    };

    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (view_equal_nocase(class, classes[i]))
            return true;
    return class.len == 0;
}

static void tell_chat(struct zephyr_state *st, struct session *s, const struct zephyr_notice *n,
                      struct im_detail *detail)
{
    struct view class = n->field[FIELD_CLASS], instance = n->field[FIELD_INSTANCE], said = n->message;
    char buffer[TEXT_BYTES], shown[NAME_BYTES], room[NAME_BYTES];
    struct text text = TEXT(buffer), shown_text = TEXT(shown), room_text = TEXT(room);

    if (view_find_byte(said, '\0', 0) + 1 < said.len)
        text_8bit(&shown_text, view_token(&said, '\0'));
    text_8bit(&text, view_slice(said, 0, view_find_byte(said, '\0', 0)));
    if (!view_equal_nocase(class, VIEW("MESSAGE"))) {
        text_8bit(&room_text, class);
        text_char(&room_text, ',');
        text_8bit(&room_text, instance);
    } else if (n->field[FIELD_RECIPIENT].len == 0) {
        text_8bit(&room_text, instance);
    }
    detail->room = view_of(room, room_text.len);
    detail->display = view_of(shown, shown_text.len);
    detail->text = view_of(buffer, text.len);
    if (!st->proxy_told)
        session_delivery(s, DELIVERY_SERVER_PROXY);
    st->proxy_told = true;
    session_activity(s, ACTIVITY_CHAT, detail);
}

static size_t zephyr_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct zephyr_state *st = state;
    struct zephyr_notice n;

    if (!read_notice(in, &n) || (n.kind >= KIND_HMACK && n.kind != KIND_HMCTL))
        return in.len;
    struct im_detail detail = { .outgoing = from == FROM_CLIENT };
    struct view sender = n.field[FIELD_SENDER], recipient = n.field[FIELD_RECIPIENT],
                class = n.field[FIELD_CLASS];
    if (!st->version_told)
        session_version(s, n.field[0]);
    st->version_told = true;
    detail.account = detail.outgoing ? sender : recipient;
    detail.peer = detail.outgoing ? recipient : sender;
    bool typing = view_equal_nocase(n.field[FIELD_OPCODE], VIEW("PING"));
    if (!is_of_system(class) && !typing) {
        if (!is_retransmitted(st, n.field[FIELD_ID]))
            tell_chat(st, s, &n, &detail);
    } else if (view_equal_nocase(class, VIEW("LOGIN")) && detail.outgoing && !st->login_told) {
        st->login_told = true;
        session_activity(s, ACTIVITY_LOGIN, &detail);
    } else {
        session_activity(s, ACTIVITY_PRESENCE, NULL);
    }
    return in.len;
}

extern const struct parser parser_zephyr;

const struct parser parser_zephyr = {
    .protocol = PROTOCOL_ZEPHYR,
    .service = "zephyr",
    .on = PARSER_UDP,
    .starts = zephyr_starts,
    .probe = zephyr_probe,
    .state_size = sizeof(struct zephyr_state),
    .feed = zephyr_feed,
};
