/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that we make: resets, answers in a server's name, refusals; and changes to one that goes on. All
 * are made from a packet that was seen, into a buffer of the caller's, from the IP header on, with checksums.
 * No system call here: enforce/inject.h sends.
 *
 * A packet out of a tunnel (packet.tunnels > 0) has ends that our network cannot reach: 0 is returned.
 */
#pragma once
#include "packet/packet.h"

enum { FORGE_BYTES = 4096 };

enum forge_way { FORGE_TO_SENDER, FORGE_TO_RECEIVER };

/*
 * A TCP reset in the other end's name (RFC 9293 section 3.10.7: acceptable only with the exact next sequence
 * number, RFC 5961). To the sender: seq is what it acknowledged last, and what it sent is acknowledged, so
 * that it holds in every state, SYN-SENT too. To the receiver: with the sequence number of the packet itself,
 * which must not have reached it; `reached`: it has (a mirror port): with that behind it. Returns its length;
 * 0: no TCP, or a reset itself.
 */
size_t forge_reset(const struct packet *p, enum forge_way way, bool reached, uint8_t out[FORGE_BYTES]);

/* "Administratively prohibited" to the sender, in the receiver's name (RFC 792 code 13 of RFC 1812 5.2.7.1;
 * RFC 4443 3.1 code 1), with the head of its packet. `ip`: that packet from the IP header on. 0: it is itself
 * an ICMP error, a broadcast, a fragment that is not the first. */
size_t forge_unreachable(struct view ip, uint8_t out[FORGE_BYTES]);

/* An HTTP answer in the server's name that ends the connection (data and FIN): to the client whose request
 * this packet holds. `answer`: status line, header, body; cut where it does not fit the client's segment. */
size_t forge_answer(const struct packet *p, struct view answer, uint8_t out[FORGE_BYTES]);

/* "No such name" to a DNS question over UDP (RFC 1035 4.1.1, RFC 8020), with the question. */
size_t forge_no_such_name(const struct packet *p, uint8_t out[FORGE_BYTES]);

/* Overwrite bytes of the transport's payload in place, and put the checksums right, all of them (`ip` may
 * come with those of a card still to do). `ip`: `len` bytes from the IP header on; `offset` in the payload of
 * the packet that `p` is the decoding of. False: it does not lie in it. */
bool forge_overwrite(uint8_t *ip, size_t len, const struct packet *p, size_t offset, size_t count,
                     uint8_t with);
