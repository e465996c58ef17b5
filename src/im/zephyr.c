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
 * Behind the fields is the message: signature, NUL, text. Class MESSAGE is chat, with a recipient or to those
 * who subscribe to the instance; LOGIN and ZEPHYR_CTL are presence and subscriptions.
 *
 * Sources: Zephyr's published library (Z_FormatRawHeader, field order only) and tcpdump's account of the
 * header.
 *
 * Recognised by version and field count: 12 octets.
 */
#include "identify/parser.h"

enum {
    FIELD_KIND = 2,
    FIELD_CLASS = 8,
    FIELD_INSTANCE = 9,
    FIELD_OPCODE = 10,
    FIELD_SENDER = 11,
    FIELD_RECIPIENT = 12,
    FIELDS = 13,
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
    bool version_told, login_told, proxy_told;
};

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
    if (view_equal_nocase(class, VIEW("MESSAGE"))) {
        if (recipient.len == 0)
            detail.room = n.field[FIELD_INSTANCE];
        detail.text = n.message;
        (void)view_token(&detail.text, '\0'); /* the signature */
        detail.text = view_slice(detail.text, 0, view_find_byte(detail.text, '\0', 0));
        if (!st->proxy_told)
            session_delivery(s, DELIVERY_SERVER_PROXY);
        st->proxy_told = true;
        session_activity(s, ACTIVITY_CHAT, &detail);
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
