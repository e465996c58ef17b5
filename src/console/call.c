/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers read of a request, and how they answer it. */
#include "console/call.h"
#include "base/log.h"
#include "base/text.h"
#include "console/dispatch.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRONG_US (15 * 60 * 1000000ull)

/* ---- answers ---- */

void answer_init(struct call_answer *a)
{
    *a = (struct call_answer){ .fd = -1 };
}

void answer_fini(struct call_answer *a)
{
    free(a->bytes);
    if (a->fd >= 0)
        close(a->fd);
    for (unsigned i = 0; i < a->header_count; i++) {
        free(a->headers[i][0]);
        free(a->headers[i][1]);
    }
    answer_init(a);
}

/* The last answer counts: what was there before goes. Headers stay. */
static void answer_body(struct call_answer *a, unsigned status, const char *type, char *bytes, size_t len)
{
    free(a->bytes);
    if (a->fd >= 0)
        close(a->fd);
    a->fd = -1;
    a->stream = false;
    a->status = status;
    a->type = type;
    a->bytes = bytes;
    a->len = bytes != NULL ? len : 0;
}

void answer_header(struct call_answer *a, const char *name, const char *value)
{
    char *n = strdup(name), *v = strdup(value);

    for (const char *at = value; at != NULL && *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f) { /* a line end would be a header more */
            free(v);
            v = NULL;
            break;
        }
    if (n == NULL || v == NULL || a->header_count == ANSWER_HEADERS) {
        log_error("console_header", "%s was left out of an answer", name);
        free(n);
        free(v);
        return;
    }
    a->headers[a->header_count][0] = n;
    a->headers[a->header_count][1] = v;
    a->header_count++;
}

/* RFC 9110 section 15 */
const char *status_title(unsigned status)
{
    static const struct {
        unsigned status;
        const char *title;
    } titles[] = {
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 409, "Conflict" },
        { 410, "Gone" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 416, "Range Not Satisfiable" },
        { 422, "Unprocessable Content" },
        { 429, "Too Many Requests" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 507, "Insufficient Storage" },
    };

    for (unsigned i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Error";
}

static const char json_media[] = "application/json; charset=utf-8";

static void problem(struct call_answer *a, unsigned status, const char *field, const char *detail)
{
    char clean[512];
    struct text t = TEXT(clean);

    text_printable(&t, view_string(detail));
    json_t *body = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title", status_title(status),
                             "status", (int)status, "detail", clean);
    if (body != NULL && field != NULL)
        json_object_set_new(body, "field", json_stringn(field, strlen(field)));
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    answer_body(a, status, "application/problem+json", text, text != NULL ? strlen(text) : 0);
}

void answer_problem(struct call_answer *a, unsigned status, const char *field, const char *format, ...)
{
    char detail[512];
    va_list args;

    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    problem(a, status, field, detail);
}

void call_problem(struct call *c, unsigned status, const char *field, const char *format, ...)
{
    char detail[512];
    va_list args;

    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    problem(c->answer, status, field, detail);
}

void call_failed(struct call *c, const struct imw_error_info *err)
{
    char line[768];

    log_error("console_failed", "%s: %s", c->route->name, error_format(err, line, sizeof line));
    problem(c->answer, 500, NULL, "something failed in the server, whose log says what");
}

void call_json(struct call *c, unsigned status, json_t *body)
{
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;

    json_decref(body);
    if (text == NULL)
        problem(c->answer, 500, NULL, "the server has no memory for this answer");
    else
        answer_body(c->answer, status, json_media, text, strlen(text));
}

void call_bytes(struct call *c, const char *type, struct view bytes)
{
    char *copy = malloc(bytes.len + 1);

    if (copy == NULL) {
        problem(c->answer, 500, NULL, "the server has no memory for this answer");
        return;
    }
    memcpy(copy, bytes.at, bytes.len);
    answer_body(c->answer, 200, type, copy, bytes.len);
}

void call_nothing(struct call *c)
{
    answer_body(c->answer, 204, NULL, NULL, 0);
}

void call_stream(struct call *c)
{
    answer_body(c->answer, 200, "text/event-stream", NULL, 0);
    c->answer->stream = true;
}

void call_header(struct call *c, const char *name, const char *value)
{
    answer_header(c->answer, name, value);
}

void call_cookie(struct call *c, const char *value)
{
    char line[512];

    snprintf(line, sizeof line, "__Host-imward=%s; Path=/; Secure; HttpOnly; SameSite=Strict%s",
             value != NULL ? value : "", value == NULL ? "; Max-Age=0" : "");
    answer_header(c->answer, "Set-Cookie", line);
}

