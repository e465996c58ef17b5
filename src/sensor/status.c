/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status of a sensor as JSON and back, what it lost, and whether it is well.
 *
 * One table of fields is both forms: `path` is where a field lies in the object ("catalog.version"), the rest
 * where it lies in the struct. So what the sensor writes and what `imward status` reads cannot differ, and a
 * reader that is older or newer than the sensor takes what it knows.
 */
#include "base/json_value.h"
#include "sensor/server.h"
#include <stdio.h>
#include <stdlib.h>

enum { CATALOG_OLD_DAYS = 183 };

enum kind {
    NUMBER, /* unsigned, 4 or 8 bytes */
    INTEGER,
    FLAG,
    TEXT_IN, /* array of char */
    WORD,    /* const char *, one of `words` */
};

struct field {
    const char *path;
    enum kind kind;
    size_t offset, size;
};

static const char *const words[] = { "up", "down", "gone", "af_packet", "af_xdp", "nfqueue" };

#define FIELD(path, kind, type, member)                                                                      \
    {                                                                                                        \
        path, kind, offsetof(type, member), sizeof(((type *)0)->member)                                      \
    }
#define S(path, kind, member) FIELD(path, kind, struct sensor_status, member)
static const struct field fields[] = {
    S("version", TEXT_IN, version),
    S("pid", INTEGER, pid),
    S("started_us", NUMBER, started_us),
    S("now_us", NUMBER, now_us),
    S("interface.name", TEXT_IN, interface),
    S("interface.method", WORD, method),
    S("interface.state", WORD, state),
    S("interface.bypass", TEXT_IN, bypass),
    S("enforcement", TEXT_IN, enforcement),
    S("live.received", NUMBER, live.received),
    S("live.dropped", NUMBER, live.dropped),
    S("live.freezes", NUMBER, live.freezes),
    S("live.bypassed_packets", NUMBER, live.bypassed_packets),
    S("live.bypassed_bytes", NUMBER, live.bypassed_bytes),
    S("live.bypassed_flows", NUMBER, live.bypassed_flows),
    S("live.bypass_full", NUMBER, live.bypass_full),
    S("memory.resident_bytes", NUMBER, resident_bytes),
    S("memory.flow_bytes", NUMBER, memory.flow_bytes),
    S("memory.inspect_bytes", NUMBER, memory.inspect_bytes),
    S("memory.inspect_used", NUMBER, memory.inspect_used),
    S("flows.live", NUMBER, flows_live),
    S("flows.peak", NUMBER, memory.flows_peak),
    S("decided.packets_sum", NUMBER, decided.packets_sum),
    S("decided.bytes_sum", NUMBER, decided.bytes_sum),
    S("catalog.version", TEXT_IN, catalog_version),
    S("catalog.path", TEXT_IN, catalog_path),
    S("catalog.built_s", NUMBER, catalog_built_s),
    S("policy.path", TEXT_IN, policy_path),
    S("reload.done", NUMBER, reloads),
    S("reload.failed", NUMBER, reloads_failed),
    S("reload.last_us", NUMBER, reloaded_us),
    S("reload.error", TEXT_IN, reload_error),
    S("events.written", NUMBER, events.written),
    S("events.lost", NUMBER, events.lost),
    S("events.bytes", NUMBER, events.bytes),
    S("events.files", NUMBER, events.files),
    S("events.alerts", NUMBER, events.alerts),
    S("events.stopped", NUMBER, events.stopped),
#define X(name, help) S("content." #name, NUMBER, content.name),
    PIPELINE_COUNTS(X)
#undef X
        S("scanners.clamd_up", FLAG, content.scanners.clamd_up),
    S("scanners.clamd_version", TEXT_IN, content.scanners.clamd_version),
    S("scanners.signatures_made_s", NUMBER, content.scanners.signatures_made_s),
    S("scanners.yara_rules", NUMBER, content.scanners.yara_rules),
    S("scanners.hashes", NUMBER, content.scanners.hashes),
    S("scanners.error", TEXT_IN, content.scanners.error),
    S("endpoints.entries", NUMBER, endpoints.entries),
    S("endpoints.added", NUMBER, endpoints.added),
    S("endpoints.refused", NUMBER, endpoints.refused),
    S("endpoints.dropped_packets", NUMBER, endpoints.dropped_packets),
    S("radius.requests", NUMBER, radius.requests),
    S("radius.repeated", NUMBER, radius.repeated),
    S("radius.users", NUMBER, radius.users),
    S("radius.unknown", NUMBER, radius.unknown),
    S("radius.forged", NUMBER, radius.forged),
    S("radius.malformed", NUMBER, radius.malformed),
    S("sandbox.user", TEXT_IN, sandbox.user),
    S("sandbox.seccomp", FLAG, sandbox.seccomp),
    S("sandbox.landlock", NUMBER, sandbox.landlock),
    S("sandbox.capabilities", NUMBER, sandbox.capabilities),
    S("control.requests", NUMBER, control.requests),
    S("control.malformed", NUMBER, control.malformed),
    S("control.refused", NUMBER, control.refused),
    S("control.slow", NUMBER, control.slow),
    S("control.scrapes", NUMBER, control.scrapes),
};

