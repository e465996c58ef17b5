/* SPDX-License-Identifier: Apache-2.0 */
/* Facts for a policy out of a stored event: what eve_flow() wrote, read back. */
#include "policy/replay.h"
#include <stdlib.h>
#include <time.h>

static const char *text_at(const json_t *map, const char *key)
{
    const char *text = json_string_value(json_object_get(map, key));

    return text != NULL ? text : "";
}

uint64_t replay_time(const char *text)
{
    struct tm tm = { 0 };
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    struct view digits;
    uint64_t us = 0;

    if (rest == NULL || tm.tm_year < 70 || rest[0] != '.')
        return 0;
    digits = view_slice(view_string(rest), 1, 7);
    if (!view_decimal(digits, 999999, &us) || digits.len != 6 || strcmp(rest + 7, "+0000") != 0)
        return 0;
    return (uint64_t)timegm(&tm) * 1000000 + us;
}

uint8_t replay_activities(const json_t *im)
{
    const json_t *list = json_object_get(im, "activity");
    uint8_t bits = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *word = json_string_value(json_array_get(list, i));
        int number = word != NULL ? activity_find(view_string(word)) : -1;
        if (number >= 0)
            bits |= (uint8_t)(1u << number);
    }
    return bits;
}

struct policy_facts replay_facts(const struct catalog *catalog, const json_t *event, struct ip_addr ends[2])
{
    const json_t *im = json_object_get(event, "im");
    const char *name = text_at(json_object_get(event, "tls"), "sni");
    int class = class_find(view_string(text_at(im, "class")));
    int protocol = protocol_find(view_string(text_at(im, "protocol")));
    int delivery = delivery_find(view_string(text_at(im, "delivery")));
    bool has_client = ip_parse(view_string(text_at(event, "src_ip")), &ends[0]);
    bool has_server = ip_parse(view_string(text_at(event, "dest_ip")), &ends[1]);

    return (struct policy_facts){
        .client = has_client ? &ends[0] : NULL,
        .server = has_server ? &ends[1] : NULL,
        .service = catalog_find(catalog, view_string(text_at(im, "service"))),
        .class = class >= 0 ? (enum service_class) class : CLASS_COUNT,
        .protocol = protocol >= 0 ? (enum protocol)protocol : PROTOCOL_UNKNOWN,
        .activities = replay_activities(im),
        .delivery = delivery >= 0 ? (enum delivery)delivery : DELIVERY_UNKNOWN,
        .port_agile = json_is_true(json_object_get(im, "port_agile")),
        .server_name = view_string(name[0] != '\0' ? name : text_at(json_object_get(event, "quic"), "sni")),
        .client_version = view_string(text_at(im, "client")),
        .user = view_string(text_at(json_object_get(event, "src_who"), "user")),
        .time_us = replay_time(text_at(json_object_get(event, "flow"), "start")),
    };
}

bool replay_same(const struct policy_verdict *a, const struct policy_verdict *b)
{
    return a->action == b->action && a->means == b->means && a->throttle == b->throttle &&
           a->keep_messages_s == b->keep_messages_s && a->keep_files_s == b->keep_files_s;
}
