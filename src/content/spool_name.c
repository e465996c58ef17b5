/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A name from the wire becomes the name of a file that may be listed, copied to Windows, and typed:
 *
 *   - only what stands behind the last / or \ is used;
 *   - control characters, characters that are drawn as nothing or turn the direction of writing (with
 *     them "gpj.exe" is shown as "exe.jpg"), what Windows keeps for itself and broken UTF-8 become _;
 *   - no dot, dash, space or tilde at the beginning, no dot or space at the end;
 *   - names of devices of Windows get a _ before them;
 *   - too long names lose the end of what stands before the extension.
 */
#include "content/spool_name.h"

enum { EXTENSION_BYTES = 16 };

/* Code points that are drawn as nothing, or change how others are drawn. */
static bool is_invisible(uint32_t c)
{
    static const struct {
        uint32_t from, to;
    } ranges[] = {
        { 0x0000, 0x001f }, { 0x007f, 0x009f },   { 0x00ad, 0x00ad },   { 0x034f, 0x034f },
        { 0x061c, 0x061c }, { 0x115f, 0x1160 },   { 0x17b4, 0x17b5 },   { 0x180b, 0x180f },
        { 0x200b, 0x200f }, { 0x2028, 0x202e },   { 0x2060, 0x206f },   { 0x3164, 0x3164 },
        { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },
        { 0xe000, 0xf8ff }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff }, { 0xf0000, 0x10ffff },
    };

    for (unsigned i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (c >= ranges[i].from && c <= ranges[i].to)
            return true;
    return false;
}

static uint32_t code_point(struct view v, size_t len)
{
    uint32_t c = len == 1 ? v.at[0] : v.at[0] & (0x7fu >> len);

    for (size_t i = 1; i < len; i++)
        c = c << 6 | (v.at[i] & 0x3fu);
    return c;
}

static struct view last_component(struct view wire)
{
    size_t from = wire.len;

    while (from > 0 && wire.at[from - 1] != '/' && wire.at[from - 1] != '\\')
        from--;
    return view_from(wire, from);
}

/* The characters of `v` that may stand in a name, as many as fit. */
static void add_safe(struct text *out, struct view v)
{
    while (v.len > 0 && !out->cut) {
        size_t len = utf8_length(v), took = len > 0 ? len : 1;
        bool safe = len > 0 && !is_invisible(code_point(v, len)) &&
                    view_find_byte(VIEW("/\\:*?\"<>|"), v.at[0], 0) == sizeof "/\\:*?\"<>|" - 1;
        if (safe && out->len + len >= out->size)
            out->cut = true; /* no half characters */
        else if (safe)
            text_add(out, view_slice(v, 0, len));
        else
            text_char(out, '_');
        v = view_from(v, took);
    }
}

/* CON, NUL, COM1 and their kin, with any extension. */
static bool is_device(struct view name)
{
    static const char *const devices[] = { "con", "prn", "aux", "nul" };
    struct view stem = view_trim(view_slice(name, 0, view_find_byte(name, '.', 0)));

    for (unsigned i = 0; i < sizeof devices / sizeof devices[0]; i++)
        if (view_equal_nocase(stem, view_string(devices[i])))
            return true;
    return stem.len == 4 &&
           (view_starts_nocase(stem, VIEW("com")) || view_starts_nocase(stem, VIEW("lpt"))) &&
           stem.at[3] >= '0' && stem.at[3] <= '9';
}

static struct view trim_end(struct view v)
{
    while (v.len > 0 && (v.at[v.len - 1] == '.' || v.at[v.len - 1] == ' '))
        v.len--;
    return v;
}

static struct view trim_begin(struct view v)
{
    while (v.len > 0 && view_find_byte(VIEW(".- ~"), v.at[0], 0) < 4)
        v = view_from(v, 1);
    return v;
}

/* Where the extension begins, its dot included; v.len where there is none. */
static size_t extension_at(struct view v)
{
    size_t dot = v.len;

    while (dot > 1 && v.at[dot - 1] != '.')
        dot--;
    return dot > 1 && v.len - dot < EXTENSION_BYTES ? dot - 1 : v.len;
}

void spool_name(struct view wire, unsigned copy, struct text *out)
{
    char stem_bytes[SPOOL_NAME_BYTES + 1], extension_bytes[EXTENSION_BYTES + 1], number_bytes[16];
    struct text stem = TEXT(stem_bytes), extension = TEXT(extension_bytes), number = TEXT(number_bytes);
    struct view v = trim_end(trim_begin(last_component(wire)));
    size_t dot = extension_at(v);

    if (is_device(v))
        text_char(&stem, '_');
    add_safe(&stem, view_slice(v, 0, dot));
    add_safe(&extension, view_from(v, dot));
    if (stem.len == 0)
        text_string(&stem, "file");
    if (copy > 1)
        text_format(&number, " (%u)", copy);

    struct view kept = view_of(stem.at, stem.len);
    size_t room = SPOOL_NAME_BYTES - extension.len - number.len;
    if (kept.len > room)
        for (kept.len = room; kept.len > 0 && (kept.at[kept.len] & 0xc0) == 0x80;)
            kept.len--;
    text_add(out, extension.len > 0 ? kept : trim_end(kept));
    text_string(out, number.at);
    text_string(out, extension.at);
}
