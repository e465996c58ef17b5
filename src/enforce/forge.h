/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that we make: resets, answers in a server's name, refusals; and changes to one that goes on. All
 * are made from a packet that was seen, into a buffer of the caller's, from the IP header on, with checksums.
 * No system call here: enforce/inject.h sends.
 *
 * A packet out of a tunnel (packet.tunnels > 0) has ends that our network cannot reach: 0 is returned; so it
 * is where the receiver of what would be made is no single machine.
 */
#pragma once
#include "packet/packet.h"

/* An answer longer than a segment is several packets, one right behind the other: enforce/inject.h sends them
 * all. */
enum { FORGE_BYTES = 16384, FORGE_ANSWER_BYTES = 15000 /* of an answer, that fit in any case */ };

enum forge_way { FORGE_TO_SENDER, FORGE_TO_RECEIVER };

/*
 * A TCP reset in the other end's name (RFC 9293 section 3.10.7: acceptable only with the exact next sequence
 * number, RFC 5961). To the sender: seq is what it acknowledged last, and what it sent is acknowledged, so
 * that it holds in every state, SYN-SENT too. To the receiver: with the sequence number of the packet itself,
 * which must not have reached it; `reached`: it has (a mirror port): with that behind it. Returns its length;
 * 0: no TCP, or a reset itself.
 */
size_t forge_reset(const struct packet *p, enum forge_way way, bool reached, uint8_t out[FORGE_BYTES]);

/*
 * An ICMP error to the sender, in the receiver's name, with the head of its packet. Of TCP and UDP "port
 * unreachable" (RFC 792 code 3; RFC 4443 section 3.1 code 4), which every system tells to the program at
 * once, on a connected UDP socket too: "connection refused". Linux tells of "administratively prohibited" as
 * well ("no route to host", with IPv6 "permission denied"), others do not. That goes out for what has no
 * ports (RFC 1812 section 5.2.7.1 code 13; RFC 4443 code 1). `ip`: the packet from the IP header on. 0: it is
 * itself an ICMP error, to or from no single machine, a fragment that is not the first.
 */
size_t forge_unreachable(struct view ip, uint8_t out[FORGE_BYTES]);

/* An HTTP answer in the server's name that ends the connection (data and FIN): to the client whose request
 * this packet holds. `answer`: status line, header, body; cut behind FORGE_ANSWER_BYTES. In segments that
 * every path carries. */
size_t forge_answer(const struct packet *p, struct view answer, uint8_t out[FORGE_BYTES]);

/* "No such name" to a DNS question over UDP (RFC 1035 section 4.1.1, RFC 8020), with the question; and why,
 * "blocked" of RFC 8914, where the client speaks EDNS. 0: no question, or more than one. */
size_t forge_no_such_name(const struct packet *p, uint8_t out[FORGE_BYTES]);

/*
 * Overwrite bytes of the transport's payload in place, and put the checksums right, all of them (`ip` may
 * come with those of a card still to do). `ip`: `len` bytes from the IP header on; `offset` in the payload of
 * the packet that `p` is the decoding of. False, and nothing is changed: it does not lie in it; `ip` is not
 * all there, a fragment, signed by IPsec, or not the packet of `p`.
 */
bool forge_overwrite(uint8_t *ip, size_t len, const struct packet *p, size_t offset, size_t count,
                     uint8_t with);

/* By how many bits the windows that the sender of this SYN offers from now on are shifted (RFC 7323 section
 * 2.2). 0: by none, or it is no SYN, or not all there. `ip`, `p`: as above. */
unsigned forge_window_scale(struct view ip, const struct packet *p);

/* Lower the window that a TCP packet offers, as it stands in its header, to `most`, in place, and put the
 * checksums right. False, and nothing is changed: it offers no more; or as above. */
bool forge_window(uint8_t *ip, size_t len, const struct packet *p, uint16_t most);
