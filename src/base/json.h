/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON written by hand into a fixed buffer (RFC 8259), for the events: no allocation, no formatting
 * machinery. Commas are placed by the writer; keys are literals of ours and are not escaped.
 */
#pragma once
#include "base/text.h"

struct json {
    struct text text;
    bool comma; /* a value came before on this level */
};

struct json json_over(char *buffer, size_t size);

/* An object or array as a member of an object (`key` given) or as an element or the whole (`key` NULL). */
void json_object(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array(struct json *j, const char *key);
void json_array_end(struct json *j);

void json_string(struct json *j, const char *key, const char *value);
void json_view(struct json *j, const char *key, struct view value); /* made valid UTF-8, controls escaped */
void json_number(struct json *j, const char *key, uint64_t value);
void json_bool(struct json *j, const char *key, bool value);
/* ISO 8601 with microseconds, UTC, as EVE has it: 2026-11-22T10:20:30.123456+0000 */
void json_time(struct json *j, const char *key, uint64_t time_us);