/* Lists: the fields of an element, by their offset in it. */
#define ELEMENT(path, kind, list, member)                                                                    \
    {                                                                                                        \
        path, kind,                                                                                          \
            offsetof(struct sensor_status, list[0].member) - offsetof(struct sensor_status, list[0]),        \
            sizeof(((struct sensor_status *)0)->list[0].member)                                              \
    }
static const struct field worker_fields[] = {
    ELEMENT("cpu", INTEGER, workers, cpu),
    ELEMENT("packets", NUMBER, workers, packets),
    ELEMENT("flows", NUMBER, workers, flows),
};
static const struct field output_fields[] = {
    ELEMENT("name", TEXT_IN, events.outputs, name),
    ELEMENT("up", FLAG, events.outputs, up),
    ELEMENT("written", NUMBER, events.outputs, written),
    ELEMENT("lost", NUMBER, events.outputs, lost),
    ELEMENT("error", TEXT_IN, events.outputs, error),
    ELEMENT("certificate_end_s", NUMBER, events.outputs, certificate_end_s),
};
static const struct field service_fields[] = {
    ELEMENT("slug", TEXT_IN, events.services, slug),
    ELEMENT("flows", NUMBER, events.services, flows),
    ELEMENT("bytes", NUMBER, events.services, bytes),
    ELEMENT("blocked", NUMBER, events.services, blocked),
    ELEMENT("alerted", NUMBER, events.services, alerted),
};
static const struct field number_fields[] = { { NULL, NUMBER, 0, sizeof(uint64_t) } };

struct list {
    const char *name;
    size_t offset, stride, max;
    size_t count_offset; /* of an unsigned; SIZE_MAX: there are always `max` */
    const struct field *fields;
    size_t field_count;
};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define LIST(name, array, max, count, fields)                                                                \
    {                                                                                                        \
        name, offsetof(struct sensor_status, array), sizeof(((struct sensor_status *)0)->array[0]), max,     \
            count, fields, COUNT_OF(fields)                                                                  \
    }
static const struct list lists[] = {
    LIST("workers", workers, ENGINE_WORKERS_MAX, offsetof(struct sensor_status, worker_count), worker_fields),
    LIST("outputs", events.outputs, OUTPUTS_MAX, offsetof(struct sensor_status, events.output_count),
         output_fields),
    LIST("services", events.services, TOP_SERVICES, offsetof(struct sensor_status, events.service_count),
         service_fields),
    LIST("decided_packets", decided.packets, DECISION_BUCKETS, SIZE_MAX, number_fields),
    LIST("decided_bytes", decided.bytes, DECISION_BUCKETS, SIZE_MAX, number_fields),
};

/* ---- to JSON ---- */

static json_t *field_write(const struct field *f, const void *at)
{
    switch (f->kind) {
    case INTEGER: return json_integer(*(const int *)at);
    case FLAG: return json_boolean(*(const bool *)at);
    case TEXT_IN: return server_text(at);
    case WORD: return server_text(*(const char *const *)at);
    default:
        return json_integer(f->size == sizeof(uint32_t) ? (json_int_t) * (const uint32_t *)at
                                                        : (json_int_t) * (const uint64_t *)at);
    }
}

/* The object that holds the last part of a path, made where it is missing; *out_key: that part. */
static json_t *parent_of(json_t *object, const char *path, const char **out_key)
{
    const char *dot = strchr(path, '.');
    char name[32];

    *out_key = dot != NULL ? dot + 1 : path;
    if (dot == NULL)
        return object;
    snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
    json_t *inner = json_object_get(object, name);
    if (inner == NULL && json_object_set_new(object, name, inner = json_pack("{}")) != 0)
        return NULL;
    return inner;
}

