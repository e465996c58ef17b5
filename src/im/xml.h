/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML as XMPP sends it, token by token: tags, which must be there whole, and text, which is used up as it
 * comes. No comments, no document types, no entities but the five of XML (RFC 6120 section 11.1).
 */
#pragma once
#include "base/text.h"

enum {
    XML_TAG_BYTES = 8192, /* a longer tag, or stretch of CDATA, is none */
    XML_ATTRIBUTES = 24,  /* further ones are not seen */
};

struct xml_attribute {
    struct view name, value;
};

/* One tag; views into the bytes it was read from. */
struct xml_tag {
    struct view name; /* without its prefix */
    struct xml_attribute attribute[XML_ATTRIBUTES];
    unsigned attributes;
    bool closing, empty;
};

enum xml_kind {
    XML_MORE,    /* not all there */
    XML_TAG,     /* *out_tag */
    XML_TEXT,    /* out->text, with its entities */
    XML_CDATA,   /* out->text, as it is */
    XML_OTHER,   /* a declaration: of no interest */
    XML_BROKEN,  /* not well-formed */
    XML_TOO_LONG /* no end within XML_TAG_BYTES; len is 0 */
};

struct xml_token {
    enum xml_kind kind;
    size_t len; /* of the bytes it stands in */
    struct view text;
};

/* The token at the start of `v`, which is not empty. `tag` is filled for XML_TAG. */
struct xml_token xml_next(struct view v, struct xml_tag *tag);

/* Length of the tag at the start of `v` with its brackets, 0: its end has not come. */
size_t xml_tag_length(struct view v);

/* Take a tag apart, given with its brackets. False: not well-formed. */
bool xml_read_tag(struct view v, struct xml_tag *out);

/* The value of the attribute, as it is written; empty: there is none. */
struct view xml_attribute(const struct xml_tag *t, struct view name);

/* Cut the name at the front of *v off; and its part behind the prefix. */
struct view xml_take_name(struct view *v);
struct view xml_local_name(struct view name);

bool xml_is_space(uint8_t c);
void xml_skip_space(struct view *v);

/* Add text with the five entities replaced. */
void xml_add_text(struct text *out, struct view v);
