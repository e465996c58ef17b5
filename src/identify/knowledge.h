/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What traffic teaches about traffic, shared by all workers: which address a DNS answer gave for which name,
 * which direct legs a signalling protocol announced, which ends were proved to speak a service, and which
 * machine and user are at an address. Bounded (base/map.h); everything expires by packet time.
 */
#pragma once
#include "flow/flow.h"
#include "identify/catalog.h"
#include "identify/session.h"

struct knowledge;

/* NULL without memory. `seed`: as of flow_hash(). */
struct knowledge *knowledge_new(uint64_t seed);
void knowledge_free(struct knowledge *k);

/* Forget everything: the next capture is another network. No other thread may use `k` meanwhile. */
void knowledge_forget(struct knowledge *k);

/* ---- addresses from DNS ---- */

struct known_address {
    uint16_t service; /* 0: the address also stands for a name of no service, or of another: no evidence */
    uint8_t role;
    char name[61]; /* the name asked for, cut */
};
void knowledge_learn_address(struct knowledge *k, const struct ip_addr *addr,
                             const struct known_address *known, uint32_t ttl_s, uint64_t now_us);
bool knowledge_address(const struct knowledge *k, const struct ip_addr *addr, uint64_t now_us,
                       struct known_address *out);

/* ---- direct legs to come ---- */

struct known_leg {
    uint16_t service;
    uint8_t activity, protocol, confidence;
    bool server, relay;
};
void knowledge_expect(struct knowledge *k, const struct expectation *e, uint16_t service, uint8_t confidence,
                      uint64_t now_us);
/* The expectation that a flow which begins now meets, by either end, most specific first. What another
 * worker, ahead in the capture, has learnt since is not met. */
bool knowledge_expected(const struct knowledge *k, const struct flow_key *key, uint64_t now_us,
                        struct known_leg *out);

/* ---- files that other flows will carry ---- */

/* `f` is copied, under its token (of any length); its since_us is the time. */
void knowledge_announce(struct knowledge *k, struct view token, const struct announced_file *f);
bool knowledge_announced(struct knowledge *k, struct view token, uint64_t now_us, struct announced_file *out);

/* ---- ends proved to speak a service ---- */

/* One end (address, port) of a proved flow: a UDP socket of a client serves one program; a server's port one
 * service. */
void knowledge_prove_end(struct knowledge *k, uint8_t l4, const struct ip_addr *addr, uint16_t port,
                         uint16_t service, uint8_t protocol, uint64_t now_us);
bool knowledge_proved_end(const struct knowledge *k, uint8_t l4, const struct ip_addr *addr, uint16_t port,
                          uint64_t now_us, struct known_leg *out);

/* Two machines that speak a service's own protocol with each other: what else they say may be its too. */
void knowledge_prove_pair(struct knowledge *k, const struct ip_addr *a, const struct ip_addr *b,
                          uint16_t service, uint8_t protocol, uint64_t now_us);
bool knowledge_proved_pair(const struct knowledge *k, const struct ip_addr *a, const struct ip_addr *b,
                           uint64_t now_us, struct known_leg *out);

/* The flows of a call, known by a number that they share. */
void knowledge_prove_call(struct knowledge *k, uint64_t call, uint16_t service, uint8_t protocol,
                          uint64_t now_us);
bool knowledge_proved_call(const struct knowledge *k, uint64_t call, uint64_t now_us, struct known_leg *out);

/* ---- who is at an address ---- */

enum { WHO_NAME_BYTES = 64 };

/* Either name may be empty. Times are when it was told last, microseconds since 1970. */
struct known_who {
    char host[WHO_NAME_BYTES], user[WHO_NAME_BYTES];
    uint64_t host_us, user_us;
    uint8_t host_source, user_source; /* enum who_source */
    uint8_t mac[6];                   /* of the last ARP, ND or DHCP of the address; zero: not known */
};

/*
 * A name for an address until `for_s` seconds from now (0: a day); made printable and cut. A more trusted
 * source that still holds is not overwritten by a less trusted one. Learning that another machine (MAC) took
 * the address over forgets what was known of the one before: where both are told at once, the MAC first. The
 * MAC of no machine (zero, a group's) is passed over. Workers and other threads may call these at any time.
 */
void knowledge_learn_host(struct knowledge *k, enum who_source source, const struct ip_addr *addr,
                          struct view host, uint32_t for_s, uint64_t now_us);
void knowledge_learn_user(struct knowledge *k, enum who_source source, const struct ip_addr *addr,
                          struct view user, uint32_t for_s, uint64_t now_us);
void knowledge_learn_mac(struct knowledge *k, const struct ip_addr *addr, const uint8_t mac[6],
                         uint64_t now_us);
/* The session at an address ended (RADIUS Stop): its user is not there any more. */
void knowledge_forget_user(struct knowledge *k, const struct ip_addr *addr, uint64_t now_us);
/* The machine gave the address back (DHCP RELEASE): nothing is known of it any more. */
void knowledge_forget_who(struct knowledge *k, const struct ip_addr *addr, uint64_t now_us);

/* What had been told by `now_us`: of a flow that ended before an address changed hands, the machine before.
 * False: nothing known, *out untouched. */
bool knowledge_who(const struct knowledge *k, const struct ip_addr *addr, uint64_t now_us,
                   struct known_who *out);