static json_t *fields_write(const void *base, const struct field *f, size_t n)
{
    json_t *object = json_pack("{}");

    for (size_t i = 0; i < n; i++) {
        const char *key;
        json_t *parent = parent_of(object, f[i].path, &key);
        if (json_object_set_new(parent, key, field_write(&f[i], (const char *)base + f[i].offset)) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static size_t list_count(const struct sensor_status *s, const struct list *l)
{
    unsigned n = l->count_offset == SIZE_MAX ? (unsigned)l->max
                                             : *(const unsigned *)((const char *)s + l->count_offset);
    return n < l->max ? n : l->max;
}

static json_t *list_write(const struct sensor_status *s, const struct list *l)
{
    json_t *array = json_pack("[]");

    for (size_t i = 0; i < list_count(s, l); i++) {
        const char *at = (const char *)s + l->offset + i * l->stride;
        json_array_append_new(array, l->fields[0].path == NULL ? field_write(l->fields, at)
                                                               : fields_write(at, l->fields, l->field_count));
    }
    return array;
}

json_t *status_object(const struct sensor_status *s)
{
    json_t *object = fields_write(s, fields, COUNT_OF(fields));
    json_t *counters = json_pack("{}");

    for (size_t i = 0; i < COUNT_OF(lists); i++)
        json_object_set_new(object, lists[i].name, list_write(s, &lists[i]));
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        json_object_set_new(counters, counter_name((enum counter)i),
                            json_integer((json_int_t)s->counters.n[i]));
    json_object_set_new(object, "counters", counters);
    return object;
}

char *status_json(const struct sensor_status *s)
{
    json_t *object = status_object(s);
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

    json_decref(object);
    return text;
}

/* ---- from JSON ---- */

static uint64_t number_of(const json_t *value)
{
    json_int_t n = json_integer_value(value);
    return n > 0 ? (uint64_t)n : 0;
}

static void field_read(const struct field *f, const json_t *value, void *at)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    struct text t;

    switch (f->kind) {
    case INTEGER: *(int *)at = (int)json_integer_value(value); break;
    case FLAG: *(bool *)at = json_is_true(value); break;
    case TEXT_IN:
        t = text_over(at, f->size);
        text_printable(&t, view_string(text)); /* it will be shown on a terminal */
        break;
    case WORD:
        *(const char **)at = "unknown";
        for (size_t i = 0; i < COUNT_OF(words); i++)
            if (strcmp(words[i], text) == 0)
                *(const char **)at = words[i];
        break;
    default:
        if (f->size == sizeof(uint32_t))
            *(uint32_t *)at = (uint32_t)number_of(value);
        else
            *(uint64_t *)at = number_of(value);
    }
}

static void fields_read(const json_t *object, void *base, const struct field *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *dot = strchr(f[i].path, '.');
        const json_t *parent = object;
        char name[32];
        if (dot != NULL) {
            snprintf(name, sizeof name, "%.*s", (int)(dot - f[i].path), f[i].path);
            parent = json_object_get(object, name);
        }
        field_read(&f[i], json_object_get(parent, dot != NULL ? dot + 1 : f[i].path),
                   (char *)base + f[i].offset);
    }
}

void status_read(const json_t *object, struct sensor_status *out)
{
    const json_t *counters = json_object_get(object, "counters");

    *out = (struct sensor_status){ .method = "unknown", .state = "unknown" };
    fields_read(object, out, fields, COUNT_OF(fields));
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        const struct list *l = &lists[i];
        const json_t *array = json_object_get(object, l->name);
        size_t n = json_array_size(array) < l->max ? json_array_size(array) : l->max;

        if (l->count_offset != SIZE_MAX)
            *(unsigned *)((char *)out + l->count_offset) = (unsigned)n;
        for (size_t k = 0; k < n; k++) {
            char *at = (char *)out + l->offset + k * l->stride;
            if (l->fields[0].path == NULL)
                field_read(l->fields, json_array_get(array, k), at);
            else
                fields_read(json_array_get(array, k), at, l->fields, l->field_count);
        }
    }
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        out->counters.n[i] = number_of(json_object_get(counters, counter_name((enum counter)i)));
}

/* ---- what was lost, and health ---- */

uint64_t status_output_lost(const struct sensor_status *s)
{
    uint64_t lost = 0;

    for (unsigned i = 0; i < s->events.output_count; i++)
        lost += s->events.outputs[i].lost;
    return lost;
}

void status_drops(const struct sensor_status *s, struct status_drop out[STATUS_DROPS])
{
    unsigned i = 0;

#define X(cause, unit, count, help) out[i++] = (struct status_drop){ cause, unit, help, count };
    DROPS(X)
#undef X
}

bool status_is_healthy(const struct sensor_status *s, char out_why[256])
{
    uint64_t now_s = s->now_us / 1000000;

    if (strcmp(s->state, "up") != 0) {
        snprintf(out_why, 256, "interface %s is %s", s->interface, s->state);
        return false;
    }
    for (unsigned i = 0; i < s->events.output_count; i++)
        if (!s->events.outputs[i].up) {
            snprintf(out_why, 256, "output %s is down", s->events.outputs[i].name);
            return false;
        }
    if (now_s > s->catalog_built_s && now_s - s->catalog_built_s > CATALOG_OLD_DAYS * UINT64_C(86400)) {
        snprintf(out_why, 256, "the catalog is %llu days old: update it",
                 (unsigned long long)(now_s - s->catalog_built_s) / 86400);
        return false;
    }
    snprintf(out_why, 256, "ok");
    return true;
}
