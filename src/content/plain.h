/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message text made plain: mark-up and formatting codes taken off, entities resolved, valid UTF-8, no control
 * characters but line ends (LF). What people read, so that the same words in two protocols are the same
 * bytes.
 */
#pragma once
#include "base/text.h"
#include "identify/words.h"

/* `in` is UTF-8 (what is not is replaced by U+FFFD). RTF as in OSCAR and MSN, HTML as in OSCAR, XMPP-IM and
 * Yahoo, Yahoo's own codes (ESC [ ... m, <FACE>, <ALT>), IRC's (02 03 04 0f 11 16 1d 1e 1f). */
void plain_text(struct text *out, enum markup markup, struct view in);
