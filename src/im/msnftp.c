/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSNFTP: files of MSN Messenger before version 6, on a direct connection that an invitation announced
 * (msnp.c).
 *
 *     receiver  VER MSNFTP            sender  VER MSNFTP
 *     receiver  USR account cookie    sender  FIL size
 *     receiver  TFR                   sender  blocks: 00, length 16 little-endian, bytes; 01 00 00 ends
 *     receiver  BYE 16777989
 *
 * Either side may break off with CCL or BYE, which no block header looks like. The name of the file was in
 * the invitation only. After lost bytes the place in a block is not known: following ends.
 *
 * Source. hypothetic.org/docs/msn/sitev1/filetransfer.php. Limit: LINE_BYTES.
 */
#include "base/cursor.h"
#include "identify/parser.h"

enum { LINE_BYTES = 512, BLOCK_HEAD = 3, NAME_BYTES = 80 };

struct leg {
    uint16_t block_left[2];
    bool in_blocks[2]; /* this side has said FIL: what it sends now are blocks */
    bool delivery_told;
    uint8_t receiver_len, receiver_out; /* the receiver's account, and whether it is the client */
    char receiver[NAME_BYTES];
};

/* All bytes of files pass here. */
static void file_bytes(struct leg *l, enum flow_dir from, struct view bytes)
{
    l->block_left[from] = (uint16_t)(l->block_left[from] - bytes.len);
}

static void read_line(struct leg *l, struct session *s, enum flow_dir from, struct view line)
{
    struct view command = view_token(&line, ' ');
    struct view word = view_token(&line, ' ');
    struct im_detail detail = { .outgoing = from == FROM_CLIENT };

    if (view_equal(command, VIEW("USR"))) {
        struct text name = TEXT(l->receiver);
        text_printable(&name, word);
        l->receiver_len = (uint8_t)name.len;
        l->receiver_out = from == FROM_CLIENT;
    } else if (view_equal(command, VIEW("FIL")) && view_decimal(word, UINT32_MAX, &detail.size)) {
        struct view receiver = view_of(l->receiver, l->receiver_len);
        detail.account = l->receiver_out ? receiver : view_of(NULL, 0);
        detail.peer = l->receiver_out ? view_of(NULL, 0) : receiver;
        session_activity(s, ACTIVITY_FILE, &detail);
        l->in_blocks[from] = true;
    }
}

/* Take a line off the front. False: none yet, or (settled) none that can be. */
static bool line_step(struct leg *l, struct session *s, enum flow_dir from, struct cursor *c)
{
    struct view left = view_slice(cursor_peek(c), 0, LINE_BYTES), rest = left, line;

    if (!view_line(&rest, &line)) {
        if (left.len == LINE_BYTES)
            session_settle(s);
        return false;
    }
    cursor_skip(c, left.len - rest.len);
    read_line(l, s, from, line);
    return true;
}

static size_t feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct leg *l = state;
    struct cursor c = cursor_open(in);

    if (!l->delivery_told) {
        session_delivery(s, DELIVERY_PEER);
        l->delivery_told = true;
    }
    while (cursor_left(&c) > 0) {
        size_t block = l->block_left[from];
        if (block > 0) {
            file_bytes(l, from, cursor_take(&c, block < cursor_left(&c) ? block : cursor_left(&c)));
            continue;
        }
        struct cursor head = cursor_open(cursor_peek(&c));
        if (l->in_blocks[from] && cursor_u8(&head) <= 1) {
            l->block_left[from] = cursor_le16(&head);
            if (head.bad) {
                l->block_left[from] = 0;
                break;
            }
            cursor_skip(&c, BLOCK_HEAD);
        } else if (!line_step(l, s, from, &c)) {
            break;
        }
    }
    return in.len - cursor_left(&c);
}

static bool starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first == 'V';
}

static enum im_answer probe(const struct sample *s, struct finding *out)
{
    const struct view mark = VIEW("VER MSNFTP");
    enum im_answer answer = IM_MORE;

    for (unsigned d = FROM_CLIENT; d <= FROM_SERVER; d++) {
        if (view_starts(s->bytes[d], mark)) {
            struct text value = TEXT(out->value);
            text_string(&value, "VER MSNFTP");
            return IM_YES;
        }
        if (!view_starts(mark, s->bytes[d]))
            answer = IM_NO;
    }
    return answer;
}

extern const struct parser parser_msnftp;

const struct parser parser_msnftp = {
    .protocol = PROTOCOL_MSNFTP,
    .service = "msn",
    .on = PARSER_TCP,
    .starts = starts,
    .probe = probe,
    .state_size = sizeof(struct leg),
    .feed = feed,
};
