/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list that someone keeps of who is at which address (net_list.h), trusted more than all that is seen:
 *
 *     10.20.0.17        user=alice host=pc-17
 *     10.20.40.0/24     host=printers
 *
 * Loaded once and read-only; to read it again, load it anew and put that in its place. It fits
 * engine_config.who: who_file_tell() over what the traffic told.
 */
#pragma once
#include "identify/knowledge.h"

struct who_file;

/* Caller owns *out. `now_us`: from when on the age of its names counts. Err says file and line. */
bool who_file_load(const char *path, uint64_t now_us, struct who_file **out,
                   struct imw_error_info *err) IMW_MUST_USE;
bool who_file_parse(const char *name, struct view text, uint64_t now_us, struct who_file **out,
                    struct imw_error_info *err) IMW_MUST_USE;
void who_file_free(struct who_file *f);

/* Put what the list says of an address over what is known. True: it says something. */
bool who_file_tell(const struct who_file *f, const struct ip_addr *addr, struct known_who *known);
size_t who_file_lines(const struct who_file *f);
