/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What messages inside SIP and MSRP have in common: who they are from, the envelope of RFC 3862
 * (message/cpim), and the token that links a session of MSRP to the SIP that arranged it.
 */
#pragma once
#include "base/text.h"
#include "identify/words.h"

/* "alice@example.org" of `"Alice" <sip:alice@example.org>;tag=1`. */
struct view sip_person(struct view header);

/* A message, out of its envelope where it has one. Views are of the body. */
struct sip_message_text {
    struct view from, to; /* as the envelope has them; empty: without one */
    struct view type;     /* of the content */
    struct view content;
    enum markup markup;
};

/* Read a body of this media type. False: it is no text for people (typing, notifications of delivery). */
bool sip_message_text(struct view type, struct view body, struct sip_message_text *out);

/* The token "msrp URI", of the last URI of a path: that of its owner. */
void msrp_token(struct text *t, struct view path);
