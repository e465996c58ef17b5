/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request line to one answer line. Requests are objects of a fixed form: `requests` says which members
 * each command takes, and a member that is not among them is an error that names it, so that a misspelt
 * option is never silently left out.
 */
#include "base/json_value.h"
#include "sensor/server.h"
#include <stdlib.h>

enum { FOR_S_MAX = 366 * 86400 };

struct request {
    const char *name;
    const char *members[5]; /* beside "command" */
    json_t *(*answer)(const struct control_calls *calls, json_t *request);
};

static json_t *answer_error(const char *text)
{
    return json_pack("{s:b, s:o}", "ok", 0, "error", server_text(text));
}

/* A request that is not as it should be: counted. */
static json_t *malformed(const struct control_calls *calls, const char *format, ...) IMW_PRINTF(2, 3);

static json_t *malformed(const struct control_calls *calls, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (calls->counts != NULL)
        calls->counts->malformed++;
    return answer_error(text);
}

/* ---- the commands ---- */

static json_t *answer_status(const struct control_calls *calls, json_t *request)
{
    struct sensor_status s;

    (void)request;
    server_status(calls, &s);
    return json_pack("{s:b, s:o}", "ok", 1, "status", status_object(&s));
}

static json_t *answer_reload(const struct control_calls *calls, json_t *request)
{
    struct imw_error_info err = { .code = IMW_OK };
    struct sensor_status s;
    char text[768];

    (void)request;
    if (!calls->reload(calls->context, &err))
        return answer_error(error_format(&err, text, sizeof text));
    server_status(calls, &s);
    return json_pack("{s:b, s:o, s:o}", "ok", 1, "catalog", server_text(s.catalog_version), "policy",
                     server_text(s.policy_path));
}

static json_t *answer_reopen(const struct control_calls *calls, json_t *request)
{
    (void)request;
    calls->reopen(calls->context);
    return json_pack("{s:b}", "ok", 1);
}

static json_t *answer_stop(const struct control_calls *calls, json_t *request)
{
    (void)request;
    calls->stop(calls->context);
    return json_pack("{s:b}", "ok", 1);
}

/* A name that an event may carry: not too long, nothing that a terminal obeys. */
static bool is_name(const char *name)
{
    char clean[WHO_NAME_BYTES];
    struct text t = TEXT(clean);

    text_printable(&t, view_string(name));
    return !t.cut && strcmp(clean, name) == 0;
}

static json_t *answer_learn(const struct control_calls *calls, json_t *request)
{
    const char *address = NULL, *user = "", *host = "", *wrong = NULL;
    json_error_t why;
    json_int_t for_s = 0;
    struct ip_addr ip;
    struct imw_error_info err = { .code = IMW_OK };
    char text[768];

    if (json_unpack_ex(request, &why, 0, "{s:s, s?s, s?s, s?I}", "address", &address, "user", &user, "host",
                       &host, "for_s", &for_s) != 0)
        return malformed(calls,
                         "learn takes {\"address\":text,\"user\":text,\"host\":text,\"for_s\":number}");
    if (!ip_parse(view_string(address), &ip))
        return malformed(calls, "'%s' is not an address", address);
    if (user[0] == '\0' && host[0] == '\0')
        wrong = "give a user, a host or both";
    else if (!is_name(user) || !is_name(host))
        wrong = "a name has at most 63 bytes, and no control characters";
    else if (for_s < 0 || for_s > FOR_S_MAX)
        wrong = "for_s is 1 to 31622400 seconds (366 days)";
    if (wrong != NULL)
        return malformed(calls, "%s", wrong);
    if (!calls->learn(calls->context, &ip, view_string(user), view_string(host), (uint32_t)for_s, &err))
        return answer_error(error_format(&err, text, sizeof text));
    return json_pack("{s:b}", "ok", 1);
}

static json_t *answer_rules(const struct control_calls *calls, json_t *request)
{
    json_error_t why;
    json_int_t from = 0;
    int dead = 0;

    if (json_unpack_ex(request, &why, 0, "{s?I, s?b}", "from", &from, "dead", &dead) != 0 || from < 0)
        return malformed(calls, "rules takes {\"from\":number,\"dead\":true or false}");
    return control_rules(calls, (uint64_t)from, dead != 0);
}

static const struct request requests[] = {
    { "status", { NULL }, answer_status },
    { "reload", { NULL }, answer_reload },
    { "reopen", { NULL }, answer_reopen },
    { "stop", { NULL }, answer_stop },
    { "rules", { "from", "dead", NULL }, answer_rules },
    { "learn", { "address", "user", "host", "for_s", NULL }, answer_learn },
};

/* ---- finding it ---- */

static const struct request *request_find(const char *name)
{
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        if (strcmp(requests[i].name, name) == 0)
            return &requests[i];
    return NULL;
}

/* The first member that the command does not take; NULL: there is none. */
static const char *unknown_member(const struct request *r, json_t *request)
{
    const char *key;
    json_t *value;

    json_object_foreach(request, key, value)
    {
        bool known = strcmp(key, "command") == 0;
        for (unsigned i = 0; r->members[i] != NULL && !known; i++)
            known = strcmp(key, r->members[i]) == 0;
        if (!known)
            return key;
    }
    return NULL;
}

static json_t *answer(const struct control_calls *calls, struct view line)
{
    json_error_t why;
    json_t *request = json_loadb((const char *)line.at, line.len, JSON_REJECT_DUPLICATES, &why);
    const char *name = json_string_value(json_object_get(request, "command"));
    const struct request *r = name != NULL ? request_find(name) : NULL;
    const char *unknown = r != NULL ? unknown_member(r, request) : NULL;
    json_t *out;

    if (request == NULL)
        out = malformed(calls, "not JSON, at byte %d: %s", why.position, why.text);
    else if (name == NULL)
        out = malformed(calls, "a request is an object such as {\"command\":\"status\"}");
    else if (r == NULL)
        out = malformed(calls, "no command '%.64s'; there are: status, rules, reload, reopen, learn, stop",
                        name);
    else if (unknown != NULL)
        out = malformed(calls, "%s does not take '%.64s'", name, unknown);
    else
        out = r->answer(calls, request);
    json_decref(request);
    return out;
}

char *control_handle(const struct control_calls *calls, struct view line)
{
    if (calls->counts != NULL)
        calls->counts->requests++;
    json_t *object = answer(calls, line);
    size_t size = object != NULL ? json_dumpb(object, NULL, 0, JSON_COMPACT) : 0;
    char *out = size > 0 ? malloc(size + 2) : NULL;

    if (out != NULL) {
        json_dumpb(object, out, size, JSON_COMPACT);
        out[size] = '\n';
        out[size + 1] = '\0';
    }
    json_decref(object);
    return out;
}
