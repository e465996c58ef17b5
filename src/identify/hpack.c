/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decode HPACK header blocks (RFC 7541).
 *
 * A block is a sequence of representations, told apart by the first bits (section 6):
 *
 *     1xxxxxxx  a whole field by its index            01xxxxxx  a literal, which enters the dynamic table
 *     001xxxxx  a new limit of the dynamic table      0000xxxx, 0001xxxx  a literal, which does not
 *
 * A literal's name is an index or, with index 0, a string; a string is a length and octets, plain or in a
 * static Huffman code. Indices count first through the static table (Appendix A), then through the dynamic
 * one, newest first. The Huffman code (Appendix B) is canonical: codes of one length are consecutive numbers
 * in the order of their symbols, so the number of codes of each length and the list of symbols are the whole
 * table.
 */
#include "identify/hpack.h"
#include "base/cursor.h"
#include "base/text.h"

enum {
    NUMBER_MAX = 1 << 24, /* no length or index of a real block comes near */
    HUFFMAN_BITS_MAX = 30,
    HUFFMAN_EOS = 256,
};

/* ---- the static table ---- */

static const struct {
    const char *name, *value;
} static_table[] = {
    { ":authority", "" },
    { ":method", "GET" },
    { ":method", "POST" },
    { ":path", "/" },
    { ":path", "/index.html" },
    { ":scheme", "http" },
    { ":scheme", "https" },
    { ":status", "200" },
    { ":status", "204" },
    { ":status", "206" },
    { ":status", "304" },
    { ":status", "400" },
    { ":status", "404" },
    { ":status", "500" },
    { "accept-charset", "" },
    { "accept-encoding", "gzip, deflate" },
    { "accept-language", "" },
    { "accept-ranges", "" },
    { "accept", "" },
    { "access-control-allow-origin", "" },
    { "age", "" },
    { "allow", "" },
    { "authorization", "" },
    { "cache-control", "" },
    { "content-disposition", "" },
    { "content-encoding", "" },
    { "content-language", "" },
    { "content-length", "" },
    { "content-location", "" },
    { "content-range", "" },
    { "content-type", "" },
    { "cookie", "" },
    { "date", "" },
    { "etag", "" },
    { "expect", "" },
    { "expires", "" },
    { "from", "" },
    { "host", "" },
    { "if-match", "" },
    { "if-modified-since", "" },
    { "if-none-match", "" },
    { "if-range", "" },
    { "if-unmodified-since", "" },
    { "last-modified", "" },
    { "link", "" },
    { "location", "" },
    { "max-forwards", "" },
    { "proxy-authenticate", "" },
    { "proxy-authorization", "" },
    { "range", "" },
    { "referer", "" },
    { "refresh", "" },
    { "retry-after", "" },
    { "server", "" },
    { "set-cookie", "" },
    { "strict-transport-security", "" },
    { "transfer-encoding", "" },
    { "user-agent", "" },
    { "vary", "" },
    { "via", "" },
    { "www-authenticate", "" },
};

enum { STATIC_COUNT = sizeof static_table / sizeof static_table[0] };
_Static_assert(STATIC_COUNT == 61, "Appendix A has 61 entries");

static enum hpack_name name_of(struct view name)
{
    static const char *const names[] = {
        [HPACK_AUTHORITY] = ":authority", [HPACK_METHOD] = ":method", [HPACK_PATH] = ":path",
        [HPACK_PROTOCOL] = ":protocol",   [HPACK_HOST] = "host",      [HPACK_AGENT] = "user-agent",
    };

    for (unsigned i = HPACK_AUTHORITY; i <= HPACK_AGENT; i++)
        if (view_equal(name, view_string(names[i])))
            return (enum hpack_name)i;
    return HPACK_OTHER;
}

/* ---- the Huffman code, Appendix B ---- */

static const uint8_t codes_of_length[HUFFMAN_BITS_MAX + 1] = {
    0, 0, 0, 0, 0, 10, 26, 32, 6, 0, 5, 3, 2, 6, 2, 3, 0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29, 0, 4,
};

