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
 * Either side may break off with CCL or BYE, which no block header looks like.
 *
 * The name of the file was in the invitation only. The line USR has the cookie that the invitation's
 * acceptance gave: msnp.c announces the file under "msnftp COOKIE ACCOUNT", the receiver's account, and
 * "msnftp COOKIE".
 *
 * Loss. The place in the file is counted from the bytes. Clients send blocks of one length; where they did so
 * far, the place behind a loss follows from that, and the next block header must agree. Else following ends.
 *
 * Source. hypothetic.org/docs/msn/sitev1/filetransfer.php. Limit: LINE_BYTES.
 */
#include "base/cursor.h"
#include "identify/parser.h"

enum { LINE_BYTES = 512, BLOCK_HEAD = 3, NAME_BYTES = 80, COOKIE_BYTES = 24 };

/* The blocks that one side sends. */
struct blocks {
    bool begun;        /* it has said FIL: what it sends now are blocks */
    bool uneven;       /* blocks of several lengths: a loss ends the following */
    bool guessed;      /* behind a loss: the next header must be as expected */
    uint8_t head_left; /* octets of a header that was lost in part */
    uint16_t left;     /* of the block */
    uint16_t block;    /* the length of blocks, 0: none seen */
    uint32_t file;     /* of session_file_begin */
    uint64_t at, size; /* place in the file */
};

struct leg {
    struct blocks side[2];
    bool delivery_told;
    bool receiver_out; /* the receiver is the client */
    uint8_t receiver_len, cookie_len;
    char receiver[NAME_BYTES], cookie[COOKIE_BYTES];
};

/* All bytes of files pass here. */
static void file_bytes(struct blocks *b, struct session *s, struct view bytes)
{
    session_file_bytes(s, b->file, b->at, bytes);
    b->at += bytes.len;
    b->left = (uint16_t)(b->left - bytes.len);
}

static void file_end(struct blocks *b, struct session *s, bool whole)
{
    if (b->begun)
        session_file_end(s, b->file, whole && b->at == b->size);
    b->begun = false;
}

static bool find_announced(const struct leg *l, struct session *s, struct announced_file *out)
{
    char buffer[sizeof l->receiver + sizeof l->cookie + 8];
    struct text token = TEXT(buffer);
    size_t cookie_end;

    text_string(&token, "msnftp ");
    text_add(&token, view_of(l->cookie, l->cookie_len));
    cookie_end = token.len;
    text_char(&token, ' ');
    text_add(&token, view_of(l->receiver, l->receiver_len));
    return l->cookie_len > 0 && (session_announced(s, view_of(buffer, token.len), out) ||
                                 session_announced(s, view_of(buffer, cookie_end), out));
}

static void file_begin(struct leg *l, struct session *s, enum flow_dir from, uint64_t size)
{
    struct view receiver = view_of(l->receiver, l->receiver_len);
    struct announced_file a;
    struct im_file f = { .account = l->receiver_out ? receiver : view_of(NULL, 0),
                         .peer = l->receiver_out ? view_of(NULL, 0) : receiver,
                         .outgoing = from == FROM_CLIENT };
    struct blocks *b = &l->side[from];

    if (session_wants_files(s) && find_announced(l, s, &a))
        f = announced_view(&a);
    f.size = size;
    struct im_detail detail = {
        .account = f.account, .peer = f.peer, .file = f.name, .size = size, .outgoing = f.outgoing
    };
    session_activity(s, ACTIVITY_FILE, &detail);
    file_end(b, s, false);
    *b = (struct blocks){ .begun = true, .size = size, .file = session_file_begin(s, &f) };
}

