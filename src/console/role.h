/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of `imward serve`, and what they say to each other.
 *
 * watchman: the program itself; starts the others, and again where one dies; holds nothing (serve.h)
 * keeper: what is secret: the key of the audit trail, the key that seals second factors, the vault's private
 * key; hashes passwords; never reads a byte from the network
 * front: TLS of browsers; has the certificate's key; hands plain bytes on, parses no HTTP
 * api: HTTP, the API and the console's files; has the database, no key
 * collector: TLS of sensors, and their events; has the certificate's key of that port and the database
 * clerk: what takes time or goes out: imports (each capture in a process of its own), folders that are
 * watched, LDAP, OpenID Connect, retention, incidents out of alerts, checkpoints; has the database
 *
 * Who may talk to whom, and nobody else:   front -> api   api -> keeper   api -> clerk   clerk -> keeper
 * A question is one JSON message with "ask", its answer one with "ok": true, or false and "error". Both ends
 * take the other for hostile: what does not fit is refused and closes that channel (link.h).
 */
#pragma once
#include "base/error.h"
#include "base/json_value.h"

#define CONSOLE_ROLES(X)                                                                                     \
    X(KEEPER, "keeper") X(FRONT, "front") X(API, "api") X(COLLECTOR, "collector") X(CLERK, "clerk")
enum console_role {
#define X(id, name) CONSOLE_##id,
    CONSOLE_ROLES(X)
#undef X
        CONSOLE_ROLE_COUNT
};

/* One end of a channel between two roles; any thread may ask, questions are answered in any order. */
struct role_link;
/* Ask and wait, at most `wait_ms`. *out (the caller's) is the answer's object. False: the other is away, too
 * slow, or said no: err has its words (IMW_ERROR_VALUE: it was the question's fault). `question` is taken
 * over. */
bool role_ask(struct role_link *link, json_t *question, unsigned wait_ms, json_t **out,
              struct imw_error_info *err);

/*
 * What the keeper answers ("ask": members -> members of the answer). Octets are base64.
 *     "hash": password -> hash (Argon2id, libsodium's text)
 *     "check": password, hash -> right (both take about half a second, two at a time)
 *     "totp-new": -> secret (base32), sealed
 *     "totp": sealed, code, time_s, last -> right, step
 *     "seal": text -> sealed
 *     "open": sealed -> text (settings such as the LDAP password; clerk only)
 *     "sign": text -> signature, key (clerk only; only texts that begin "imward audit checkpoint 1\n",
 *     "imward enforcement bundle 1\n" or "imward evidence package 1\n")
 *     "text": reveal, account -> meta, text, cut (api only; the keeper reads from the database itself that it
 * was granted to this account)
 * What the clerk answers: console/clerk_asks.def.
 */

/* ---- changes: counters in memory that all roles share; the api tells browsers when one grew ---- */
/* clang-format off */
#define CHANGES(X)                                                                                           \
    X(EVENTS, "events")                                                                                      \
    X(INCIDENTS, "incidents")                                                                                \
    X(SENSORS, "sensors")                                                                                    \
    X(IMPORTS, "imports")                                                                                    \
    X(PEOPLE, "people")                                                                                      \
    X(POLICY, "policy")                                                                                      \
    X(REVEALS, "reveals")                                                                                    \
    X(DOCUMENTS, "documents")                                                                                \
    X(DUTIES, "duties")                                                                                      \
    X(TRAINING, "training")                                                                                  \
    X(EXCEPTIONS, "exceptions")                                                                              \
    X(RISKS, "risks")                                                                                        \
    X(SIGNALS, "signals")                                                                                    \
    X(CLIENTS, "clients")                                                                                    \
    X(EVIDENCE, "evidence") /* a package was asked for, made, removed */                                     \
    X(ENFORCEMENT, "enforcement") /* what gateways should know: a new bundle is due */                       \
    X(BUNDLE, "bundle") /* it is there */                                                                    \
    X(SESSIONS, "") /* some ended: not told, streams look whether theirs did */
/* clang-format on */
enum change {
#define X(id, name) CHANGE_##id,
    CHANGES(X)
#undef X
        CHANGE_COUNT
};
struct changes; /* NULL is fine where they are told: a program that is no server tells nobody */
void changes_tell(struct changes *c, enum change what);
uint64_t changes_seen(const struct changes *c, enum change what);
