/* SPDX-License-Identifier: Apache-2.0 */
/* What the server leg (oscar.c) and the peer legs (oft.c) of OSCAR share. */
#pragma once
#include "base/text.h"
#include "identify/words.h"

/* What a rendezvous is for. */
struct oscar_capability {
    uint16_t number; /* octets 2 and 3 of the capability's GUID */
    enum activity activity;
    enum protocol direct; /* spoken on the direct leg, PROTOCOL_UNKNOWN: another or none */
    bool has_direct_leg;
};

/* The capability of a GUID (16 octets), NULL: not one of these. */
const struct oscar_capability *oscar_capability(struct view guid);

/* Message text in a character set of AIM (0 ASCII, 2 UTF-16BE, 3 ISO 8859-1) as UTF-8. */
void oscar_text(struct text *t, uint16_t charset, struct view v);

/* The name of a file in such a character set, up to its NUL; OSCAR parts folders by an octet 01. */
void oscar_file_name(struct text *t, uint16_t charset, struct view v);

/* Names are the same whatever their case and spaces. */
bool oscar_same_name(struct view a, struct view b);

/* The token of a rendezvous: "oft " and its cookie of eight octets in hex. */
void oscar_token(struct text *t, struct view cookie);