/* A file without a name in the data folder's spool; a test has none and takes memory. */
static int open_nameless(const struct api *api)
{
    char path[512];

    if (api == NULL || api->config == NULL)
        return memfd_create("answer", MFD_CLOEXEC);
    snprintf(path, sizeof path, "%s/spool", api->config->data);
    return open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* The name in quotes of RFC 6266: what would end them is left out. */
static void disposition(struct call_answer *a, const char *name)
{
    char line[256];
    struct text t = TEXT(line);

    text_string(&t, "attachment; filename=\"");
    for (const char *at = name; *at != '\0' && t.len < 200; at++)
        text_char(&t, (*at >= '0' && *at <= '9') || ((*at | 0x20) >= 'a' && (*at | 0x20) <= 'z') ||
                              *at == '-' || *at == '.' || *at == '_'
                          ? *at
                          : '_');
    text_char(&t, '"');
    answer_header(a, "Content-Disposition", line);
}

void call_file(struct call *c, const char *type, const char *name, call_writer *write, void *context)
{
    struct imw_error_info err = { 0 };
    int fd = open_nameless(c->api), own = fd >= 0 ? dup(fd) : -1;
    FILE *to = own >= 0 ? fdopen(own, "w") : NULL;
    struct stat info;

    if (to == NULL) {
        error_errno(&err, "a temporary file");
        if (own >= 0)
            close(own);
    } else {
        bool ok = write(context, to, &err);
        if (fclose(to) != 0 && ok)
            ok = error_errno(&err, "a temporary file");
        if (ok && fstat(fd, &info) == 0 && lseek(fd, 0, SEEK_SET) == 0) {
            answer_body(c->answer, 200, type, NULL, 0);
            c->answer->fd = fd;
            c->answer->fd_size = (uint64_t)info.st_size;
            disposition(c->answer, name);
            return;
        }
    }
    if (fd >= 0)
        close(fd);
    if (err.code == IMW_ERROR_VALUE)
        call_problem(c, 422, err.key[0] != '\0' ? err.key : NULL, "%s", err.text);
    else
        call_failed(c, &err);
}

bool call_wait(struct call *c, enum change what, uint64_t seen)
{
    if (c->waited)
        return false;
    c->answer->waits = true;
    c->answer->wait_for = what;
    c->answer->wait_seen = seen;
    return true;
}

void call_part(struct call *c, uint64_t from, uint64_t count, uint64_t whole)
{
    char text[96];

    if (c->answer->status != 200)
        return;
    c->answer->status = 206;
    snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)from,
             (unsigned long long)(from + count - 1), (unsigned long long)whole);
    answer_header(c->answer, "Content-Range", text);
}

/* ---- what came ---- */

bool call_id(struct call *c, unsigned part, int64_t *out)
{
    uint64_t number = 0;

    if (part >= CALL_PARTS || c->parts[part] == NULL ||
        !view_decimal(view_string(c->parts[part]), INT64_MAX, &number) || number == 0) {
        call_problem(c, 404, NULL, "there is none of that number");
        return false;
    }
    *out = (int64_t)number;
    return true;
}

const char *call_query(const struct call *c, const char *name)
{
    return json_string_value(json_array_get(json_object_get(c->query, name), 0));
}

bool call_query_number(struct call *c, const char *name, int64_t min, int64_t max, int64_t usual,
                       int64_t *out)
{
    const char *text = call_query(c, name);
    uint64_t number;

    *out = usual;
    if (text == NULL || text[0] == '\0')
        return true;
    if (!view_decimal(view_string(text), (uint64_t)max, &number) || (int64_t)number < min) {
        call_problem(c, 422, name, "a number from %lld to %lld is needed", (long long)min, (long long)max);
        return false;
    }
    *out = (int64_t)number;
    return true;
}

/* A text of the body without NUL in it. */
static bool take_text(struct call *c, const char *name, const json_t *value, size_t most, const char **out)
{
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value)) {
        call_problem(c, 422, name, "%s is to be a text", name);
        return false;
    }
    if (json_string_length(value) > most) {
        call_problem(c, 422, name, "%s is longer than %zu octets", name, most);
        return false;
    }
    *out = json_string_value(value);
    return true;
}

bool call_text(struct call *c, const char *name, size_t most, const char **out)
{
    const json_t *value = json_object_get(c->body, name);

    if (value == NULL || json_is_null(value)) {
        call_problem(c, 422, name, "%s is missing", name);
        return false;
    }
    return take_text(c, name, value, most, out);
}

bool call_text_optional(struct call *c, const char *name, size_t most, const char **out)
{
    const json_t *value = json_object_get(c->body, name);

    if (value == NULL || json_is_null(value)) {
        *out = NULL;
        return true;
    }
    return take_text(c, name, value, most, out);
}

bool call_number(struct call *c, const char *name, int64_t min, int64_t max, int64_t *out)
{
    const json_t *value = json_object_get(c->body, name);

    if (!json_is_integer(value) || json_integer_value(value) < min || json_integer_value(value) > max) {
        call_problem(c, 422, name, "%s is to be a number from %lld to %lld", name, (long long)min,
                     (long long)max);
        return false;
    }
    *out = json_integer_value(value);
    return true;
}

bool call_strong(struct call *c)
{
    if (!c->actor.token && c->actor.strong_us != 0 && c->now_us - c->actor.strong_us < STRONG_US)
        return true;
    call_problem(c, 401, "reauthenticate", "this asks for your password again");
    return false;
}

bool call_audit(struct call *c, const char *act, const json_t *detail, const char *object, ...)
{
    struct imw_error_info err = { 0 };
    char text[256];
    va_list args;

    va_start(args, object);
    vsnprintf(text, sizeof text, object, args);
    va_end(args);
    if (audit_add(c->db, &c->actor, c->address, act, text, detail, c->now_us, &err))
        return true;
    call_failed(c, &err);
    return false;
}

void call_changed(struct call *c, enum change what)
{
    c->changed |= 1u << what;
}

void call_wake(struct call *c, const char *job)
{
    unsigned i = 0;

    while (i < CALL_WAKES && c->wake[i] != NULL && strcmp(c->wake[i], job) != 0)
        i++;
    if (i < CALL_WAKES)
        c->wake[i] = job;
}
