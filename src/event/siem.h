/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events in the forms that SIEM products take besides EVE. Each is one line without its end, for syslog.
 *
 *     CEF:0|imward|imward|VERSION|SIGNATURE|NAME|SEVERITY|key=value key=value ...
 *     LEEF:2.0|imward|imward|VERSION|EVENT|x09|key=value<tab>key=value<tab>...
 *
 * Sources: Implementing ArcSight Common Event Format, versions 23 and 25 (header, escaping, dictionary of
 * keys); IBM QRadar LEEF 2.0 guide (header, predefined attributes). Both come from one table of facts, so
 * they say the same. A CEF dictionary knows IPv4 only under `src` and `dst`: IPv6 goes to c6a2 and c6a3.
 *
 * Counters (`stats` events) have no such form: metrics serve them better. A key that two facts share (cs3 to
 * cs6, cn1, flexString1) bears the label of the one that the event has.
 */
#pragma once
#include "event/pack.h"

/* What a fact is called: id, CEF key, CEF label (where the key is a custom one), LEEF key; NULL: not in that
 * form. */
#define FACTS(X)                                                                                             \
    X(TIME, "rt", NULL, NULL)                                                                                \
    X(TIME_TEXT, NULL, NULL, "devTime")                                                                      \
    X(TIME_FORM, NULL, NULL, "devTimeFormat")                                                                \
    X(SEVERITY, NULL, NULL, "sev")                                                                           \
    X(CLASS, "cat", NULL, "cat")                                                                             \
    X(START, "start", NULL, "start")                                                                         \
    X(END, "end", NULL, "end")                                                                               \
    X(CLIENT, "src", NULL, "src")                                                                            \
    X(CLIENT_V6, "c6a2", "Source IPv6 Address", "src")                                                       \
    X(CLIENT_PORT, "spt", NULL, "srcPort")                                                                   \
    X(CLIENT_HOST, "shost", NULL, "srcHost")                                                                 \
    X(CLIENT_MAC, "smac", NULL, "srcMAC")                                                                    \
    X(USER, "suser", NULL, "usrName")                                                                        \
    X(SERVER, "dst", NULL, "dst")                                                                            \
    X(SERVER_V6, "c6a3", "Destination IPv6 Address", "dst")                                                  \
    X(SERVER_PORT, "dpt", NULL, "dstPort")                                                                   \
    X(SERVER_HOST, "dhost", NULL, "dstHost")                                                                 \
    X(TRANSPORT, "proto", NULL, "proto")                                                                     \
    X(PROTOCOL, "app", NULL, "app")                                                                          \
    X(BYTES_UP, "in", NULL, "srcBytes")                                                                      \
    X(BYTES_DOWN, "out", NULL, "dstBytes")                                                                   \
    X(PACKETS_UP, "cn2", "Packets to server", "srcPackets")                                                  \
    X(PACKETS_DOWN, "cn3", "Packets to client", "dstPackets")                                                \
    X(ACTION, "act", NULL, "action")                                                                         \
    X(RULE, "cs5", "Rule", "policy")                                                                         \
    X(POLICY, "imwardPolicy", NULL, "policyVersion")                                                         \
    X(OUTCOME, "outcome", NULL, "outcome")                                                                   \
    X(REASON, "reason", NULL, "reason")                                                                      \
    X(SERVICE, "cs1", "Service", "service")                                                                  \
    X(VENDOR, "cs2", "Vendor", "vendor")                                                                     \
    X(DELIVERY, "cs3", "Delivery", "delivery")                                                               \
    X(EVIDENCE, "cs4", "Evidence", "evidence")                                                               \
    X(ACCOUNT, "cs6", "Account", "account")                                                                  \
    X(ACTIVITY, "flexString1", "Activity", "activity")                                                       \
    X(PEER, "duser", NULL, "peer")                                                                           \
    X(ROOM, "flexString2", "Room", "room")                                                                   \
    X(DIRECTION, "deviceDirection", NULL, NULL)                                                              \
    X(DIRECTION_TEXT, NULL, NULL, "direction")                                                               \
    X(FILE_NAME, "fname", NULL, "fileName")                                                                  \
    X(FILE_SIZE, "fsize", NULL, "fileSize")                                                                  \
    X(FILE_TYPE, "fileType", NULL, "fileType")                                                               \
    X(FILE_HASH, "fileHash", NULL, "fileHash")                                                               \
    X(FILE_ID, "fileId", NULL, "fileId")                                                                     \
    X(FILE_STATE, "flexString1", "File state", "fileState")                                                  \
    X(SCAN, "cs4", "Scan", "scan")                                                                           \
    X(SCANNER, "cs5", "Scanner", "scanner")                                                                  \
    X(LEAKS, "cn1", "Leaks", "leaks")                                                                        \
    X(MESSAGE, "msg", NULL, "message")                                                                       \
    X(DETECTOR, "cs3", "Detector", "detector")                                                               \
    X(SUBJECT, "cs6", "Subject", "subject")                                                                  \
    X(ADVICE, "flexString1", "Advice", "advice")                                                             \
    X(TIMES, "cnt", NULL, "count")                                                                           \
    X(CONFIDENCE, "cn1", "Confidence", "confidence")                                                         \
    X(FLOW_ID, "externalId", NULL, "flowId")                                                                 \
    X(COMMUNITY_ID, "imwardCommunityId", NULL, "communityId")                                                \
    X(INSPECTION, "imwardInspection", NULL, "inspection")                                                    \
    X(DEVICE, "dvchost", NULL, NULL)

enum { SIEM_LINE_BYTES = EVE_LINE_BYTES };

/* `sensor`: the name of this machine. Returns the line's length; 0: this event has no such form. */
size_t siem_cef(const struct event *e, const char *sensor, char out[SIEM_LINE_BYTES]);
size_t siem_leef(const struct event *e, const char *sensor, char out[SIEM_LINE_BYTES]);