static void read_line(struct leg *l, struct session *s, enum flow_dir from, struct view line)
{
    struct view command = view_token(&line, ' ');
    struct view word = view_token(&line, ' ');
    uint64_t size;

    if (view_equal(command, VIEW("USR"))) {
        struct text name = TEXT(l->receiver), cookie = TEXT(l->cookie);
        text_printable(&name, word);
        text_printable(&cookie, view_token(&line, ' '));
        l->receiver_len = (uint8_t)name.len;
        l->cookie_len = (uint8_t)cookie.len;
        l->receiver_out = from == FROM_CLIENT;
    } else if (view_equal(command, VIEW("FIL")) && view_decimal(word, UINT32_MAX, &size)) {
        file_begin(l, s, from, size);
    } else if (view_equal(command, VIEW("CCL")) || view_equal(command, VIEW("BYE"))) {
        for (unsigned d = FROM_CLIENT; d <= FROM_SERVER; d++)
            file_end(&l->side[d], s, view_equal(word, VIEW("16777989"))); /* the receiver has all of it */
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

/* The length of the next block of a file whose blocks are even. */
static uint16_t block_expected(const struct blocks *b)
{
    return (uint16_t)(b->size - b->at < b->block ? b->size - b->at : b->block);
}

/* Take a block's header off the front. False: it is not whole yet, or (settled) not what must be here. */
static bool head_step(struct blocks *b, struct session *s, struct cursor *c)
{
    struct cursor head = *c;
    bool ends = cursor_u8(&head) == 1;
    uint16_t len = cursor_le16(&head);

    if (head.bad)
        return false;
    if (b->guessed && (ends ? b->at != b->size : len != block_expected(b))) {
        session_settle(s);
        return false;
    }
    *c = head;
    b->guessed = false;
    if (ends) {
        file_end(b, s, true);
        return true;
    }
    b->uneven |= b->block > 0 && len != block_expected(b);
    b->block = b->block > 0 ? b->block : len;
    b->left = len;
    return true;
}

/* Use up something of what one side sent. False: wait for more. */
static bool step(struct leg *l, struct session *s, enum flow_dir from, struct cursor *c)
{
    struct blocks *b = &l->side[from];

    if (b->head_left > 0) {
        cursor_skip(c, 1);
        b->head_left--;
        return true;
    }
    if (b->left > 0) {
        file_bytes(b, s, cursor_take(c, b->left < cursor_left(c) ? b->left : cursor_left(c)));
        return true;
    }
    struct cursor first = *c;
    return b->begun && cursor_u8(&first) <= 1 ? head_step(b, s, c) : line_step(l, s, from, c);
}

static size_t feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct leg *l = state;
    struct cursor c = cursor_open(in);

    if (!l->delivery_told) {
        session_delivery(s, DELIVERY_PEER);
        l->delivery_told = true;
    }
    while (cursor_left(&c) > 0 && step(l, s, from, &c))
        ;
    return in.len - cursor_left(&c);
}

/* Behind the loss of whole blocks, which are of one length. */
static void skip_blocks(struct blocks *b, uint64_t *lost)
{
    uint64_t whole = *lost / (BLOCK_HEAD + b->block), most = (b->size - b->at) / b->block;

    whole = whole < most ? whole : most;
    b->at += whole * b->block;
    *lost -= whole * (BLOCK_HEAD + (uint64_t)b->block);
}

static bool gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct blocks *b = &((struct leg *)state)->side[from];
    uint64_t n = lost < b->head_left ? lost : b->head_left;

    (void)s;
    b->head_left = (uint8_t)(b->head_left - n);
    lost -= n;
    n = lost < b->left ? lost : b->left;
    b->at += n;
    b->left = (uint16_t)(b->left - n);
    lost -= n;
    if (lost == 0)
        return b->begun;
    if (!b->begun || b->uneven || b->block == 0 || b->at > b->size)
        return false;
    skip_blocks(b, &lost);
    b->guessed = true;
    if (lost == 0)
        return true;
    b->left = block_expected(b);
    n = lost < BLOCK_HEAD ? 0 : lost - BLOCK_HEAD;
    if (n > b->left)
        return false; /* the end was lost */
    b->head_left = (uint8_t)(lost < BLOCK_HEAD ? BLOCK_HEAD - lost : 0);
    b->at += n;
    b->left = (uint16_t)(b->left - n);
    return true;
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
    .gap = gap,
};