static const uint16_t symbols[] = {
    48,  49,  50,  97,  99,  101, 105, 111, 115, 116, 32,  37,  45,  46,  47,  51,  52,  53,  54,  55,
    56,  57,  61,  65,  95,  98,  100, 102, 103, 104, 108, 109, 110, 112, 114, 117, 58,  66,  67,  68,
    69,  70,  71,  72,  73,  74,  75,  76,  77,  78,  79,  80,  81,  82,  83,  84,  85,  86,  87,  89,
    106, 107, 113, 118, 119, 120, 121, 122, 38,  42,  44,  59,  88,  90,  33,  34,  40,  41,  63,  39,
    43,  124, 35,  62,  0,   36,  64,  91,  93,  126, 94,  125, 60,  96,  123, 92,  195, 208, 128, 130,
    131, 162, 184, 194, 224, 226, 153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230, 129,
    132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190,
    196, 198, 228, 232, 233, 1,   135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157,
    158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239, 9,   142, 144, 145, 148, 159,
    171, 206, 215, 225, 236, 237, 199, 207, 234, 235, 192, 193, 200, 201, 202, 205, 210, 213, 218, 219,
    238, 240, 242, 243, 255, 203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250,
    251, 252, 253, 254, 2,   3,   4,   5,   6,   7,   8,   11,  12,  14,  15,  16,  17,  18,  19,  20,
    21,  23,  24,  25,  26,  27,  28,  29,  30,  31,  127, 220, 249, 10,  13,  22,  256,
};

/* Decode `coded` into `out`, which may cut it; *out_len is the whole length. False: not a valid coding. */
static bool huffman(struct view coded, struct text *out, size_t *out_len)
{
    uint32_t code = 0, first = 0, before = 0; /* first code of this length; symbols of shorter codes */
    unsigned bits = 0;
    bool padding = true; /* only ones since the last symbol */
    struct cursor c = cursor_open(coded);

    *out_len = 0;
    while (cursor_left(&c) > 0) {
        unsigned octet = cursor_u8(&c);
        for (int bit = 7; bit >= 0; bit--) {
            code = code << 1 | (octet >> bit & 1);
            padding = padding && (code & 1) != 0;
            first <<= 1;
            bits++;
            if (bits > HUFFMAN_BITS_MAX)
                return false;
            if (code - first >= codes_of_length[bits]) {
                before += codes_of_length[bits];
                first += codes_of_length[bits];
                continue;
            }
            uint16_t symbol = symbols[before + code - first];
            if (symbol == HUFFMAN_EOS) /* section 5.2: an error inside a string */
                return false;
            text_char(out, (char)symbol);
            ++*out_len;
            code = first = before = 0;
            bits = 0;
            padding = true;
        }
    }
    return bits < 8 && padding;
}

/* ---- primitives, section 5 ---- */

/* An integer whose first octet is `octet` with a prefix of `bits` bits. */
static uint32_t number(struct cursor *c, uint8_t octet, unsigned bits)
{
    uint32_t mask = (1u << bits) - 1, n = octet & mask;

    if (n < mask)
        return n;
    for (unsigned shift = 0; shift <= 21; shift += 7) {
        uint8_t more = cursor_u8(c);
        n += (uint32_t)(more & 0x7f) << shift;
        if ((more & 0x80) == 0 && n <= NUMBER_MAX)
            return n;
    }
    c->bad = true;
    return 0;
}

/* A string: its beginning (in `buffer` where it was coded) and its whole length. */
struct string {
    struct view view;
    size_t len;
    char buffer[HPACK_VALUE_BYTES + 1];
};

static void string_read(struct cursor *c, struct string *out)
{
    uint8_t octet = cursor_u8(c);
    struct view octets = cursor_take(c, number(c, octet, 7));

    if ((octet & 0x80) != 0) {
        struct text t = TEXT(out->buffer);
        if (!huffman(octets, &t, &out->len))
            c->bad = true;
        out->view = view_of(out->buffer, t.len);
    } else {
        out->len = octets.len;
        out->view = view_slice(octets, 0, HPACK_VALUE_BYTES);
    }
}

/* ---- the dynamic table, section 4 ---- */

void hpack_init(struct hpack *h)
{
    h->limit = HPACK_TABLE_BYTES;
    h->size = 0;
    h->count = 0;
    h->kept = 0;
}

