/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text file that says something of addresses and networks, one a line:
 *
 *     10.20.0.17          whatever belongs to it
 *     2001:db8:20::/48    something else        # and a comment
 *
 * Empty lines and what stands behind a # at the beginning of a line, or behind white space, are passed over.
 * The longest prefix that fits an address speaks for it. Read-only once loaded: any thread may ask.
 */
#pragma once
#include "base/address.h"
#include "base/error.h"

enum { NET_LIST_BYTES = 64 << 20, NET_LIST_LINES = 1 << 20 };

struct net_list;

/* Is this fit to stand behind an address? False: *out_why says why not, a literal. */
typedef bool net_list_check(struct view words, const char **out_why);

/* Caller owns *out. `secret`: the file must not be open to others than owner and group. Err says file and
 * line. */
bool net_list_load(const char *path, bool secret, net_list_check *check, struct net_list **out,
                   struct imw_error_info *err) IMW_MUST_USE;
/* The same of text at hand; `name` is for errors. */
bool net_list_parse(const char *name, struct view text, net_list_check *check, struct net_list **out,
                    struct imw_error_info *err) IMW_MUST_USE;
void net_list_free(struct net_list *l);

/* What stands behind the longest prefix that `addr` lies in; borrowed. False: none. */
bool net_list_find(const struct net_list *l, const struct ip_addr *addr, struct view *out_words);
size_t net_list_count(const struct net_list *l);
