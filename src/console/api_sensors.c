/* SPDX-License-Identifier: Apache-2.0 */
/* Sensors: their list, one more with its bundle, one revoked. */
#include "console/routes.h"
#include "event/collector_wire.h"
#include "program/authority.h"
#include "program/sensor.h"
#include <openssl/evp.h>

enum { CERTIFICATE_MS = 5000 };

/* 32 octets of hexadecimal. */
static bool fingerprint_of(const json_t *text, uint8_t out[AUTHORITY_FINGERPRINT_BYTES])
{
    const char *hex = json_string_value(text);

    if (hex == NULL || strlen(hex) != 2 * AUTHORITY_FINGERPRINT_BYTES)
        return false;
    for (size_t i = 0; i < 2 * AUTHORITY_FINGERPRINT_BYTES; i++) {
        char c = hex[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        out[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : out[i / 2] | digit);
    }
    return true;
}

void sensor_list(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *all;

    if (sensors_list(c->db, 0, c->now_us, &all, &err))
        call_json(c, 200, json_pack("{s:o}", "sensors", all));
    else
        call_failed(c, &err);
}

/* The keeper makes the certificate. False: answered. */
static bool certificate(struct call *c, const char *name, json_t **out,
                        uint8_t fingerprint[AUTHORITY_FINGERPRINT_BYTES])
{
    struct imw_error_info err = { 0 };

    if (!role_ask(c->api->keeper, json_pack("{s:s, s:s}", "ask", "certificate", "name", name), CERTIFICATE_MS,
                  out, &err)) {
        call_failed(c, &err);
        return false;
    }
    if (fingerprint_of(json_object_get(*out, "fingerprint"), fingerprint) &&
        json_is_string(json_object_get(*out, "bundle")))
        return true;
    json_decref(*out);
    error_set(&err, IMW_ERROR_FORMAT, "the keeper's certificate is none");
    call_failed(c, &err);
    return false;
}

/* Where sensors connect: the port of --collector, which may be another than the usual one. */
static const char *collector_port(const struct call *c)
{
    const struct console_config *config = c->api != NULL ? c->api->config : NULL;
    const char *colon = config != NULL && config->collector != NULL ? strrchr(config->collector, ':') : NULL;

    return colon != NULL && colon[1] != '\0' ? colon + 1 : COLLECTOR_PORT;
}

static void answer_enrolled(struct call *c, int64_t id, const char *name, const char *kind,
                            const char *bundle)
{
    struct imw_error_info err = { 0 };
    json_t *sensor;

    if (!sensors_list(c->db, id, c->now_us, &sensor, &err)) {
        call_failed(c, &err);
        return;
    }
    json_object_set_new(sensor, "bundle", json_pack("s", bundle));
    json_object_set_new(
        sensor, "command",
        json_pack("s++++", "imward ", strcmp(kind, "gateway") == 0 ? "gateway" : "watch -i eth0",
                  " -o collector:CONSOLE:", collector_port(c), ",bundle=/etc/imward/collector.pem"));
    (void)name;
    call_json(c, 201, sensor);
}

void sensor_add(struct call *c)
{
    uint8_t fingerprint[AUTHORITY_FINGERPRINT_BYTES];
    struct imw_error_info err = { 0 };
    const char *name, *kind;
    int64_t id, there;
    json_t *made;
    bool renew = json_is_true(json_object_get(c->body, "renew"));

    if (!call_strong(c) || !call_text(c, "name", AUTHORITY_SENSOR_NAME_BYTES - 1, &name) ||
        !call_text(c, "kind", 16, &kind))
        return;
    if (!authority_name_is_good(name)) {
        call_problem(c, 422, "name",
                     "A name has letters, digits, dots, dashes and underscores, and begins with a letter or "
                     "digit.");
        return;
    }
    if (strcmp(kind, "sensor") != 0 && strcmp(kind, "gateway") != 0) {
        call_problem(c, 422, "kind", "'sensor' (it watches) or 'gateway' (it stands in the way) is wanted.");
        return;
    }
    if (!sensors_find(c->db, name, &there, &err)) {
        call_failed(c, &err);
        return;
    }
    if (there != 0 && !renew) {
        call_problem(c, 409, "name",
                     "There is a sensor of this name. Give it another, or renew that one's certificate.");
        return;
    }
    if (there == 0 && renew) {
        call_problem(c, 404, "name", "There is no sensor of this name to renew.");
        return;
    }
    if (!certificate(c, name, &made, fingerprint))
        return;
    if (sensors_enrol(c->db, &c->actor, c->address, name, kind, renew,
                      view_of(fingerprint, sizeof fingerprint), c->now_us, &id, &err)) {
        answer_enrolled(c, id, name, kind, json_string_value(json_object_get(made, "bundle")));
        call_changed(c, CHANGE_SENSORS);
    } else if (err.code == IMW_ERROR_VALUE) {
        call_problem(c, 409, "name", "%s", err.text);
    } else {
        call_failed(c, &err);
    }
    json_decref(made);
}

void sensor_revoke(struct call *c)
{
    struct imw_error_info err = { 0 };
    int64_t id;

    if (!call_strong(c) || !call_id(c, 0, &id))
        return;
    if (sensors_revoke(c->db, &c->actor, c->address, id, c->now_us, &err)) {
        call_changed(c, CHANGE_SENSORS);
        call_nothing(c);
    } else if (err.code == IMW_ERROR_VALUE) {
        call_problem(c, 404, NULL, "There is no such sensor with a certificate.");
    } else {
        call_failed(c, &err);
    }
}