/* Evict the oldest entries until the rest is at most `size`. */
static void shrink(struct hpack *h, uint32_t size)
{
    uint16_t gone = 0, bytes = 0;

    while (h->size > size) {
        h->size -= h->entry[gone].size;
        bytes = (uint16_t)(bytes + h->entry[gone++].kept);
    }
    if (gone == 0)
        return;
    h->count = (uint16_t)(h->count - gone);
    h->kept = (uint16_t)(h->kept - bytes);
    memmove(h->entry, h->entry + gone, h->count * sizeof h->entry[0]);
    memmove(h->value, h->value + bytes, h->kept);
}

/* An entry beyond our table, though not beyond the encoder's, is kept as a place holder that fills it. */
static void insert(struct hpack *h, enum hpack_name name, size_t name_len, const struct string *value)
{
    uint32_t room = h->limit < HPACK_TABLE_BYTES ? h->limit : HPACK_TABLE_BYTES;
    uint32_t size = (uint32_t)(name_len + value->len + HPACK_ENTRY_BYTES);

    if (size > h->limit) { /* section 4.4: not an error, empties the table */
        shrink(h, 0);
        return;
    }
    bool keep = name != HPACK_OTHER && size <= room;
    if (size > room)
        size = room;
    shrink(h, room - size);
    struct text kept = text_over(h->value + h->kept, sizeof h->value - h->kept);
    if (keep)
        text_add(&kept, value->view);
    h->entry[h->count++] = (struct hpack_entry){
        .size = size,
        .name_len = (uint16_t)name_len,
        .kept = (uint16_t)kept.len,
        .name = (uint8_t)name,
    };
    h->size += size;
    h->kept = (uint16_t)(h->kept + kept.len);
}

/* A field as an index gives it. */
struct indexed {
    enum hpack_name name;
    size_t name_len;
    struct view value;
};

static struct view entry_value(const struct hpack *h, unsigned at)
{
    size_t from = 0;

    for (unsigned i = 0; i < at; i++)
        from += h->entry[i].kept;
    return view_of(h->value + from, h->entry[at].kept);
}

static bool look_up(const struct hpack *h, uint32_t index, struct indexed *out)
{
    *out = (struct indexed){ HPACK_OTHER, 0, view_of(NULL, 0) };
    if (index == 0)
        return false;
    if (index <= STATIC_COUNT) {
        struct view name = view_string(static_table[index - 1].name);
        *out = (struct indexed){ name_of(name), name.len, view_string(static_table[index - 1].value) };
        return true;
    }
    index -= STATIC_COUNT;
    if (index > h->count) /* not an error where the encoder's table is larger than ours: just not known */
        return h->limit > HPACK_TABLE_BYTES;
    unsigned at = h->count - index;
    *out = (struct indexed){ (enum hpack_name)h->entry[at].name, h->entry[at].name_len, entry_value(h, at) };
    return true;
}

/* ---- representations, section 6 ---- */

/* A literal field whose first octet is `octet`, with an index of `bits` bits for its name. */
static bool literal(struct hpack *h, struct cursor *c, uint8_t octet, unsigned bits, hpack_field *field,
                    void *context)
{
    struct indexed known = { HPACK_OTHER, 0, view_of(NULL, 0) };
    struct string text;
    uint32_t index = number(c, octet, bits);

    if (index > 0) {
        if (!look_up(h, index, &known))
            return false;
    } else {
        string_read(c, &text);
        if (c->bad)
            return false;
        known.name = text.len == text.view.len ? name_of(text.view) : HPACK_OTHER;
        known.name_len = text.len;
    }
    string_read(c, &text);
    if (c->bad)
        return false;
    if (known.name != HPACK_OTHER)
        field(context, known.name, text.view);
    if ((octet & 0xc0) == 0x40)
        insert(h, known.name, known.name_len, &text);
    return true;
}

bool hpack_block(struct hpack *h, struct view block, hpack_field *field, void *context)
{
    struct cursor c = cursor_open(block);

    while (cursor_left(&c) > 0) {
        uint8_t octet = cursor_u8(&c);

        if ((octet & 0x80) != 0) {
            struct indexed known;
            if (!look_up(h, number(&c, octet, 7), &known))
                return false;
            if (known.name != HPACK_OTHER)
                field(context, known.name, known.value);
        } else if ((octet & 0xe0) == 0x20) {
            h->limit = number(&c, octet, 5);
            shrink(h, h->limit);
        } else if (!literal(h, &c, octet, (octet & 0x40) != 0 ? 6 : 4, field, context)) {
            return false;
        }
        if (c.bad)
            return false;
    }
    return true;
}
