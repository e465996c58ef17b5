/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets of requests: paths, queries and JSON bodies out of bytes from strangers.
 *
 * Sources: RFC 3986 sections 2.1 and 3.3; the form encoding of queries (`+` is a space) as browsers write it.
 * A path is decoded once and segment by segment, so that what was written as %2f never becomes a separator,
 * and an encoded "%252f" stays the text "%2f".
 */
#include "base/text.h"
#include "console/dispatch.h"

/* ---- decoding ---- */

static int hex_value(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Into `out`, which has room for in.len octets. False: a percent sign without two digits. */
static bool percent_decode(struct view in, bool plus, char *out, size_t *out_len)
{
    size_t n = 0;

    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.at[i];
        if (c == '%') {
            int high = i + 2 < in.len ? hex_value(in.at[i + 1]) : -1;
            int low = i + 2 < in.len ? hex_value(in.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[n++] = (char)c;
    }
    *out_len = n;
    return true;
}

/* Valid UTF-8 without control characters; line ends and tabs only where `lines`. */
static bool is_clean(struct view v, bool lines)
{
    for (size_t i = 0; i < v.len;) {
        size_t n = utf8_length(view_from(v, i));
        uint8_t c = v.at[i];
        bool line = c == '\n' || c == '\r' || c == '\t';
        if (n == 0 || c == 0x7f || (c < 0x20 && !(lines && line)))
            return false;
        i += n;
    }
    return true;
}

bool target_parse(struct view raw, struct target *out)
{
    size_t question = view_find_byte(raw, '?', 0), used = 0;
    struct view path = view_slice(raw, 0, question);

    out->query = view_from(raw, question + 1);
    out->count = 0;
    if (raw.len >= TARGET_BYTES - TARGET_SEGMENTS || path.len == 0 || path.at[0] != '/')
        return false;
    path = view_from(path, 1);
    for (bool more = path.len > 0; more;) {
        size_t slash = view_find_byte(path, '/', 0), len;
        char *text = out->text + used;
        more = slash < path.len;
        if (out->count == TARGET_SEGMENTS || !percent_decode(view_slice(path, 0, slash), false, text, &len))
            return false;
        struct view segment = view_of(text, len);
        if (len == 0 || view_equal(segment, VIEW(".")) || view_equal(segment, VIEW("..")) ||
            !is_clean(segment, false) || view_find_byte(segment, '/', 0) < len ||
            view_find_byte(segment, '\\', 0) < len)
            return false;
        text[len] = '\0';
        out->segments[out->count++] = text;
        used += len + 1;
        path = view_from(path, slash + 1);
    }
    return true;
}

static bool query_add(json_t *to, struct view pair, struct imw_error_info *err)
{
    char name[3 * QUERY_NAME_BYTES], value[3 * QUERY_VALUE_BYTES];
    struct view raw_name = view_token(&pair, '='), raw_value = pair;
    size_t name_len, value_len;

    if (raw_name.len > sizeof name || raw_value.len > sizeof value)
        return error_set(err, IMW_ERROR_LIMIT, "a name or value of the query is too long");
    if (!percent_decode(raw_name, true, name, &name_len) ||
        !percent_decode(raw_value, true, value, &value_len))
        return error_set(err, IMW_ERROR_VALUE, "a percent sign of the query has no two digits behind it");
    if (name_len == 0 || name_len > QUERY_NAME_BYTES || value_len > QUERY_VALUE_BYTES)
        return error_set(err, IMW_ERROR_LIMIT, "a name or value of the query is empty or too long");
    if (!is_clean(view_of(name, name_len), false) || !is_clean(view_of(value, value_len), true))
        return error_set(err, IMW_ERROR_VALUE, "the query is no clean UTF-8");
    json_t *list = json_object_getn(to, name, name_len);
    if (list == NULL && json_object_setn_new(to, name, name_len, list = json_pack("[]")) != 0)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the query");
    if (json_array_append_new(list, json_stringn(value, value_len)) != 0)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the query");
    return true;
}

json_t *query_parse(struct view query, struct imw_error_info *err)
{
    json_t *all = json_pack("{}");
    unsigned pairs = 0;

    while (query.len > 0) {
        struct view pair = view_token(&query, '&');
        if (pair.len == 0)
            continue;
        bool fits = pairs++ < QUERY_PAIRS;
        if (!fits)
            error_set(err, IMW_ERROR_LIMIT, "the query has more than %d values", QUERY_PAIRS);
        if (!fits || !query_add(all, pair, err)) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

json_t *body_parse(struct view bytes, struct imw_error_info *err)
{
    json_error_t where;

    if (json_depth(bytes, BODY_DEPTH + 1) > BODY_DEPTH) {
        error_set(err, IMW_ERROR_LIMIT, "the JSON is nested deeper than %d levels", BODY_DEPTH);
        return NULL;
    }
    json_t *body = json_loadb((const char *)bytes.at, bytes.len, JSON_REJECT_DUPLICATES, &where);
    if (body == NULL)
        error_set(err, IMW_ERROR_VALUE, "line %d, column %d: %s", where.line, where.column, where.text);
    return body;
}
