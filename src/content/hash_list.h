/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of files by their hash: SHA-256, SHA-1 or MD5 in hexadecimal, one a line, behind it what it is. */
#pragma once
#include "base/text.h"
#include "content/settings.h"

struct hash_list;

/* All files of a list as one. Err names file and line. Read-only from then on: any thread may ask. */
bool hash_list_load(const struct string_list *files, struct hash_list **out,
                    struct imw_error_info *err) IMW_MUST_USE;
void hash_list_free(struct hash_list *l);
unsigned hash_list_count(const struct hash_list *l);

/* Is this content in the list? `name` is given what stands behind its hash, or the hash. */
bool hash_list_find(const struct hash_list *l, struct view content, const uint8_t sha256[32],
                    struct text *name);
