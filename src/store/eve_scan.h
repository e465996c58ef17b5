/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of EVE (docs/output.md; Suricata's own, too) read in one pass: what the columns of an event need,
 * and that the rest is JSON (RFC 8259). Lines come from sensors that proved who they are, but may have been
 * taken over: length, depth and repeated members are refused, nothing recurses, nothing is allocated.
 */
#pragma once
#include "base/view.h"

enum { EVE_LINE_MOST = 65536, EVE_DEPTH = 16 };

/* What holds a member that is read: the line itself, and objects in it. */
#define EVE_SECTIONS(X)                                                                                      \
    X(TOP)                                                                                                   \
    X(FLOW) X(IM) X(VERDICT) X(ALERT) X(FILEINFO) X(SCAN) X(TLS) X(IMWARD) X(WHO) X(DNS) X(HTTP) X(EVIDENCE)

/* section, member, type, what it is kept as */
#define EVE_FIELDS(X)                                                                                        \
    X(TOP, "timestamp", TEXT, TIMESTAMP)                                                                     \
    X(TOP, "event_type", TEXT, EVENT_TYPE)                                                                   \
    X(TOP, "flow_id", NUMBER, FLOW_ID)                                                                       \
    X(TOP, "src_ip", TEXT, SRC_IP)                                                                           \
    X(TOP, "src_port", NUMBER, SRC_PORT)                                                                     \
    X(TOP, "dest_ip", TEXT, DEST_IP)                                                                         \
    X(TOP, "dest_port", NUMBER, DEST_PORT)                                                                   \
    X(TOP, "proto", TEXT, PROTO)                                                                             \
    X(TOP, "app_proto", TEXT, APP_PROTO)                                                                     \
    X(TOP, "src_host", TEXT, SRC_HOST)                                                                       \
    X(TOP, "src_who", OBJECT, WHO)                                                                           \
    X(TOP, "flow", OBJECT, FLOW)                                                                             \
    X(TOP, "im", OBJECT, IM)                                                                                 \
    X(TOP, "verdict", OBJECT, VERDICT)                                                                       \
    X(TOP, "alert", OBJECT, ALERT)                                                                           \
    X(TOP, "fileinfo", OBJECT, FILEINFO)                                                                     \
    X(TOP, "scan", OBJECT, SCAN)                                                                             \
    X(TOP, "tls", OBJECT, TLS)                                                                               \
    X(TOP, "quic", OBJECT, QUIC)                                                                             \
    X(TOP, "imward", OBJECT, IMWARD)                                                                         \
    X(TOP, "dns", OBJECT, DNS)                                                                               \
    X(TOP, "http", OBJECT, HTTP)                                                                             \
    X(WHO, "user", TEXT, USER)                                                                               \
    X(WHO, "host", TEXT, HOST)                                                                               \
    X(FLOW, "bytes_toserver", NUMBER, BYTES_OUT)                                                             \
    X(FLOW, "bytes_toclient", NUMBER, BYTES_IN)                                                              \
    X(IM, "service", TEXT, SERVICE)                                                                          \
    X(IM, "protocol", TEXT, PROTOCOL)                                                                        \
    X(IM, "delivery", TEXT, DELIVERY)                                                                        \
    X(IM, "activity", WORDS, ACTIVITY)                                                                       \
    X(IM, "port_agile", BOOL, PORT_AGILE)                                                                    \
    X(IM, "account", TEXT, ACCOUNT)                                                                          \
    X(IM, "peer", TEXT, PEER)                                                                                \
    X(IM, "room", TEXT, ROOM)                                                                                \
    X(IM, "from", TEXT, FROM)                                                                                \
    X(IM, "to", TEXT, TO)                                                                                    \
    X(IM, "direction", TEXT, DIRECTION)                                                                      \
    X(IM, "file", TEXT, FILE)                                                                                \
    X(IM, "again", BOOL, AGAIN)                                                                              \
    X(IM, "client", TEXT, CLIENT)                                                                            \
    X(IM, "evidence", LIST, EVIDENCE)                                                                        \
    X(VERDICT, "action", TEXT, ACTION)                                                                       \
    X(VERDICT, "rule", TEXT, RULE)                                                                           \
    X(VERDICT, "policy", TEXT, POLICY)                                                                       \
    X(VERDICT, "enforced", TEXT, ENFORCED)                                                                   \
    X(ALERT, "action", TEXT, ALERT_ACTION)                                                                   \
    X(ALERT, "signature", TEXT, SIGNATURE)                                                                   \
    X(ALERT, "category", TEXT, CATEGORY)                                                                     \
    X(ALERT, "severity", NUMBER, SEVERITY)                                                                   \
    X(FILEINFO, "filename", TEXT, FILENAME)                                                                  \
    X(FILEINFO, "sha256", TEXT, SHA256)                                                                      \
    X(SCAN, "state", TEXT, SCAN_STATE)                                                                       \
    X(SCAN, "reason", TEXT, SCAN_REASON)                                                                     \
    X(SCAN, "engine", TEXT, SCAN_ENGINE)                                                                     \
    X(SCAN, "signatures", TEXT, SCAN_SIGNATURES)                                                             \
    X(TLS, "sni", TEXT, SNI)                                                                                 \
    X(IMWARD, "detector", TEXT, DETECTOR)                                                                    \
    X(DNS, "rrname", TEXT, RRNAME)                                                                           \
    X(DNS, "type", TEXT, DNS_TYPE)                                                                           \
    X(HTTP, "hostname", TEXT, HOSTNAME)                                                                      \
    X(EVIDENCE, "kind", TEXT, EVIDENCE_KIND)                                                                 \
    X(EVIDENCE, "value", TEXT, EVIDENCE_VALUE)

enum eve_field {
#define X(section, member, type, id) EVE_##section##_##id,
    EVE_FIELDS(X)
#undef X
        EVE_FIELD_COUNT
};

/* What was read. Texts are valid UTF-8 without control characters, and die with the line and `scratch`. */
struct eve {
    struct view text[EVE_FIELD_COUNT]; /* empty: not there */
    uint64_t number[EVE_FIELD_COUNT];  /* bools, too; 0: not there */
    uint64_t seen;                     /* bits of enum eve_field */
    uint8_t activity;                  /* ACTIVITY_ bits */
    struct view name;                  /* of the server, by the best evidence that names one */
    struct view agent;                 /* of HTTP, where that is evidence for a service */
    const char *refused;               /* why it is no event */
};

/* `scratch` has room for line.len bytes, for texts that are escaped. False: out->refused says why. */
bool eve_scan(struct view line, char *scratch, struct eve *out);
/* "2026-11-20T08:56:10.071000+0000", also with "Z", ":" in the offset, and without a fraction. */
bool eve_time(struct view text, uint64_t *out_us);
