/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as values, read and made: jansson, for the cold path. Three of its names are also those of our writer
 * (base/json.h), and would be linked to that without a word: they may not be used here. json_pack("{}"),
 * json_pack("[]") and json_pack("s", text) do the same.
 */
#pragma once
#include "base/view.h"
#include <jansson.h>

#pragma GCC poison json_object json_array json_string

/* How deep brackets stand in these bytes, JSON or not, counted up to `most`. */
unsigned json_depth(struct view bytes, unsigned most);
