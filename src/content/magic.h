/* SPDX-License-Identifier: Apache-2.0 */
/* The type of a content: by libmagic in words and as media type, and what that means for us. */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct magic;

/* One a thread. */
bool magic_new(struct magic **out, struct imw_error_info *err) IMW_MUST_USE;
void magic_free(struct magic *m);

struct magic_type {
    char media_type[96], words[160], extension[16];
    bool executable, archive, encrypted, media, document;
};
void magic_look(struct magic *m, struct view content, struct magic_type *out);

/* Does it run where it is opened, by its first bytes or by its name? Quick: for members of archives. */
bool magic_runs(struct view content);
bool magic_name_runs(struct view name);
